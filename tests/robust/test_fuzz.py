"""Every input that the fuzzer once found worth keeping, replayed; `nox -s fuzz` looks for new ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"
INPUTS = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("name", INPUTS)
def test_replay(name: str) -> None:
    TARGETS[Path(name).parent.name]((CORPUS / name).read_bytes())


def test_every_target_has_inputs() -> None:
    assert {Path(name).parent.name for name in INPUTS} == set(TARGETS)
