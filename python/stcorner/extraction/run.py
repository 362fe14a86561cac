"""`extract`: from clips to a table of features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from stcorner._base.validation import check_integer, check_real, resolve_n_jobs
from stcorner.errors import ParameterError
from stcorner.extraction.store import Store
from stcorner.extraction.work import Settings, make_items

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from stcorner.extraction.work import Item, Outcome

__all__ = ["Extraction", "extract"]

# Files in one part: what is done again, at most, for each worker, after a kill.
_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """What a run of `extract` gave.

    Attributes
    ----------
    features, errors, manifest : Path
        The table, the table of files that failed (``path``, ``stage``, ``error``), and a JSON file with
        versions, parameters and hashes.
    n_files, n_rows, n_errors : int
        Files given to this shard, rows of the table, and rows of the errors.
    n_resumed : int
        Files whose rows an earlier, interrupted run had left.
    seconds : float
        Time that this run took.
    """

    features: Path
    errors: Path
    manifest: Path
    n_files: int
    n_rows: int
    n_errors: int
    n_resumed: int
    seconds: float


def extract(
    clips_or_root: Any,
    out: str | os.PathLike[str],
    *,
    modality: str = "both",
    recipe: str = "rich",
    face: str | int = "largest",
    window: float | None = None,
    hop: float | None = None,
    n_jobs: int | None = None,
    client: Any = None,
    shard: tuple[int, int] | None = None,
    timeout: float = 3600.0,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Extraction:
    """Compute the features of many files, in many processes, and survive what may happen on the way.

    Killed at any moment, the same call goes on where it was, and the result is the same, byte for byte, as
    that of a run that was left alone. A file that cannot be read is one row of the errors.

    Parameters
    ----------
    clips_or_root : folder, file, or sequence of Clip or path
        What to read. A folder is walked, links included; files of RAVDESS, CREMA-D and `make_corpus` bring
        their labels.
    out : str or os.PathLike
        Table to write, ``.parquet``. Beside it come the errors (``errors.parquet`` for
        ``features.parquet``), the manifest (``.json``) and, while it goes on, a folder ``.parts``.
    modality : {"both", "audio", "video"}
        What of the files to describe.
    recipe : str
        Description of the sound, as in `clip_features`.
    face : "largest" or int
        Which face, as in `crop_face`.
    window, hop : float, optional
        Give one row for each window of so many seconds (0.5 to 60), every `hop` seconds (default: `window`),
        in constant memory. Without, one row per file, and files over 600 s are refused.
    n_jobs : int, optional
        Worker processes, one kernel thread each; by default, and with -1, one per core.
    client : distributed.Client, optional
        Run on its Dask cluster instead. Workers must see the files by the same paths.
    shard : (int, int), optional
        (i, n), 1 <= i <= n: do only every n-th file, and write ``NAME.i-of-n.parquet``.
    timeout : float
        Seconds after which a file is given up, > 0 (not with `client`).
    overwrite : bool
        Replace a table that other files or parameters gave, instead of refusing.
    progress : callable, optional
        Called as ``progress(done, total)`` after each file.

    Returns
    -------
    Extraction

    Raises
    ------
    ParameterError
        If a parameter is out of range, or `out` holds something else.
    DatasetError
        If there is no file to read.
    OutputError
        If the results cannot be written (disk full, no rights, another run).
    """
    settings = _settings(modality, recipe, face, window, hop)
    place, part = _place(Path(out), shard)
    items, root = make_items(clips_or_root)
    if part is not None:
        items = items[part[0] - 1 :: part[1]]
    start = perf_counter()
    from stcorner.extraction.features import feature_block_names

    store = Store(place, feature_block_names(settings.plan), settings.describe())
    batches = [items[at : at + _BATCH] for at in range(0, len(items), _BATCH)]
    names = [store.batch_id(batch) for batch in batches]
    manifest = store.complete(names)
    n_resumed = len(items)
    if manifest is None:
        # Parts of this very work tell that the table was to be replaced; those of another say nothing.
        if place.exists() and not overwrite and not any(map(store.has, names)):
            raise ParameterError(
                "out must not hold a table of other files or parameters (or give overwrite), "
                f"got {str(place)!r}"
            )
        with store.opened():
            left = [index for index, name in enumerate(names) if not store.has(name)]
            n_left = sum(len(batches[index]) for index in left)
            n_resumed = len(items) - n_left
            count = _Counter(n_resumed, len(items), progress)
            todo = [batches[index] for index in left]
            for at, outcomes in _run(todo, settings, client, n_jobs, timeout, count):
                store.write(names[left[at]], outcomes)
            manifest = store.finish(names, {"root": root, "files": len(items), "shard": part, **_versions()})
    return Extraction(
        features=store.out,
        errors=store.errors,
        manifest=store.manifest,
        n_files=len(items),
        n_rows=manifest["rows"],
        n_errors=manifest["errors"],
        n_resumed=n_resumed,
        seconds=perf_counter() - start,
    )


class _Counter:
    def __init__(self, done: int, total: int, progress: Callable[[int, int], object] | None) -> None:
        self._done, self._total, self._progress = done, total, progress

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _run(
    batches: Sequence[Sequence[Item]],
    settings: Settings,
    client: Any,
    n_jobs: int | None,
    timeout: float,
    report: Callable[[], object],
) -> Iterator[tuple[int, list[Outcome]]]:
    seconds = check_real("timeout", timeout, low=0.0, open_low=True)
    if client is not None:
        from stcorner.extraction.cluster import run_cluster

        return run_cluster(batches, settings, client, report=report)
    from stcorner.extraction.pool import run_pool

    jobs = resolve_n_jobs(-1 if n_jobs is None else n_jobs)
    return run_pool(batches, settings, n_jobs=jobs, timeout=seconds, report=report)


def _settings(
    modality: str, recipe: str, face: str | int, window: float | None, hop: float | None
) -> Settings:
    from stcorner.recognizer import EmotionRecognizer

    length = None if window is None else check_real("window", window, low=0.5, high=60.0)
    if hop is not None and length is None:
        raise ParameterError(f"hop must come with window, got {hop!r} alone")
    step = None if hop is None else check_real("hop", hop, low=0.0, high=length, open_low=True)
    model = EmotionRecognizer(modality, recipe=recipe, face=face, augment=None)  # type: ignore[arg-type]
    return Settings(plan=model.extraction_plan(), window=length, hop=step)


def _place(out: Path, shard: tuple[int, int] | None) -> tuple[Path, tuple[int, int] | None]:
    if shard is None:
        return out, None
    try:
        i, n = shard
    except (TypeError, ValueError):
        raise ParameterError(f"shard must be two integers (i, n), got {shard!r}") from None
    n = check_integer("shard[1]", n, low=1)
    i = check_integer("shard[0]", i, low=1, high=n)
    return out.with_name(f"{out.stem}.{i}-of-{n}{out.suffix}"), (i, n)


def _versions() -> dict[str, Any]:
    import stcorner

    found: Any = stcorner.show_versions()
    return {"versions": {"python": found["python"], "platform": found["platform"], **found["packages"]}}
