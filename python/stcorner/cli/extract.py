"""``stcorner extract``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from stcorner.cli._options import RecognizerOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["extract"]

# More failures than this are left to the table that holds them.
_MOST = 10


def extract(
    root: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    modality: Literal["both", "audio", "video"] = "both",
    blocks: str | None = None,
    block: tuple[str, ...] = (),
    recipe: str = "rich",
    face: str = "largest",
    subject: str | None = None,
    annotations: Path | None = None,
    tier: str | None = None,
    window: float | None = None,
    hop: float | None = None,
    augment: tuple[str, ...] = ("auto",),
    jobs: int = -1,
    scheduler: str | None = None,
    shard: str | None = None,
    timeout: float = 3600.0,
    retry_failed: bool = True,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Compute the features of all files in a folder; resume after a stop.

    Parameters
    ----------
    root
        Folder of audio and video files, or one file.
    output
        Table to write, NAME.parquet. Beside it come NAME.errors.parquet with the files that failed
        and a manifest. NAME.csv, NAME.xlsx, NAME.jsonl or NAME.json comes beside NAME.parquet too.
    modality
        Part of the files to describe.
    blocks
        Blocks by name, instead of --modality: audio, mel, video, expression, texture, separated by commas.
    block
        NAME=FILE adds the columns of a table of another tool; may be given several times.
    recipe
        Description of the sound: rich, paper162, notebook162 or egemaps.
    face
        Face to describe if there are several: largest, a number, or all, which gives each a row.
    subject
        Who is seen, for folders of your own: the number of the folder that is the person's (1 is the first
        below the root, -1 the one that holds the file), or a regular expression whose group is the person.
    annotations
        Folder of annotations, .TextGrid, .eaf or .csv of start, end, label, each with the name of its
        recording: one row for each labelled span.
    tier
        Tier of the annotations whose labels are emotions. Default: the only one.
    window
        Length in seconds of windows that get a row each, instead of one row per file.
    hop
        Seconds between the starts of windows. Default: the window's length.
    augment
        Altered copies of the sound, for training: auto (of clips with a label), none, or kinds as of train.
    jobs
        Processes; -1 is one per core.
    scheduler
        Run on a Dask cluster: the address of its scheduler, tcp://HOST:PORT.
    shard
        I/N: do every N-th file only, from the I-th on; for job arrays. Writes NAME.I-of-N.parquet.
    timeout
        Seconds to spend on a file at most.
    retry_failed
        Retry files that failed in an earlier run.
    overwrite
        Start again and replace existing results.
    json
        Print a summary as JSON.
    """
    import stcorner
    from stcorner._base.tables import check_table_path
    from stcorner._base.text import shown
    from stcorner.cli._corpus import report_skipped
    from stcorner.cli._options import parse_face, parse_subject
    from stcorner.cli._output import complain, print_json, progress, say
    from stcorner.errors import OutputError

    check_table_path("--output", output)
    part = _parse_shard(shard)
    person = parse_subject(subject)
    given: Any = root
    if annotations is not None:
        given = stcorner.load_annotations(root, annotations=annotations, tier=tier, subject=person)
        report_skipped(given)
        person = None
    chosen = RecognizerOptions(modality=modality, blocks=blocks, block=block).all_blocks()
    copies: Any = None if augment == ("none",) else "auto" if augment == ("auto",) else augment
    with _client(scheduler) as client, progress("reading") as report:
        try:
            result = stcorner.extract(
                given, output, blocks=chosen, modality=modality, recipe=recipe,
                face=parse_face(face), subject=person, window=window, hop=hop,
                augment=copies, n_jobs=jobs, client=client, shard=part, timeout=timeout,
                retry_failed=retry_failed, overwrite=overwrite,
                progress=report,
            )  # fmt: skip
        except OutputError as error:
            complain(str(error))
            return 1
    rate = (result.n_files - result.n_resumed) / max(result.seconds, 1e-9)
    if json:
        print_json({**vars(result), "files_per_second": rate})
    else:
        again = f", {result.n_resumed} of them by an earlier run" if result.n_resumed else ""
        say(
            f"{result.n_files} files{again}, {result.n_rows} rows, {result.seconds:.1f} s, {rate:.2f} files/s"
        )
        say(f"features: {shown(result.features)}")
        say(f"errors: {shown(result.errors)} ({result.n_errors})")
    return _report(result) if result.n_errors else 0


def _report(result: Any) -> int:
    from pyarrow import parquet

    from stcorner.cli._output import complain

    rows = parquet.read_table(result.errors).slice(0, _MOST).to_pylist()
    for row in rows:
        complain(f"{row['stage']}: {row['error']}")
    if result.n_errors > len(rows):
        complain(f"and {result.n_errors - len(rows)} more: {result.errors}")
    complain(f"{result.n_errors} input(s) failed")
    return 1


def _parse_shard(text: str | None) -> tuple[int, int] | None:
    """Return the shard that ``I/N`` names.

    Examples
    --------
    >>> _parse_shard("2/8")
    (2, 8)
    """
    from stcorner.errors import ParameterError

    if text is None:
        return None
    i, slash, n = text.partition("/")
    if not slash or not i.isdecimal() or not n.isdecimal() or not 1 <= int(i) <= int(n):
        raise ParameterError(f"--shard must be I/N with 1 <= I <= N, got {text!r}")
    return int(i), int(n)


@contextlib.contextmanager
def _client(address: str | None) -> Iterator[Any]:
    from stcorner.errors import MissingExtraError, ParameterError

    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("--scheduler", "distributed", "cluster") from None
    try:
        client = Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"--scheduler must be the address of a scheduler, got {address!r}: {error}"
        ) from None
    with client:
        yield client
