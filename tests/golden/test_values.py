"""Every public function still returns what it returned; `record.py` says how to change that."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stcorner
from golden.cases import CASES, WITHOUT, summary

VALUES = Path(__file__).with_name("values.json")
# Of the largest magnitude: instruction sets, compilers and numpy's own kernels differ by less.
TOLERANCE = 1e-5
# Near a perfect period, harmonicity is the logarithm of a small difference. The poles of egemaps are those of
# a signal without its upper half: rounding moves them.
LOOSE = {"harmonicity": 1e-3, "clip_features, egemaps": 5e-3}


def differences(
    kept: list[dict[str, Any]], found: list[dict[str, Any]], tolerance: float = TOLERANCE
) -> list[str]:
    """Return what differs by more than the tolerance, in words."""
    if len(kept) != len(found):
        return [f"{len(found)} arrays instead of {len(kept)}"]
    told = []
    for number, (before, now) in enumerate(zip(kept, found, strict=True)):
        for name in before.keys() | now.keys():
            a, b = before.get(name), now.get(name)
            if name in {"largest", "mean", "values"}:
                slack = tolerance * max(before.get("largest", 0.0), 1e-30)
                close = np.shape(a) == np.shape(b) and np.allclose(
                    np.array(a, float), np.array(b, float), rtol=0, atol=slack, equal_nan=True
                )
            else:
                close = a == b
            if not close:
                told.append(f"array {number}: {name} is {b}, was {a}")
    return told


@pytest.mark.parametrize("name", CASES)
def test_value(name: str, isa: str) -> None:
    kept = json.loads(VALUES.read_text())["values"]
    assert differences(kept[name], summary(CASES[name]()), LOOSE.get(name, TOLERANCE)) == []


def test_every_public_function_has_its_value() -> None:
    public = {name for name in stcorner.__all__ if inspect.isfunction(getattr(stcorner, name))}
    assert public - set(CASES) - set(WITHOUT) == set()
    assert set(json.loads(VALUES.read_text())["values"]) == set(CASES)
