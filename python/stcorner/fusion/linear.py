"""Principal axes from blocks of rows, and directions of the largest ratio of two scatters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stcorner import _core
from stcorner.errors import ParameterError
from stcorner.fusion.rows import iter_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stcorner.fusion.rows import Rows

    Matrix = NDArray[np.float64]

__all__ = ["PrincipalAxes", "fix_signs", "maximise_ratio", "principal_axes", "project"]

# Up to this size the core's Eigen is quicker than LAPACK (three times at 16, twice at 64). LAPACK works in
# blocks, and is for larger ones (Eigen takes 1.2 times as long at 320, 1.6 times at 480).
_EIGEN = 128

# Squares of smaller deviations lose their last bits, or all of them.
_SMALLEST = 1e-140


class PrincipalAxes(NamedTuple):
    """Mean (d,), orthonormal axes (d, p), variance along each (p,), and the share of all variance."""

    mean: Matrix
    axes: Matrix
    variance: Matrix
    share: float


def principal_axes(rows: Rows, variance: float | None) -> PrincipalAxes:
    """Find the axes that hold the share `variance` of the variance of the rows.

    Two passes over the rows: the mean, then the scatter about it. With fewer rows than columns the
    scatter is taken between rows, which is the smaller matrix and has the same eigenvalues.
    """
    n, d = rows.shape
    total = np.zeros(d)
    for block in iter_blocks(rows):
        total += block.sum(axis=0)
    mean = total / n
    if not np.isfinite(mean).all():
        raise ParameterError(
            "X must be finite, got NaN or infinite values: drop these rows, or fill the gaps first"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # seen below
        if n <= d:
            centred = np.concatenate([block - mean for block in iter_blocks(rows)])
            deviation = np.abs(centred).max()
            scatter = centred @ centred.T
        else:
            scatter, deviation = np.zeros((d, d)), 0.0
            for block in iter_blocks(rows):
                centred = block - mean
                deviation = max(deviation, np.abs(centred).max())
                scatter += centred.T @ centred
    if not np.isfinite(scatter).all():
        raise ParameterError(
            "X must have squares within float64's range, got larger values: give it in another unit"
        )
    if deviation < _SMALLEST and deviation > 1e-12 * np.abs(mean).max():
        raise ParameterError(
            f"X must vary by >= {_SMALLEST:g} or not at all, got deviations up to {deviation:g}: give it in "
            "another unit"
        )
    values, vectors = np.linalg.eigh(scatter)
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int(np.count_nonzero(values > max(values[0], 0.0) * max(n, d) * np.finfo(np.float64).eps))
    if rank == 0:  # all rows equal: one axis, so that the result has a column of zeros
        axes = np.zeros((d, 1))
        axes[0] = 1.0
        return PrincipalAxes(mean, axes, np.zeros(1), 1.0)
    shares = np.cumsum(values[:rank]) / values[:rank].sum()
    keep = rank if variance is None else min(rank, int(np.searchsorted(shares, variance - 1e-12)) + 1)
    values, vectors = values[:keep], vectors[:, :keep]
    axes = centred.T @ vectors / np.sqrt(values) if n <= d else vectors
    return PrincipalAxes(mean, np.ascontiguousarray(axes), values / n, float(shares[keep - 1]))


def project(rows: Rows, mean: Matrix, axes: Matrix) -> Matrix:
    """Return ``(rows - mean) @ axes``, block by block."""
    out = np.empty((rows.shape[0], axes.shape[1]))
    start = 0
    for block in iter_blocks(rows):
        out[start : start + len(block)] = (block - mean) @ axes
        start += len(block)
    return out


def maximise_ratio(numerator: Matrix, denominator: Matrix, shrinkage: float) -> tuple[Matrix, Matrix]:
    """Solve ``numerator w = value (denominator + shrinkage * mean variance * I) w``, largest values first.

    Returns the values and the vectors as columns, each of unit length in the shrunk denominator.
    Where the denominator is zero, the identity takes its place. Directions without any numerator are
    left out (they are not unique); of an all-zero numerator one is kept.
    """
    size = len(denominator)
    mean_variance = float(np.trace(denominator)) / size
    # The floor keeps a Cholesky factor in reach; it is far below any useful shrinkage.
    ridge = (shrinkage + size * np.finfo(np.float64).eps * 16) * mean_variance
    right = (denominator + denominator.T) / 2 + ridge * np.eye(size) if mean_variance > 0 else np.eye(size)
    values, vectors = _eigh((numerator + numerator.T) / 2, right)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    rank = max(1, int(np.count_nonzero(values > values[0] * size * np.finfo(np.float64).eps * 64)))
    return values[:rank], vectors[:, :rank]


def _eigh(left: Matrix, right: Matrix) -> tuple[Matrix, Matrix]:
    if len(left) <= _EIGEN:
        values, vectors = _core.solve_symmetric(left, right)
        return values, vectors.T
    from scipy.linalg import eigh

    values, vectors = eigh(left, right)
    return values, vectors


def fix_signs(components: Matrix) -> Matrix:
    """Turn each row so that its entry of largest magnitude is positive."""
    largest = np.argmax(np.abs(components), axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return components * np.where(signs == 0, 1.0, signs)[:, None]
