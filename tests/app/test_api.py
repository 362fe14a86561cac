"""The app's API: what it accepts, what it refuses, and that nothing stays behind."""

from __future__ import annotations

import errno
import io
import wave
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from stcorner.app import Settings, create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def client_of(folder: Path, **limits: Any) -> Any:
    return TestClient(create_app(Settings(folder=folder, **limits)), base_url="http://localhost")


def upload(client: Any, data: bytes = b"not a clip", name: str = "clip.mp4", **headers: Any) -> Any:
    return client.post("/api/jobs", params={"name": name}, content=data, headers=headers)


def test_html_named_mp4_is_refused_with_a_reason_and_leaves_nothing(
    folder: Path, wait: Callable[..., Any]
) -> None:
    with client_of(folder) as client:
        answer = upload(client, b"<html><script>alert(1)</script></html>", name="my interview.mp4")
        assert answer.status_code == 202
        job = wait(client, answer.json())
        assert job["state"] == "failed"
        assert job["error"].startswith("my interview.mp4 is not a readable media file")
        assert str(folder) not in job["error"], "a client learns nothing of the server's folders"
        left = [p for p in folder.rglob("*") if p.is_file()]
        assert left == []
        assert client.delete(f"/api/jobs/{job['id']}").status_code == 204
        assert client.get(f"/api/jobs/{job['id']}").status_code == 404
        assert list(folder.iterdir()) == []


def test_declared_size_is_refused_before_the_body_is_read(folder: Path) -> None:
    with client_of(folder) as client:
        answer = upload(client, b"x", **{"content-length": str(2 * 1024**3)})
        assert answer.status_code == 413
        assert "2147483648 were declared" in answer.json()["error"]
        assert list(folder.iterdir()) == []


def test_a_body_that_grows_past_the_limit_is_cut(folder: Path) -> None:
    def endless() -> Iterator[Any]:
        for _ in range(40):
            yield b"x" * 1000

    with client_of(folder, max_upload_bytes=10_000) as client:
        answer = client.post("/api/jobs", content=endless())
        assert answer.status_code == 413
        assert list(folder.iterdir()) == []


def test_empty_body(folder: Path) -> None:
    with client_of(folder) as client:
        assert upload(client, b"").status_code == 400
        assert list(folder.iterdir()) == []


def test_a_cancelled_upload_leaves_nothing(folder: Path) -> None:
    def cut_off() -> Iterator[bytes]:
        yield b"x" * 1000
        raise ClientDisconnect

    with client_of(folder) as client, pytest.MonkeyPatch.context() as patch:

        async def stream(_: Any) -> Any:
            for chunk in cut_off():
                yield chunk

        patch.setattr("starlette.requests.Request.stream", stream)
        assert upload(client).status_code == 400
        assert list(folder.iterdir()) == []


def test_a_full_disk_is_said_and_left_no_fuller(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(folder) as client:

        def write(_: Any, *arguments: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("stcorner.app.server.asyncio.to_thread", write)
        answer = upload(client)
        assert answer.status_code == 507
        assert answer.json()["error"].endswith("No space left on device")
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\evil.mp4", "/etc/shadow", "a" * 5000, "x\x00\n.mp4"]
)
def test_names_never_leave_the_folder(folder: Path, name: str, wait: Callable[..., Any]) -> None:
    with client_of(folder) as client:
        job = upload(client, name=name).json()
        assert "/" not in job["name"]
        assert "\\" not in job["name"]
        assert len(job["name"]) <= 120
        assert job["name"].isprintable()
        assert wait(client, job)["state"] == "failed"
        assert {p.parent for p in folder.rglob("*")} <= {folder, folder / job["id"]}


def test_uploads_per_minute(folder: Path) -> None:
    with client_of(folder, uploads_per_minute=2, max_waiting=10) as client:
        codes = [upload(client).status_code for _ in range(3)]
        assert codes == [202, 202, 429]


def test_full_queue_asks_to_come_back(folder: Path) -> None:
    with client_of(folder, max_waiting=0) as client:
        answer = upload(client)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


def test_sessions_do_not_see_each_other(folder: Path, wait: Callable[..., Any]) -> None:
    with client_of(folder) as one:
        job = upload(one).json()
        wait(one, job)
        cookie = one.cookies.get("stcorner_session")
        one.cookies.clear()
        assert one.get(f"/api/jobs/{job['id']}").status_code == 404
        assert one.get("/api/jobs").json() == {"jobs": []}
        one.cookies.clear()
        one.cookies.set("stcorner_session", cookie)
        assert [row["id"] for row in one.get("/api/jobs").json()["jobs"]] == [job["id"]]


def test_a_cookie_that_is_not_ours_is_replaced(folder: Path) -> None:
    with client_of(folder) as client:
        answer = client.get("/", headers={"cookie": "stcorner_session=of an older version"})
        assert "stcorner_session=" in answer.headers["set-cookie"]


def test_a_job_lists_the_results_that_can_be_fetched(folder: Path, wait: Callable[..., Any]) -> None:
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    with client_of(folder) as client:
        assert upload(client).json()["results"] == []
        job = wait(client, upload(client, silence.getvalue(), name="silence.wav").json())
        assert job["results"] == ["report.html"], "no model decides on silence: there is nothing to download"
        answer = client.get(f"/api/jobs/{job['id']}/features.csv")
        assert answer.status_code == 404
        assert "no decision" in answer.json()["error"]


def test_other_sites_are_kept_out(folder: Path) -> None:
    with client_of(folder) as client:
        assert client.get("/", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/", headers={"host": "testserver"}).status_code == 421
        assert upload(client, origin="https://evil.example").status_code == 403
        assert upload(client, origin="http://localhost").status_code == 202
    with TestClient(create_app(Settings(folder=folder), any_host=True)) as client:
        assert client.get("/", headers={"host": "lab.example"}).status_code == 200


def test_page_allows_no_foreign_resource(folder: Path) -> None:
    with client_of(folder) as client:
        page = client.get("/")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "stcorner_session" in page.headers["set-cookie"]
        assert "HttpOnly" in page.headers["set-cookie"]
        for name in ("app.js", "app.css"):
            assert client.get(f"/assets/{name}").status_code == 200
        assert client.get("/assets/../server.py").status_code == 404


def test_a_job_that_takes_too_long_is_ended(folder: Path, wait: Callable[..., Any]) -> None:
    with client_of(folder, job_timeout=0.05) as client:
        job = wait(client, upload(client).json())
        assert job["state"] == "failed"
        assert "longer than 0.05 s" in job["error"]


def test_a_crash_harms_no_other_job(
    folder: Path, wait: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:

    with client_of(folder, n_workers=1) as client:
        # An interpreter that dies at once stands for a decoder that takes its process down.
        monkeypatch.setattr("sys.executable", "/bin/false")
        crashed = wait(client, upload(client).json())
        assert crashed["state"] == "failed"
        assert "ended unexpectedly (status 1)" in crashed["error"]
        monkeypatch.undo()
        assert "ended unexpectedly" not in wait(client, upload(client).json())["error"]


def test_turns_are_taken_between_sessions(tmp_path: Path) -> None:
    from stcorner.app.jobs import JobQueue

    (tmp_path / "jobs").mkdir()
    queue = JobQueue(Settings(), tmp_path / "jobs")
    for k in range(3):
        queue.submit(queue.new("greedy", f"g{k}"))
    queue.submit(queue.new("modest", "m0"))
    order = [queue._next().name for _ in range(4)]
    assert order == ["g0", "m0", "g1", "g2"]
    assert queue._next() is None


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="n_workers must be >= 1, got 0"):
        Settings(n_workers=0)
    with pytest.raises(ValueError, match="max_duration must be finite and > 0, got 0"):
        Settings(max_duration=0)


def test_a_sample_clip_gives_a_report(folder: Path, wait: Callable[..., Any]) -> None:
    with client_of(folder) as client:
        job = client.post("/api/samples").json()
        found = wait(client, job)
        assert (found["state"], found["error"], found["name"]) == ("done", None, "sample.mp4")
        page = client.get(f"/api/jobs/{job['id']}/report.html").text
        assert "Where the face moves most" in page
        assert client.get("/api/model").json()["name"] == "ravdess-av"


def test_health_needs_no_token_and_the_log_names_jobs(
    folder: Path, wait: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(folder=folder, max_waiting=0)
    with TestClient(create_app(settings, token="t" * 32), base_url="http://localhost") as client:
        answer = client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "busy")
        assert client.get("/api/limits").status_code == 401
    caplog.set_level("INFO", logger="stcorner")
    with client_of(folder) as client:
        assert client.get("/health").json() == {"status": "ok", "waiting": 0, "running": 0}
        job = wait(client, upload(client, b"no clip", name="secret.mp4").json())
    told = [record.message for record in caplog.records if record.name == "stcorner.app.jobs"]
    assert [text.split(" after")[0] for text in told] == [
        f"job {job['id']}: waits, 0 before it", f"job {job['id']}: starts", f"job {job['id']}: failed",
    ]  # fmt: skip
    assert "secret" not in caplog.text
