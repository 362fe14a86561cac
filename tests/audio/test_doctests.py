"""The examples in the docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import stcorner
import stcorner.audio

MODULES = [module.name for module in pkgutil.iter_modules(stcorner.audio.__path__, "stcorner.audio.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    names = {**{each: getattr(stcorner, each) for each in stcorner.__all__}, **vars(module), "np": np}
    assert doctest.testmod(module, extraglobs=names).failed == 0
