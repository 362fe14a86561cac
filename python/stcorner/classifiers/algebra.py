"""Algebra of `DiscriminantClassifier`: discriminant analysis, kernel ridge regression, their average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAST_SPREAD", "balance", "combine", "fit_kernel", "fit_linear", "folds", "rbf", "spread"]

LEAST_SPREAD = 1e-12


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


def fit_kernel(
    rows: NDArray[np.float64], weight: NDArray[np.float64], gamma: float, ridge: float
) -> NDArray[np.float64]:
    """Dual coefficients of weighted kernel ridge regression on the labels' simplex code."""
    from scipy.linalg import cho_factor, cho_solve

    total = weight.sum(axis=1)
    n_classes = weight.shape[1]
    # Share 1 becomes 1 and share 0 becomes -1/(c - 1): the codes of the classes sum to 0.
    target = (n_classes * weight / total[:, None] - 1) / (n_classes - 1)
    kernel = rbf(rows, rows, gamma)
    kernel.flat[:: len(kernel) + 1] += ridge / total
    dual = cho_solve(cho_factor(kernel, overwrite_a=True), target)
    return np.ascontiguousarray(dual)


def rbf(a: NDArray[np.float64], b: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """Kernel values of all pairs of rows; distances are per feature."""
    distance: NDArray[np.float64] = -2 * (a @ b.T)
    distance += np.einsum("ij,ij->i", a, a)[:, None]
    distance += np.einsum("ij,ij->i", b, b)
    np.maximum(distance, 0, out=distance)
    distance *= -gamma / a.shape[1]
    np.exp(distance, out=distance)
    return distance
