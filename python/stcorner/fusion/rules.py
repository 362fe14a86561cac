"""How tables of probabilities become one. Numpy only, so that prediction needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

__all__ = ["FLOOR", "combine_tables"]

FLOOR = 1e-6


def combine_tables(tables: Sequence[Matrix], weights: Matrix, rule: str = "product") -> Matrix:
    """Mix tables of probabilities; a missing row's weight goes to the others in proportion.

    Parameters
    ----------
    tables : sequence of ndarray of shape (n, n_classes)
        A row of NaN is missing; each row has at least one table.
    weights : ndarray of shape (n_tables,)
        Not negative.
    rule : {"product", "mean"}
        Weighted sum of logarithms, or of probabilities.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Rows sum to 1.
    """
    there = np.stack([~np.isnan(table[:, 0]) for table in tables], axis=1)
    share = np.where(there, weights, 0.0)
    empty = share.sum(axis=1) <= 0  # only classifiers without weight have an answer
    share[empty] = there[empty]
    share = share / share.sum(axis=1, keepdims=True)
    filled = [np.where(np.isnan(table), 1.0, table) for table in tables]
    if rule == "mean":
        return np.asarray(sum(s[:, None] * table for s, table in zip(share.T, filled, strict=True)))
    share *= max(float(np.sum(weights)), FLOOR)
    logs = sum(s[:, None] * np.log(np.maximum(t, FLOOR)) for s, t in zip(share.T, filled, strict=True))
    powers = np.exp(logs - np.max(logs, axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
