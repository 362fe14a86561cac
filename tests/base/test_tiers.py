"""Tiers go out and come in again as they were, and other programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stcorner._base.tiers import Span, check_tier_path, read_tiers, write_tiers
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

TIERS = {
    "emotion, face 0": [Span(0.0, 1.0, "fröhlich"), Span(1.5, 2.25, 'sad "quoted"')],
    "f0 in Hz": [Span(0.5, 2.5, "182")],
}


@pytest.mark.parametrize("ending", ["TextGrid", "eaf"])
def test_what_is_written_is_read(tmp_path: Path, ending: str) -> None:
    pytest.importorskip("praatio" if ending == "TextGrid" else "pympi", reason="needs stcorner[tiers]")
    file = tmp_path / f"Größe.{ending}"
    write_tiers(file, TIERS, end=2.5, media=tmp_path / "clip.mp4")
    assert read_tiers(file) == TIERS


def test_praat_reads_the_textgrid(tmp_path: Path) -> None:
    pytest.importorskip("praatio", reason="needs stcorner[tiers]")
    parselmouth = pytest.importorskip("parselmouth", reason="needs stcorner[bench]")
    write_tiers(tmp_path / "a.TextGrid", TIERS, end=2.5)
    grid = parselmouth.read(str(tmp_path / "a.TextGrid"))
    count = [parselmouth.praat.call(grid, "Get number of intervals", tier) for tier in (1, 2)]
    assert count == [4, 2], "spans and the gaps between them"
    assert parselmouth.praat.call(grid, "Get label of interval", 1, 1) == "fröhlich"
    assert parselmouth.praat.call(grid, "Get total duration") == 2.5


def test_subtitles_hold_every_span(tmp_path: Path) -> None:
    webvtt = pytest.importorskip("webvtt", reason="needs stcorner[tiers]")
    write_tiers(tmp_path / "a.vtt", TIERS, end=2.5)
    found = [(caption.start, caption.end, caption.text) for caption in webvtt.read(tmp_path / "a.vtt")]
    assert found == [
        ("00:00:00.000", "00:00:01.000", "emotion, face 0: fröhlich"),
        ("00:00:00.500", "00:00:02.500", "f0 in Hz: 182"),
        ("00:00:01.500", "00:00:02.250", 'emotion, face 0: sad "quoted"'),
    ]


def test_csv_of_spreadsheets_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("\ufeffStart;End;Label\n0,5;1,25;Freude\n2;3;\n", encoding="utf-8")
    assert read_tiers(file) == {"label": [Span(0.5, 1.25, "Freude")]}
    file.write_text("start,end,label,tier\n0,1,a,one\n0,2,b,two\n")
    assert read_tiers(file) == {"one": [Span(0.0, 1.0, "a")], "two": [Span(0.0, 2.0, "b")]}


def test_files_that_are_no_annotations_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    for text, told in (
        (
            "begin,label\n1,a\n",
            r"must have the columns start, end and label, got none named \['start', 'end'\]",
        ),
        ("start,end,label\n2,1,a\n", "end after they start, got 2 to 1 s"),
        ("start,end,label\nx,1,a\n", "could not convert string to float"),
    ):
        file.write_text(text)
        with pytest.raises(DatasetError, match=told):
            read_tiers(file)
    with pytest.raises(DatasetError, match=r"none\.csv cannot be read: No such file"):
        read_tiers(tmp_path / "none.csv")
    with pytest.raises(ParameterError, match=r"annotations must end in \.TextGrid, \.eaf, \.csv, got"):
        read_tiers(tmp_path / "a.txt")
    with pytest.raises(ParameterError, match=r"--output must end in \.TextGrid, \.eaf, \.vtt, got"):
        check_tier_path("--output", tmp_path / "a.srt")


@pytest.mark.parametrize("name", ["none.eaf", "none.TextGrid", "bad.eaf", "bad.TextGrid"])
def test_damaged_files_name_themselves(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pympi" if name.endswith("eaf") else "praatio", reason="needs stcorner[tiers]")
    if name.startswith("bad"):
        (tmp_path / name).write_text("<this is no tier")
    with pytest.raises(DatasetError, match=name.replace(".", r"\.")):
        read_tiers(tmp_path / name)
