"""Every input that the fuzzer once found worth keeping, replayed; `nox -s fuzz` looks for new ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fuzz.targets import TARGETS

from stcorner import _core

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"
INPUTS = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("name", INPUTS)
def test_replay(name: str) -> None:
    TARGETS[Path(name).parent.name]((CORPUS / name).read_bytes())


def test_every_function_of_the_core_returns_from_some_call() -> None:
    rng, isa = np.random.default_rng(0), _core.active_isa()
    reached = {TARGETS["core"](rng.integers(0, 256, 200, dtype=np.uint8).tobytes()) for _ in range(1500)}
    _core.set_isa(isa)
    functions = {
        name for name in dir(_core) if type(getattr(_core, name)).__name__ == "builtin_function_or_method"
    }
    assert reached - {""} == functions


def test_every_target_has_inputs() -> None:
    assert {Path(name).parent.name for name in INPUTS} == set(TARGETS)
