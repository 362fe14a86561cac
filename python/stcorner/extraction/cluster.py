"""The same work on a Dask cluster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from stcorner.errors import ParameterError
from stcorner.extraction.pool import one_thread
from stcorner.extraction.work import failed_row, work_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stcorner.corpora.clip import Clip
    from stcorner.extraction.describe import Row
    from stcorner.extraction.plan import Plan

__all__ = ["run_cluster"]

_T = TypeVar("_T")

# Tasks that wait at each thread of the cluster: enough that none is idle, few enough that little is lost.
_AHEAD = 3
# Seconds without any worker after which nobody is expected to come.
_PATIENCE = 60.0
_LOOK_AGAIN = 0.05
_ASK_AGAIN = 2.0


def run_cluster(
    clips: Sequence[Clip], plan: Plan, client: Any, *, n_batch: int
) -> Iterator[tuple[int, list[Row]]]:
    """Yield the position and the rows of each clip as the cluster returns them.

    Dask gives the work of a worker that died to another one. A batch that killed several is taken apart,
    so that one file's fault is that file's error.

    Raises
    ------
    ParameterError
        If the cluster has no worker, or loses all of them, and none comes within a minute.
    """
    from distributed import KilledWorker, as_completed

    batches = [range(at, min(at + n_batch, len(clips))) for at in range(0, len(clips), n_batch)]
    waiting = list(range(len(batches)))[::-1]
    pending: dict[Any, int] = {}
    finished = as_completed()  # type: ignore[no-untyped-call]

    def submit(index: int) -> None:
        future = client.submit(run_batch, [clips[at] for at in batches[index]], plan, pure=False, retries=2)
        pending[future] = index
        finished.add(future)  # type: ignore[no-untyped-call]

    _wait(client.nthreads, client)
    for _ in range(min(len(waiting), _AHEAD * sum(client.nthreads().values()))):
        submit(waiting.pop())
    while pending:
        for future in _wait(lambda: finished.next_batch(block=False), client):  # type: ignore[no-untyped-call]
            index = pending.pop(future)
            try:
                results = _result(future, client)
            except KilledWorker:
                results = [_alone(clips[at], plan, client) for at in batches[index]]
            future.release()
            if waiting:
                submit(waiting.pop())
            yield from zip(batches[index], results, strict=True)


def _result(future: Any, client: Any) -> list[list[Row]]:
    """Return a result, computed once more where the worker that held it is gone."""

    def attempt() -> list[list[list[Row]]]:
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
            raise ParameterError(
                f"client must have a worker, got none for {_PATIENCE:g} s: start workers, then run the same "
                "call again"
            )
        time.sleep(_LOOK_AGAIN)
    return found


def run_batch(clips: list[Clip], plan: Plan) -> list[list[Row]]:
    """Compute some clips on a worker, with one kernel thread."""
    with one_thread(plan):
        return [work_on(clip, plan) for clip in clips]


def _alone(clip: Clip, plan: Plan, client: Any) -> list[Row]:
    from distributed import KilledWorker

    try:
        future = client.submit(run_batch, [clip], plan, pure=False)
        return _result(future, client)[0]
    except KilledWorker as error:
        return [failed_row(clip, plan, "worker", f"workers that read it died: {error}")]
