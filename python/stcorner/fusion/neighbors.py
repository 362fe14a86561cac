"""Exact nearest neighbours and nearest pairs under constraints on labels, groups and sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stcorner import _core
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int32]

__all__ = ["Neighbors", "Pairs", "Samples", "nearest_neighbors", "nearest_pairs", "prepare"]

_SAMPLE_ROWS = 4096
_BLOCK_ROWS = 8192


class Neighbors(NamedTuple):
    """Rows (n, k), nearest first, and squared distances (n, k); -1 and infinity where there are fewer."""

    rows: NDArray[np.int32]
    distance: NDArray[np.float64]


class Pairs(NamedTuple):
    """Row numbers (m, 2) with the smaller first, squared distances (m,), and the class of each list (m,)."""

    rows: NDArray[np.int32]
    distance: NDArray[np.float64]
    owner: NDArray[np.int32]


class Samples(NamedTuple):
    """Rows as given, which decide; the same turned and scaled in float32, which find candidates."""

    exact: NDArray[Any]
    near: NDArray[np.float32]
    scale: float


def _axes(X: NDArray[Any], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return orthonormal directions, widest first.

    Any orthonormal basis gives the same distances; a sample of the rows is enough to find a good one.
    """
    sample = np.asarray(X[:: max(1, len(X) // _SAMPLE_ROWS)], dtype=np.float64) - mean
    return np.ascontiguousarray(np.linalg.eigh(sample.T @ sample)[1][:, ::-1])


def prepare(X: NDArray[Any], *, turn: bool = True) -> Samples:
    """Centre, turn (where that pays) and scale rows for the search."""
    n, d = X.shape
    X = np.ascontiguousarray(X)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = X.mean(axis=0, dtype=np.float64)
        # No row is longer than the box around all of them.
        longest = float((np.maximum(X.max(axis=0) - mean, mean - X.min(axis=0)) ** 2).sum())
    if not np.isfinite(longest):
        raise ParameterError("X must have squared distances within float64's range")
    # A power of two, so that scaling is exact; no row comes out longer than 1.
    scale = 1.0 if longest == 0.0 else 2.0 ** -int(np.frexp(np.sqrt(longest))[1])
    axes = _axes(X, mean) if turn and n >= 16 * d else None
    near = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, _BLOCK_ROWS):
        block = X[start : start + _BLOCK_ROWS] - mean
        block *= scale
        near[start : start + _BLOCK_ROWS] = block if axes is None else block @ axes
    return Samples(X, near, scale)


def nearest_neighbors(
    samples: Samples, labels: Codes, k: int, *, other: bool = False, groups: Codes | None = None,
    sides: Codes | None = None, n_threads: int = 0,
) -> Neighbors:  # fmt: skip
    """Find the `k` nearest rows of the same label (`other`: of another label) of every row.

    Pairs of the same group, or of the same side, do not count.
    """
    return Neighbors(
        *_core.nearest_neighbors(
            samples.exact, samples.near, samples.scale, labels, groups, sides, k, other, n_threads
        )
    )


def nearest_pairs(
    samples: Samples, labels: Codes, k: int, *, per_class: bool = True, groups: Codes | None = None,
    sides: Codes | None = None, n_threads: int = 0,
) -> Pairs:  # fmt: skip
    """Find the `k` nearest pairs of rows of different labels, for each class or over all."""
    return Pairs(
        *_core.nearest_pairs(
            samples.exact, samples.near, samples.scale, labels, groups, sides, k, per_class, n_threads
        )
    )
