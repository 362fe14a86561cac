"""The package in an interpreter that is not the process's first."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
{imports}
other = interpreters.create()
try:
    failure = interpreters.run_string(other, "import {name}")
except interpreters.RunFailedError as error:
    failure = error
print(failure)
import stcorner
print(stcorner.__version__)
"""
IMPORTS = "import _interpreters as interpreters\ninterpreters.RunFailedError = OSError"
if sys.version_info < (3, 13):
    IMPORTS = "import _xxsubinterpreters as interpreters"


@pytest.mark.parametrize("name", ["stcorner", "stcorner._core", "stcorner.audio"])
def test_another_interpreter_is_refused_at_once(name: str) -> None:
    pytest.importorskip("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    code = CODE.format(imports=IMPORTS, name=name)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    said, version = run.stdout.strip().rsplit("\n", 1)
    assert "must be imported in the main interpreter of a process" in said
    assert version
