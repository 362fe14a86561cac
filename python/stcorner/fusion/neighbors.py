"""Exact nearest neighbours and nearest pairs under constraints on labels and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Neighbors", "Pairs", "nearest_neighbors", "nearest_pairs"]


class Neighbors(NamedTuple):
    """Rows (n, k), nearest first, and squared distances (n, k); -1 and infinity where there are fewer."""

    rows: NDArray[np.int32]
    distance: NDArray[np.float64]


class Pairs(NamedTuple):
    """Row numbers (m, 2) with the smaller first, squared distances (m,), and the class of each list (m,)."""

    rows: NDArray[np.int32]
    distance: NDArray[np.float64]
    owner: NDArray[np.int32]


def _distances(X: NDArray[Any], block: NDArray[Any]) -> NDArray[np.float64]:
    return np.stack([((X - row) ** 2).sum(axis=1) for row in block])


def nearest_neighbors(
    X: NDArray[Any], labels: NDArray[np.int32], k: int, *, other: bool = False,
    groups: NDArray[np.int32] | None = None, n_threads: int = 0,
) -> Neighbors:  # fmt: skip
    """Find the `k` nearest rows of the same label (`other`: of another label) of every row."""
    X = X.astype(np.float64)
    n = len(X)
    index = np.full((n, k), -1, dtype=np.int32)
    distance = np.full((n, k), np.inf)
    for i in range(n):
        row = _distances(X, X[i : i + 1])[0]
        allowed = (labels != labels[i]) if other else (labels == labels[i])
        allowed[i] = False
        if groups is not None:
            allowed &= groups != groups[i]
        rows = np.flatnonzero(allowed)
        rows = rows[np.argsort(row[rows], kind="stable")[:k]]
        index[i, : len(rows)] = rows
        distance[i, : len(rows)] = row[rows]
    return Neighbors(index, distance)


def nearest_pairs(
    X: NDArray[Any], labels: NDArray[np.int32], k: int, *, per_class: bool = True,
    groups: NDArray[np.int32] | None = None, n_threads: int = 0,
) -> Pairs:  # fmt: skip
    """Find the `k` nearest pairs of rows of different labels, for each class or over all."""
    X = X.astype(np.float64)
    n = len(X)
    first, second = np.triu_indices(n, 1)
    allowed = labels[first] != labels[second]
    if groups is not None:
        allowed &= groups[first] != groups[second]
    first, second = first[allowed], second[allowed]
    distance = np.concatenate(
        [
            ((X[first[a : a + 65536]] - X[second[a : a + 65536]]) ** 2).sum(axis=1)
            for a in range(0, len(first), 65536)
        ]
        or [np.zeros(0)]
    )
    order = np.argsort(distance, kind="stable")
    lists = []
    for owner in range(int(labels.max()) + 1 if per_class else 1):
        mine = order
        if per_class:
            mine = order[(labels[first[order]] == owner) | (labels[second[order]] == owner)]
        lists.append((owner, mine[:k]))
    chosen = np.concatenate([mine for _, mine in lists])
    return Pairs(
        np.stack([first[chosen], second[chosen]], axis=1).astype(np.int32),
        distance[chosen],
        np.concatenate([np.full(len(mine), owner, dtype=np.int32) for owner, mine in lists]),
    )
