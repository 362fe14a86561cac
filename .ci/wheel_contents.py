"""Refuse a wheel that lacks something its users need, or that carries something they do not."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path, PurePosixPath

PACKAGE = Path(__file__).parents[1] / "python" / "stcorner"
MEDIA = {".wav", ".flac", ".mp3", ".mp4", ".flv", ".mpg", ".avi", ".mov"}
FORBIDDEN_SUFFIXES = MEDIA | {".pkl", ".pickle", ".cpp", ".hpp", ".o"}
LIMIT_MIB = 12


def complaints(path: str) -> list[str]:
    """Return what is wrong with the wheel at `path`, a line each."""
    with zipfile.ZipFile(path) as wheel:
        members = {info.filename: info.file_size for info in wheel.infolist()}
    tree = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    needed = [f"stcorner/{path.relative_to(PACKAGE).as_posix()}" for path in tree if path.suffix != ".so"]
    found = [f"lacks {name}" for name in needed if name not in members]
    if not any(name.startswith("stcorner/_core.") and name.endswith((".so", ".pyd")) for name in members):
        found.append("lacks the compiled core")
    if not any(name.endswith("licenses/LICENSE") for name in members):
        found.append("lacks the licence")
    for name in members:
        top = PurePosixPath(name).parts[0]
        if top != "stcorner" and not top.startswith(("stcorner-", "stcorner.libs")):
            found.append(f"puts {name} beside the package")
        if PurePosixPath(name).suffix in FORBIDDEN_SUFFIXES or "tests" in PurePosixPath(name).parts:
            found.append(f"carries {name}")
    if (size := sum(members.values()) / 2**20) > LIMIT_MIB:
        found.append(f"unpacks to {size:.1f} MiB, more than {LIMIT_MIB}")
    return found


if __name__ == "__main__":
    status = 0
    for wheel_path in sys.argv[1:]:
        for line in complaints(wheel_path):
            print(f"{wheel_path}: {line}")
            status = 1
    sys.exit(status)
