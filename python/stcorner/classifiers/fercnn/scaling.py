"""Inputs whose values are spread like a normal distribution's, whatever theirs is."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit_knots", "normal_scores"]

_N_KNOTS = 64


def fit_knots(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quantiles ``(k + 0.5) / 64`` of each column of X (n_rows, n), shape (64, n).

    Examples
    --------
    >>> fit_knots(np.linspace(0, 1, 65)[:, None])[[0, -1], 0].tolist()
    [0.0078125, 0.9921875]
    """
    knots: NDArray[np.float64] = np.quantile(X, (np.arange(_N_KNOTS) + 0.5) / _N_KNOTS, axis=0)
    return knots


def normal_scores(X: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map each column by the broken line that takes its knots to the same quantiles of a normal law.

    Values beyond the outer knots get the outer scores (2.42 standard deviations); a value that several
    knots share gets the mean of their scores.

    Examples
    --------
    >>> knots = fit_knots(np.exp(np.linspace(-3, 3, 1001))[:, None])
    >>> normal_scores(np.array([[-5.0], [1e9]]), knots).round(2).tolist()
    [[-2.42], [2.42]]
    """
    law = NormalDist()
    scores = np.array([law.inv_cdf((k + 0.5) / len(knots)) for k in range(len(knots))])
    mapped = np.empty_like(X)
    for j, column in enumerate(knots.T):
        rising = np.interp(X[:, j], column, scores)
        # From the other side: the two differ only where knots coincide.
        falling = np.interp(-X[:, j], -column[::-1], -scores[::-1])
        mapped[:, j] = (rising - falling) / 2
    return mapped
