"""A running app for one test module."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("starlette", reason="the app needs stcorner[app]")


@pytest.fixture
def wait() -> Callable[..., Any]:
    """Poll a job until it is done or failed."""

    def wait_for(client: Any, job: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = client.get(f"/api/jobs/{job['id']}").json()
            if found["state"] in {"done", "failed"}:
                return found
            time.sleep(0.1)
        raise AssertionError(f"job did not end within {seconds} s: {found}")

    return wait_for


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start ``stcorner serve`` as a person would; gives its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"from stcorner.cli import main; main(['serve', '--port', '{port}'])"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{address}/api/limits", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield address, process
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def server(running: tuple[str, subprocess.Popen[bytes]]) -> str:
    return running[0]
