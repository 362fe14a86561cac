"""The core's sums and eigenproblems against LAPACK, and MFA where both solve it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import eigh

from stcorner import _core
from stcorner.fusion import MarginalFisherAnalysis, intrinsic_graph, linear


def scatters(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    A, B = rng.standard_normal((2, size, 3 * size))
    return A @ A.T, B @ B.T


@pytest.mark.parametrize("size", [1, 2, 3, 8, 33, 128, 150])
def test_eigenproblem_is_lapacks(rng: np.random.Generator, size: int) -> None:
    A, B = scatters(rng, size)
    values, rows = _core.solve_symmetric(A, B)
    expected, columns = eigh(A, B)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    np.testing.assert_allclose(rows @ B @ rows.T, np.eye(size), atol=1e-9)
    np.testing.assert_allclose(np.abs(rows @ B @ columns), np.eye(size), atol=1e-9)


def test_eigenproblems_that_are_none(rng: np.random.Generator) -> None:
    A, B = scatters(rng, 4)
    with pytest.raises(ValueError, match="positive definite"):
        _core.solve_symmetric(A, -B)
    with pytest.raises(ValueError, match="must be finite"):
        _core.solve_symmetric(np.full((4, 4), np.nan), B)
    with pytest.raises(ValueError, match="square and of one size"):
        _core.solve_symmetric(A, B[:3, :3].copy())
    values, rows = _core.solve_symmetric(np.empty((0, 0)), np.empty((0, 0)))
    assert values.shape == (0,)
    assert rows.shape == (0, 0)


def test_directions_are_the_same_from_both(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rng.standard_normal((300, 40)), np.arange(300) % 3
    own = MarginalFisherAnalysis(5).fit(X, y)
    monkeypatch.setattr(linear, "_EIGEN", 0)
    lapack = MarginalFisherAnalysis(5).fit(X, y)
    np.testing.assert_allclose(own.ratios_, lapack.ratios_, rtol=1e-9)
    np.testing.assert_allclose(own.components_, lapack.components_, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 2049, 5000])
def test_scatter_has_the_same_bits_in_any_team(rng: np.random.Generator, n: int) -> None:
    Z = rng.standard_normal((n, 90))
    joined = rng.integers(0, n, (n, 3)).astype(np.int32)
    joined[joined == np.arange(n)[:, None]] = -1
    indptr, indices = _core.adjacency(len(joined), None, joined)
    one = _core.scatter(indptr, indices, Z, 1)
    for n_threads in (2, 3):
        np.testing.assert_array_equal(_core.scatter(indptr, indices, Z, n_threads), one)
    rows = np.repeat(np.arange(n), np.diff(indptr))
    differences = Z[rows] - Z[indices]
    np.testing.assert_allclose(one, differences.T @ differences / 2, rtol=1e-9, atol=1e-9)


def test_scatter_of_no_graph(rng: np.random.Generator) -> None:
    Z = rng.standard_normal((30, 3))
    graph = intrinsic_graph(Z, np.arange(30) % 2)
    indptr, indices = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    for wrong in (indptr[::-1].copy() * 0 + indptr[-1], np.r_[indptr[:5], 0, indptr[6:]]):
        with pytest.raises(ValueError, match="ascend from 0"):
            _core.scatter(wrong, indices, Z, 1)
    with pytest.raises(ValueError, match="one row per row of Z"):
        _core.scatter(indptr, indices, Z[:20].copy(), 1)
    assert not _core.scatter(np.zeros(1, np.int64), np.zeros(0, np.int32), np.empty((0, 3)), 1).any()
