"""The core under the rooms: instruction sets, threads, versions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import stcorner
from stcorner import _core
from stcorner._base.validation import resolve_n_threads


def test_isa_can_be_forced(isa: str) -> None:
    assert stcorner.active_isa() == isa


def test_unknown_isa_is_refused() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*'baseline'.*, got 'mmx'"):
        stcorner.set_isa("mmx")


def test_environment_chooses_the_isa() -> None:
    code = "import stcorner; print(stcorner.active_isa())"
    env = {**os.environ, "STCORNER_ISA": "baseline"}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "baseline"


def test_bad_isa_in_the_environment_fails_the_import() -> None:
    env = {**os.environ, "STCORNER_ISA": "mmx"}
    run = subprocess.run([sys.executable, "-c", "import stcorner"], env=env, capture_output=True, text=True)
    assert run.returncode != 0
    assert "isa must be one of" in run.stderr


def test_effective_threads() -> None:
    assert _core.effective_threads(3, 100) == 3
    assert _core.effective_threads(3, 2) == 2
    assert _core.effective_threads(3, 0) == 1


def test_n_threads_rule() -> None:
    assert resolve_n_threads(None) == 0
    assert resolve_n_threads(2) == 2
    assert resolve_n_threads(-1) >= 1
    assert resolve_n_threads(-1000) == 1
    with pytest.raises(ValueError, match=r"n_threads .* got 0"):
        resolve_n_threads(0)
    with pytest.raises(ValueError, match=r"n_threads must be an integer, got 1\.5"):
        resolve_n_threads(1.5)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_forked_child_runs_on_one_thread() -> None:
    code = (
        "import os, stcorner; from stcorner import _core\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(_core.effective_threads(4, 100))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "1"


def test_versions_agree() -> None:
    from importlib import metadata

    assert stcorner.__version__ == metadata.version("stcorner")
    assert stcorner.show_versions()["stcorner"] == stcorner.__version__
