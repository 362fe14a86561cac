"""FERCNN and the discriminant classifier in plain numpy, float64, loop by loop."""

from __future__ import annotations

import numpy as np


def forward(weights: list[np.ndarray], X: np.ndarray) -> np.ndarray:
    """Fig. 1 position by position: convolution, ReLU, maximum, dense."""
    out = []
    for row in np.asarray(X, dtype=np.float64):
        x = row.reshape(-1, 1)
        for layer in range(5):
            kernel, bias = (np.asarray(w, dtype=np.float64) for w in weights[2 * layer : 2 * layer + 2])
            y = np.array([np.einsum("kc,kco->o", x[i : i + 3], kernel) + bias for i in range(len(x) - 2)])
            y = np.maximum(y, 0)
            if layer < 3:
                x = np.array([y[i : i + 3].max(axis=0) for i in range(0, len(y) - 2, 3)])
            else:
                x = np.array([y[max(i - 1, 0) : i + 2].max(axis=0) for i in range(len(y))])
        x = np.maximum(x.reshape(-1) @ weights[10] + weights[11], 0)
        s = x @ weights[12] + weights[13]
        p = np.exp(s - s.max())
        out.append(p / p.sum())
    return np.array(out)


def linear_scores(X: np.ndarray, y: np.ndarray, Z: np.ndarray, shrinkage: float) -> np.ndarray:
    """Discriminant scores with equal priors, every matrix written out."""
    classes = np.unique(y)
    p = X.shape[1]
    S = np.mean([np.cov(X[y == c].T, bias=True).reshape(p, p) for c in classes], axis=0)
    inverse = np.linalg.inv((1 - shrinkage) * S + shrinkage * np.trace(S) / p * np.eye(p))
    means = [X[y == c].mean(axis=0) for c in classes]
    return np.array([[z @ inverse @ m - 0.5 * m @ inverse @ m for m in means] for z in Z])


def kernel_scores(X: np.ndarray, y: np.ndarray, Z: np.ndarray, gamma: float, ridge: float) -> np.ndarray:
    """Weighted kernel ridge regression on the simplex code."""
    classes, p = np.unique(y), X.shape[1]

    def kernel(A: np.ndarray, B: np.ndarray) -> np.ndarray:
        return np.array([[np.exp(-gamma * ((a - b) ** 2).sum() / p) for b in B] for a in A])

    weight = np.array([len(y) / (len(classes) * (y == label).sum()) for label in y])
    target = np.where(y[:, None] == classes, 1.0, -1.0 / (len(classes) - 1))
    dual = np.linalg.solve(kernel(X, X) + np.diag(ridge / weight), target)
    return kernel(Z, X) @ dual


def wave_scores(
    X: np.ndarray, y: np.ndarray, Z: np.ndarray, draws: np.ndarray, gamma: float, ridge: float
) -> np.ndarray:
    """Weighted ridge regression of the simplex code on random Fourier features, one wave at a time."""
    classes, (p, count) = np.unique(y), draws.shape

    def features(A: np.ndarray) -> np.ndarray:
        angle = np.array([[sum(a[i] * w[i] for i in range(p)) for w in draws.T] for a in A])
        angle *= (2 * gamma / p) ** 0.5
        return np.hstack([np.cos(angle), np.sin(angle)]) / count**0.5

    weight = np.diag([len(y) / (len(classes) * (y == label).sum()) for label in y])
    target = np.where(y[:, None] == classes, 1.0, -1.0 / (len(classes) - 1))
    phi = features(X)
    coefficients = np.linalg.solve(phi.T @ weight @ phi + ridge * np.eye(2 * count), phi.T @ weight @ target)
    return features(Z) @ coefficients
