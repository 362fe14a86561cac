"""`extract`: from clips to a table of features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from stcorner._base.files import printable
from stcorner._base.validation import check_flag, check_integer, check_real, resolve_n_jobs
from stcorner.errors import ParameterError
from stcorner.extraction.blocks import add_blocks, resolve_blocks
from stcorner.extraction.clipfeatures import collect_rows
from stcorner.extraction.plan import BUILT_IN, Plan
from stcorner.extraction.store import Store
from stcorner.extraction.work import make_items

if TYPE_CHECKING:
    import os
    import re
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stcorner.corpora.clip import Clip
    from stcorner.extraction.blocks import Block
    from stcorner.extraction.describe import Row
    from stcorner.extraction.store import Failure
    from stcorner.extraction.work import Item

__all__ = ["Extraction", "extract"]

# Files in one part: what is done again, at most, for each worker, after a kill.
_BATCH = 16
MAX_CLIP_SECONDS = 600.0
# What `EmotionRecognizer` adds to its training clips by default.
DEFAULT_COPIES = ("slower", "faster", "noise")


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
        Files whose rows an earlier run had left.
    seconds : float
        Time that this run took.

    See Also
    --------
    extract : Returns it.
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
    blocks: Any = None,
    modality: str = "both",
    recipe: str = "rich",
    face: str | int = "largest",
    subject: str | re.Pattern[str] | int | None = None,
    augment: Any = "auto",
    window: float | None = None,
    hop: float | None = None,
    n_jobs: int | None = None,
    client: Any = None,
    shard: tuple[int, int] | None = None,
    timeout: float = 3600.0,
    retry_failed: bool = True,
    overwrite: bool = False,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Extraction:
    """Compute the features of many files in many processes, and resume after a stop.

    Stop it at any moment: the same call resumes, and the result equals that of an uninterrupted run byte for
    byte. A file that cannot be read is one row of the errors, and the same call tries it again.
    `ClipFeatures.from_parquet` reads the table, and `EmotionRecognizer.fit` and
    `cross_validate` take it in place of clips.

    Parameters
    ----------
    clips_or_root : folder, file, or sequence of Clip or path
        What to read. A folder is walked, links included; files of RAVDESS, CREMA-D and `make_corpus` bring
        their labels.
    out : str or os.PathLike
        Table to write, ``NAME.parquet``. Beside it come ``NAME.errors.parquet``, ``NAME.manifest.json`` and,
        while it runs, a folder ``NAME.parquet.parts``. ``NAME.csv``, ``NAME.xlsx``, ``NAME.jsonl`` or
        ``NAME.json`` writes that format too.
    blocks : sequence of str or block, optional
        What to describe, as in `EmotionRecognizer`.
    modality : {"both", "audio", "video"}
        Short form of `blocks`.
    recipe : str
        Description of the sound, as in `clip_features`.
    face : "largest", "all" or int
        Which face, as in `crop_face`; with "all" each face has a row, and ``face_id`` tells them apart.
    subject : str, pattern or int, optional
        Who is seen, as in `load_folder`: the number of a folder below the root, or a pattern. Then labels are
        not read from the files' names.
    augment : "auto", str, sequence of str or None
        Altered copies of the sound, for training. ``"auto"``: those that `EmotionRecognizer` adds by default,
        for clips with a label; column ``copy`` tells them from the originals. None adds no copies.
    window, hop : float, optional
        Length of windows in seconds (0.5 to 60), each of which gets a row, every `hop` seconds (default:
        `window`), in constant memory. Without, one row per file, and files over 600 s are refused.
    n_jobs : int, optional
        Worker processes, one kernel thread each; by default, and with -1, one per core.
    client : distributed.Client, optional
        Run on its Dask cluster instead. Workers must see the files by the same paths.
    shard : (int, int), optional
        (i, n), 1 <= i <= n: do only every n-th file, and write ``NAME.i-of-n.parquet``.
    timeout : float
        Seconds after which a file is given up, > 0 (not with `client`). Time in which the whole run is
        stopped does not count.
    retry_failed : bool
        Whether files that failed in an earlier run are tried again.
    overwrite : bool
        Start again, and replace existing results.
    seed : int
        Of the altered copies.
    progress : callable, optional
        Called as ``progress(done, total)`` after each file.

    Returns
    -------
    Extraction
        Files written, and counts.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or something else stands where results would be written.
    DatasetError
        If there is no file to read.
    OutputError
        If the results cannot be written (disk full, no rights, another run).

    See Also
    --------
    ClipFeatures : What is written, and read again.
    """
    from stcorner._base.runtime import active_isa

    check_flag("overwrite", overwrite)
    check_flag("retry_failed", retry_failed)
    seconds = check_real("timeout", timeout, low=0.0, open_low=True)
    names, others = resolve_blocks(blocks, modality)
    automatic = isinstance(augment, str) and augment == "auto"
    copies = None if window is not None else DEFAULT_COPIES if automatic else augment
    plan = replace(
        Plan.checked(
            tuple(name for name in names if name in BUILT_IN), recipe=recipe, face=face, window=window,
            hop=hop, augment=copies, seed=seed,
        ),
        labelled_copies=automatic,
        isa=active_isa(),
        max_seconds=MAX_CLIP_SECONDS,
    )  # fmt: skip
    place, part = _place(Path(out), shard)
    items = make_items(clips_or_root, subject=subject)
    plan = plan.hearing(item.clip for item in items)
    if part is not None:
        items = items[part[0] - 1 :: part[1]]
    start = perf_counter()
    columns = _columns(names, plan, others)
    store = Store(place, columns, plan.document())
    batches = store.batches(items, _BATCH)
    # A file that failed may be another one now: that does not make it other work.
    failed = store.failed()
    before = [replace(item, stamp=failed.get(item.name, item.stamp)) for item in items]
    manifest = None if overwrite else store.complete(list(store.batches(before, _BATCH)))
    n_resumed = len(items)
    if manifest is None or (retry_failed and manifest["errors"]):
        # Parts of this very work tell that the table was to be replaced; those of another say nothing.
        if not overwrite and manifest is None and all(store.failures(name) is None for name in batches):
            _refuse_to_replace(store)
        with store.opened():
            if manifest is not None:
                store.reopen(batches)
            todo = _left(store, batches, retry_failed=retry_failed, overwrite=overwrite)
            n_resumed = len(items) - sum(map(len, todo.values()))
            run = _Run(store, plan, names, others)
            clips = [item.clip for batch in todo.values() for item in batch]
            done = n_resumed
            for finished in run.collect(todo, batches, _results(clips, plan, client, n_jobs, seconds)):
                done += finished
                if progress is not None:
                    progress(done, len(items))
            about = {"root": items[0].clip.root, "files": len(items), "shard": part, **_versions()}
            manifest = store.finish(batches, about)
    store.export()
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


def _columns(names: Sequence[str], plan: Plan, others: Mapping[str, Block]) -> dict[str, list[str]]:
    unknown = [name for name in names if name not in BUILT_IN and name not in others]
    if unknown:
        raise ParameterError(
            f"blocks must be built in ({', '.join(BUILT_IN)}) or objects such as FeatureTable, got {unknown}"
        )
    own = plan.feature_names()
    return {name: own[name] if name in own else list(others[name].feature_names) for name in names}


def _refuse_to_replace(store: Store) -> None:
    """Raise where results would replace another run's table, or a file that is none of ours."""
    strangers = store.strangers()
    if strangers:
        raise ParameterError(
            f"{strangers[0]} is in the way of the results and was not written by this run: give another "
            "name, or overwrite=True to replace it"
        )
    if store.out.exists():
        raise ParameterError(
            f"out must not hold a table of other files or parameters, got {str(store.out)!r}: give "
            "another name, or overwrite=True (--overwrite)"
        )


def _left(
    store: Store, batches: Mapping[str, Sequence[Item]], *, retry_failed: bool, overwrite: bool
) -> dict[str, list[Item]]:
    """Return the items of each batch that are still to be done."""
    left: dict[str, list[Item]] = {}
    for name, items in batches.items():
        failures = None if overwrite else store.failures(name)
        if failures is None:
            left[name] = list(items)
        elif retry_failed and (failed := {failure[0] for failure in failures}):
            left[name] = [item for item in items if item.name in failed]
    return left


class _Run:
    """Turn rows that come in any order into parts that are whole."""

    def __init__(self, store: Store, plan: Plan, names: Sequence[str], others: Mapping[str, Block]) -> None:
        self._store, self._plan, self._names, self._others = store, plan, names, others

    def collect(
        self,
        todo: Mapping[str, Sequence[Item]],
        batches: Mapping[str, Sequence[Item]],
        results: Iterator[tuple[int, list[Row]]],
    ) -> Iterator[int]:
        """Yield 1 for each clip that is done; a batch is written when its last clip is."""
        owner = [(name, at) for name, items in todo.items() for at in range(len(items))]
        held: dict[str, dict[int, list[Row]]] = {}
        for position, rows in results:
            name, at = owner[position]
            held.setdefault(name, {})[at] = rows
            if len(held[name]) == len(todo[name]):
                done = held.pop(name)
                self._write(name, batches[name], todo[name], [done[at] for at in range(len(done))])
            yield 1

    def _write(
        self, name: str, items: Sequence[Item], new: Sequence[Item], rows: Sequence[list[Row]]
    ) -> None:
        tables, failures = zip(*map(self._describe, new, rows), strict=True)
        found = {item.key: (table, failed) for item, table, failed in zip(new, tables, failures, strict=True)}
        if len(new) < len(items):  # the others are in the part that is there
            import pyarrow.compute as pc

            old = self._store.rows(name)
            for item in items:
                if item.key not in found:
                    chosen = pc.equal(old.column("clip_id"), printable(item.clip.clip_id))
                    found[item.key] = (old.filter(chosen), None)
        ordered = [found[item.key] for item in items]
        self._store.write(name, [table for table, _ in ordered], [failed for _, failed in ordered if failed])

    def _describe(self, item: Item, rows: Sequence[Row]) -> tuple[Any, Failure | None]:
        """Return the rows of one item for the table, and what failed as one entry."""
        features = add_blocks(collect_rows([rows], self._plan), self._names, self._others)
        there = features.present()[features.copies == ""]
        kept = features[there]
        # A missing stream or face beside something else is a state, and stands in the row.
        failed = [
            error
            for row in rows
            if not row.copy
            for error in row.errors
            if not there.any() or "error" in row.status.values()
        ]
        failed += [error for error in features.errors if error.stage in self._others]
        if not failed:
            return self._store.table(kept), None
        remarks = [] if there.any() else [text for row in rows for text in row.details["warnings"]]
        text = "; ".join(dict.fromkeys([*(each.error for each in failed), *remarks]))
        return self._store.table(kept), (item.name, failed[0].stage, printable(text))


def _results(
    clips: Sequence[Clip], plan: Plan, client: Any, n_jobs: int | None, timeout: float
) -> Iterator[tuple[int, list[Row]]]:
    if client is not None:
        from stcorner.extraction.cluster import run_cluster

        return run_cluster(clips, plan, client, n_batch=_BATCH)
    from stcorner.extraction.pool import run_pool

    return run_pool(clips, plan, n_jobs=resolve_n_jobs(-1 if n_jobs is None else n_jobs), timeout=timeout)


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
