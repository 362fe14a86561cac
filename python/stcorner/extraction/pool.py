"""Worker processes that may die: whoever reads a file that kills, the run goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stcorner.errors import InternalError, StcornerError
from stcorner.extraction.work import Outcome, run_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stcorner.extraction.work import Item, Settings

__all__ = ["one_thread", "run_pool"]

# A file that was being read when its process died is tried again so often in all.
_ATTEMPTS = 3
# Items that a worker holds: the one it reads and one to go on with while the parent is busy writing.
_AHEAD = 2
_START_FAILURES = 3
_POLL = 1.0


@dataclass
class _Worker:
    process: Any
    pipe: Any
    ready: bool = False
    # The first is being read, since `since`; the others wait in the pipe.
    tasks: deque[tuple[int, int]] = field(default_factory=deque)
    since: float = field(default_factory=time.monotonic)


def run_pool(
    batches: Sequence[Sequence[Item]],
    settings: Settings,
    *,
    n_jobs: int,
    timeout: float,
    report: Callable[[], object],
) -> Iterator[tuple[int, list[Outcome]]]:
    """Yield the outcomes of each batch as it is complete; `report` is called after each item.

    Workers answer in order, so that it is known which item a dead one was at.

    Raises
    ------
    InternalError
        If the code fails on a file in a way that no file may cause. Batches yielded before are whole.
    """
    pool = _Pool(batches, settings, n_jobs=n_jobs, timeout=timeout)
    try:
        for task, outcome in pool.outcomes():
            report()
            done = pool.store(task, outcome)
            if done is not None:
                yield done
    finally:
        pool.close()


class _Pool:
    def __init__(
        self, batches: Sequence[Sequence[Item]], settings: Settings, *, n_jobs: int, timeout: float
    ) -> None:
        self._batches = batches
        self._settings = settings
        self._timeout = timeout
        self._queue = deque((b, i) for b, batch in enumerate(batches) for i in range(len(batch)))
        self._attempts: dict[tuple[int, int], int] = {}
        self._open: dict[int, dict[int, Outcome]] = {}
        self._start_failures = 0
        self._size = min(n_jobs, len(self._queue))
        self._workers: list[_Worker] = []

    def outcomes(self) -> Iterator[tuple[tuple[int, int], Outcome]]:
        """Feed the workers and yield what comes back, until nothing is left."""
        from multiprocessing.connection import wait

        while self._queue or any(worker.tasks for worker in self._workers):
            while len(self._workers) < min(self._size, len(self._queue) + self._busy()):
                self._workers.append(_start(self._settings))
            self._feed()
            watched = [worker.pipe for worker in self._workers] + [w.process.sentinel for w in self._workers]
            wait(watched, _POLL)
            for worker in list(self._workers):
                yield from self._hear(worker)

    def store(self, task: tuple[int, int], outcome: Outcome) -> tuple[int, list[Outcome]] | None:
        """Keep an outcome; return its batch when that is complete."""
        batch, index = task
        known = self._open.setdefault(batch, {})
        known[index] = outcome
        if len(known) < len(self._batches[batch]):
            return None
        del self._open[batch]
        return batch, [known[i] for i in range(len(known))]

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            _end(worker)

    def _busy(self) -> int:
        return sum(bool(worker.tasks) for worker in self._workers)

    def _feed(self) -> None:
        """Give everybody something to do, then something to go on with; at the end, share what is left."""
        for held in range(_AHEAD):
            for worker in self._workers:
                enough = len(self._queue) > (len(self._workers) if held else 0)
                if worker.ready and len(worker.tasks) == held and enough:
                    self._send(worker, self._queue.popleft())

    def _send(self, worker: _Worker, task: tuple[int, int]) -> None:
        try:
            worker.pipe.send(self._batches[task[0]][task[1]])
        except OSError:  # it died just now, before it saw the item
            self._queue.appendleft(task)
            return
        if not worker.tasks:
            worker.since = time.monotonic()
        worker.tasks.append(task)

    def _hear(self, worker: _Worker) -> Iterator[tuple[tuple[int, int], Outcome]]:
        try:
            while worker.pipe.poll():
                outcome = worker.pipe.recv()
                if outcome is None:
                    worker.ready = True
                    self._start_failures = 0
                elif isinstance(outcome, InternalError):
                    raise outcome
                elif worker.tasks:
                    worker.since = time.monotonic()
                    yield worker.tasks.popleft(), outcome
        except (EOFError, OSError):
            pass
        if not worker.process.is_alive():
            yield from self._bury(worker, self._how(worker))
        elif worker.tasks and time.monotonic() - worker.since > self._timeout:
            self._attempts[worker.tasks[0]] = _ATTEMPTS  # it would only hang again
            yield from self._bury(worker, f"it took longer than {self._timeout:g} s")

    @staticmethod
    def _how(worker: _Worker) -> str:
        worker.process.join(1)
        code = worker.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return f"the process that read it died ({how})"

    def _bury(self, worker: _Worker, why: str) -> Iterator[tuple[tuple[int, int], Outcome]]:
        self._workers.remove(worker)
        _end(worker)
        if not worker.ready:
            self._start_failures += 1
            if self._start_failures >= _START_FAILURES:
                raise StcornerError(f"worker processes cannot start: {why.replace('that read it ', '')}")
        if not worker.tasks:
            return
        task = worker.tasks.popleft()
        self._queue.extendleft(reversed(worker.tasks))  # it never came to these
        self._attempts[task] = self._attempts.get(task, 0) + 1
        if self._attempts[task] < _ATTEMPTS:
            self._queue.appendleft(task)
            return
        yield task, Outcome(failures=[(self._batches[task[0]][task[1]].name, "worker", why)])


def _start(settings: Settings) -> _Worker:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, settings), daemon=True)
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read when the worker loads its libraries
    try:
        process.start()
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
    theirs.close()
    return _Worker(process, ours)


def _end(worker: _Worker) -> None:
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join()
    worker.pipe.close()
    worker.process.close()


def _work(pipe: Any, settings: Settings) -> None:
    """Read items until the pipe closes. Runs in the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_follow_parent, daemon=True).start()
    with one_thread(settings.plan.modalities):
        pipe.send(None)
        while True:
            try:
                item = pipe.recv()
            except (EOFError, OSError):
                return
            try:
                pipe.send(run_item(item, settings))
            except InternalError as fault:
                fault.add_note(traceback.format_exc())  # a pipe carries no causes
                pipe.send(fault)


def _follow_parent() -> None:
    """Leave when the parent is gone, also when it was killed: no orphan goes on reading."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def one_thread(modalities: Sequence[str]) -> Any:
    """Limit the libraries that these modalities need to one thread while the context is open."""
    from threadpoolctl import threadpool_limits

    import stcorner._core  # noqa: F401  the limit holds for libraries that are loaded

    if "video" in modalities:
        import cv2

        cv2.setNumThreads(1)
    return threadpool_limits(1)
