"""Supervised and paired projections of standardised feature blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stcorner.fusion.linear import fix_signs, maximise_ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

__all__ = ["canonical_correlation", "linear_discriminants"]


def linear_discriminants(Z: Matrix, labels: NDArray[np.int32], n_components: int, shrinkage: float) -> Matrix:
    """Return components (m, d) that maximise between-class over shrunk within-class scatter.

    Every class counts the same, whatever its number of rows. At most ``classes - 1`` components.
    """
    counts = np.bincount(labels)
    means = np.stack([Z[labels == c].mean(axis=0) for c in range(len(counts))])
    centred = (Z - means[labels]) / np.sqrt(counts[labels] * len(counts))[:, None]
    spread = (means - means.mean(axis=0)) / np.sqrt(len(counts))
    values, vectors = maximise_ratio(spread.T @ spread, centred.T @ centred, shrinkage)
    keep = min(n_components, len(counts) - 1, len(values))
    return fix_signs(vectors[:, :keep].T)


def canonical_correlation(
    A: Matrix, B: Matrix, n_components: int, shrinkage: float
) -> tuple[Matrix, Matrix, Matrix]:
    """Return components (m, a) and (m, b) of largest correlation, and those correlations (m,).

    Both covariances are shrunk towards their mean variance, without which n rows of more than n
    columns would correlate perfectly.
    """
    n = len(A)
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    whiteners = []
    for part in (A, B):
        covariance = part.T @ part / n
        size = len(covariance)
        level = max(float(np.trace(covariance)) / size, np.finfo(np.float64).tiny)
        values, vectors = np.linalg.eigh(
            (1 - shrinkage) * covariance + (shrinkage + 1e-10) * level * np.eye(size)
        )
        whiteners.append(vectors / np.sqrt(np.maximum(values, level * 1e-12)))
    left, correlations, right = np.linalg.svd(
        whiteners[0].T @ (A.T @ B / n) @ whiteners[1], full_matrices=False
    )
    keep = min(n_components, len(correlations))
    first, second = (whiteners[0] @ left[:, :keep]).T, (whiteners[1] @ right[:keep].T).T
    signs = np.where(fix_signs(first)[:, :1] * first[:, :1] < 0, -1.0, 1.0)
    return first * signs, second * signs, correlations[:keep]
