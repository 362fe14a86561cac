"""A server in a process of its own, and clients that behave as no browser does."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = """
import json, signal, sys
from pathlib import Path
if hasattr(signal, "SIGHUP"):  # tests run under nohup hand on that it is ignored
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
from stcorner.app import Settings, serve
limits, options = json.loads(sys.argv[1])
if "folder" in limits:
    limits["folder"] = Path(limits["folder"])
serve(Settings(**limits), port=0, ready=lambda address: print(address, flush=True), **options)
"""
SESSION = "s" * 22


class Server:
    """``serve`` with limits, as its own process; `address` is what it says that browsers may open."""

    def __init__(self, limits: dict[str, Any], options: dict[str, Any], **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, json.dumps([limits, options])],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().decode().strip()
        if not self.address:
            raise AssertionError(self.process.communicate()[1].decode())
        self.port = int(self.address.split("?")[0].rstrip("/").rsplit(":", 1)[1])
        limit = time.monotonic() + 20
        while self.call("GET", "/api/limits")[0] not in (200, 401, 421) and time.monotonic() < limit:
            time.sleep(0.05)

    def call(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Ask over a connection of its own; status 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Cookie": f"stcorner_session={SESSION}", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        except (OSError, http.client.HTTPException):
            return 0, b"", {}
        finally:
            connection.close()

    def upload(self, body: bytes, name: str = "clip.wav") -> dict[str, Any]:
        """Upload a clip, which must be taken."""
        status, data, _ = self.call("POST", f"/api/jobs?name={name}", body)
        assert status == 202, (status, data)
        job: dict[str, Any] = json.loads(data)
        return job

    def job(self, identity: str) -> dict[str, Any]:
        """Return what the server says of a job."""
        found: dict[str, Any] = json.loads(self.call("GET", f"/api/jobs/{identity}")[1])
        return found

    def until(self, identity: str, *states: str, seconds: float = 120.0) -> dict[str, Any]:
        """Wait until a job is in one of the states."""
        limit = time.monotonic() + seconds
        while (job := self.job(identity)).get("state") not in states:
            assert time.monotonic() < limit, job
            time.sleep(0.05)
        return job

    def workers(self) -> list[int]:
        """Return the numbers of the processes that read clips now."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and b"stcorner.app.worker" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    def end(self, number: int = signal.SIGTERM, seconds: float = 10.0) -> float:
        """Send a signal and wait; return the seconds that it took."""
        start = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(seconds)
        return time.monotonic() - start


@contextlib.contextmanager
def serving(
    limits: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **environment: str
) -> Iterator[Server]:
    """Run a server for as long as it is needed, and kill it however the test ends."""
    server = Server(limits or {}, options or {}, **environment)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()
        while _STALLED:
            _STALLED.pop().close()


_STALLED: list[socket.socket] = []


def stall(port: int, text: str) -> socket.socket:
    """Send the beginning of a request and no more."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    _STALLED.append(connection)
    connection.sendall(text.replace("\n", "\r\n").encode())
    return connection


def upload_head(length: int, name: str = "clip.wav") -> str:
    """Return the head of an upload of so many bytes."""
    return f"POST /api/jobs?name={name} HTTP/1.1\nHost: localhost\nContent-Length: {length}\n\n"


def sound(seconds: float, seed: int = 0) -> bytes:
    """Return a file of a voice-like noise, whose bytes are found again wherever they lie."""
    n = int(seconds * 16_000)
    samples = 3000 * np.sin(np.arange(n) * 0.07) + 500 * np.random.default_rng(seed).standard_normal(n)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def files_with(folder: Path, piece: bytes) -> list[Path]:
    """Return every file below a folder in which a piece of a clip stands."""
    return [path for path in folder.rglob("*") if path.is_file() and piece in path.read_bytes()]
