"""``stcorner predict``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stcorner.cli._options import NameOptions

if TYPE_CHECKING:
    from stcorner.corpora import Clip
    from stcorner.recognizer import Predictor

__all__ = ["predict"]

_NAMES = NameOptions()


def predict(
    files: list[Path],
    /,
    *,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    timeline: bool = False,
    window: float = 2.0,
    hop: float = 0.5,
    abstain_below: float | None = None,
    face: str | None = None,
    block: tuple[str, ...] = (),
    names: NameOptions = _NAMES,
    jobs: int = 1,
    json: bool = False,
) -> int:
    """Predict the emotion of each file, with the probability of every class.

    Parameters
    ----------
    files
        Audio or video files, or folders of them.
    model
        A *.stcorner file or the name of a shipped model. Default: ravdess-av.
    output
        Write the whole table to this .csv, .xlsx, .parquet, .jsonl or .json file.
    timeline
        Predict sliding windows instead of whole files.
    window
        Seconds of each window, with --timeline.
    hop
        Seconds between the starts of windows, with --timeline.
    abstain_below
        Flag predictions whose best probability is smaller. Default: the model's own.
    face
        Face to look at if there are several: largest, a number, or all, which gives each a row. Default: the
        model's own.
    block
        NAME=FILE: table of a block that the model uses and that is not built in; may be given several times.
    jobs
        Processes; -1 is one per core.
    json
        Print the whole table as JSON.
    """
    from stcorner._base.tables import check_table_path, write_table
    from stcorner._base.validation import check_real
    from stcorner.cli._options import parse_face, read_blocks
    from stcorner.cli._output import complain, note, print_json, print_table
    from stcorner.recognizer import clip_columns, load_predictor

    check_table_path("--output", output)
    recognizer = load_predictor(model, blocks=read_blocks(block, output=output))
    if abstain_below is not None:
        level = check_real("--abstain-below", abstain_below, low=0, high=1)
        recognizer = replace(recognizer, abstain_below=level)
    if face is not None:
        recognizer = replace(recognizer, plan=replace(recognizer.plan, face=parse_face(face)))
    columns = clip_columns(recognizer.classes)
    inputs = names.clips(files)
    rows = _windows(recognizer, inputs, window, hop) if timeline else _clips(recognizer, inputs, jobs)
    if output is not None:
        write_table(output, rows, columns)
        note(f"wrote {len(rows)} rows of {len(columns)} columns to {output}")
    if json:
        print_json(rows)
    elif output is None or len(rows) <= 50:
        shown = ["file", *(["start", "end"] if timeline else []), "label"]
        shown += ["face_id"] if face == "all" else []
        shown += [name for name in columns if name.startswith("p_")]
        shown += ["status"] if any(row["status"] != "ok" for row in rows) else []
        print_table(rows, columns=shown)
    failed = [row for row in rows if row["status"] == "failed"]
    for row in rows:
        if row["message"]:
            complain(row["message"])
    if failed:
        complain(f"{len(failed)} of {len(rows)} could not be predicted")
    return 1 if failed else 0


def _clips(recognizer: Predictor, inputs: list[Clip], jobs: int) -> list[dict[str, Any]]:
    from stcorner.cli._output import progress

    with progress("predicting", quiet=len(inputs) < 4) as report:
        return recognizer.predict_table(inputs, n_jobs=jobs, progress=report)


def _windows(recognizer: Predictor, inputs: list[Clip], window: float, hop: float) -> list[dict[str, Any]]:
    from stcorner.recognizer.timeline import failure, window_plan

    window_plan(recognizer, window, hop)  # refuses bad values before any file is read
    rows: list[dict[str, Any]] = []
    for file in inputs:
        try:
            rows.extend(recognizer.timeline(file, window=window, hop=hop))
        except Exception as error:  # one bad file must not cost the rows of the others, nor those before
            rows.append(failure(recognizer, file, error))
    return rows
