"""From more features to the 162 of Fig. 1, in an order in which neighbours have something in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["seriate"]


def seriate(
    X: NDArray[np.float32], y: NDArray[np.intp], n_outputs: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Choose features that separate the classes and order them by likeness.

    A convolution over a list of features means something only where neighbours are related. The
    features with the largest ratio of between-class to within-class variance are kept, ordered by the
    leaves of a correlation tree such that neighbours correlate as much as possible, and negated where
    that makes a feature agree with the one before.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Standardised training rows.
    y : ndarray of shape (n_rows,)
        Class indices.
    n_outputs : int
        How many features to keep; all where there are fewer.

    Returns
    -------
    chosen : ndarray of shape (n_outputs,)
        Columns of X in their new order.
    signs : ndarray of shape (n_outputs,)
        1 or -1 for each.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    n_outputs = min(n_outputs, X.shape[1])
    rows = X.astype(np.float64)
    means = np.stack([rows[y == label].mean(axis=0) for label in np.unique(y)])
    within = np.mean([rows[y == label].var(axis=0) for label in np.unique(y)], axis=0)
    ratio = means.var(axis=0) / np.maximum(within, 1e-12)
    kept = np.sort(np.argsort(-ratio, kind="stable")[:n_outputs])
    centred = rows[:, kept] - rows[:, kept].mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    correlation = (centred.T @ centred) / np.maximum(np.outer(length, length), 1e-12)
    if n_outputs < 3:
        return kept, np.ones(n_outputs, dtype=np.float32)
    distance = np.clip(1 - np.abs(correlation), 0, 1)
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance, checks=False)
    order = leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))
    signs = np.ones(n_outputs, dtype=np.float32)
    for i in range(1, n_outputs):
        agrees = correlation[order[i - 1], order[i]] >= 0
        signs[i] = signs[i - 1] if agrees else -signs[i - 1]
    return kept[order], signs
