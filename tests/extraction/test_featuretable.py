"""Tables of other tools: which rows and columns count, by which ids they are found, what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stcorner import Clip, FeatureTable
from stcorner.errors import DatasetError, ParameterError

TOOLS = {
    "openface": (
        "frame, face_id, timestamp, confidence, success, AU01_r, AU12_r\n"
        "1, 0, 0.00, 0.98, 1, 0.5, 1.0\n"
        "2, 0, 0.04, 0.10, 0, 9.0, 9.0\n"
        "3, 0, 0.08, 0.98, 1, 1.5, 3.0\n",
        ["AU01_r", "AU12_r"],
    ),
    "py-feat": (
        "input,frame,FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,AU01,AU12\n"
        "films/talk.mp4,0,10,10,50,50,0.99,0.5,1.0\n"
        "films/talk.mp4,1,10,10,50,50,0.99,,2.0\n"
        "films/talk.mp4,2,10,10,50,50,0.99,1.5,3.0\n",
        ["AU01", "AU12"],
    ),
    "libreface": (
        "frame_idx,frame_time_in_ms,au_1_intensity,au_12_intensity,facial_expression\n"
        "0,0.0,0.5,1.0,Neutral\n"
        "1,40.0,1.5,3.0,Happiness\n",
        ["au_1_intensity", "au_12_intensity"],
    ),
    "opensmile": (
        "file,start,end,F0_sma,Loudness_sma3\n"
        "/corpus/talk.wav,0 days,0 days 00:00:00.02,0.5,1.0\n"
        "/corpus/talk.wav,0 days 00:00:00.01,0 days 00:00:00.03,1.5,3.0\n",
        ["F0_sma", "Loudness_sma3"],
    ),
    "smilextract": (
        "name;frameTime;F0_sma;Loudness_sma3\n'talk';0.00;0.5;1.0\n'talk';0.01;1.5;3.0\n",
        ["F0_sma", "Loudness_sma3"],
    ),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_rows_of_each_tool_become_one_of_the_clip(tool: str, tmp_path: Path) -> None:
    text, columns = TOOLS[tool]
    (tmp_path / "talk.csv").write_text(text)
    table = FeatureTable(tmp_path / "talk.csv", "face", functionals=("mean", "max"))
    assert table.feature_names == [f"{name}_{each}" for each in ("mean", "max") for name in columns]
    found = table.describe(Clip.of(tmp_path / "talk.mp4"))
    assert found is not None
    assert found.tolist() == [1.0, 2.0, 1.5, 3.0]
    with pytest.raises(DatasetError, match=r"has \d rows of 'talk': give functionals"):
        FeatureTable(tmp_path / "talk.csv", "face")


def test_a_nameless_table_of_smilextract_is_of_the_clip_it_is_named_after(tmp_path: Path) -> None:
    (tmp_path / "talk.csv").write_text("name;frameTime;F0\n'unknown';0.00;0.5\n'unknown';0.01;1.5\n")
    table = FeatureTable(tmp_path / "talk.csv", "voice", functionals=("mean",))
    assert (table.clip_ids, table.feature_names) == (["talk"], ["F0_mean"])


def test_semicolons_and_decimal_commas_are_read(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("file; au; pose\n007.wav; 1,5; 2\n8.wav; 3; 4,25\n")
    table = FeatureTable(tmp_path / "table.csv", "face")
    assert table.clip_ids == ["007", "8"]
    assert table.describe(Clip.of("8.wav")).tolist() == [3.0, 4.25]  # type: ignore[union-attr]


def test_ids_are_names_even_of_digits_alone(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("clip_id,score\n007,1.5\n10,2\n'=x,3\n")
    table = FeatureTable(tmp_path / "table.csv", "score")
    assert table.clip_ids == ["007", "10", "=x"]
    assert table.describe(Clip.of("007.wav")).tolist() == [1.5]  # type: ignore[union-attr]
    assert table.describe(Clip.of("7.wav")) is None


def test_another_file_of_the_take_is_found() -> None:
    table = FeatureTable({"clip_id": ["01-01-06-01-02-01-12"], "au": np.ones((1, 2))}, "face")
    assert table.describe(Clip.of("03-01-06-01-02-01-12.wav")).tolist() == [1.0, 1.0]  # type: ignore[union-attr]
    assert table.describe(Clip.of("03-01-06-01-02-01-13.wav")) is None


def test_a_folder_holds_one_file_a_clip(tmp_path: Path) -> None:
    for name, value in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.csv").write_text(f"au\n{value}\n{value + 1}\n")
    table = FeatureTable(tmp_path, "face", functionals=("mean",))
    assert (table.clip_ids, len(table)) == (["a", "b"], 2)
    assert table.describe(Clip.of("b.mp4")).tolist() == [2.5]  # type: ignore[union-attr]
    (tmp_path / "c.csv").write_text("other\n1\n")
    with pytest.raises(DatasetError, match="must have the same columns"):
        FeatureTable(tmp_path, "face", functionals=("mean",))


def test_a_row_without_a_number_is_a_missing_row() -> None:
    table = FeatureTable({"clip_id": ["a", "b"], "au": np.array([1.0, np.nan])}, "face")
    assert table.clip_ids == ["a"]
    with pytest.raises(DatasetError, match="must have at least one row of finite numbers"):
        FeatureTable({"clip_id": ["b"], "au": np.array([np.nan])}, "face")


def test_refuses(tmp_path: Path) -> None:
    arrays = {"clip_id": ["a"], "au": np.ones(1)}
    with pytest.raises(ParameterError, match="columns must be of"):
        FeatureTable(arrays, "face", columns=["missing"])
    with pytest.raises(ParameterError, match="functionals must be one of"):
        FeatureTable(arrays, "face", functionals=["mode"])
    with pytest.raises(ParameterError, match="name must be a non-empty string"):
        FeatureTable(arrays, "")
    with pytest.raises(DatasetError, match="must hold the ids as 'id'"):
        FeatureTable(arrays, "face", key="id")
    with pytest.raises(DatasetError, match="cannot be read"):
        FeatureTable(tmp_path / "missing.csv", "face")
    (tmp_path / "words.csv").write_text("clip_id,word\na,b\n")
    with pytest.raises(DatasetError, match="has no column of numbers"):
        FeatureTable(tmp_path / "words.csv", "face")


def test_damaged_archives_and_folders_that_cannot_be_listed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "t.npz"
    np.savez(file, clip_id=np.array(["a", "b"]), au=np.ones((2, 3)))
    data = file.read_bytes()
    flipped = bytearray(data)
    flipped[data.index(b"\x93NUMPY") + 200] ^= 0xFF
    strange = bytearray(data)
    strange[data.index(b"PK\x01\x02") + 10] = 77  # a method of compression that nobody knows
    np.save(tmp_path / "plain.npy", np.ones((2, 3)))
    plain = (tmp_path / "plain.npy").read_bytes()
    for bad in (data[:-30], bytes(flipped), bytes(strange), b"PK\x03\x04", plain):
        file.write_bytes(bad)
        with pytest.raises(DatasetError, match="must be a readable npz file"):
            FeatureTable(file, "f")
    folder = tmp_path / "tables"
    for name in ("a.csv", "sub/b.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x,y\n1,2\n")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DatasetError, match="sub: the folder cannot be listed: Permission denied"):
        FeatureTable(folder, "f")
