"""Worker processes that may die: the run continues with the next file."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner.errors import InternalError, StcornerError
from stcorner.extraction.work import failed_row, work_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stcorner.corpora.clip import Clip
    from stcorner.extraction.describe import Row
    from stcorner.extraction.plan import Plan

__all__ = ["one_thread", "run_pool"]

# A file that was being read when its process died is tried again so often in all.
_ATTEMPTS = 3
# Clips that a worker holds: the one it reads and one to go on with while the parent is busy writing.
_AHEAD = 2
_START_FAILURES = 3
_POLL = 1.0
# A longer pause between two looks at the workers means that all of this was stopped, such as by Ctrl-Z.
_SUSPENDED = 3 * _POLL


@dataclass
class _Worker:
    process: Any
    pipe: Any
    ready: bool = False
    # The first is being read, since `since`; the others wait in the pipe.
    tasks: deque[int] = field(default_factory=deque)
    since: float = field(default_factory=time.monotonic)


def run_pool(
    clips: Sequence[Clip], plan: Plan, *, n_jobs: int, timeout: float | None = None
) -> Iterator[tuple[int, list[Row]]]:
    """Yield the position and the rows of each clip as they come.

    A clip that takes longer than `timeout` seconds, or that kills its process three times, gives one failed
    row. The script that calls needs no ``if __name__ == "__main__"``: workers never import it.

    Raises
    ------
    InternalError
        If the code fails on a file in a way that no file may cause.
    StcornerError
        If worker processes cannot start.
    """
    pool = _Pool(clips, plan, n_jobs=n_jobs, timeout=timeout)
    try:
        yield from pool.results()
    finally:
        pool.close()


class _Pool:
    def __init__(self, clips: Sequence[Clip], plan: Plan, *, n_jobs: int, timeout: float | None) -> None:
        self._clips, self._plan, self._timeout = clips, plan, timeout
        self._queue = deque(range(len(clips)))
        self._attempts: dict[int, int] = {}
        self._start_failures = 0
        self._size = min(n_jobs, len(clips))
        self._workers: list[_Worker] = []

    def results(self) -> Iterator[tuple[int, list[Row]]]:
        """Feed the workers and yield what comes back, until nothing is left."""
        from multiprocessing.connection import wait

        seen = time.monotonic()
        while self._queue or any(worker.tasks for worker in self._workers):
            while len(self._workers) < min(self._size, len(self._queue) + self._busy()):
                self._workers.append(_start(self._plan))
            self._feed()
            wait([w.pipe for w in self._workers] + [w.process.sentinel for w in self._workers], _POLL)
            now = time.monotonic()
            if now - seen > _SUSPENDED:  # nobody's fault: it does not count towards the timeout
                for worker in self._workers:
                    worker.since += now - seen
            seen = now
            for worker in list(self._workers):
                yield from self._receive(worker)
            seen = time.monotonic()  # the caller's own work between two results is no pause of ours

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

    def _send(self, worker: _Worker, task: int) -> None:
        try:
            worker.pipe.send(self._clips[task])
        except OSError:  # it died just now, before it saw the clip
            self._queue.appendleft(task)
            return
        if not worker.tasks:
            worker.since = time.monotonic()
        worker.tasks.append(task)

    def _receive(self, worker: _Worker) -> Iterator[tuple[int, list[Row]]]:
        try:
            while worker.pipe.poll():
                answer = worker.pipe.recv()
                if answer is None:
                    worker.ready = True
                    self._start_failures = 0
                elif isinstance(answer, InternalError):
                    raise answer
                elif worker.tasks:
                    worker.since = time.monotonic()
                    yield worker.tasks.popleft(), answer
        except (EOFError, OSError):
            pass
        if not worker.process.is_alive():
            yield from self._replace(worker, self._how(worker))
        elif worker.tasks and self._timeout is not None and time.monotonic() - worker.since > self._timeout:
            if not _is_stopped(worker.process.pid):
                self._attempts[worker.tasks[0]] = _ATTEMPTS  # it would only hang again
            yield from self._replace(worker, f"it took longer than {self._timeout:g} s")

    @staticmethod
    def _how(worker: _Worker) -> str:
        worker.process.join(1)
        code = worker.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return f"the process that read it died ({how})"

    def _replace(self, worker: _Worker, why: str) -> Iterator[tuple[int, list[Row]]]:
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
        yield task, [failed_row(self._clips[task], self._plan, "worker", why)]


def _start(plan: Plan) -> _Worker:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, plan), daemon=True)
    # The thread count is read when the worker loads its libraries.
    with _without_main(), _environment("OMP_NUM_THREADS", "1"):
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the calling script from the processes that start: nothing in it is needed there.

    Importing it would run it once more where it has no ``if __name__ == "__main__"``, and fail where it came
    from standard input.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {}
    for name in ("__file__", "__spec__"):
        if name in main.__dict__:
            hidden[name] = main.__dict__.pop(name)
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.pop("__spec__", None)
        main.__dict__.update(hidden)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _is_stopped(pid: int) -> bool:
    """Tell whether somebody stopped a process, which is no fault of its file (on Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"T", b"t")
    except (OSError, IndexError):
        return False


def _end(worker: _Worker) -> None:
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join()
    worker.pipe.close()
    worker.process.close()


def _work(pipe: Any, plan: Plan) -> None:
    """Read clips until the pipe closes. Runs in the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_follow_parent, daemon=True).start()
    with one_thread(plan):
        pipe.send(None)
        while True:
            try:
                clip = pipe.recv()
            except (EOFError, OSError):
                return
            try:
                pipe.send(work_on(clip, plan))
            except InternalError as fault:
                fault.add_note(traceback.format_exc())  # a pipe carries no causes
                pipe.send(fault)


def _follow_parent() -> None:
    """Exit when the parent process has ended, even if it was killed."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def one_thread(plan: Plan) -> Any:
    """Limit the libraries that a plan needs to one thread while the context is open, on its instruction set.

    Raises
    ------
    ParameterError
        If this processor lacks the instruction set.
    """
    from threadpoolctl import threadpool_limits

    import stcorner

    if plan.isa and plan.isa != stcorner.active_isa():
        stcorner.set_isa(plan.isa)
    if "video" in plan.streams:
        import cv2

        cv2.setNumThreads(1)
    return threadpool_limits(1)
