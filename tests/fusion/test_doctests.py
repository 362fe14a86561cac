"""The examples of the room's docstrings run as printed."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

import stcorner


@pytest.mark.parametrize("name", ["graphs", "late", "mfa", "modality", "tuning"])
def test_examples(name: str) -> None:
    module = importlib.import_module(f"stcorner.fusion.{name}")
    names = {"np": np, **{each: getattr(stcorner, each) for each in stcorner.__all__}}
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0
