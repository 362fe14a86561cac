"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

import stcorner


@pytest.mark.parametrize("name", ["harris", "stips", "points", "texture", "describe", "drawing"])
def test_examples(name: str) -> None:
    module = importlib.import_module(f"stcorner.video.{name}")
    names = {each: getattr(stcorner, each) for each in stcorner.__all__}
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0
