"""The examples in the docstrings of the room."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

import stcorner


@pytest.mark.parametrize("name", ["live.recognizer", "live.session", "cli.live"])
def test_examples(name: str) -> None:
    module = importlib.import_module(f"stcorner.{name}")
    names = {public: getattr(stcorner, public) for public in stcorner.__all__}
    result = doctest.testmod(module, extraglobs={"np": np, **names})
    assert result.attempted > 0
    assert result.failed == 0
