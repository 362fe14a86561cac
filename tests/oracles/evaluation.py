"""Scores written down plainly, one clip at a time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def recalls(true: tuple[Any, ...], predicted: list[str] | tuple[Any, ...]) -> list[float]:
    return [
        np.mean([p == label for t, p in zip(true, predicted, strict=True) if t == label])
        for label in sorted(set(true))
    ]


def uar(true: tuple[Any, ...], predicted: list[str] | tuple[Any, ...]) -> float:
    return float(np.mean(recalls(true, predicted)))


def war(true: tuple[Any, ...], predicted: list[str] | tuple[Any, ...]) -> float:
    return float(np.mean([t == p for t, p in zip(true, predicted, strict=True)]))


def macro_f1(true: tuple[Any, ...], predicted: tuple[Any, ...]) -> float:
    scores = []
    for label in sorted(set(true) | set(predicted)):
        hits = sum(t == p == label for t, p in zip(true, predicted, strict=True))
        scores.append(2 * hits / (list(true).count(label) + list(predicted).count(label)))
    return float(np.mean(scores))


def calibration_error(probabilities: np.ndarray, y: list[int], n_bins: int) -> float:
    """Bins (0, 1/n], (1/n, 2/n], ..."""
    total = 0.0
    for b in range(n_bins):
        rows = [
            (max(p), int(np.argmax(p) == label))
            for p, label in zip(probabilities, y, strict=True)
            if b / n_bins < max(p) <= (b + 1) / n_bins
        ]
        if rows:
            confidence, correct = np.mean(rows, axis=0)
            total += len(rows) * abs(confidence - correct)
    return total / len(y)


def best_temperature(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Search a coarse grid of temperatures for the least negative log likelihood, then a fine one around it.

    The loss is convex in the inverse temperature: it has no other minimum between the coarse points.
    """

    def loss(logarithm: float) -> float:
        powered = np.asarray(probabilities) ** np.exp(-logarithm)
        powered /= powered.sum(axis=1, keepdims=True)
        return -np.mean(np.log(powered[np.arange(len(y)), y]))

    coarse = min(np.linspace(-3, 3, 61), key=loss)
    return float(np.exp(min(np.linspace(coarse - 0.1, coarse + 0.1, 201), key=loss)))


def exchange_p_value(
    true: tuple[str, ...],
    first: list[str],
    second: list[str],
    actors: tuple[str, ...],
    score: Callable[..., Any],
) -> float:
    """Exchange the two models' predictions for all subsets of actors; the share at least as different."""
    names = sorted(set(actors))
    seen = abs(score(true, first) - score(true, second))
    count = 0
    for swapped in itertools.product([False, True], repeat=len(names)):
        flip = dict(zip(names, swapped, strict=True))
        one = [b if flip[actor] else a for a, b, actor in zip(first, second, actors, strict=True)]
        two = [a if flip[actor] else b for a, b, actor in zip(first, second, actors, strict=True)]
        count += abs(score(true, one) - score(true, two)) >= seen - 1e-12
    return count / 2 ** len(names)
