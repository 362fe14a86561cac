"""Text that strangers chose: seen on a terminal, shown by a spreadsheet, read again as it was."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stcorner._base.tables import write_table
from stcorner._base.text import from_cell, json_safe, shown, to_cell

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    '=HYPERLINK("http://evil.example","x")', "@SUM(1+1)", "+1+1", "-2+3", "\t=1", "\r=1", " =1", "\u00a0=1",
    "\ufeff=1", "\u200b@x", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20x", "'=1", "''=1", "'", "''",
    "'tis", "a\rb", "a\nb", "a\r\nb",
    "\x1b]52;c;YQ==\x07", "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\", "\x9b31m", "a\x00b",
    "a\x08\x7fb",
    "\u202egnp.exe", "\u2066a\u2069", "a\u2028b\u2029c", "\x85", "\udcff.wav", "C:\\x41\\x1b\\u202e\\x5c.wav",
    "\\x5cx1b", "\\\\x1b", "a,b", 'a"b', "=cmd|' /C calc'!A0", "%0a", "[red]x[/red]", "<script>", "",
    "é\u0301", "a;=1", "a;\"=1", "a; '@x", ";;-1", "a;b", "\\x3b=1", ";\t=1",
]  # fmt: skip
STARTS = set("=+-@\uff1d\uff0b\uff0d\uff20")
UNSEEN = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F))]
UNSEEN += [chr(c) for c in range(0x2066, 0x206A)]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_is_read_again(text: str) -> None:
    assert from_cell(to_cell(text)) == text


@given(st.text(st.characters() | st.sampled_from("=+-@;'\\x013b5cu202e \t\r\n\x1b")))
def test_any_cell_is_read_again(text: str) -> None:
    cell = to_cell(text)
    assert from_cell(cell) == text
    assert not set(cell) & set(UNSEEN)
    assert not any(part.lstrip("\"' ")[:1] in STARTS for part in cell.split(";")[1:])
    assert cell.lstrip()[:1] not in STARTS
    assert cell.encode().decode() == cell


@pytest.mark.parametrize("character", UNSEEN)
def test_nothing_unseen_is_shown(character: str) -> None:
    code = "\\x%02x" if ord(character) < 256 else "\\u%04x"
    assert shown(f"a{character}b") == f"a{code % ord(character)}b"
    assert character not in json_safe(json.dumps(character, ensure_ascii=False))
    assert json.loads(json_safe(json.dumps(character, ensure_ascii=False))) == character


@pytest.mark.parametrize(
    "text", ["a b.wav", "مقطع صوتي.wav", "日本語.mp4", "👨\u200d👩\u200d👧.mov", "3.15\u202fPM.mp4"]
)
def test_names_of_all_languages_stay_as_they_are(text: str) -> None:
    assert shown(text) == to_cell(text) == text


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_tables_hold_any_text(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    path, heads = tmp_path / f"t.{ending}", ["file", "=1+1", "x\r\ny", "@a"]
    rows = [{"file": text, "=1+1": text, "x\r\ny": -1.5, "@a": None} for text in HOSTILE]
    write_table(path, rows, heads)
    if ending == "csv":
        data = path.read_bytes()
        assert data.count(b"\n") == len(rows) + 1, "a line each"
        assert not set(data.decode("utf-8-sig")) & (set(UNSEEN) - {"\n"})
        found = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
        assert [from_cell(name) for name in found[0]] == heads
        assert [from_cell(row[0]) for row in found[1:]] == HOSTILE
        assert [row[2] for row in found[1:]] == ["-1.5"] * len(rows), "a number stays one"
        assert not any(cell.lstrip()[:1] in STARTS - {"-"} for row in found for cell in row if cell)
    elif ending == "json":
        text = path.read_text(encoding="utf-8")
        assert not set(text) & (set(UNSEEN) - {"\n"})
        lossy = [one.encode("utf-8", "backslashreplace").decode() for one in HOSTILE]
        assert [row["file"] for row in json.loads(text)] == lossy
        assert list(json.loads(text)[0]) == heads
    else:
        table = parquet.read_table(path)
        lossy = [one.encode("utf-8", "backslashreplace").decode() for one in HOSTILE]
        assert table["file"].to_pylist() == lossy
        assert table.column_names == heads
