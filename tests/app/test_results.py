"""What comes out of the app names the clip as its user did, and nothing of the server's folders."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the app needs stcorner[app]")

import stcorner
from served import serving, sound

MODEL = str(Path(__file__).parents[1] / "golden" / "format-1-audio.stcorner")


def test_results_name_the_clip_as_it_was_uploaded(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    clip = stcorner.make_corpus(tmp_path / "made", n_actors=1, n_takes=1)[0].path
    with serving({"folder": str(tmp_path / "inner"), "model": MODEL}) as server:
        job = server.until(server.upload(clip.read_bytes(), "our%20talk.mp4")["id"], "done", "failed")
        assert job["state"] == "done", job
        found = {kind: server.call("GET", f"/api/jobs/{job['id']}/{kind}")[1] for kind in job["results"]}
    assert set(found) == {"report.html", "features.csv", "features.json", "features.parquet"}
    table = parquet.read_table(io.BytesIO(found["features.parquet"])).to_pylist()
    rows = [next(csv.DictReader(io.StringIO(found["features.csv"].decode())))]
    for row in (*rows, *json.loads(found["features.json"]), *table):
        assert row["file"] == "our talk.mp4"
        text = json.dumps(row)
        assert str(tmp_path) not in text
        assert job["id"] not in text
        assert "clip.mp4" not in text
    for data in found.values():
        for secret in (str(tmp_path), job["id"], "clip.mp4"):
            assert secret.encode() not in data
    assert b"our talk.mp4" in found["report.html"]


def test_many_ranges_cost_nothing(tmp_path: Path) -> None:
    with serving({"folder": str(tmp_path), "model": MODEL}) as server:
        job = server.until(server.upload(sound(3.0))["id"], "done", "failed")
        ranges = "bytes=" + ",".join(f"{k}-{k}" for k in range(0, 6000, 2))
        start = time.monotonic()
        status, _, _ = server.call("GET", f"/api/jobs/{job['id']}/report.html", None, Range=ranges[:15000])
        assert status in (200, 206, 400, 416)
        assert time.monotonic() - start < 1.0
