"""The command line as a person runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from stcorner.cli import main

if TYPE_CHECKING:
    from pathlib import Path


class RunCommand(Protocol):
    def __call__(self, *arguments: object, timeout: float = 120.0) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def stcorner_command() -> RunCommand:
    """Run ``stcorner`` with arguments and return what it said and how it ended."""

    def run(*arguments: object, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-W",
                "error",
                "-c",
                "from stcorner.cli import main; main()",
                *map(str, arguments),
            ],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )

    return run


class Call(Protocol):
    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]: ...


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command inside this process: (exit code, stdout, stderr)."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        code = left.value.code
        return (code if isinstance(code, int) else 0), output.out, output.err

    return run
