"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stcorner.errors import OutputError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_not_input", "printable", "replacing", "unreadable", "write_bytes"]


def printable(text: str) -> str:
    """Return text that can be written as UTF-8, also of a file's name in another encoding."""
    return text.encode("utf-8", "backslashreplace").decode()


def check_not_input(name: str, path: Path, source: Path | None) -> None:
    """Refuse to write over the file that is read, by whatever names the two are called."""
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise ParameterError(f"{name} must be another file than the one that is read, got {str(path)!r}")


def unreadable(path: Path, error: OSError | str) -> str:
    """Return what to say of a file that cannot be opened."""
    reason = error if isinstance(error, str) else error.strerror or error
    return f"{path} cannot be read: {reason}: check its name and your permission to read it"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write to, flush it and rename it: no program reads half a file.

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
        os.close(handle)
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)  # mkstemp gives 0600; others may read what the user lets them
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file by `replacing` it."""
    with replacing(path) as beside:
        beside.write_bytes(data)
