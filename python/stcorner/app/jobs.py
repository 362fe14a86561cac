"""Jobs of the app: one process each, started fairly, their files deleted when they are done with."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import sys
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner.app.folders import RESULTS, SCRATCH, remove

if TYPE_CHECKING:
    from stcorner.app.settings import Settings

__all__ = ["Job", "JobQueue"]

_LOG = logging.getLogger(__name__)
_SECONDS_TO_LEAVE = 10.0  # for a worker that has said its last word


@dataclass(kw_only=True)
class Job:
    """One uploaded clip on its way to a report."""

    id: str
    session: str
    name: str
    folder: Path
    sample: bool = False
    state: str = "waiting"
    stage: str = ""
    progress: float = 0.0
    error: str | None = None
    label: str | None = None
    created: float = field(default_factory=time.time)
    finished: float | None = None

    @property
    def upload(self) -> Path:
        """Where the clip lies until its job has ended.

        Decoders look at names as well as at bytes; the real ending helps with raw streams. It is reduced to
        letters and digits, so that no name leaves the folder.
        """
        ending = "".join(c for c in Path(self.name).suffix.lower() if c.isascii() and c.isalnum())[:8]
        return self.folder / (f"clip.{ending}" if ending else "clip")

    def result(self, kind: str) -> Path:
        """Path of a result, one of `RESULTS`."""
        return self.folder / kind

    def public(self) -> dict[str, Any]:
        """Return what a client may know."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "stage": self.stage,
            "progress": round(self.progress, 3),
            "error": self.error,
            "label": self.label,
            "results": [kind for kind in RESULTS if self.state == "done" and self.result(kind).is_file()],
            "created": self.created,
            "finished": self.finished,
        }


class JobQueue:
    """Run jobs in processes of their own, taking turns between sessions.

    A session that uploads fifty clips does not keep another one waiting for more than one of them:
    the next job comes from the session that has waited longest for its turn.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.jobs: dict[str, Job] = {}
        self._receiving: dict[str, Job] = {}
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._working: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def n_waiting(self) -> int:
        """Jobs that have not started, and uploads under way."""
        return len(self._receiving) + sum(len(line) for line in self._waiting.values())

    @property
    def n_running(self) -> int:
        """Jobs that are worked on."""
        return len(self._working)

    def new(self, session: str, name: str, *, sample: bool = False) -> Job:
        """Make a job with a folder; it counts as waiting until `submit` or `forget`.

        The worker of a sample draws its clip itself.

        Raises
        ------
        OSError
            If the folder cannot be made.
        """
        identity = secrets.token_urlsafe(16)
        folder = self.folder / identity
        folder.mkdir(mode=0o700)
        job = Job(id=identity, session=session, name=name, folder=folder, sample=sample)
        self._receiving[identity] = job
        return job

    def submit(self, job: Job) -> None:
        """Put a job into its session's line."""
        self._receiving.pop(job.id, None)
        self.jobs[job.id] = job
        self._waiting.setdefault(job.session, deque()).append(job)
        _LOG.info("job %s: waits, %d before it", job.id, self.n_waiting - 1)
        self._wake.set()

    def forget(self, job: Job) -> None:
        """Delete a job that does not run, and its files."""
        self._receiving.pop(job.id, None)
        self.jobs.pop(job.id, None)
        line = self._waiting.get(job.session)
        if line and job in line:
            line.remove(job)
        remove(job.folder)

    async def cancel(self, job: Job) -> None:
        """Delete a job and its files, ending its process first."""
        self.jobs.pop(job.id, None)
        if work := self._working.get(job.id):
            work.cancel()
            await asyncio.wait([work])
        self.forget(job)

    def start(self) -> None:
        """Start the runners; needs a running event loop."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self.settings.n_workers)]
        self._tasks.append(asyncio.create_task(self._sweep()))

    async def stop(self) -> None:
        """End the runners and the processes that they wait for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for job in [*self._receiving.values(), *self.jobs.values()]:
            self.forget(job)

    def _next(self) -> Job | None:
        while self._waiting:
            session, line = self._waiting.popitem(last=False)
            if not line:
                continue
            job = line.popleft()
            if line:
                self._waiting[session] = line  # at the end: the others have their turn first
            return job
        return None

    async def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            work = self._working[job.id] = asyncio.create_task(self._work(job))
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.wait([work])
                raise
            finally:
                del self._working[job.id]
            if not work.cancelled() and (error := work.exception()) is not None:
                _LOG.error("job %s", job.id, exc_info=error)
                self._end(job, error="the job could not be started")

    async def _work(self, job: Job) -> None:
        job.state, job.stage = "running", "starting"
        _LOG.info("job %s: starts after %.1f s", job.id, time.time() - job.created)
        order = {
            "clip": str(job.upload),
            "sample": job.sample,
            "name": job.name,
            "folder": str(job.folder),
            "model": None if self.settings.model is None else str(self.settings.model),
            "max_duration": self.settings.max_duration,
            "memory_bytes": self.settings.job_memory_bytes,
        }
        # What a decoder writes for itself lies beside the clip, and goes with it.
        scratch = job.folder / SCRATCH
        scratch.mkdir(mode=0o700)
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stcorner.app.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **places}, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None  # it was asked for just above
        outcome: dict[str, Any] | None
        try:
            # The pipe stays open: its end tells the worker that the server has gone.
            process.stdin.write(json.dumps(order).encode() + b"\n")
            outcome = await asyncio.wait_for(self._listen(job, process), self.settings.job_timeout)
        except TimeoutError:
            outcome = {
                "error": f"the clip took longer than {self.settings.job_timeout:g} s, the limit: send a "
                "shorter one, or run `stcorner report` on it"
            }
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            process.stdin.close()
        if outcome is None:
            status = process.returncode
            outcome = {
                "error": f"the process that read the clip ended unexpectedly (status {status}): send the "
                "clip again, and report the fault if it happens twice"
            }
        self._end(job, **outcome)

    async def _listen(self, job: Job, process: asyncio.subprocess.Process) -> dict[str, Any] | None:
        """Follow a worker; return what it says at last, and None if it ends without a word."""
        assert process.stdout is not None
        async for line in process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # a codec's chatter, not ours
            if not isinstance(message, dict):
                continue
            if "stage" in message:
                job.stage, job.progress = str(message["stage"]), float(message["progress"])
            elif "error" in message or "label" in message:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), _SECONDS_TO_LEAVE)
                return message
        await process.wait()  # to its own end: a process that is killed while it leaves has no status to tell
        return None

    def _end(self, job: Job, *, error: str | None = None, label: str | None = None) -> None:
        """Give a job its last state once nothing but its results is left: no clip, however it ended."""
        kept = RESULTS if error is None else []
        try:
            for path in list(job.folder.iterdir()):
                if path.name not in kept:
                    remove(path)
        except OSError as problem:
            _LOG.error("job %s: %s", job.id, problem)
        job.finished = time.time()
        if error is None:
            job.state, job.stage, job.label, job.progress = "done", "done", label, 1.0
        else:
            job.state, job.stage, job.error = "failed", "failed", error
        # Neither the clip's name nor what is wrong with it: both may tell of a person.
        _LOG.info("job %s: %s after %.1f s", job.id, job.state, job.finished - job.created)
        ended = [other for other in self.jobs.values() if other.finished is not None]
        for old in sorted(ended, key=lambda other: other.finished or 0.0)[: -self.settings.max_kept]:
            self.forget(old)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(30.0, self.settings.keep_seconds))
            now = time.time()
            for job in list(self.jobs.values()):
                if job.finished is not None and now - job.finished > self.settings.keep_seconds:
                    self.forget(job)
