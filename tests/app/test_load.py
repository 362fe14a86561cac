"""The running server under many uploads, and under requests that nobody meant."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def _call(
    address: str, method: str, path: str, body: bytes | None = None, cookie: str | None = None
) -> tuple[int, bytes]:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
    connection.request(method, path, body, {"Cookie": f"stcorner_session={cookie}"} if cookie else {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def test_fifty_uploads_at_once_are_all_answered_in_turn(running: tuple[str, subprocess.Popen[bytes]]) -> None:
    soundfile = pytest.importorskip("soundfile")
    address, process = running
    wave = io.BytesIO()
    soundfile.write(wave, 0.2 * np.sin(np.arange(8000) * 0.06), 16_000, format="WAV")
    before = _resident_mb(process.pid)

    # One session sends 40 clips, ten others send one each: they must not wait for the forty.
    sessions = ["g" * 22] * 40 + [f"{k:022d}" for k in range(10)]
    bodies = [b"<html>not a clip</html>" * 1000] * 46 + [wave.getvalue()] * 4

    def send(order: tuple[str, bytes]) -> tuple[str, int, bytes]:
        session, body = order
        return session, *_call(address, "POST", "/api/jobs?name=a.wav", body, session)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(send, zip(sessions, bodies, strict=True)))
    assert {status for _, status, _ in answers} == {202}

    jobs = [(session, json.loads(data)["id"]) for session, _, data in answers]
    ended: dict[str, Any] = {}
    limit = time.monotonic() + 240
    while len(ended) < len(jobs) and time.monotonic() < limit:
        for session, identity in jobs:
            if identity not in ended:
                job = json.loads(_call(address, "GET", f"/api/jobs/{identity}", cookie=session)[1])
                if job["state"] in {"done", "failed"}:
                    ended[identity] = job
        time.sleep(0.3)
    assert len(ended) == 50
    for (_, identity), body in zip(jobs, bodies, strict=True):
        expected = "done" if body.startswith(b"RIFF") else "failed"
        assert ended[identity]["state"] == expected, ended[identity]
    finished = [ended[identity]["finished"] for _, identity in jobs]
    greedy, modest = sorted(finished[:40]), finished[40:]
    assert max(modest) < greedy[30], "taking turns, the single clips end long before the forty"
    assert _resident_mb(process.pid) - before < 200


def test_api_keeps_to_its_own_description(running: tuple[str, subprocess.Popen[bytes]]) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")
    from hypothesis import HealthCheck, given, settings
    from schemathesis.specs.openapi import checks

    address, _ = running
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json")
    wanted = [
        schemathesis.checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    names = set()
    for operation in (result.ok() for result in schema.get_all_operations()):
        names.add(operation.label)

        # A sample is drawn and described: one request is enough.
        many = 1 if operation.label == "POST /api/samples" else 20

        @given(case=operation.as_strategy())
        @settings(max_examples=many, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def keeps(case: Any) -> None:
            answer = case.call(base_url=address)
            # Refusing a flood is documented, and this is one.
            if answer.status_code not in {429, 503}:
                case.validate_response(answer, checks=wanted)

        keeps()
    assert {"POST /api/jobs", "GET /api/jobs/{id}/{kind}"} <= names


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_nothing_is_left_when_the_server_is_stopped_during_a_job(tmp_path: Path, name: str) -> None:
    """Ctrl-C, ``kill``, and the terminal's window closed."""
    if not hasattr(signal, name):
        pytest.skip("this system has no such signal")
    # Tests that were started in the background ignore some signals, and so would the server, as it should.
    heed = "import signal; [signal.signal(getattr(signal, name), signal.SIG_DFL) for name in sys.argv[1:]]"
    code = f"import sys; {heed}; from stcorner.cli import main; main(['serve', '--port', '0'])"
    with subprocess.Popen(
        [sys.executable, "-c", code, name], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        address = process.stderr.readline().split()[2]
        assert _call(address, "POST", "/api/jobs?name=a.wav", b"RIFF" * 100_000)[0] == 202
        assert list(tmp_path.iterdir())
        process.send_signal(getattr(signal, name))
        try:
            process.wait(60)
        finally:
            process.kill()  # nothing to a process that has ended
    assert list(tmp_path.iterdir()) == []
