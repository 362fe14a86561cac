"""``stcorner features``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["features"]


def features(
    files: list[Path],
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    modality: Literal["both", "audio", "video"] = "audio",
    recipe: str = "rich",
    frames: bool = False,
    jobs: int = 1,
    json: bool = False,
) -> int:
    """Compute named features: one row per file, or with --frames per 10 ms of sound or face and frame.

    Parameters
    ----------
    files
        Audio or video files.
    output
        Write the table to this .csv, .parquet or .json file.
    modality
        What of the files to describe.
    recipe
        Description of the sound: rich, paper162, notebook162 or egemaps.
    frames
        Give a row for each frame instead of each file: the tracks of the sound every 10 ms or, with
        --modality video, 25 times per second where each face is, what it expresses and what of it moves.
    jobs
        Processes; -1 is one per core.
    json
        Print JSON instead of a table.
    """
    from stcorner._base.files import check_table_path, write_table
    from stcorner.cli._output import complain, print_json, print_table
    from stcorner.errors import ParameterError

    check_table_path("--output", output)
    if frames and modality == "both":
        raise ParameterError("--frames must have one --modality: sound and faces have rows of their own")
    rows, errors = _frames(files, modality) if frames else _vectors(files, modality, recipe, jobs)
    columns = list(rows[0]) if rows else []
    if output is not None and rows:
        write_table(output, rows, columns)
        complain(f"wrote {len(rows)} rows of {len(columns)} columns to {output}")
    elif json:
        print_json(rows)
    elif rows and frames:
        print_table(rows, columns=columns)
    elif rows:
        # Hundreds of columns do not fit a screen: names down, files across.
        names = [name for name in columns if name != "file"]
        across = [str(row["file"]) for row in rows]
        print_table(
            [
                {"feature": name, **dict(zip(across, (row[name] for row in rows), strict=True))}
                for name in names
            ]
        )
    for error in errors:
        complain(error)
    return 1 if errors else 0


def _vectors(
    files: Sequence[Path], modality: str, recipe: str, jobs: int
) -> tuple[list[dict[str, Any]], list[str]]:
    from stcorner.cli._output import progress
    from stcorner.corpora import Clip
    from stcorner.extraction.blocks import block_names_of, describe_clips
    from stcorner.extraction.plan import Plan

    names = block_names_of(None, modality)
    plan = Plan.checked(names, recipe=recipe)
    with progress("reading", quiet=len(files) < 4) as report:
        clips = [Clip.of(file) for file in files]
        found = describe_clips(clips, plan, names, {}, n_jobs=jobs, progress=report)
    rows = []
    for i, clip in enumerate(found.clips):
        row: dict[str, Any] = {"file": str(clip.path)}
        for name, block in found.blocks.items():
            row.update(zip(found.names[name], map(float, block[i]), strict=True))
        rows.append(row)
    usable = found.present()
    return [row for row, good in zip(rows, usable, strict=True) if good], [e.error for e in found.errors]


def _table(file: Path, modality: str) -> dict[str, Any]:
    from stcorner.audio import frame_table
    from stcorner.media import load_audio
    from stcorner.video import face_table

    if modality == "video":
        found: dict[str, Any] = face_table(file)
        return found
    y, sr = load_audio(file)
    return dict(frame_table(y, sr=sr))


def _frames(files: Sequence[Path], modality: str) -> tuple[list[dict[str, Any]], list[str]]:
    from stcorner.errors import StcornerError

    rows: list[dict[str, Any]] = []
    errors = []
    for file in files:
        try:
            table = _table(file, modality)
        except StcornerError as error:
            errors.append(str(error))
            continue
        columns = {name: [value.item() for value in table[name]] for name in table}
        count = len(next(iter(columns.values())))
        rows += [{"file": str(file), **{name: columns[name][i] for name in columns}} for i in range(count)]
    return rows, errors
