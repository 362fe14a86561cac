"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stcorner.errors import OutputError, ParameterError

__all__ = ["check_not_input", "printable", "write_bytes"]


def printable(text: str) -> str:
    """Return text that can be written as UTF-8, also of a file's name in another encoding."""
    return text.encode("utf-8", "backslashreplace").decode()


def check_not_input(name: str, path: Path, source: Path | None) -> None:
    """Refuse to write over the file that is read, by whatever names the two are called."""
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise ParameterError(f"{name} must be another file than the one that is read, got {str(path)!r}")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a temporary file beside `path`, flush it and rename it: no program reads half a file.

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
