"""Files of results: whole or not there, and the same values in every form."""

from __future__ import annotations

import csv
import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stcorner._base.files import check_table_path, write_bytes, write_table
from stcorner.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ["name", "value", "count"]
ROWS = [
    {"name": "a, b", "value": np.float32(0.5), "count": np.int64(3)},
    {"name": "c", "value": float("nan"), "count": 4},
]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.bin"
    write_bytes(target, b"first")
    write_bytes(target, b"second")
    assert target.read_bytes() == b"second"
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file.bin"
    write_bytes(target, b"first")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"file\.bin cannot be written: No space left"):
        write_bytes(target, b"second")
    assert target.read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match=r"cannot be written: "):
        write_bytes(tmp_path / "file" / "inside.csv", b"")


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_every_form_holds_the_values(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs stcorner[table]")
    target = tmp_path / f"table.{ending}"
    write_table(target, ROWS, COLUMNS)
    if ending == "csv":
        with target.open(newline="") as file:
            assert list(csv.reader(file)) == [COLUMNS, ["a, b", "0.5", "3"], ["c", "", "4"]]
    else:
        expected = [
            {"name": "a, b", "value": 0.5, "count": 3},
            {"name": "c", "value": None, "count": 4},
        ]
        read = json.loads(target.read_text()) if ending == "json" else parquet.read_table(target).to_pylist()
        assert read == expected


def test_other_endings_are_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--output must end in \.csv, \.parquet, \.json, got 't\.xlsx'"):
        check_table_path("--output", type(tmp_path)("t.xlsx"))


def test_other_places_are_refused_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table.csv").mkdir()
    with pytest.raises(OutputError, match=r"table\.csv cannot be written: it is a folder"):
        check_table_path("--output", tmp_path / "table.csv")
    assert check_table_path("--output", tmp_path / "new" / "t.csv") == tmp_path / "new" / "t.csv"
    monkeypatch.setattr(os, "access", lambda *asked: False)
    with pytest.raises(OutputError, match=r"t\.csv cannot be written: no permission"):
        check_table_path("--output", tmp_path / "new" / "t.csv")
