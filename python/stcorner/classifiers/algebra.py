"""Algebra of `DiscriminantClassifier`: discriminant analysis, kernel ridge regression, their average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_integer
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LEAST_SPREAD",
    "balance",
    "check_seed",
    "combine",
    "draw_frequencies",
    "fit_linear",
    "fit_waves",
    "folds",
    "most_frequencies",
    "rbf",
    "spread",
    "waves",
]

LEAST_SPREAD = 1e-12
# What is drawn is not in a model file: without a bound a small one could ask for all memory.
_MOST_DRAWS = 1 << 24
_BLOCK = 1024  # rows turned into waves at a time


def balance(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale class columns to equal sums; all values sum to 1."""
    balanced: NDArray[np.float64] = shares / shares.sum(axis=0) / shares.shape[1]
    return balanced


def folds(indices: NDArray[np.intp], groups: NDArray[Any] | None, n_folds: int) -> NDArray[np.intp]:
    """Deal groups, or the rows of each class, to folds in turn."""
    if n_folds == 0:
        return np.full(len(indices), -1)
    if groups is not None:
        dealt: NDArray[np.intp] = np.unique(groups, return_inverse=True)[1].reshape(-1) % n_folds
        return dealt
    dealt = np.empty(len(indices), dtype=np.intp)
    for label in np.unique(indices):
        rows = np.flatnonzero(indices == label)
        dealt[rows] = np.arange(len(rows)) % n_folds
    return dealt


def spread(scores: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Root mean square of scores about their row's mean, at least a tiny positive number."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    return float(max(np.sqrt(np.average((centred**2).mean(axis=1), weights=weight)), LEAST_SPREAD))


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn scores into shares that sum to 1 in each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def combine(
    linear: NDArray[np.float64],
    kernel: NDArray[np.float64],
    spreads: tuple[float, float],
    sharpness: float,
    kernel_weight: float,
) -> NDArray[np.float64]:
    """Average the softmax of both scores."""
    return (1 - kernel_weight) * softmax(sharpness / spreads[0] * linear) + kernel_weight * softmax(
        sharpness / spreads[1] * kernel
    )


def fit_linear(
    rows: NDArray[np.float64], balanced: NDArray[np.float64], shrinkage: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients and intercepts of the discriminant with equal priors."""
    from scipy.linalg import cho_factor, cho_solve

    X = rows
    n_features = X.shape[1]
    basis = None
    if n_features > len(X):
        # Class means and within-class scatter lie in the span of the centred rows, and the shrunk
        # covariance acts on its complement as a multiple of the identity: solve inside the span.
        centred = X - X.mean(axis=0)
        values, vectors = np.linalg.eigh(centred @ centred.T)
        kept = values > values[-1] * 1e-12
        basis = centred.T @ (vectors[:, kept] / np.sqrt(values[kept]))
        origin = X.mean(axis=0)
        X = centred @ basis
    means = (balanced.T @ X) / balanced.sum(axis=0)[:, None]
    weighted = X * np.sqrt(balanced.sum(axis=1))[:, None]
    scatter = weighted.T @ weighted - (means.T * balanced.sum(axis=0)) @ means
    covariance = (1 - shrinkage) * scatter
    # The small constant keeps classes of identical rows (scatter 0) solvable.
    covariance.flat[:: len(covariance) + 1] += shrinkage * np.trace(scatter) / n_features + 1e-9
    coef = cho_solve(cho_factor(covariance), means.T).T
    intercept = -0.5 * (coef * means).sum(axis=1)
    if basis is not None:
        coef = coef @ basis.T
        intercept = intercept - coef @ origin
    # One memory order whatever the algebra left: BLAS rounds by it, and a saved model must give equal bits.
    return np.ascontiguousarray(coef), intercept


def check_seed(value: Any) -> int:
    """Return a seed of the generator of `draw_frequencies`."""
    return check_integer("random_state", value, low=0, high=2**32 - 1)


def most_frequencies(n_features: int) -> int:
    """Return how many frequencies may be drawn for rows of this length."""
    return max(1, _MOST_DRAWS // n_features)


def draw_frequencies(n_features: int, n_frequencies: int, gamma: float, seed: int) -> NDArray[np.float64]:
    """Return random frequencies (n_features, n_frequencies) whose waves have the kernel of `rbf` on average.

    A model file holds the seed alone, so the draw must not change: numpy promises that of this generator.
    """
    if n_frequencies > most_frequencies(n_features):
        raise ParameterError(
            f"n_frequencies must be <= {most_frequencies(n_features)} for {n_features} features, "
            f"got {n_frequencies}"
        )
    draws = np.random.RandomState(seed).standard_normal((n_features, n_frequencies))
    scaled: NDArray[np.float64] = draws * np.sqrt(2 * gamma / n_features)
    return scaled


def waves(rows: NDArray[np.float64], frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cosines and sines (n_rows, 2 n_frequencies); products of two rows are about their kernel."""
    angles = rows @ frequencies
    out: NDArray[np.float64] = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    out /= np.sqrt(frequencies.shape[1])
    return out


def fit_waves(
    rows: NDArray[np.float64], weight: NDArray[np.float64], frequencies: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    """Coefficients of weighted ridge regression of the labels' simplex code on the waves.

    Memory is bounded by the smaller of rows and waves, whichever are more.
    """
    from scipy.linalg import cho_factor, cho_solve

    total = weight.sum(axis=1)
    n_classes = weight.shape[1]
    # Share 1 becomes 1 and share 0 becomes -1/(c - 1): the codes of the classes sum to 0.
    target = (n_classes * weight / total[:, None] - 1) / (n_classes - 1)
    n_waves = 2 * frequencies.shape[1]
    if len(rows) <= n_waves:
        phi = waves(rows, frequencies)
        kernel = phi @ phi.T
        kernel.flat[:: len(kernel) + 1] += ridge / total
        return np.ascontiguousarray(phi.T @ cho_solve(cho_factor(kernel, overwrite_a=True), target))
    gram, moment = ridge * np.eye(n_waves), np.zeros((n_waves, n_classes))
    root = np.sqrt(total)[:, None]
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        phi = waves(rows[part], frequencies) * root[part]
        gram += phi.T @ phi
        moment += phi.T @ (root[part] * target[part])
    return np.ascontiguousarray(cho_solve(cho_factor(gram, overwrite_a=True), moment))


def rbf(a: NDArray[np.float64], b: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """Kernel values of all pairs of rows; distances are per feature."""
    distance: NDArray[np.float64] = -2 * (a @ b.T)
    distance += np.einsum("ij,ij->i", a, a)[:, None]
    distance += np.einsum("ij,ij->i", b, b)
    np.maximum(distance, 0, out=distance)
    distance *= -gamma / a.shape[1]
    np.exp(distance, out=distance)
    return distance
