"""Graphs against dense oracles: every instruction set, numbers of threads, odd sizes, degenerate data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import stcorner
from oracles import fusion as oracle
from stcorner.fusion import graph_laplacian, intrinsic_graph, penalty_graph
from stcorner.fusion.neighbors import nearest_neighbors, nearest_pairs, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33]
KINDS = ["class_pairs", "global_pairs", "sample_neighbors"]


def random_case(
    rng: np.random.Generator, n: int, d: int, classes: int = 3, dtype: type[float] = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    X = (rng.standard_normal((n, d)) * np.linspace(2, 0.2, d)).astype(dtype)
    return X, rng.integers(0, classes, n).astype(np.int32)


def check_neighbors(
    X: np.ndarray,
    y: np.ndarray,
    k: int,
    *,
    other: bool = False,
    groups: np.ndarray | None = None,
    n_threads: int = 1,
) -> Any:
    expected = oracle.neighbors(X, y, k, other=other, groups=groups)
    found = nearest_neighbors(prepare(X), y, k, other=other, groups=groups, n_threads=n_threads)
    for i, row in enumerate(expected):
        assert found.rows[i].tolist() == [j for _, j in row] + [-1] * (k - len(row))
        np.testing.assert_allclose(found.distance[i, : len(row)], [d for d, _ in row], rtol=1e-12)
        assert np.isinf(found.distance[i, len(row) :]).all()
    return found


def check_pairs(
    X: np.ndarray,
    y: np.ndarray,
    k: int,
    *,
    per_class: bool = True,
    groups: np.ndarray | None = None,
    n_threads: int = 1,
) -> Any:
    expected = oracle.pairs(X, y, k, per_class=per_class, groups=groups)
    found = nearest_pairs(prepare(X), y, k, per_class=per_class, groups=groups, n_threads=n_threads)
    assert found.rows.tolist() == [[i, j] for part in expected for _, i, j in part]
    np.testing.assert_allclose(found.distance, [d for part in expected for d, _, _ in part], rtol=1e-12)
    return found


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("d", [1, 5, 17])
def test_odd_sizes(rng: np.random.Generator, isa: str, n_threads: int, n: int, d: int) -> None:
    X, y = random_case(rng, n, d)
    y[: min(n, 3)] = np.arange(min(n, 3))
    check_neighbors(X, y, min(n, 4), n_threads=n_threads)
    check_neighbors(X, y, min(n, 4), other=True, n_threads=n_threads)
    check_pairs(X, y, 6, n_threads=n_threads)
    check_pairs(X, y, 6, per_class=False, n_threads=n_threads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 5, 60])
def test_many_blocks(rng: np.random.Generator, isa: str, dtype: type[float], k: int) -> None:
    X, y = random_case(rng, 600, 40, classes=2, dtype=dtype)
    check_neighbors(X, y, k, n_threads=2)
    check_neighbors(X, y, k, other=True, n_threads=2)
    check_pairs(X, y, 10 * k, n_threads=2)


def test_same_bits_on_every_instruction_set_and_team(rng: np.random.Generator) -> None:
    import stcorner

    X, y = random_case(rng, 3000, 40)
    samples = prepare(X)
    results = []
    for name in stcorner.available_isas():
        stcorner.set_isa(name)
        results += [
            [*nearest_neighbors(samples, y, 7, n_threads=t), *nearest_pairs(samples, y, 300, n_threads=t)]
            for t in (1, 2, 3)
        ]
    stcorner.set_isa("auto")
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("k", [1, 4, 40])
def test_ties_go_by_row_number(isa: str, k: int) -> None:
    rng = np.random.default_rng(1)
    X = rng.integers(0, 3, (400, 3)).astype(np.float64)  # 27 different rows: many equal distances
    y = rng.integers(0, 2, 400).astype(np.int32)
    check_neighbors(X, y, k)
    check_neighbors(X, y, k, other=True)
    check_pairs(X, y, 30 * k)


@pytest.mark.parametrize("k", [1, 40])
def test_all_rows_equal(isa: str, k: int) -> None:
    X, y = np.full((300, 4), 7.5), (np.arange(300) % 2).astype(np.int32)
    check_neighbors(X, y, k)
    check_pairs(X, y, k)


def test_more_ties_than_a_list_holds(isa: str) -> None:
    # 1,500 x 1,500 pairs at distance 0: the list of candidates must not grow without bound.
    X = np.zeros((3000, 2))
    y = (np.arange(3000) % 2).astype(np.int32)
    found = nearest_pairs(prepare(X), y, 3, n_threads=2)
    assert found.rows.tolist() == [[0, 1], [0, 3], [0, 5]] * 2


def test_groups_are_never_joined(rng: np.random.Generator) -> None:
    X, y = random_case(rng, 300, 6)
    groups = rng.integers(0, 40, 300).astype(np.int32)
    check_neighbors(X, y, 5, groups=groups)
    check_neighbors(X, y, 50, other=True, groups=groups)
    check_pairs(X, y, 30, groups=groups)
    graph = intrinsic_graph(X, y, groups=groups).tocoo()
    assert (groups[graph.row] != groups[graph.col]).all()


def test_sides_split_the_search_exactly(rng: np.random.Generator) -> None:
    X, y = random_case(rng, 300, 6)
    samples, sides = prepare(X), (np.arange(300) >= 130).astype(np.int32)
    whole = nearest_neighbors(samples, y, 300)
    across = nearest_neighbors(samples, y, 300, sides=sides)
    for i in range(300):
        rows = whole.rows[i][whole.rows[i] >= 0]
        expected = rows[sides[rows] != sides[i]]
        assert across.rows[i][: len(expected)].tolist() == expected.tolist()


@pytest.mark.parametrize("far", [32.0, 1024.0, 16384.0])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_rows_of_very_different_length(rng: np.random.Generator, isa: str, far: float, share: float) -> None:
    # The integers of the search leave the far rows out of their range, or have few digits for the others.
    X, y = random_case(rng, 300, 11)
    X = np.round(X * 16) / 16  # squares and their sums are exact in float64
    X[rng.random(300) < share] *= far
    check_neighbors(X, y, 5)
    check_neighbors(X, y, 40, other=True)
    check_pairs(X, y, 50)


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_offsets_and_magnitudes(rng: np.random.Generator, shift: float, scale: float) -> None:
    X, y = random_case(rng, 200, 9)
    X = (np.round(X * 64) / 64 + shift) * 2.0 ** round(np.log2(scale))
    check_neighbors(X, y, 5)
    check_pairs(X, y, 40)


def test_an_outlier_does_not_spoil_exactness(rng: np.random.Generator, isa: str) -> None:
    X, y = random_case(rng, 300, 12, dtype=np.float32)
    X[17] = 1e18
    check_neighbors(X, y, 6)
    check_pairs(X, y, 50)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.integers(2, 40), st.integers(1, 6), st.integers(1, 4), st.integers(1, 12), st.integers(0, 2**31),
    st.booleans(),
)  # fmt: skip
def test_graphs_equal_the_oracle(n: int, d: int, classes: int, k: int, seed: int, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, (n, d)).astype(float) if coarse else rng.standard_normal((n, d))
    y = rng.integers(0, classes, n)
    np.testing.assert_array_equal(intrinsic_graph(X, y, n_neighbors=k).toarray(), oracle.intrinsic(X, y, k))
    for kind in KINDS:
        np.testing.assert_array_equal(
            penalty_graph(X, y, n_pairs=k, penalty=kind).toarray(), oracle.penalty(X, y, k, kind)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_scatter_is_the_laplacian_form(rng: np.random.Generator, kind: str, n_threads: int) -> None:
    from stcorner.fusion.graphs import find_penalty, make_search

    X, y = random_case(rng, 120, 7)
    W = oracle.penalty(X, y, 9, kind)
    found = find_penalty(make_search(X, None, n_threads), y, 9, kind, None)
    np.testing.assert_allclose(found.scatter(X, n_threads), oracle.scatter(X, W), rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(graph_laplacian(found.to_scipy()).toarray(), oracle.laplacian(W))


def test_degenerate_labels() -> None:
    X = np.arange(6.0)[:, None]
    assert penalty_graph(X, [1] * 6).nnz == 0
    assert intrinsic_graph(X, range(6)).nnz == 0
    assert intrinsic_graph(X, [0, 0, 0, 0, 1, 2], n_neighbors=5).nnz == 12
    assert penalty_graph(X, range(6), n_pairs=10**9).nnz == 30
    assert intrinsic_graph(X[:1], [3]).shape == (1, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: intrinsic_graph([1.0, 2.0], [0, 1]), r"X must have 2 dimension"),
        (lambda: intrinsic_graph(np.zeros((0, 2)), []), r"X must not be empty"),
        (lambda: intrinsic_graph([[np.nan]], [0]), r"X must be finite, got 1 NaN"),
        (lambda: intrinsic_graph([[0.0], [1e200]], [0, 0]), r"X must have squared distances within float64"),
        (
            lambda: intrinsic_graph([[1.0]], [0, 1]),
            r"y must have one entry per row of X \(1\), got",
        ),
        (lambda: intrinsic_graph([[1.0]], [np.nan]), r"y must not hold NaN"),
        (lambda: intrinsic_graph([[1.0]], [0], groups=[1, 2]), r"groups must have one entry per row"),
        (lambda: intrinsic_graph([[1.0]], [0], n_neighbors=0), r"n_neighbors must be >= 1, got 0"),
        (lambda: penalty_graph([[1.0]], [0], n_pairs=-3), r"n_pairs must be >= 1, got -3"),
        (lambda: penalty_graph([[1.0]], [0], penalty="all"), r"penalty must be one of .*, got 'all'"),
        (lambda: intrinsic_graph([[1.0]], [0], n_threads=0), r"n_threads"),
        (lambda: graph_laplacian([[0, 1]]), r"graph must be square, got shape \(1, 2\)"),
        (lambda: graph_laplacian([[0, 1], [0, 0]]), r"graph must be symmetric"),
        (lambda: graph_laplacian([[0, np.inf], [np.inf, 0]]), r"graph must be finite"),
        (lambda: graph_laplacian(scipy.sparse.csr_array([[1j]])), "real numbers, got dtype complex128"),
        (lambda: graph_laplacian(scipy.sparse.csr_array((0, 0))), r"got dtype float64 and shape \(0, 0\)"),
    ],
)
def test_refusals(call: Callable[..., Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3.0, 1e30])
def test_rows_that_change_before_the_search_are_refused(
    rng: np.random.Generator, isa: str, bad: float
) -> None:
    """Another thread may write into X: a result can then be anything, but memory must stay whole."""
    samples = prepare(rng.standard_normal((300, 4)))
    samples.near[17, 2] = bad
    labels = np.zeros(300, np.int32)
    with pytest.raises(stcorner.ParameterError, match="X must keep its values while it is being searched"):
        nearest_neighbors(samples, labels, 3)


@pytest.mark.parametrize("value", [0.0, np.nan, 1e300])
@pytest.mark.parametrize("k", [1, 5, 40])
def test_rows_that_change_during_the_search_do_no_harm(
    rng: np.random.Generator, isa: str, value: float, k: int
) -> None:
    X = np.repeat(rng.standard_normal((6, 4)), 60, axis=0) + 1e-7 * rng.standard_normal((360, 4))
    samples = prepare(X)
    samples.exact[:] = value  # not what was bounded
    labels = np.arange(360, dtype=np.int32) % 3
    rows = nearest_neighbors(samples, labels, k, n_threads=2).rows
    assert ((rows >= -1) & (rows < 360)).all()
    pairs = nearest_pairs(samples, labels, 3000, n_threads=2).rows
    assert ((pairs >= 0) & (pairs < 360)).all()


def test_more_rows_than_the_core_counts_are_refused() -> None:
    with pytest.raises(stcorner.ParameterError, match=r"X must have below 2\*\*31 rows, got 2147483648"):
        prepare(np.broadcast_to(np.float32(0), (2**31, 1)))
