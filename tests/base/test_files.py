"""Files of results: whole or not there, and the same values in every form."""

from __future__ import annotations

import csv
import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stcorner._base.files import write_bytes
from stcorner._base.tables import check_table_path, write_table
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


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "xlsx"])
def test_every_form_holds_the_values(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs stcorner[table]")
    if ending == "xlsx":
        openpyxl = pytest.importorskip("openpyxl", reason="XLSX needs stcorner[table]")
    target = tmp_path / f"table.{ending}"
    write_table(target, ROWS, COLUMNS)
    if ending == "csv":
        with target.open(newline="") as file:
            assert list(csv.reader(file)) == [COLUMNS, ["a, b", "0.5", "3"], ["c", "", "4"]]
    elif ending == "xlsx":
        rows = list(openpyxl.load_workbook(target).active.values)
        assert rows == [tuple(COLUMNS), ("a, b", 0.5, 3), ("c", None, 4)]
    else:
        expected = [
            {"name": "a, b", "value": 0.5, "count": 3},
            {"name": "c", "value": None, "count": 4},
        ]
        if ending == "jsonl":
            read = [json.loads(line) for line in target.read_text().splitlines()]
        else:
            read = (
                json.loads(target.read_text()) if ending == "json" else parquet.read_table(target).to_pylist()
            )
        assert read == expected


def test_spreadsheets_see_umlauts_and_compute_nothing(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="XLSX needs stcorner[table]")
    rows = [{"Größe": "=1+1", "b": "a\x07"}]
    for name in ("t.csv", "t.xlsx"):
        write_table(tmp_path / name, rows, ["Größe", "b"])
    data = (tmp_path / "t.csv").read_bytes()
    assert data == "\ufeffGröße,b\n'=1+1,a\\x07\n".encode()
    write_table(tmp_path / "plain.csv", [{"a": 1}], ["a"])
    assert (tmp_path / "plain.csv").read_bytes() == b"a\n1\n", "no mark where nothing needs it"
    head, row = openpyxl.load_workbook(tmp_path / "t.xlsx").active.rows
    assert [cell.value for cell in head] == ["Größe", "b"]
    assert [(cell.value, cell.data_type) for cell in row] == [("=1+1", "s"), ("a\\x07", "s")]


def test_a_table_that_no_sheet_holds_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="XLSX needs stcorner[table]")
    names = [f"c{i}" for i in range(16_385)]
    with pytest.raises(OutputError, match=r"at most 1048575 rows of 16384 columns.*write \.parquet or \.csv"):
        write_table(tmp_path / "t.xlsx", [{}], names)
    assert not list(tmp_path.iterdir())


def test_other_endings_are_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--output must end in \.csv, \.parquet, .*\.json, got 't\.ods'"):
        check_table_path("--output", type(tmp_path)("t.ods"))


def test_other_places_are_refused_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table.csv").mkdir()
    with pytest.raises(OutputError, match=r"table\.csv cannot be written: it is a folder"):
        check_table_path("--output", tmp_path / "table.csv")
    assert check_table_path("--output", tmp_path / "new" / "t.csv") == tmp_path / "new" / "t.csv"
    monkeypatch.setattr(os, "access", lambda *asked: False)
    with pytest.raises(OutputError, match=r"t\.csv cannot be written: no permission"):
        check_table_path("--output", tmp_path / "new" / "t.csv")
