"""Folders of running servers, and what servers left that were killed."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows
    _LOCKS = False
else:
    _LOCKS = True

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RESULTS", "SCRATCH", "held_folder", "remove"]

RESULTS = ["report.html", "features.csv", "features.json", "features.parquet"]
# Folder, within that of a job, of what a worker and its libraries write for themselves.
SCRATCH = ".scratch"

_LOG = logging.getLogger(__name__)
_PREFIX = "stcorner-app-"
# Names of the folder of a job, and of what the app puts into one; half-written results have a dot in front.
_JOB = re.compile(r"[A-Za-z0-9_-]{22}")
_RESULT = "|".join(map(re.escape, RESULTS))
_OURS = re.compile(rf"clip(\.[a-z0-9]{{1,8}})?|\.({_RESULT})\..*|{_RESULT}")


def remove(path: Path) -> None:
    """Delete a file or folder, also while a process that is about to die still writes there."""
    for _ in range(3):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if not os.path.lexists(path):
            return
    _LOG.error("%s cannot be deleted", path)


@contextlib.contextmanager
def held_folder(chosen: Path | None) -> Iterator[Path]:
    """Give the folder of a server for as long as it runs, cleared of what dead servers left.

    A server holds a lock on its folder, which the system takes back however the server ends: whoever gets
    the lock for itself alone knows that no server uses the folder. Where the system has no such locks,
    nothing is swept.

    Parameters
    ----------
    chosen : Path, optional
        A folder that exists or is made, and stays. Default: a new one in the system's folder of temporary
        files, which goes with the server.
    """
    if chosen is not None:
        chosen = chosen.resolve()
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _open(chosen)
        if _alone(lock):
            _sweep_jobs(chosen)
        _share(lock)
        try:
            yield chosen
        finally:
            _close(lock)
        return
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _sweep_server(left)
    folder, lock = _new_folder()
    try:
        yield folder
    finally:
        remove(folder)
        _close(lock)


def _new_folder() -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _open(folder)
        _share(lock)
        # A server that started in the same moment may have swept the folder before it was locked.
        if lock is None or (folder.exists() and os.path.samestat(folder.stat(), os.fstat(lock))):
            return folder, lock
        _close(lock)


def _sweep_server(folder: Path) -> None:
    try:
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
            return
        lock = _open(folder)
    except (AttributeError, OSError):  # no users on this system; gone, or not ours
        return
    if _alone(lock):
        _LOG.warning("deleting %s, left behind by a server that was killed", folder)
        remove(folder)
    _close(lock)


def _sweep_jobs(folder: Path) -> None:
    """Delete folders of jobs; one that holds anything but a job's files is somebody else's."""
    for job in folder.iterdir():
        if not _JOB.fullmatch(job.name) or job.is_symlink() or not job.is_dir():
            continue
        with contextlib.suppress(OSError):  # of another user, who may see to it
            if all(map(_is_ours, job.iterdir())):
                _LOG.warning("deleting %s, left behind by a server that was killed", job)
                remove(job)


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return path.name == SCRATCH
    return _OURS.fullmatch(path.name) is not None


def _open(folder: Path) -> int | None:
    if not _LOCKS:
        return None
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _alone(lock: int | None) -> bool:
    """Take the lock for this process alone, if nobody has it."""
    if lock is None:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _share(lock: int | None) -> None:
    if lock is not None:
        with contextlib.suppress(OSError):  # a network's file system without locks
            fcntl.flock(lock, fcntl.LOCK_SH)


def _close(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
