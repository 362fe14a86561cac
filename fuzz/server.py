"""Requests for the app, well formed or not, in pieces of any size: an answer of ours, and nothing left."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from fuzz.source import Source

__all__ = ["http"]

METHODS = ("GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS", "CONNECT", "get", "G\u00e9T", "")
PATHS = (
    "/",
    "/api/jobs",
    "/api/jobs?name=a.wav",
    "/api/jobs?name=%0d%0aX:%20y",
    "/api/jobs?name=..%2f..%2fetc",
    "/api/limits",
    "/api/jobs/x",
    "/api/jobs/../x",
    "/api/jobs/%00",
    "/api/jobs/x/report.html",
    "/assets/app.js",
    "/assets/../server.py",
    "/assets/%2e%2e/server.py",
    "//evil.example/",
    "http://evil.example/",
    "*",
    "",
    "/?token=",
    "/api/openapi.json",
    "/" + "a" * 3000,
    "/\x7f",
    "/\u00ff",
)
HEADERS = (
    "Host: localhost",
    "Host: evil.example",
    "Host: localhost:99999",
    "Host:",
    "Host: [::1",
    "Origin: null",
    "Origin: http://localhost",
    "Origin: http://evil.example",
    "Content-Length: 3",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content-Length: 3\r\nContent-Length: 4",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "Expect: 100-continue",
    "Connection: close",
    "Connection: Upgrade\r\nUpgrade: websocket",
    "Cookie: stcorner_session=" + "s" * 22,
    "Cookie: stcorner_session=\x1b",
    "Cookie: ;;=;",
    "Range: bytes=0-1,2-3",
    "X-Forwarded-For: 1.2.3.4",
    "Authorization: Bearer \u00e9",
    "Sec-Fetch-Site: cross-site",
    "X: " + "y" * 3000,
    "X\x00: y",
    ": y",
    " folded",
    "Accept: text/html\r\n\tfolded",
)
BODIES = (
    b"",
    b"RIF",
    b"3\r\nRIF\r\n0\r\n\r\n",
    b"3\r\nRI",
    b"-1\r\n",
    b"zz\r\n",
    b"x" * 3000,
    b"GET / HTTP/1.1\r\n\r\n",
)
ANSWERS = {200, 202, 204, 206, 303, 307, 400, 401, 403, 404, 405, 408, 409, 413, 416, 421, 429, 431, 503, 507}


class Transport(asyncio.Transport):
    """Where answers are kept instead of being sent."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 80)})
        self.sent, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_protocol(self, protocol: Any) -> None:
        raise AssertionError("the app speaks nothing but HTTP")


def request(source: Source) -> bytes:
    """Draw a request: a line, headers and a body that need not fit each other."""
    if source.byte() % 8 == 0:
        return bytes(source.byte() for _ in range(source.byte()))
    version = source.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1", ""))
    lines = [f"{source.choice(METHODS)} {source.choice(PATHS)} {version}"]
    if source.byte() % 8:
        lines.append("Host: localhost")
    lines += [source.choice(HEADERS) for _ in range(source.byte() % 6)]
    ending = source.choice(("\r\n", "\r\n", "\r\n", "\n"))
    return (ending.join(lines) + 2 * ending).encode("latin-1", "replace") + source.choice(BODIES)


async def _talk(pieces: list[bytes], folder: Path, token: str | None) -> bytes:
    import uvicorn
    from uvicorn.server import ServerState

    from stcorner.app import Settings, create_app
    from stcorner.app.jobs import JobQueue
    from stcorner.app.protocol import patient_protocol

    faults: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: faults.append(about))
    settings = Settings(folder=folder, max_upload_bytes=1000, uploads_per_minute=10**6)
    protocol = patient_protocol(head_timeout=5.0, pause=5.0, max_connections=10)
    with mock.patch.object(JobQueue, "start", return_value=None):  # nothing is decoded here
        app = create_app(settings, token=token)
        async with app.router.lifespan_context(app):
            config = uvicorn.Config(app, http=protocol, ws="none", log_level="critical", access_log=False)
            config.load()
            connection = protocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
            transport = Transport()
            connection.connection_made(transport)
            for piece in pieces:
                if transport.closed:
                    break
                connection.data_received(piece)
                for _ in range(20):
                    await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            connection.connection_lost(None)
            for _ in range(50):
                await asyncio.sleep(0)
            tasks = list(connection.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            jobs = [path for path in folder.rglob("*") if path.is_dir()]
            assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", job.name) and job.parent == folder for job in jobs)
    assert not faults, faults
    return transport.sent


def http(source: Source) -> None:
    """Send up to three requests over one connection, in pieces."""
    logging.disable(logging.CRITICAL)
    data = b"".join(request(source) for _ in range(1 + source.byte() % 3))
    size = 1 + source.byte() * 16
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    token = "t" * 16 if source.byte() % 8 == 0 else None
    with tempfile.TemporaryDirectory() as place, contextlib.suppress(UnicodeError):
        folder = Path(place) / "jobs"
        sent = asyncio.run(_talk(pieces, folder, token))
        assert list(Path(place).iterdir()) == [folder]
        assert list(folder.iterdir()) == [], "what was taken goes with the server"
    for status in re.findall(rb"HTTP/1\.1 ([0-9]{3})", sent):
        assert int(status) in {*ANSWERS, 100}, sent[:300]
    assert b"\r\nX: y\r\n" not in sent
