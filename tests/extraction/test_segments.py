"""Segments and folders that are not all there: what is missing is told, in the row or in one of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import soundfile

import stcorner
from extraction_files import table, voice, write_tree
from stcorner import Clip


def clip(path: Path, start: float, end: float) -> Clip:
    return Clip(
        path=path, clip_id=f"a@{start:g}@{end:g}", label="happy", subject="1", take="a", modality="audio",
        corpus="mine", start=start, end=end,
    )  # fmt: skip


def test_a_segment_that_ends_beyond_the_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", voice(1.0, 0), 16000)
    clips = [clip(tmp_path / "a.wav", 0.25, 99.0), clip(tmp_path / "a.wav", 0.25, 1.0)]
    run = stcorner.extract(clips, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    beyond, within = (row for row in table(run.features) if row["copy"] is None)
    assert beyond["end"] == pytest.approx(1.0)
    assert "ends at 1.000 s, before the end of the segment, 99 s" in beyond["warnings"]
    assert within["end"] == pytest.approx(1.0)
    assert not [text for text in within["warnings"] if "ends at" in text]
    assert run.n_errors == 0


def test_a_folder_that_cannot_be_listed_is_an_error_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "tree", 4)
    hidden = tmp_path / "tree" / "shut"
    hidden.mkdir()
    true = os.scandir

    def scandir(path: str | Path) -> object:
        if Path(path) == hidden:
            raise PermissionError(13, "Permission denied", str(path))
        return true(path)

    monkeypatch.setattr(os, "scandir", scandir)
    run = stcorner.extract(tmp_path / "tree", tmp_path / "f.parquet", modality="audio", n_jobs=1)
    (row,) = table(run.errors)
    assert row["path"] == "shut"
    assert run.n_errors == 1
