"""``stcorner timeline``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stcorner.cli._options import NameOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stcorner.corpora import Clip

__all__ = ["timeline"]

_NAMES = NameOptions()
_SHOWN = ("file", "time", "face_id", "label", "f0", "loudness", "voiced_share", "speech", "quality", "status")


def timeline(
    files: list[Path],
    /,
    *,
    output: Annotated[tuple[Path, ...], Parameter(alias="-o")] = (),
    rate: float = 1.0,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    decide: bool = True,
    window: float = 2.0,
    hop: float = 0.5,
    face: str = "all",
    names: NameOptions = _NAMES,
    json: bool = False,
) -> int:
    """Tabulate emotion, voice and faces over time, or write tiers for ELAN and Praat.

    Parameters
    ----------
    files
        Audio or video files, or folders of them.
    output
        Write the table to this .csv, .xlsx, .parquet, .jsonl or .json file, or tiers to this .TextGrid
        (Praat), .eaf (ELAN) or .vtt (subtitles) file; may be given several times. Tiers of several files need
        {clip_id} in the name.
    rate
        Moments per second.
    model
        A *.stcorner file or the name of a shipped model. Default: ravdess-av.
    decide
        Whether a model decides on emotions; --no-decide gives voice and faces only.
    window
        Seconds that the model looks at.
    hop
        Seconds between two looks of the model.
    face
        Which faces have rows: all, largest, or a number.
    json
        Print the whole table as JSON.
    """
    from stcorner._base.tables import write_table
    from stcorner.cli._options import parse_face
    from stcorner.cli._output import complain, note, print_json, print_table, progress
    from stcorner.errors import MediaError
    from stcorner.extraction.finding import identity
    from stcorner.recognizer import load_predictor
    from stcorner.recognizer.moments import timeline_columns, timeline_table

    clips = names.clips(files)
    tables, tiers = _sorted_outputs(output, clips)
    recognizer = load_predictor(model) if decide else None
    columns = timeline_columns(None if recognizer is None else recognizer.classes)
    rule = parse_face(face)
    rows: list[dict[str, Any]] = []
    failed = 0
    with progress("reading", quiet=len(clips) < 2) as report:
        for done, clip in enumerate(clips, start=1):
            try:
                found = timeline_table(
                    clip, rate=rate, recognizer=recognizer, window=window, hop=hop, face=rule
                )
            except MediaError as error:  # one bad file must not cost the rows of the others
                failed += 1
                complain(str(error))
                found = [{**identity(clip), "status": "failed", "message": str(error)}]
            else:
                for file in tiers:
                    note(f"wrote {_write_tiers(file, clip, found)}")
            rows += found
            report(done, len(clips))
    for table in tables:
        write_table(table, rows, columns)
        note(f"wrote {len(rows)} rows of {len(columns)} columns to {table}")
    if json:
        print_json(rows)
    elif not output:
        print_table(rows, columns=[name for name in _SHOWN if name in columns])
    return 1 if failed else 0


def _sorted_outputs(files: Sequence[Path], clips: Sequence[Clip]) -> tuple[list[Path], list[Path]]:
    """Return the tables and the tiers among files; refuse what could not be written."""
    from stcorner._base.tables import TABLE_ENDINGS, check_table_path
    from stcorner._base.tiers import TIER_ENDINGS, check_tier_path
    from stcorner.errors import ParameterError
    from stcorner.extraction.finding import inside

    tables, tiers = [], []
    for file in files:
        if file.suffix.lower() in TABLE_ENDINGS:
            check_table_path("--output", file)
            tables.append(file)
        elif file.suffix.lower() in (ending.lower() for ending in TIER_ENDINGS):
            check_tier_path("--output", file)
            tiers.append(file)
        else:
            endings = ", ".join((*TABLE_ENDINGS, *TIER_ENDINGS))
            raise ParameterError(f"--output must end in {endings}, got {str(file)!r}")
        if file in tiers and len(clips) > 1 and "{clip_id}" not in str(file):
            raise ParameterError(
                f"--output must hold {{clip_id}} for tiers of {len(clips)} files, such as "
                f"{{clip_id}}{file.suffix}, got {str(file)!r}"
            )
    names = {inside(clip.clip_id).casefold() for clip in clips}
    if tiers and len(names) < len(clips):
        raise ParameterError("--root must give each file a name of its own below it, got two of one name")
    return tables, tiers


def _write_tiers(file: Path, clip: Clip, rows: Sequence[dict[str, Any]]) -> Path:
    from stcorner._base.tiers import write_tiers
    from stcorner.extraction.finding import inside
    from stcorner.recognizer.moments import moment_tiers

    target = Path(str(file).replace("{clip_id}", inside(clip.clip_id)))
    write_tiers(target, moment_tiers(rows), end=max(row["end"] for row in rows), media=clip.path.absolute())
    return target
