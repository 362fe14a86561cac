"""Names of files, of labels and of columns through every table, the terminal and pages."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import tempfile
from pathlib import Path

from stcorner._base.tables import write_table
from stcorner._base.text import from_cell, shown, to_cell

__all__ = ["UNSEEN", "through_everything"]

UNSEEN = {chr(c) for c in (*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F))}
UNSEEN |= {chr(c) for c in range(0x2066, 0x206A)}


def _lossy(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def through_everything(name: str) -> None:
    """Write a name wherever names go; nothing unseen comes out, and tables give it back."""
    from stcorner.app.server import _clean_name
    from stcorner.cli._output import complain, print_json, print_table, say
    from stcorner.report.clip import ClipReport
    from stcorner.report.page import render_clip

    assert from_cell(to_cell(name)) == name
    row = {"file": name, to_cell(name) + "2": name, "n": -1.5}
    with tempfile.TemporaryDirectory() as place:
        for ending in (".csv", ".json", ".parquet"):
            table = Path(place) / f"t{ending}"
            write_table(table, [row, row], [_lossy(column) for column in row])
            if ending == ".csv":
                text = table.read_bytes().decode()
                assert text.count("\n") == 3
                head, first, _ = csv.reader(io.StringIO(text))
                assert from_cell(first[0]) == name
                assert all(cell[:1] not in set("=+@\t\r") for cell in (*head, *first))
            elif ending == ".json":
                text = table.read_bytes().decode()
                assert json.loads(text)[0]["file"] == _lossy(name)
            assert not set(text) & (UNSEEN - {"\n"})
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        complain(name)
        say(f"file: {shown(name)}")
        print_table([{"file": name, "n": 1}])
        print_json({"file": name})
    assert not set(told.getvalue()) & (UNSEEN - {"\n"})
    assert told.getvalue().startswith("stcorner: ")
    assert _clean_name(name).isprintable()
    page = render_clip(ClipReport(name=shown(name), duration=1.0, media=b"", picture=None))
    assert "<script" not in page.partition("<body")[2].partition("</h1>")[0]
