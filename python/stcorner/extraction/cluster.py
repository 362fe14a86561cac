"""The same work on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stcorner.extraction.pool import one_thread
from stcorner.extraction.work import Outcome, run_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stcorner.extraction.work import Item, Settings

__all__ = ["run_cluster"]

# Tasks that wait at each thread of the cluster: enough that none is idle, few enough that little is lost.
_AHEAD = 3


def run_cluster(
    batches: Sequence[Sequence[Item]], settings: Settings, client: Any, *, report: Callable[[], object]
) -> Iterator[tuple[int, list[Outcome]]]:
    """Yield the outcomes of each batch as the cluster returns it.

    Dask gives the work of a worker that died to another one. A batch that killed several is taken apart,
    so that one file's fault is that file's error.
    """
    from distributed import KilledWorker, as_completed

    waiting = list(range(len(batches)))[::-1]
    pending: dict[Any, int] = {}
    finished = as_completed()  # type: ignore[no-untyped-call]

    def submit(index: int) -> None:
        future = client.submit(run_batch, list(batches[index]), settings, pure=False, retries=2)
        pending[future] = index
        finished.add(future)  # type: ignore[no-untyped-call]

    for _ in range(min(len(waiting), _AHEAD * max(1, sum(client.nthreads().values())))):
        submit(waiting.pop())
    for future in finished:
        index = pending.pop(future)
        try:
            outcomes = future.result()
        except KilledWorker:
            outcomes = [_alone(item, settings, client) for item in batches[index]]
        future.release()
        if waiting:
            submit(waiting.pop())
        for _ in outcomes:
            report()
        yield index, outcomes


def run_batch(items: list[Item], settings: Settings) -> list[Outcome]:
    """Compute a batch on a worker, with one kernel thread."""
    with one_thread(settings.plan.modalities):
        return [run_item(item, settings) for item in items]


def _alone(item: Item, settings: Settings, client: Any) -> Outcome:
    from distributed import KilledWorker

    try:
        outcomes: list[Outcome] = client.submit(run_batch, [item], settings, pure=False).result()
    except KilledWorker as error:
        return Outcome(failures=[(item.name, "worker", f"workers that read it died: {error}")])
    return outcomes[0]
