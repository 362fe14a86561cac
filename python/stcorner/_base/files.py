"""Files that are whole or not there; tables as CSV, Parquet or JSON by the file's ending."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner._base.text import json_safe, to_cell
from stcorner.errors import MissingExtraError, OutputError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["check_not_input", "check_table_path", "printable", "write_bytes", "write_table"]

ENDINGS = (".csv", ".parquet", ".json")


def printable(text: str) -> str:
    """Return text that can be written as UTF-8, also of a file's name in another encoding."""
    return text.encode("utf-8", "backslashreplace").decode()


def check_not_input(name: str, path: Path, source: Path | None) -> None:
    """Refuse to write over the file that is read, by whatever names the two are called."""
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise ParameterError(f"{name} must be another file than the one that is read, got {str(path)!r}")


def check_table_path(name: str, path: Path | None) -> Path | None:
    """Refuse an ending or a place that cannot be written before any work is done."""
    if path is None:
        return None
    if path.suffix.lower() not in ENDINGS:
        raise ParameterError(f"{name} must end in {', '.join(ENDINGS)}, got {str(path)!r}")
    folder = next((one for one in path.absolute().parents if one.exists()), path)
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(
            f"{path} cannot be written: {'it is a folder' if path.is_dir() else 'no permission'}"
        )
    if path.suffix.lower() == ".parquet":
        _pyarrow()
    return path


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows; a missing value is empty in CSV and null elsewhere.

    CSV is for spreadsheets too: its text follows the rule of `stcorner._base.text`, headers included.
    """
    ending = path.suffix.lower()
    if ending == ".csv":
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([to_cell(name) for name in columns])
        writer.writerows([_blank(row.get(name)) for name in columns] for row in rows)
        data = text.getvalue().encode()
    elif ending == ".json":
        import msgspec

        plain = [{name: _null(row.get(name)) for name in columns} for row in rows]
        text_of_all = msgspec.json.format(msgspec.json.encode(plain, enc_hook=_number), indent=1).decode()
        data = json_safe(text_of_all).encode()
    else:
        pyarrow = _pyarrow()
        from pyarrow import parquet

        table = pyarrow.table({name: [_number(_null(row.get(name))) for row in rows] for name in columns})
        buffer = io.BytesIO()
        parquet.write_table(table, buffer)
        data = buffer.getvalue()
    write_bytes(path, data)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file beside its place, flush it to the disk and rename it: nobody ever reads half of it.

    Raises
    ------
    OutputError
        If the folder cannot be made, or the file not written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)  # mkstemp gives 0600; others may read what the user lets them
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)


def _null(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    return None if isinstance(value, float) and value != value else value


def _blank(value: Any) -> Any:
    if isinstance(value, str):
        return to_cell(value)
    value = _number(_null(value))
    return "" if value is None else value


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError("writing Parquet", "pyarrow", "table") from None
    return pyarrow
