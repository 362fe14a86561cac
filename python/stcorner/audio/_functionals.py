"""Summaries of tracks over time: what turns a clip of any length into a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FUNCTIONALS", "quantile", "quantiles", "runs", "summarise"]

FUNCTIONALS = ("mean", "std", "p10", "p50", "p90", "range", "slope", "change", "skew")


def quantile(values: NDArray[np.float32], share: float) -> float:
    """Return what `numpy.quantile` returns for one quantile of float32 (n,), bit for bit.

    Numpy's own imports ``numpy.ma`` for it, which takes longer than the whole voice of a short clip.
    """
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    ordered = np.partition(values, (below, above))
    low, high, weight = ordered[below], ordered[above], place - below
    return float(low + (high - low) * weight if weight < 0.5 else high - (high - low) * (1 - weight))


def quantiles(values: NDArray[Any], shares: Sequence[float]) -> NDArray[Any]:
    """Return quantiles (len(shares), ...) along the first axis, linear between order statistics."""
    ordered = np.sort(values, axis=0)
    place = np.asarray(shares) * (len(ordered) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    weight = (place - below).reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)
    return np.asarray(ordered[below] + weight * (ordered[above] - ordered[below]))


def summarise(values: NDArray[np.float32], names: Sequence[str] = FUNCTIONALS) -> NDArray[np.float32]:
    """Return functionals (k, len(names)) of the tracks (t, k), t >= 1.

    ``range`` is p90 - p10, ``slope`` the regression over the whole length (change from first to last
    frame), ``change`` the mean absolute difference of neighbours.
    """
    n = len(values)
    mean = values.mean(axis=0)
    centred = values - mean
    square = centred * centred
    std = np.sqrt(square.mean(axis=0))
    found: dict[str, NDArray[Any]] = {"mean": mean, "std": std}
    if "p10" in names:
        low, middle, high = quantiles(values, (0.1, 0.5, 0.9))
        found |= {"p10": low, "p50": middle, "p90": high, "range": high - low}
    if "slope" in names:
        time = np.linspace(-0.5, 0.5, n, dtype=np.float32)
        found["slope"] = (time @ centred) / (time @ time + np.float32(1e-9))
    if "change" in names:
        found["change"] = np.abs(np.diff(values, axis=0)).mean(axis=0) if n > 1 else np.zeros_like(mean)
    if "skew" in names:
        found["skew"] = (square * centred).mean(axis=0) / (std + np.float32(1e-6)) ** 3
    return np.stack([found[name] for name in names], axis=1)


def runs(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return np.asarray(edges[1::2] - edges[::2])
