"""A folder at a glance, and every face of a clip."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

import stcorner
from stcorner.cli import main
from stcorner.report.build import report_folder
from two_faces import side_by_side

if TYPE_CHECKING:
    from pathlib import Path


def test_failures_stand_first_and_each_clip_has_a_page(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "Gespräche"
    (root / "p 02").mkdir(parents=True)
    clip = sorted(small_corpus.rglob("01-*.mp4"))[0]
    shutil.copy(clip, root / "p 02" / "größer & <b>.mp4")
    (root / "bad.mp4").write_text("no film")
    out = tmp_path / "all.html"
    with pytest.raises(SystemExit, match="1"):
        main(["report", str(root), "-o", str(out), "--no-decide"])
    assert "bad: bad.mp4 is not a readable media file" in capsys.readouterr().err
    text = out.read_text()
    assert re.findall(r"<h2>(?:<a[^>]*>)?([^<]+)", text)[:2] == ["bad", "p 02/größer &amp; &lt;b&gt;"]
    (link,) = re.findall(r'<h2><a href="([^"]+)"', text)
    assert unquote(link) == "all/p 02/größer & <b>.html"
    assert "größer &amp; &lt;b&gt;.mp4" in (tmp_path / unquote(link)).read_text()
    assert text.count('<img src="data:image/jpeg;base64,') == 1
    assert "2 clips, 1 could not be read" in text


def test_the_report_names_all_faces(small_corpus: Path, tmp_path: Path) -> None:
    clips = sorted(small_corpus.rglob("01-*.mp4"))
    film = side_by_side(clips[0], clips[-1], tmp_path / "zwei.mp4")
    report = stcorner.build_report(film, tmp_path / "r.html", face=1)
    assert report is not None
    assert [(person["face_id"], person["shown"]) for person in report.people] == [(0, False), (1, True)]
    assert (
        report.warnings[0]
        == "2 faces were found (0, 1). The curves describe face 1. Choose another with --face."
    )
    text = (tmp_path / "r.html").read_text()
    assert "<h2>Faces</h2>" in text
    assert '<th scope="row">1 (shown)</th>' in text
    absent = stcorner.build_report(film, tmp_path / "r.html", face=5)
    assert absent is not None
    assert "Face 5 was not found, there is 0, 1." in absent.warnings


def test_pages_replace_no_page_of_another_and_none_of_each_other(tmp_path: Path) -> None:
    root = tmp_path / "talks"
    (root / "sub").mkdir(parents=True)
    for name in ("x.wav", "sub/x.wav", "y.wav"):
        soundfile.write(root / name, 0.1 * np.sin(np.arange(8000) * 0.05), 16000)
    (root / "y.html").write_text("a transcript")
    for _ in range(2):
        rows = report_folder(root, tmp_path / "talks.html", root=root / "sub")
        assert {row["clip_id"]: row["link"] for row in rows} == {
            "../y": None, "x": "talks/x.html", "../x": "talks/x-.html",
        }  # fmt: skip
    assert "no report of ours" in rows[0]["warnings"][0]
    assert (root / "y.html").read_text() == "a transcript"


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_a_name_in_another_encoding_has_a_link(tmp_path: Path) -> None:
    root = tmp_path / "talks"
    root.mkdir()
    soundfile.write(tmp_path / "x.wav", 0.1 * np.sin(np.arange(8000) * 0.05), 16000)
    shutil.copy(tmp_path / "x.wav", root / os.fsdecode(b"caf\xe9.wav"))
    (row,) = report_folder(root, tmp_path / "index.html")
    assert row["link"] == "index/caf%E9.html"
    assert 'href="index/caf%E9.html"' in (tmp_path / "index.html").read_text()
