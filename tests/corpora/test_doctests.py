"""The examples in the docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import stcorner
import stcorner.corpora
import stcorner.corpora.synthetic
import stcorner.evaluation

MODULES = [
    module.name
    for package in (stcorner.corpora, stcorner.corpora.synthetic, stcorner.evaluation)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    names = {**{each: getattr(stcorner, each) for each in stcorner.__all__}, **vars(module), "np": np}
    assert doctest.testmod(module, extraglobs=names).failed == 0
