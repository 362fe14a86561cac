"""The examples in the docstrings of the room run, and say the truth."""

from __future__ import annotations

import doctest
import importlib

import pytest

import stcorner.media

MODULES = ["clips", "detectors", "faces", "info", "picture", "sound"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"stcorner.media.{name}")
    names = {name: getattr(stcorner.media, name) for name in stcorner.media.__all__}
    assert doctest.testmod(module, extraglobs=names).failed == 0
