"""Two hundred uploads, some hostile, some stalled, workers killed meanwhile: all answered, all gone."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the app needs stcorner[app]")

from served import serving, sound, stall, upload_head

if TYPE_CHECKING:
    from served import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes and memory by /proc"),
]


def resident_mb(server: Server) -> float:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def hostile(k: int) -> bytes:
    """Return what no decoder likes: text, a cut file, a header that lies, noise behind a known magic."""
    good = sound(0.5)
    lies = good[:40] + b"\xff\xff\xff\x7f" + good[44:]
    return (b"<html>" * 999, good[:60], lies, b"\x1aE\xdf\xa3" + random.Random(k).randbytes(5000))[k % 4]


def ended(server: Server, jobs: set[str], seconds: float, kill: int = 0) -> dict[str, str]:
    """Wait for jobs, killing so many workers on the way; return the states."""
    states: dict[str, str] = {}
    limit, chance = time.monotonic() + seconds, random.Random(1)
    while len(states) < len(jobs) and time.monotonic() < limit:
        for job in json.loads(server.call("GET", "/api/jobs")[1])["jobs"]:
            if job["state"] in {"done", "failed"}:
                states[job["id"]] = job["state"]
        workers = server.workers()
        if kill and workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
                kill -= 1
        time.sleep(0.5)
    return states


def test_everybody_is_answered_and_nothing_stays(tmp_path: Path) -> None:
    limits = {"max_waiting": 300, "uploads_per_minute": 1000, "body_pause": 5.0, "keep_seconds": 600.0}
    with serving({"folder": str(tmp_path), "job_timeout": 120.0, **limits}) as server:
        before = resident_mb(server)
        slow = [stall(server.port, upload_head(10**6) + "RIFF") for _ in range(20)]
        bodies = [hostile(k) for k in range(20)] + [sound(0.3, seed=k) for k in range(160)]
        random.Random(0).shuffle(bodies)
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda body: server.call("POST", "/api/jobs?name=a.wav", body), bodies))
        assert [status for status, _, _ in answers] == [202] * 180
        jobs = {json.loads(data)["id"] for _, data, _ in answers}
        for connection in slow:
            assert connection.recv(12) == b"HTTP/1.1 408"
            connection.close()
        states = ended(server, jobs, 1800, kill=10)
        assert set(states) == jobs
        failed = sum(state == "failed" for state in states.values())
        assert 10 <= failed <= 30, "the hostile ones that are no sound, and those whose workers were killed"
        assert not [path for path in tmp_path.rglob("clip*")]
        assert resident_mb(server) - before < 100
        assert server.end() < 5
    assert list(tmp_path.iterdir()) == []


def test_a_thousand_small_jobs(tmp_path: Path) -> None:
    limits = {"max_waiting": 1000, "uploads_per_minute": 2000, "max_kept": 100}
    with serving({"folder": str(tmp_path), **limits}) as server:
        before = resident_mb(server)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda k: server.call("POST", "/api/jobs", b"x" * k), range(1, 1001)))
        assert {status for status, _, _ in answers} == {202}
        limit = time.monotonic() + 1800
        while server.workers() or any(
            job["finished"] is None for job in json.loads(server.call("GET", "/api/jobs")[1])["jobs"]
        ):
            assert time.monotonic() < limit
            time.sleep(1.0)
        jobs = json.loads(server.call("GET", "/api/jobs")[1])["jobs"]
        assert len(jobs) == len(list(tmp_path.iterdir())) == 100, "the newest"
        assert {job["state"] for job in jobs} == {"failed"}
        assert resident_mb(server) - before < 60
        assert server.end() < 5
    assert list(tmp_path.iterdir()) == []
