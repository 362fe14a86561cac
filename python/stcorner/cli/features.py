"""``stcorner features``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from stcorner.cli._options import NameOptions, parse_face

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stcorner.corpora import Clip
    from stcorner.extraction.plan import Face

__all__ = ["features"]

_NAMES = NameOptions()


def features(
    files: list[Path],
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    modality: Literal["both", "audio", "video"] = "audio",
    recipe: str = "rich",
    frames: bool = False,
    face: str | None = None,
    names: NameOptions = _NAMES,
    jobs: int = 1,
    json: bool = False,
) -> int:
    """Compute features: a row per file, or with --frames per moment.

    Parameters
    ----------
    files
        Audio or video files, or folders of them.
    output
        Write the table to this .csv, .xlsx, .parquet, .jsonl or .json file.
    modality
        Part of the files to describe.
    recipe
        Description of the sound: rich, paper162, notebook162 or egemaps.
    frames
        Give a row for each frame instead of each file: the tracks of the sound every 10 ms or, with
        --modality video, 25 times per second where each face is, what it expresses and what of it moves.
    face
        Which faces: largest, a number, or all, which gives each a row. Default: largest, with --frames all.
    jobs
        Processes; -1 is one per core.
    json
        Print JSON instead of a table.
    """
    from stcorner._base.tables import check_table_path, write_table
    from stcorner.cli._output import complain, note, print_json, print_table
    from stcorner.errors import ParameterError
    from stcorner.extraction.finding import IDENTITY

    check_table_path("--output", output)
    if frames and modality == "both":
        raise ParameterError(
            "--frames must come with --modality audio or video, got both: sound and faces have rows of "
            "their own"
        )
    clips = names.clips(files)
    rule = parse_face(face or ("all" if frames else "largest"))
    if frames:
        rows, errors = _frames(clips, modality, rule)
    else:
        rows, errors = _vectors(clips, modality, recipe, jobs, rule)
    columns = list(rows[0]) if rows else []
    if output is not None and rows:
        write_table(output, rows, columns)
        note(f"wrote {len(rows)} rows of {len(columns)} columns to {output}")
    elif json:
        print_json(rows)
    elif rows and frames:
        print_table(rows, columns=columns)
    elif rows:
        # Hundreds of columns do not fit a screen: names down, files across.
        own = [name for name in columns if name not in IDENTITY]
        across = [str(row["file"]) for row in rows]
        print_table(
            [{"feature": name, **dict(zip(across, (row[name] for row in rows), strict=True))} for name in own]
        )
    for error in errors:
        complain(error)
    return 1 if errors else 0


def _vectors(
    clips: Sequence[Clip], modality: str, recipe: str, jobs: int, face: Face
) -> tuple[list[dict[str, Any]], list[str]]:
    from stcorner.cli._output import progress
    from stcorner.extraction.blocks import block_names_of, describe_clips
    from stcorner.extraction.finding import identity
    from stcorner.extraction.plan import Plan

    names = block_names_of(None, modality)
    plan = Plan.checked(names, recipe=recipe, face=face)
    with progress("reading", quiet=len(clips) < 4) as report:
        found = describe_clips(clips, plan, names, {}, n_jobs=jobs, progress=report)
    rows = []
    for i, clip in enumerate(found.clips):
        row: dict[str, Any] = {**identity(clip)}
        if face == "all":
            row["face_id"] = found.details[i]["face_id"]
        for name, block in found.blocks.items():
            row.update(zip(found.names[name], map(float, block[i]), strict=True))
        rows.append(row)
    usable = found.present()
    return [row for row, good in zip(rows, usable, strict=True) if good], [e.error for e in found.errors]


def _table(clip: Clip, modality: str, face: Face) -> dict[str, Any]:
    from stcorner.audio import frame_table
    from stcorner.media import load_audio
    from stcorner.video import face_table

    if modality == "video":
        found: dict[str, Any] = face_table(clip.path, rule=face)
        return found
    y, sr = load_audio(clip.sound)
    return dict(frame_table(y, sr=sr))


def _frames(clips: Sequence[Clip], modality: str, face: Face) -> tuple[list[dict[str, Any]], list[str]]:
    from stcorner.errors import StcornerError
    from stcorner.extraction.finding import identity

    rows: list[dict[str, Any]] = []
    errors = []
    for clip in clips:
        try:
            table = _table(clip, modality, face)
        except StcornerError as error:
            errors.append(str(error))
            continue
        columns = {name: [value.item() for value in table[name]] for name in table}
        count = len(next(iter(columns.values())))
        rows += [{**identity(clip), **{name: columns[name][i] for name in columns}} for i in range(count)]
    return rows, errors
