"""Late fusion and the search for settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stcorner.fusion import LateFusion, MarginalFisherAnalysis, search_mfa

if TYPE_CHECKING:
    from collections.abc import Callable


def tables(
    rng: np.random.Generator, n: int = 400, strengths: tuple[float, float] = (2.0, 1.0)
) -> tuple[list[np.ndarray], np.ndarray]:
    y = rng.integers(0, 3, n)
    made = []
    for strength in strengths:
        logits = rng.standard_normal((n, 3)) + strength * np.eye(3)[y]
        made.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    return made, y


def log_loss(p: np.ndarray, y: np.ndarray) -> float:
    return -np.mean(np.log(p[np.arange(len(y)), y]))


@pytest.mark.parametrize("rule", ["product", "mean"])
def test_better_than_each_alone_and_prefers_the_better(rng: np.random.Generator, rule: str) -> None:
    P, y = tables(rng)
    late = LateFusion(rule).fit(P, y)
    fresh, truth = tables(rng)
    mixed = late.predict_proba(fresh)
    np.testing.assert_allclose(mixed.sum(axis=1), 1)
    assert log_loss(mixed, truth) <= min(log_loss(p, truth) for p in fresh)
    assert late.weights_[0] > late.weights_[1]
    assert (late.predict(fresh) == mixed.argmax(axis=1)).all()


@pytest.mark.parametrize("rule", ["product", "mean"])
def test_weights_are_the_best_on_a_grid(rng: np.random.Generator, rule: str) -> None:
    P, y = tables(rng, 150)
    late = LateFusion(rule).fit(P, y)
    best = log_loss_balanced(late.predict_proba(P), y)
    for first in np.linspace(0, 2, 9):
        for second in np.linspace(0.05, 2, 9):
            w = np.array([first, second])
            if rule == "mean":
                mixed = (P[0] * w[0] + P[1] * w[1]) / w.sum()
            else:
                mixed = P[0] ** w[0] * P[1] ** w[1]
                mixed /= mixed.sum(axis=1, keepdims=True)
            assert best <= log_loss_balanced(mixed, y) + 1e-5


def log_loss_balanced(p: np.ndarray, y: np.ndarray) -> float:
    weight = 1 / np.bincount(y)[y]
    return -np.sum(weight * np.log(p[np.arange(len(y)), y])) / weight.sum()


@pytest.mark.parametrize("rule", ["product", "mean"])
def test_a_missing_modality_leaves_the_other(rng: np.random.Generator, rule: str) -> None:
    P, y = tables(rng)
    late = LateFusion(rule).fit(P, y)
    P[1][:50] = np.nan
    mixed = late.predict_proba(P)
    assert np.isfinite(mixed).all()
    np.testing.assert_array_equal(mixed[:50].argmax(axis=1), P[0][:50].argmax(axis=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda P: P[0], r"P must be a list of probability tables"),
        (lambda P: [P[0], P[1][:5]], r"tables of one shape"),
        (lambda P: [P[0], P[1] * 2], r"P\[1\] must hold probabilities that sum to 1"),
        (lambda P: [P[0], np.where(P[1] > 0.5, np.nan, P[1])], r"P\[1\] must be NaN in all columns"),
        (lambda P: [P[0] * np.nan, P[1] * np.nan], r"P must have a table in each row, got none in row 0"),
    ],
)
def test_refusals(rng: np.random.Generator, change: Callable[..., Any], message: str) -> None:
    P, y = tables(rng, 20)
    with pytest.raises(ValueError, match=message):
        LateFusion().fit(change(P), y)
    with pytest.raises(ValueError, match="rule must be one of 'product', 'mean', got 'vote'"):
        LateFusion("vote").fit(P, y)
    with pytest.raises(ValueError, match=r"y must hold one class per column of P \(3\), got 1"):
        LateFusion().fit(P, np.zeros(20))


GRID = {"n_neighbors": [3, 6], "n_pairs": [20, 90], "n_components": [2, 4], "shrinkage": [0.1]}


def people(rng: np.random.Generator, n: int = 120) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    y, actor = np.arange(n) % 3, np.arange(n) // 10
    audio = rng.standard_normal((n, 8)) + np.eye(3, 8)[y] * 2 + rng.standard_normal((12, 8))[actor]
    video = rng.standard_normal((n, 4)) + np.eye(3, 4)[y] * 2
    return [audio, video], y, actor


def test_search_finds_what_a_direct_fit_gives(rng: np.random.Generator) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    X, y, actor = people(rng)
    found = search_mfa(X, y, actor, grid=GRID, n_splits=3, classifier=KNeighborsClassifier(3))
    assert len(found.table) == 3 * 2 * 2 * 2
    assert found.best_score == max(row["score"] for row in found.table) > 0.6
    MarginalFisherAnalysis(**found.best_params).fit(np.hstack(X), y)


def test_search_components_equal_the_estimator(rng: np.random.Generator) -> None:
    from stcorner.fusion.tuning import _projections

    X, y, _ = people(rng)
    rows = np.hstack(X)
    grid = {**GRID, "penalty": ["class_pairs", "sample_neighbors"], "pca_variance": [0.95]}
    for setting, mean, components in _projections(rows, y.astype(np.int32), grid, 1):
        direct = MarginalFisherAnalysis(**setting).fit(rows, y)
        np.testing.assert_array_equal(mean, direct.mean_)
        np.testing.assert_allclose(components, direct.components_, rtol=1e-7, atol=1e-9)


def test_search_refusals(rng: np.random.Generator) -> None:
    X, y, actor = people(rng)
    with pytest.raises(ValueError, match=r"grid must hold only penalty, .*, got 'k1'"):
        search_mfa(X, y, actor, grid={"k1": [3]})
    with pytest.raises(ValueError, match="at least one value of 'n_pairs'"):
        search_mfa(X, y, actor, grid={"n_pairs": []})
    with pytest.raises(ValueError, match=r"groups must hold at least n_splits \(20\)"):
        search_mfa(X, y, actor, n_splits=20)
