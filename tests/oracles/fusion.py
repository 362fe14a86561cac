"""Dense float64 twins of the fusion room: n x n distances, full sorts. Numpy and scipy only."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh


def squared_distances(X):
    X = np.asarray(X, dtype=np.float64)
    return np.stack([((X - row) ** 2).sum(axis=1) for row in X])


def _excluded(n, groups):
    away = np.eye(n, dtype=bool)
    if groups is not None:
        groups = np.asarray(groups)
        away |= groups[:, None] == groups
    return away


def neighbors(X, y, k, *, other=False, groups=None):
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


def pairs(X, y, k, *, per_class=True, groups=None):
    """Per class (or one) list of (distance, smaller row, larger row), nearest first, ties by rows."""
    D, y = squared_distances(X), np.asarray(y)
    n = len(y)
    allowed = np.triu(y[:, None] != y) & ~_excluded(n, groups)
    first, second = np.nonzero(allowed)
    order = np.argsort(D[first, second], kind="stable")
    first, second = first[order], second[order]

    def listed(chosen):
        i, j = first[chosen][:k], second[chosen][:k]
        return list(zip(D[i, j].tolist(), i.tolist(), j.tolist(), strict=True))

    if not per_class:
        return [listed(slice(None))]
    return [listed((y[first] == c) != (y[second] == c)) for c in np.unique(y)]


def adjacency(n, edges):
    W = np.zeros((n, n))
    for i, j in edges:
        W[i, j] = W[j, i] = 1.0
    return W


def intrinsic(X, y, k, groups=None):
    lists = neighbors(X, y, k, groups=groups)
    return adjacency(len(y), [(i, j) for i, row in enumerate(lists) for _, j in row])


def penalty(X, y, k, kind, groups=None):
    if kind == "sample_neighbors":
        lists = neighbors(X, y, k, other=True, groups=groups)
        return adjacency(len(y), [(i, j) for i, row in enumerate(lists) for _, j in row])
    lists = pairs(X, y, k, per_class=kind == "class_pairs", groups=groups)
    return adjacency(len(y), [(i, j) for part in lists for _, i, j in part])


def laplacian(W):
    return np.diag(W.sum(axis=1)) - W


def scatter(Z, W):
    return Z.T @ laplacian(W) @ Z


def mfa(X, y, *, k1, k2, kind, variance, shrinkage):
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
