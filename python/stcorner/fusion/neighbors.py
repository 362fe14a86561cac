"""Exact nearest neighbours and nearest pairs under constraints on labels, groups and sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stcorner import _core
from stcorner._base.validation import core_errors
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


def _axes(near: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return orthonormal directions, widest first.

    Any orthonormal basis gives the same distances; a sample of the rows is enough to find a good one.
    """
    sample = near[:: max(1, len(near) // _SAMPLE_ROWS)].astype(np.float64)
    return np.ascontiguousarray(np.linalg.eigh(sample.T @ sample)[1][:, ::-1])


def prepare(X: NDArray[Any], *, turn: bool = True, n_threads: int = 0) -> Samples:
    """Centre, turn (where that pays) and scale rows for the search."""
    n, d = X.shape
    if n > np.iinfo(np.int32).max:
        raise ParameterError(f"X must have below 2**31 rows, got {n}")
    X = np.ascontiguousarray(X)
    near, scale = _core.centre(X, n_threads)
    if not np.isfinite(scale):
        raise ParameterError(
            "X must have squared distances within float64's range, got larger ones: give it in another unit"
        )
    if turn and n >= 16 * d:
        axes = _axes(near)
        for start in range(0, n, _BLOCK_ROWS):
            # In float64, so that turning adds nothing to what rounding to float32 hides.
            block = near[start : start + _BLOCK_ROWS]
            block[...] = block.astype(np.float64) @ axes
    return Samples(X, near, scale)


def nearest_neighbors(
    samples: Samples, labels: Codes, k: int, *, other: bool = False, groups: Codes | None = None,
    sides: Codes | None = None, distances: bool = True, n_threads: int = 0,
) -> Neighbors:  # fmt: skip
    """Find the `k` nearest rows of the same label (`other`: of another label) of every row.

    Pairs of the same group, or of the same side, do not count. Without `distances`, those have no rows.
    """
    with core_errors():
        found = _core.nearest_neighbors(*samples, labels, groups, sides, k, other, distances, n_threads)
    return Neighbors(*found)


def nearest_pairs(
    samples: Samples, labels: Codes, k: int, *, per_class: bool = True, groups: Codes | None = None,
    sides: Codes | None = None, n_threads: int = 0,
) -> Pairs:  # fmt: skip
    """Find the `k` nearest pairs of rows of different labels, for each class or over all."""
    with core_errors():
        found = _core.nearest_pairs(*samples, labels, groups, sides, k, per_class, n_threads)
    return Pairs(*found)
