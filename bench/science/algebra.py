"""The classifiers of these experiments taken apart, so that one matrix of distances serves many settings."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve


def scaled(train, test):
    """Standardise by the training rows and clip to +/- 4, as `DiscriminantClassifier` does."""
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-8
    return tuple(np.clip((part - mean) / scale, -4, 4).astype(np.float32) for part in (train, test))


def squared(a, b):
    """Return squared distances per feature."""
    distance = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(distance, 0) / a.shape[1]


def linear_scores(A, y, B, shrinkages):
    """Return the scores of class-balanced discriminant analysis for each shrinkage."""
    n_classes, p = y.max() + 1, A.shape[1]
    if p > len(A):  # the means and the scatter lie in the span of the rows
        centre = A.mean(axis=0)
        values, vectors = np.linalg.eigh(((A - centre) @ (A - centre).T).astype(np.float64))
        kept = values > values[-1] * 1e-7
        basis = (A - centre).T @ (vectors[:, kept] / np.sqrt(values[kept])).astype(np.float32)
        A, B = (A - centre) @ basis, (B - centre) @ basis
    weight = 1 / np.bincount(y)[y] / n_classes
    means = np.stack([A[y == k].mean(axis=0) for k in range(n_classes)]).astype(np.float64)
    residual = ((A - means[y]) * np.sqrt(weight)[:, None]).astype(np.float32)
    values, vectors = np.linalg.eigh((residual.T @ residual).astype(np.float64))
    values = np.maximum(values, 0)
    M, T = means @ vectors, B.astype(np.float64) @ vectors
    found = {}
    for s in shrinkages:
        Q = M / ((1 - s) * values + s * values.sum() / p)
        found[s] = T @ Q.T - 0.5 * (Q * M).sum(axis=1)
    return found


def kernel_scores(within, across, y, gammas, ridge=0.1):
    """Return the scores of class-balanced kernel ridge regression for each width."""
    n_classes = y.max() + 1
    penalty = ridge * np.bincount(y)[y] * n_classes / len(y)
    target = ((n_classes * np.eye(n_classes)[y] - 1) / (n_classes - 1)).astype(np.float32)
    found = {}
    for gamma in gammas:
        K = np.exp(-gamma * within)
        K.flat[:: len(K) + 1] += penalty.astype(np.float32)
        dual = cho_solve(cho_factor(K, overwrite_a=True, check_finite=False), target)
        found[gamma] = (np.exp(-gamma * across) @ dual).astype(np.float64)
    return found


def raw_scores(train, y, test, shrinkages, gammas):
    """Return both parts' scores of test rows, one array for each shrinkage and each width."""
    A, B = scaled(train, test)
    return linear_scores(A, y, B, shrinkages), kernel_scores(squared(A, A), squared(B, A), y, gammas)


def uar(y, predicted):
    return float(np.mean([(predicted[y == k] == k).mean() for k in np.unique(y)]))
