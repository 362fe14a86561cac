"""Folders as they are on disks: what cannot be listed or named has a row."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from stcorner.corpora import load_folder
from stcorner.corpora.clip import (
    AUDIO_SUFFIXES,
    VIDEO_SUFFIXES,
    SkippedFile,
    canonical_label,
    find_files,
    find_media,
)
from stcorner.errors import DatasetError, ParameterError
from wave_bytes import wav_bytes

SOUND = wav_bytes(np.zeros(800))


def tree(root: Path) -> Path:
    for emotion in ("happy", "sad", "angry"):
        folder = root / emotion / "anna"
        folder.mkdir(parents=True)
        for name in ("a.wav", "b.wav"):
            (folder / name).write_bytes(SOUND)
    return root


def forbid(monkeypatch: pytest.MonkeyPatch, forbidden: Path) -> None:
    """Let a folder refuse to be listed, for whoever runs the tests."""
    true = os.scandir

    def scandir(path: str) -> object:
        if Path(path) == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return true(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_cannot_be_listed_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "corpus")
    forbid(monkeypatch, root / "sad" / "anna")
    unlisted: list[SkippedFile] = []
    assert len(find_files(root, unlisted=unlisted)) == 4
    assert [(row.path, row.reason) for row in unlisted] == [
        (root / "sad" / "anna", "the folder cannot be listed: Permission denied")
    ]
    clips = load_folder(root)
    assert len(clips) == 4
    assert [row.reason for row in clips.skipped] == ["the folder cannot be listed: Permission denied"]


def test_a_root_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "corpus")
    forbid(monkeypatch, root)
    with pytest.raises(DatasetError, match=r"must be a folder to be listed, .*Permission denied"):
        find_files(root)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_paths_that_are_too_long_have_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "corpus")
    monkeypatch.chdir(root / "sad")
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
        Path("deep.wav").write_bytes(SOUND)
    os.chdir(root)
    skipped: list[SkippedFile] = []
    found = find_media(root, {".wav"}, skipped=skipped)
    assert 6 + 14 <= len(found) < 6 + 17
    assert all(path.is_file() for path in found)
    assert any("too long" in row.reason for row in skipped)
    clips = load_folder(root)
    assert len(clips) == len(found)


@pytest.mark.parametrize(
    "suffix", [".3ga", ".weba", ".mp2", ".m4b", ".mpga", ".qt", ".f4v", ".divx", ".wave"]
)
def test_suffixes_of_phones_and_players_are_listed(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / f"a{suffix.upper()}").write_bytes(SOUND)
    (clip,) = load_folder(tmp_path)
    assert clip.modality == ("both" if suffix in {".qt", ".f4v", ".divx"} else "audio")


def test_no_suffix_is_of_sound_and_of_film() -> None:
    assert not AUDIO_SUFFIXES & VIDEO_SUFFIXES


@pytest.mark.parametrize("label", ["nan", "NaN", "NA", "n/a", "None", "null", "<NA>", "#N/A", " none "])
def test_a_missing_value_is_no_emotion(tmp_path: Path, label: str) -> None:
    with pytest.raises(ParameterError, match="stands for a missing value"):
        canonical_label(label)
    (tmp_path / "a.wav").write_bytes(SOUND)
    (tmp_path / "b.wav").write_bytes(SOUND)
    table = tmp_path / "table.csv"
    table.write_text(f"file,label\na.wav,happy\nb.wav,{label}\n")
    with pytest.raises(DatasetError, match=r"line 3 of table\.csv: label must be an emotion, got"):
        load_folder(table)
