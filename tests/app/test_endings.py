"""However a job or a server ends, no clip stays on the disk."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stcorner.app.folders import held_folder

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("starlette", reason="the app needs stcorner[app]")

from served import Server, files_with, serving, sound, stall, upload_head

linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc, and locks by flock")
CLIP = sound(120.0)
PIECE = CLIP[4000:4100]
MODEL = str(Path(__file__).parents[1] / "golden" / "format-1-audio.stcorner")


def by_itself(server: Server, identity: str) -> None:
    assert server.until(identity, "done", "failed")["state"] == "done"


def cancelled(server: Server, identity: str) -> None:
    server.until(identity, "running")
    assert server.call("DELETE", f"/api/jobs/{identity}")[0] == 204
    assert server.call("GET", f"/api/jobs/{identity}")[0] == 404
    assert server.workers() == []


def killed(server: Server, identity: str) -> None:
    while not server.workers():
        time.sleep(0.01)
    time.sleep(0.5)  # into the work
    for number in server.workers():
        os.kill(number, signal.SIGKILL)
    assert "ended unexpectedly (status -9)" in server.until(identity, "failed")["error"]


def stopped(server: Server, identity: str) -> None:
    while not server.workers():
        time.sleep(0.01)
    os.kill(server.workers()[0], signal.SIGSTOP)
    assert "longer than 4 s" in server.until(identity, "failed")["error"]


@linux
@pytest.mark.parametrize(
    ("end", "limits"),
    [(by_itself, {"model": MODEL}), (cancelled, {}), (killed, {}), (stopped, {"job_timeout": 4.0})],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_clip_goes_with_its_job(
    tmp_path: Path, end: Callable[[Server, str], None], limits: dict[str, Any]
) -> None:
    with serving({"folder": str(tmp_path), "n_workers": 1, **limits}) as server:
        clip = sound(2.0) if end is by_itself else CLIP
        job = server.upload(clip)
        assert files_with(tmp_path, clip[4000:4100])
        end(server, job["id"])
        assert files_with(tmp_path, clip[4000:4100]) == []
        left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
        assert left <= {"report.html", "features.csv", "features.json", "features.parquet"}
        assert end is by_itself or left == set()


def test_a_clip_that_cannot_be_read_goes_with_its_job(tmp_path: Path) -> None:
    with serving({"folder": str(tmp_path)}) as server:
        job = server.upload(b"<html>" + PIECE * 100, "clip.mp4")
        assert server.until(job["id"], "failed")["error"].startswith("clip.mp4 ")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_server_stops_soon_whatever_clients_do(tmp_path: Path, number: int) -> None:
    with serving({"folder": str(tmp_path), "n_workers": 1}) as server:
        server.upload(CLIP)
        open_ends = [stall(server.port, upload_head(10**6) + "x" * 2000) for _ in range(3)]
        open_ends += [stall(server.port, "GET / HTTP/1.1\nHost: loc"), stall(server.port, "")]
        time.sleep(1.0)
        assert len(list(tmp_path.iterdir())) == 4
        assert server.end(number) < 5.0
        assert list(tmp_path.iterdir()) == []
        for connection in open_ends:
            connection.close()


@linux
def test_the_next_server_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    with serving({"folder": str(tmp_path), "n_workers": 1}) as server:
        server.upload(CLIP)
        server.upload(CLIP)
        cut = stall(server.port, upload_head(10**6) + PIECE.hex())
        while not server.workers():
            time.sleep(0.01)
        worker = server.workers()[0]
        server.end(signal.SIGKILL)
        cut.close()
        limit = time.monotonic() + 10
        while Path(f"/proc/{worker}").exists() and time.monotonic() < limit:
            time.sleep(0.05)
        assert not Path(f"/proc/{worker}").exists(), "a worker ends with its server"
    assert files_with(tmp_path, PIECE), "nobody was left to delete what waited"
    (scratch := tmp_path / ("t" * 22) / ".scratch" / "sample").mkdir(parents=True)
    (scratch / "tmpk3j_x1").write_bytes(PIECE)
    (scratch.parent.parent / ".report.html.u1").write_bytes(PIECE)
    mine = tmp_path / "my notes"
    mine.mkdir()
    (mine / "clip.wav").write_text("mine")
    other = tmp_path / ("k" * 22)
    other.mkdir()
    (other / "letter.txt").write_text("mine too")
    (own := tmp_path / ("g" * 22) / ".git").mkdir(parents=True)
    (link := tmp_path.with_name(f"{tmp_path.name} link")).symlink_to(tmp_path)
    with serving({"folder": str(link)}) as server:
        assert server.call("GET", "/api/jobs")[0] == 200
        assert sorted(path.name for path in tmp_path.iterdir()) == ["g" * 22, "k" * 22, "my notes"]
        assert own.is_dir()
    assert (other / "letter.txt").read_text() == "mine too"


@linux
def test_the_next_server_clears_the_temporary_folder_of_a_killed_one(tmp_path: Path) -> None:
    stranger = tmp_path / "stcorner-app-link"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "clip").write_text("kept")
    stranger.symlink_to(tmp_path / "elsewhere")
    with serving(TMPDIR=str(tmp_path)) as alive, serving(TMPDIR=str(tmp_path)) as killed_one:
        for server in (alive, killed_one):
            server.upload(CLIP)
        assert len(list(tmp_path.glob("stcorner-app-*"))) == 3
        killed_one.end(signal.SIGKILL)
        with serving(TMPDIR=str(tmp_path)) as after:
            folders = [path for path in tmp_path.glob("stcorner-app-*") if not path.is_symlink()]
            assert len(folders) == 2, "that of the server that runs, and the new one"
            assert after.end(signal.SIGTERM) < 5
        assert alive.end(signal.SIGTERM) < 5
    assert [path.name for path in tmp_path.glob("stcorner-app-*")] == ["stcorner-app-link"]
    assert (tmp_path / "elsewhere" / "clip").read_text() == "kept"


@linux
def test_two_servers_may_share_a_folder(tmp_path: Path) -> None:
    job = tmp_path / ("j" * 22)
    with held_folder(tmp_path):
        job.mkdir()
        (job / "clip.wav").touch()
        with held_folder(tmp_path):
            assert (job / "clip.wav").exists(), "the first one may still need it"
    with held_folder(tmp_path):
        assert not job.exists()


@linux
@pytest.mark.slow
def test_twenty_random_kills_under_load_leave_no_clip(tmp_path: Path) -> None:
    chance, clip = random.Random(20), sound(20.0, seed=5)
    piece = clip[5000:5100]
    hit = 0
    for _ in range(10):
        with serving({"folder": str(tmp_path), "n_workers": 2}) as server:
            assert files_with(tmp_path, piece) == [], "the start clears the folder"
            jobs = [server.upload(clip, f"{k}.wav")["id"] for k in range(6)]
            cut = stall(server.port, upload_head(10**7) + "x" * 9000)
            while not server.workers():
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 1.5))
            victim = chance.choice(server.workers() or [server.process.pid])
            os.kill(victim, signal.SIGKILL)
            if victim != server.process.pid:
                limit = time.monotonic() + 60
                states = {"waiting"}
                while "failed" not in states and states != {"done"}:  # it may have answered before its end
                    assert time.monotonic() < limit
                    time.sleep(0.02)
                    states = {server.job(one)["state"] for one in jobs}
                hit += "failed" in states
            time.sleep(chance.uniform(0.0, 0.5))
            server.end(signal.SIGKILL)
            cut.close()
    with serving({"folder": str(tmp_path)}) as server:
        assert server.call("GET", "/api/jobs")[0] == 200
        assert list(tmp_path.iterdir()) == []
        assert server.end() < 5
    assert hit, "no kill met a running job"
