from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

import stcorner

MODULES = [
    "augmentation",
    "discriminant",
    "fercnn.network",
    "fercnn.inference",
    "fercnn.estimator",
    "fercnn.projection",
    "fercnn.scaling",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"stcorner.{name}")
    names = {public: getattr(stcorner, public) for public in ("DiscriminantClassifier",)}
    outcome = doctest.testmod(module, extraglobs={"np": np, **names})
    assert outcome.failed == 0
