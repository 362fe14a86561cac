"""Linear discriminants and canonical correlation against their definitions, with classes of unequal sizes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import eigh

from stcorner.errors import ParameterError
from stcorner.fusion import MarginalFisherAnalysis
from stcorner.fusion.linear import principal_axes
from stcorner.fusion.projections import canonical_correlation, linear_discriminants
from stcorner.fusion.rows import as_rows


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_discriminants_weigh_classes_alike(rng: np.random.Generator, shrinkage: float) -> None:
    labels = np.repeat(np.arange(3, dtype=np.int32), (8, 60, 20))
    Z = (
        rng.standard_normal((88, 4)) * [1, 2, 0.5, 1]
        + np.array([[3, 0, 1, 0], [0, 1, 0, 2], [1, 1, 4, 0]])[labels]
    )
    means = np.array([Z[labels == c].mean(axis=0) for c in range(3)])
    between = np.cov(means.T, bias=True)
    within = np.mean([np.cov(Z[labels == c].T, bias=True) for c in range(3)], axis=0)
    within = within + shrinkage * np.trace(within) / 4 * np.eye(4)
    values, vectors = eigh(between, within)
    found = linear_discriminants(Z, labels, 5, shrinkage)
    assert found.shape == (2, 4)
    for row, value, vector in zip(found, values[::-1], vectors.T[::-1], strict=False):
        ratio = (row @ between @ row) / (row @ within @ row)
        assert ratio == pytest.approx(value, rel=1e-6)
        assert abs(row @ vector) == pytest.approx(np.linalg.norm(row) * np.linalg.norm(vector), rel=1e-6)


@pytest.mark.parametrize("shrinkage", [0.0, 0.4])
def test_canonical_correlation_is_the_largest(rng: np.random.Generator, shrinkage: float) -> None:
    common = rng.standard_normal((50, 2))
    A = np.hstack([common, rng.standard_normal((50, 2))]) @ rng.standard_normal((4, 4)) + 5
    B = np.hstack([common + rng.standard_normal((50, 2)), rng.standard_normal((50, 1))]) - 3
    first, second, correlations = canonical_correlation(A, B, 2, shrinkage)
    parts = [np.cov(part.T, bias=True) for part in (A, B)]
    a, b = (
        (1 - shrinkage) * part + shrinkage * np.trace(part) / len(part) * np.eye(len(part)) for part in parts
    )
    both = np.cov(A.T, B.T, bias=True)[:4, 4:]
    expected = np.sqrt(eigh(both @ np.linalg.solve(b, both.T), a, eigvals_only=True)[::-1][:2])
    np.testing.assert_allclose(correlations, expected, rtol=1e-6)
    np.testing.assert_allclose(first @ a @ first.T, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(second @ b @ second.T, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(first @ both @ second.T, np.diag(correlations), atol=1e-6)


def test_deviations_too_small_to_be_squared() -> None:
    tiny = np.outer(np.arange(6.0), [1e-145, 2e-145])
    with pytest.raises(ParameterError, match="must vary by >= 1e-140 or not at all"):
        principal_axes(as_rows(tiny), None)
    # Rounding about a mean is no variation.
    flat = np.full((6, 2), 1e-150) * (1 + 1e-15 * np.arange(6.0)[:, None])
    assert principal_axes(as_rows(flat), None).variance[0] == 0


def test_one_row_is_too_few() -> None:
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        MarginalFisherAnalysis().fit(np.ones((1, 3)), np.zeros(1))
