"""The one writer of tables: the file's ending says the form."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING, Any

from stcorner._base.files import printable, write_bytes
from stcorner._base.text import json_safe, shown, to_cell
from stcorner.errors import MissingExtraError, OutputError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["TABLE_ENDINGS", "check_table_path", "write_table"]

# What a worksheet holds, by the format's own limits.
_SHEET_ROWS, _SHEET_COLUMNS = 1_048_576, 16_384


def check_table_path(name: str, path: Path | None) -> Path | None:
    """Refuse an ending or a place that cannot be written before any work is done."""
    if path is None:
        return None
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        raise ParameterError(f"{name} must end in {', '.join(_WRITERS)}, got {str(path)!r}")
    folder = next((one for one in path.absolute().parents if one.exists()), path)
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(
            f"{path} cannot be written: {'it is a folder' if path.is_dir() else 'no permission'}: give "
            "another file"
        )
    if ending == ".parquet":
        _import("pyarrow", "writing Parquet")
    elif ending == ".xlsx":
        _import("openpyxl", "writing XLSX")
    return path


def write_table(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows; a missing value is empty in CSV and XLSX and null elsewhere.

    CSV is for spreadsheets too: its text follows the rule of `stcorner._base.text`, headers included, and a
    file with more than ASCII begins with the byte order mark, without which they take "ö" for "Ã¶".
    """
    write_bytes(path, _WRITERS[path.suffix.lower()](rows, columns))


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([to_cell(name) for name in columns])
    writer.writerows([_cell(row.get(name), to_cell, "") for name in columns] for row in rows)
    found = text.getvalue()
    return found.encode("ascii" if found.isascii() else "utf-8-sig")


def _parquet(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    pyarrow = _import("pyarrow", "writing Parquet")
    from pyarrow import parquet

    held = list(rows)
    table = pyarrow.table({name: [_cell(row.get(name), printable) for row in held] for name in columns})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def _xlsx(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    openpyxl = _import("openpyxl", "writing XLSX")
    from openpyxl.cell import WriteOnlyCell

    held = list(rows)
    if len(held) >= _SHEET_ROWS or len(columns) > _SHEET_COLUMNS:
        raise OutputError(
            f"a sheet has at most {_SHEET_ROWS - 1} rows of {_SHEET_COLUMNS} columns, and the table has "
            f"{len(held)} of {len(columns)}: write .parquet or .csv"
        )
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("table")

    def cell(value: Any) -> Any:
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            value = str(value)
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, value)
        made.data_type = "s"  # never a formula
        return made

    sheet.append([cell(shown(name)) for name in columns])
    for row in held:
        sheet.append([cell(_cell(row.get(name), shown)) for name in columns])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _json(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    import msgspec

    plain = [{name: _cell(row.get(name), printable) for name in columns} for row in rows]
    return json_safe(msgspec.json.format(msgspec.json.encode(plain), indent=1).decode()).encode()


def _json_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    import msgspec

    lines = (msgspec.json.encode({name: _cell(row.get(name), printable) for name in columns}) for row in rows)
    return b"".join(json_safe(line.decode()).encode() + b"\n" for line in lines)


_WRITERS: dict[str, Callable[[Iterable[Mapping[str, Any]], Sequence[str]], bytes]] = {
    ".csv": _csv, ".parquet": _parquet, ".xlsx": _xlsx, ".jsonl": _json_lines, ".json": _json,
}  # fmt: skip
TABLE_ENDINGS = tuple(_WRITERS)


def _cell(value: Any, text: Callable[[str], str], missing: Any = None) -> Any:
    """Return a plain value, `missing` for what is not there."""
    if isinstance(value, str):
        return text(value)
    value = value.item() if hasattr(value, "item") else value
    return missing if value is None or value != value else value


def _import(package: str, feature: str) -> Any:
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError:
        raise MissingExtraError(feature, package, "table") from None
