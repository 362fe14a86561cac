"""Jobs of the app: one process each, started fairly, their files deleted when they are done with."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shutil
import sys
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from stcorner.app.settings import Settings

__all__ = ["RESULTS", "Job", "JobQueue"]

RESULTS = ["report.html", "features.csv", "features.json", "features.parquet"]

_LOG = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Job:
    """One uploaded clip on its way to a report."""

    id: str
    session: str
    name: str
    folder: Path
    state: str = "waiting"
    stage: str = ""
    progress: float = 0.0
    error: str | None = None
    label: str | None = None
    created: float = field(default_factory=time.time)
    finished: float | None = None

    @property
    def upload(self) -> Path:
        """Where the clip lies until it has been read."""
        return self.folder / "upload"

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
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def n_waiting(self) -> int:
        """Jobs that have not started."""
        return sum(len(line) for line in self._waiting.values())

    def new(self, session: str, name: str) -> Job:
        """Make a job with a folder; it waits for nothing until `submit`."""
        identity = secrets.token_urlsafe(16)
        folder = self.folder / identity
        folder.mkdir(mode=0o700)
        return Job(id=identity, session=session, name=name, folder=folder)

    def submit(self, job: Job) -> None:
        """Put a job into its session's line."""
        self.jobs[job.id] = job
        self._waiting.setdefault(job.session, deque()).append(job)
        self._wake.set()

    def forget(self, job: Job) -> None:
        """Delete a job and its files; a running one is ended first by its own task."""
        self.jobs.pop(job.id, None)
        line = self._waiting.get(job.session)
        if line and job in line:
            line.remove(job)
        shutil.rmtree(job.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the runners; needs a running event loop."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self.settings.n_workers)]
        self._tasks.append(asyncio.create_task(self._sweep()))

    async def stop(self) -> None:
        """End the runners and the processes that they wait for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
            try:
                await self._work(job)
            except asyncio.CancelledError:
                raise
            except Exception:
                _LOG.exception("job %s", job.id)
                self._fail(job, "the job could not be started")
            finally:
                job.upload.unlink(missing_ok=True)

    async def _work(self, job: Job) -> None:
        job.state, job.stage = "running", "starting"
        order = {
            "upload": str(job.upload),
            "name": job.name,
            "folder": str(job.folder),
            "model": None if self.settings.model is None else str(self.settings.model),
            "max_duration": self.settings.max_duration,
            "memory_bytes": self.settings.job_memory_bytes,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stcorner.app.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert process.stdin is not None  # it was asked for just above
            process.stdin.write(json.dumps(order).encode())
            process.stdin.close()
            await asyncio.wait_for(self._listen(job, process), self.settings.job_timeout)
        except TimeoutError:
            if job.state == "running":  # else it has done its work and only does not leave
                self._fail(job, f"the clip took longer than {self.settings.job_timeout:g} s")
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        if job.state == "running":
            self._fail(
                job, f"the process that read the clip ended unexpectedly (status {process.returncode})"
            )

    async def _listen(self, job: Job, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # a codec's chatter, not ours
            if "stage" in message:
                job.stage, job.progress = str(message["stage"]), float(message["progress"])
            elif "error" in message:
                self._fail(job, str(message["error"]))
            elif "label" in message:
                job.label, job.progress = message["label"], 1.0
                job.state, job.stage, job.finished = "done", "done", time.time()
        await process.wait()  # to its own end: a process that is killed while it leaves has no status to tell

    def _fail(self, job: Job, error: str) -> None:
        job.state, job.stage, job.error, job.finished = "failed", "failed", error, time.time()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(30.0, self.settings.keep_seconds))
            now = time.time()
            for job in list(self.jobs.values()):
                if job.finished is not None and now - job.finished > self.settings.keep_seconds:
                    self.forget(job)
