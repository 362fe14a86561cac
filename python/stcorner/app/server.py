"""The local web app: the page and the JSON API that it uses itself."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import time
from collections import defaultdict, deque
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from stcorner.app.folders import held_folder
from stcorner.app.guard import Guard, problem, session_of
from stcorner.app.hosts import network_of
from stcorner.app.jobs import Job, JobQueue
from stcorner.app.openapi import openapi
from stcorner.app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from starlette.requests import Request

__all__ = ["create_app"]

_MEDIA_TYPES = {
    "report.html": "text/html; charset=utf-8",
    "features.csv": "text/csv; charset=utf-8",
    "features.json": "application/json",
    "features.parquet": "application/vnd.apache.parquet",
}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# What comes more slowly holds its place for hours.
_BYTES_PER_SECOND = 16 * 1024


@cache
def _asset(name: str) -> str:
    return (resources.files("stcorner.app") / "assets" / name).read_text(encoding="utf-8")


def _clean_name(name: str) -> str:
    """Return a name fit for showing: no folders, no control characters, at most 120 characters."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(c for c in last if c.isprintable())[:120] or "clip"


class _Api:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.queue: JobQueue | None = None
        self._uploads: defaultdict[str, deque[float]] = defaultdict(deque)

    @property
    def jobs(self) -> JobQueue:
        assert self.queue is not None  # made by the lifespan before the first request
        return self.queue

    def _too_fast(self, client: str) -> bool:
        now, line = time.monotonic(), self._uploads[client]
        while line and now - line[0] > 60:
            line.popleft()
        if len(line) >= self.settings.uploads_per_minute:
            return True
        line.append(now)
        if len(self._uploads) > 10_000:  # addresses that went quiet
            for key in [k for k, v in self._uploads.items() if not v or now - v[-1] > 60]:
                del self._uploads[key]
        return False

    async def page(self, request: Request) -> Response:
        session_of(request)
        return HTMLResponse(_asset("index.html"), headers={"Content-Security-Policy": _PAGE_POLICY})

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        kinds = {"app.js": "text/javascript", "app.css": "text/css"}
        if name not in kinds:
            return problem(404, "no such file")
        return Response(_asset(name), media_type=kinds[name])

    async def schema(self, _: Request) -> Response:
        return JSONResponse(openapi(self.settings))

    async def health(self, _: Request) -> Response:
        jobs = self.jobs
        busy = jobs.n_waiting >= self.settings.max_waiting
        answer = {"status": "busy" if busy else "ok", "waiting": jobs.n_waiting, "running": jobs.n_running}
        return JSONResponse(answer, status_code=503 if busy else 200)

    async def limits(self, _: Request) -> Response:
        s = self.settings
        return JSONResponse({"max_upload_bytes": s.max_upload_bytes, "max_duration": s.max_duration})

    async def model(self, _: Request) -> Response:
        """Tell which model decides, and how good it is on people it did not learn from."""
        return JSONResponse(await asyncio.to_thread(_described_model, self.settings.model))

    def _busy(self, request: Request) -> Response | None:
        if self.jobs.n_waiting >= self.settings.max_waiting:
            return problem(503, "too many clips are waiting; try again soon", **{"Retry-After": "10"})
        if self._too_fast(network_of(request.client.host if request.client else "")):
            return problem(429, "too many uploads in a minute", **{"Retry-After": "60"})
        return None

    async def sample(self, request: Request) -> Response:
        """Take a clip that the worker draws."""
        if refused := self._busy(request):
            return refused
        try:
            job = self.jobs.new(session_of(request), "sample.mp4", sample=True)
        except OSError as error:
            return _no_room(error)
        self.jobs.submit(job)
        return JSONResponse(job.public(), status_code=202, headers={"Location": f"/api/jobs/{job.id}"})

    async def upload(self, request: Request) -> Response:
        limit = self.settings.max_upload_bytes
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            return problem(413, f"the file may have at most {limit} bytes, {declared} were declared")
        if refused := self._busy(request):
            return refused
        try:
            job = self.jobs.new(session_of(request), _clean_name(request.query_params.get("name", "clip")))
        except OSError as error:
            return _no_room(error)
        refused = problem(400, "the upload was cancelled")
        try:
            refused = await self._receive(request, job, limit)
        except ClientDisconnect:
            pass  # nobody is left to hear the answer
        except OSError as error:
            refused = _no_room(error)
        finally:
            if refused is not None:  # whatever ended it: half an upload stays nowhere
                self.jobs.forget(job)
        if refused is not None:
            return refused
        self.jobs.submit(job)
        return JSONResponse(job.public(), status_code=202, headers={"Location": f"/api/jobs/{job.id}"})

    async def _receive(self, request: Request, job: Job, limit: int) -> Response | None:
        """Write the body to the job's folder as it comes; return the answer to a bad one."""
        received, pause, start = 0, self.settings.body_pause, time.monotonic()
        chunks = aiter(request.stream())
        with job.upload.open("xb") as file:
            while True:
                try:
                    async with asyncio.timeout(pause):
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    return problem(408, f"the upload paused for more than {pause:g} s")
                received += len(chunk)
                if received > limit:
                    return problem(413, f"the file may have at most {limit} bytes")
                elapsed = time.monotonic() - start
                if elapsed > pause and received < elapsed * _BYTES_PER_SECOND:
                    return problem(408, f"the upload must come at {_BYTES_PER_SECOND} bytes a second")
                await asyncio.to_thread(file.write, chunk)
        if received == 0:
            return problem(400, "the body is empty: send the clip's bytes")
        return None

    def _find(self, request: Request) -> Job | None:
        job = self.jobs.jobs.get(request.path_params["id"])
        # A job is its session's own: whoever guesses an id learns nothing.
        return job if job is not None and job.session == session_of(request) else None

    async def history(self, request: Request) -> Response:
        mine = session_of(request)
        rows = [job.public() for job in self.jobs.jobs.values() if job.session == mine]
        return JSONResponse({"jobs": sorted(rows, key=lambda row: -row["created"])})

    async def job(self, request: Request) -> Response:
        job = self._find(request)
        return problem(404, "no such job") if job is None else JSONResponse(job.public())

    async def delete(self, request: Request) -> Response:
        job = self._find(request)
        if job is None:
            return problem(404, "no such job")
        await self.jobs.cancel(job)
        return Response(status_code=204)

    async def result(self, request: Request) -> Response:
        job = self._find(request)
        kind = request.path_params["kind"]
        if job is None or kind not in _MEDIA_TYPES:
            return problem(404, "no such result")
        if job.state != "done":
            return problem(409, f"the job is {job.state}")
        path = job.result(kind)
        if not path.is_file():
            return problem(404, "this result was not made: no decision, or its package is not installed")
        name = f"{Path(job.name).stem}.{kind.split('.')[-1]}"
        save = kind != "report.html" or "download" in request.query_params
        return FileResponse(
            path, media_type=_MEDIA_TYPES[kind], filename=name,
            content_disposition_type="attachment" if save else "inline",
        )  # fmt: skip


@cache
def _described_model(name: str | Path | None) -> dict[str, object]:
    from stcorner.recognizer import load_predictor, shipped_models

    chosen = name or next(iter(shipped_models()), None)
    if chosen is None:
        return {"name": None, "classes": []}
    predictor = load_predictor(chosen)
    return {"name": predictor.name, "classes": list(predictor.classes)}


def _no_room(error: OSError) -> Response:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return problem(503, "the server has too many files open; try again soon", **{"Retry-After": "10"})
    return problem(507, f"the server cannot keep the clip: {error.strerror or type(error).__name__}")


def create_app(
    settings: Settings | None = None,
    *,
    any_host: bool = False,
    hosts: Collection[str] = (),
    token: str | None = None,
) -> Starlette:
    """Build the web app.

    Parameters
    ----------
    settings : Settings, optional
        Limits; the defaults suit one person's machine.
    any_host : bool, default=False
        Answer under any host name. Off, only loopback names are answered, in any spelling, which keeps web
        pages of other sites from reaching the app through a name of theirs.
    hosts : collection of str, default=()
        Further names, in lower case, under which the app is answered.
    token : str, optional
        Text that callers must bring: once as ``/?token=...``, which sets a cookie, or in each request as
        ``Authorization: Bearer ...``. None lets everybody in who can reach the server.

    Returns
    -------
    Starlette
        The application.
    """
    settings = settings or Settings()
    api = _Api(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with held_folder(settings.folder) as folder:
            api.queue = JobQueue(settings, folder)
            api.queue.start()
            try:
                yield
            finally:
                await api.queue.stop()

    routes = [
        Route("/", api.page),
        Route("/assets/{name}", api.asset),
        Route("/api/openapi.json", api.schema),
        Route("/health", api.health),
        Route("/api/limits", api.limits),
        Route("/api/model", api.model),
        Route("/api/samples", api.sample, methods=["POST"]),
        Route("/api/jobs", api.history, methods=["GET"]),
        Route("/api/jobs", api.upload, methods=["POST"]),
        Route("/api/jobs/{id}", api.job, methods=["GET"]),
        Route("/api/jobs/{id}", api.delete, methods=["DELETE"]),
        Route("/api/jobs/{id}/{kind}", api.result),
    ]
    guard = Middleware(Guard, any_host=any_host, hosts=hosts, token=token)
    return Starlette(routes=routes, lifespan=lifespan, middleware=[guard])
