"""Functions that name the package or a room of it travel to workers, as those that name numpy do."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import types
from typing import TYPE_CHECKING

import pytest

import stcorner

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = [
    "stcorner",
    *(found.name for found in pkgutil.walk_packages(stcorner.__path__, "stcorner.") if found.ispkg),
]

SENT = """
import sys
import cloudpickle
{imports}

def work():
    return [getattr(room, "__name__") for room in ({names},)]

if len(sys.argv) > 1:
    import joblib
    print(joblib.Parallel(n_jobs=2, backend="loky")([joblib.delayed(work)()] * 2)[1])
else:
    sys.stdout.buffer.write(cloudpickle.dumps(work))
"""


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_are_ordinary_modules(name: str) -> None:
    # cloudpickle sends a module by its name where its type is that of modules, and by nothing otherwise.
    assert type(importlib.import_module(name)) is types.ModuleType


def script(folder: Path) -> Path:
    names = [f"room{index}" for index in range(len(PACKAGES))]
    imports = "\n".join(f"import {package} as {name}" for package, name in zip(PACKAGES, names, strict=True))
    path = folder / "script.py"
    path.write_text(SENT.format(imports=imports, names=", ".join(names)))
    return path


def run(*command: str, stdin: bytes | None = None) -> bytes:
    return subprocess.run(
        [sys.executable, *command], input=stdin, capture_output=True, check=True, timeout=120, env=os.environ
    ).stdout


def test_a_function_that_names_rooms_travels(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    sent = run(str(script(tmp_path)))
    back = "import sys, pickle; print(pickle.load(sys.stdin.buffer)())"
    assert run("-c", back, stdin=sent).decode().strip() == str(PACKAGES)


@pytest.mark.slow
def test_a_function_that_names_rooms_runs_in_loky(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    pytest.importorskip("cloudpickle")
    assert run(str(script(tmp_path)), "loky").decode().strip() == str(PACKAGES)
