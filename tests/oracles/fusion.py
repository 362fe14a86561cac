"""Dense float64 twins of the fusion room: n x n distances, full sorts. Numpy and scipy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import eigh


def squared_distances(X: np.ndarray) -> np.ndarray:
    X = np.asarray(X, dtype=np.float64)
    return np.stack([((X - row) ** 2).sum(axis=1) for row in X])


def _excluded(n: int, groups: np.ndarray | None) -> np.ndarray:
    away = np.eye(n, dtype=bool)
    if groups is not None:
        groups = np.asarray(groups)
        away |= groups[:, None] == groups
    return away


def neighbors(
    X: np.ndarray, y: np.ndarray, k: int, *, other: bool = False, groups: np.ndarray | None = None
) -> list[Any]:
    """Lists of (distance, row), nearest first, ties by row."""
    D, y = squared_distances(X), np.asarray(y)
    n = len(y)
    allowed = (y[:, None] == y) != other
    allowed &= ~_excluded(n, groups)
    lists = []
    for i in range(n):
        rows = np.flatnonzero(allowed[i])
        rows = rows[np.argsort(D[i, rows], kind="stable")][:k]
        lists.append(list(zip(D[i, rows].tolist(), rows.tolist(), strict=True)))
    return lists


def pairs(
    X: np.ndarray, y: np.ndarray, k: int, *, per_class: bool = True, groups: np.ndarray | None = None
) -> list[Any]:
    """Per class (or one) list of (distance, smaller row, larger row), nearest first, ties by rows."""
    D, y = squared_distances(X), np.asarray(y)
    n = len(y)
    allowed = np.triu(y[:, None] != y) & ~_excluded(n, groups)
    first, second = np.nonzero(allowed)
    order = np.argsort(D[first, second], kind="stable")
    first, second = first[order], second[order]

    def listed(chosen: np.ndarray | slice) -> list[tuple[float, int, int]]:
        i, j = first[chosen][:k], second[chosen][:k]
        return list(zip(D[i, j].tolist(), i.tolist(), j.tolist(), strict=True))

    if not per_class:
        return [listed(slice(None))]
    return [listed((y[first] == c) != (y[second] == c)) for c in np.unique(y)]


def adjacency(n: int, edges: list[tuple[int, int]]) -> np.ndarray:
    W = np.zeros((n, n))
    for i, j in edges:
        W[i, j] = W[j, i] = 1.0
    return W


def intrinsic(X: np.ndarray, y: np.ndarray, k: int, groups: np.ndarray | None = None) -> np.ndarray:
    lists = neighbors(X, y, k, groups=groups)
    return adjacency(len(y), [(i, j) for i, row in enumerate(lists) for _, j in row])


def penalty(X: np.ndarray, y: np.ndarray, k: int, kind: str, groups: np.ndarray | None = None) -> np.ndarray:
    if kind == "sample_neighbors":
        lists = neighbors(X, y, k, other=True, groups=groups)
        return adjacency(len(y), [(i, j) for i, row in enumerate(lists) for _, j in row])
    lists = pairs(X, y, k, per_class=kind == "class_pairs", groups=groups)
    return adjacency(len(y), [(i, j) for part in lists for _, i, j in part])


def laplacian(W: np.ndarray) -> np.ndarray:
    return np.diag(W.sum(axis=1)) - W


def scatter(Z: np.ndarray, W: np.ndarray) -> np.ndarray:
    return Z.T @ laplacian(W) @ Z


def mfa(
    X: np.ndarray, y: np.ndarray, *, k1: int, k2: int, kind: str, variance: float, shrinkage: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, components (rows, sign fixed) and ratios, by SVD and dense Laplacians."""
    X = np.asarray(X, dtype=np.float64)
    mean = X.mean(axis=0)
    _, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    share = np.cumsum(s**2) / np.sum(s**2)
    rank = int((s > s[0] * 1e-10).sum())
    keep = min(rank, int(np.searchsorted(share, variance - 1e-12)) + 1)
    Z = (X - mean) @ Vt[:keep].T
    within, between = scatter(Z, intrinsic(Z, y, k1)), scatter(Z, penalty(Z, y, k2, kind))
    right = within + shrinkage * np.trace(within) / keep * np.eye(keep)
    values, vectors = eigh(between, right)
    components = (Vt[:keep].T @ vectors[:, ::-1]).T
    components *= np.sign(components[np.arange(keep), np.abs(components).argmax(axis=1)])[:, None]
    return mean, components, 1.0 / values[::-1]
