"""The same work on a Dask cluster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from stcorner.errors import ParameterError
from stcorner.extraction.pool import one_thread
from stcorner.extraction.work import Outcome, run_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stcorner.extraction.work import Item, Settings

__all__ = ["run_cluster"]

_T = TypeVar("_T")

# Tasks that wait at each thread of the cluster: enough that none is idle, few enough that little is lost.
_AHEAD = 3
# Seconds without any worker after which nobody is expected to come.
_PATIENCE = 60.0
_LOOK_AGAIN = 0.05
_ASK_AGAIN = 2.0


def run_cluster(
    batches: Sequence[Sequence[Item]], settings: Settings, client: Any, *, report: Callable[[], object]
) -> Iterator[tuple[int, list[Outcome]]]:
    """Yield the outcomes of each batch as the cluster returns it.

    Dask gives the work of a worker that died to another one. A batch that killed several is taken apart,
    so that one file's fault is that file's error.

    Raises
    ------
    ParameterError
        If the cluster has no worker, or loses all of them, and none comes within a minute.
    """
    from distributed import KilledWorker, as_completed

    waiting = list(range(len(batches)))[::-1]
    pending: dict[Any, int] = {}
    finished = as_completed()  # type: ignore[no-untyped-call]

    def submit(index: int) -> None:
        future = client.submit(run_batch, list(batches[index]), settings, pure=False, retries=2)
        pending[future] = index
        finished.add(future)  # type: ignore[no-untyped-call]

    _wait(client.nthreads, client)
    for _ in range(min(len(waiting), _AHEAD * sum(client.nthreads().values()))):
        submit(waiting.pop())
    while pending:
        for future in _wait(lambda: finished.next_batch(block=False), client):  # type: ignore[no-untyped-call]
            index = pending.pop(future)
            try:
                outcomes = _result(future, client)
            except KilledWorker:
                outcomes = [_alone(item, settings, client) for item in batches[index]]
            future.release()
            if waiting:
                submit(waiting.pop())
            for _ in outcomes:
                report()
            yield index, outcomes


def _result(future: Any, client: Any) -> list[Outcome]:
    """Return a result, computed once more where the worker that held it is gone."""

    def attempt() -> list[list[Outcome]]:
        if future.status == "error":
            return [future.result()]  # raises
        try:
            return [future.result(timeout=_ASK_AGAIN)] if future.done() else []
        except TimeoutError:
            return []

    return _wait(attempt, client)[0]


def _wait(ready: Callable[[], _T], client: Any) -> _T:
    """Return what `ready` returns once there is something; give up when no worker is there for long."""
    seen = asked = time.monotonic()
    while not (found := ready()):
        now = time.monotonic()
        if now - asked >= _ASK_AGAIN:
            asked = now
            if client.nthreads():
                seen = now
        if now - seen > _PATIENCE:
            raise ParameterError(f"client must have a worker, got none for {_PATIENCE:g} s")
        time.sleep(_LOOK_AGAIN)
    return found


def run_batch(items: list[Item], settings: Settings) -> list[Outcome]:
    """Compute a batch on a worker, with one kernel thread."""
    with one_thread(settings.plan.modalities):
        return [run_item(item, settings) for item in items]


def _alone(item: Item, settings: Settings, client: Any) -> Outcome:
    from distributed import KilledWorker

    try:
        future = client.submit(run_batch, [item], settings, pure=False)
        outcomes = _result(future, client)
    except KilledWorker as error:
        return Outcome(failures=[(item.name, "worker", f"workers that read it died: {error}")])
    return outcomes[0]
