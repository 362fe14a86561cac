"""Means and standard deviations of columns, whatever their unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LARGEST", "SMALLEST", "column_spreads", "common_spread"]

# Between these, differences, squares of scaled values and quotients of float64 neither overflow nor vanish.
LARGEST, SMALLEST = 1e300, 1e-300
# Share of its mean by which a constant column varies in float64.
_ROUNDING = 1e-13


def column_spreads(
    rows: NDArray[np.float64], *, weight: NDArray[np.float64] | None = None, noise: float, name: str = "X"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each column; rows times a number give both times that number.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Finite.
    weight : ndarray of shape (n,), optional
        Weights >= 0 of the rows, not all 0.
    noise : float
        A column whose deviation is at most this share of its mean is constant but for rounding.
    name : str
        What the rows are called in a message.

    Returns
    -------
    mean, spread : ndarray of shape (d,)
        The spread of a constant column is 0.

    Raises
    ------
    ParameterError
        If a column is so large or varies so little that float64 cannot hold what is computed from it, or if
        columns vary and none by more than the noise.

    Examples
    --------
    >>> mean, spread = column_spreads(np.array([[1e-200, 7.0], [3e-200, 7.0]]), noise=1e-12)
    >>> mean.tolist(), spread.tolist()
    ([2e-200, 7.0], [1e-200, 0.0])
    """
    # A power of two as unit leaves every bit as it is, and keeps squares within float64.
    largest = np.abs(rows).max(axis=0)
    exponent = np.frexp(largest)[1]
    scaled = np.ldexp(rows, -exponent)
    if weight is None:
        mean, spread = scaled.mean(axis=0), scaled.std(axis=0)
    else:
        mean = np.average(scaled, axis=0, weights=weight)
        spread = np.sqrt(np.average((scaled - mean) ** 2, axis=0, weights=weight))
    moves = bool((spread > _ROUNDING * np.abs(mean)).any())
    spread[spread <= noise * np.abs(mean)] = 0.0
    varies = spread > 0
    if moves and not varies.any():
        raise ParameterError(
            f"{name} must have a column that varies by more than {noise:g} of its mean, got none: subtract "
            "the mean of each column first"
        )
    mean, spread = np.ldexp(mean, exponent), np.ldexp(spread, exponent)
    unfit = (largest > LARGEST) | (varies & (spread < SMALLEST))
    if unfit.any():
        column = int(unfit.argmax())
        raise ParameterError(
            f"{name} must have columns of magnitude <= {LARGEST:g} that are constant or vary by >= "
            f"{SMALLEST:g}, got magnitude {largest[column]:g} and standard deviation {spread[column]:g} in "
            f"column {column}: give it in another unit"
        )
    return mean, spread


def common_spread(spread: NDArray[np.float64]) -> float:
    """Return the root mean square of spreads, whatever their unit; 0 for no spread at all."""
    exponent = int(np.frexp(spread.max())[1])
    return float(np.ldexp(np.sqrt((np.ldexp(spread, -exponent) ** 2).mean()), exponent))
