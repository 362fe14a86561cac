"""The graphs of Marginal Fisher Analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stcorner import _core
from stcorner._base.validation import (
    check_array,
    check_categories,
    check_choice,
    check_integer,
    resolve_n_threads,
)
from stcorner.errors import ParameterError
from stcorner.fusion.neighbors import prepare
from stcorner.fusion.search import ClusterSearch, LocalSearch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from stcorner.fusion.neighbors import Codes
    from stcorner.fusion.search import Search

__all__ = [
    "PENALTIES",
    "Graph",
    "find_intrinsic",
    "find_penalty",
    "graph_laplacian",
    "intrinsic_graph",
    "penalty_graph",
]

PENALTIES = ("class_pairs", "global_pairs", "sample_neighbors")


def encode(name: str, values: ArrayLike, n: int) -> NDArray[np.int32]:
    """Return `values` as codes 0, 1, … in the order of the sorted distinct values."""
    array = check_categories(name, values, n)
    return np.unique(array, return_inverse=True)[1].astype(np.int32).reshape(n)


class Graph(NamedTuple):
    """Symmetric 0/1 graph in compressed rows."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]

    def to_scipy(self) -> Any:
        """Return the graph as a scipy.sparse array of float64."""
        from scipy.sparse import csr_array

        n = len(self.indptr) - 1
        return csr_array((np.ones(len(self.indices)), self.indices, self.indptr), shape=(n, n))

    def scatter(self, Z: NDArray[np.float64], n_threads: int) -> NDArray[np.float64]:
        """Return ``Z' L Z``: the outer products of the differences along all edges, summed."""
        return _core.scatter(self.indptr, self.indices, Z, n_threads)


def graph_of_neighbors(rows: NDArray[np.int32]) -> Graph:
    """Join rows of which one is in the other's list (n, k); -1 fills short lists."""
    return Graph(*_core.adjacency(len(rows), None, np.ascontiguousarray(rows)))


def graph_of_pairs(rows: NDArray[np.int32], n: int) -> Graph:
    """Join pairs (m, 2); one can be among the nearest of both of its classes and still counts once."""
    return Graph(*_core.adjacency(n, np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])))


def find_intrinsic(search: Search, labels: Codes, n_neighbors: int, groups: Codes | None) -> Graph:
    """Find the intrinsic graph."""
    k = min(n_neighbors, max(1, int(np.bincount(labels).max()) - 1))
    return graph_of_neighbors(search.neighbors(labels, k, other=False, groups=groups))


def find_penalty(search: Search, labels: Codes, n_pairs: int, penalty: str, groups: Codes | None) -> Graph:
    """Find a penalty graph."""
    n = len(labels)
    if penalty == "sample_neighbors":
        return graph_of_neighbors(search.neighbors(labels, min(n_pairs, n), other=True, groups=groups))
    per_class = penalty == "class_pairs"
    return graph_of_pairs(
        search.pairs(labels, min(n_pairs, n * n), per_class=per_class, groups=groups).rows, n
    )


def make_search(X: NDArray[Any], client: Any, n_threads: int, *, turn: bool = True) -> Search:
    """Return a search over the rows: on the cluster of `client`, or here."""
    if client is not None:
        return ClusterSearch(X, client)
    return LocalSearch(prepare(X, turn=turn, n_threads=n_threads), n_threads)


def check_samples(
    X: ArrayLike, y: ArrayLike, groups: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32] | None]:
    """Return X in float32 or float64, the labels as codes, and the groups as codes or None."""
    rows = check_array("X", X, dtype=np.float64, allowed_dtypes=("float32", "float64"), ndim=2)
    labels = encode("y", y, len(rows))
    return rows, labels, None if groups is None else encode("groups", groups, len(rows))


def intrinsic_graph(
    X: ArrayLike, y: ArrayLike, *, n_neighbors: int = 5, groups: ArrayLike | None = None,
    n_threads: int | None = None, client: Any = None,
) -> Any:  # fmt: skip
    """Join each row with its nearest rows of the same class.

    Parameters
    ----------
    X : array_like of shape (n, d)
        One row per sample. float32 and float64 are used as they are, other types as float64.
    y : array_like of shape (n,)
        Class of each row.
    n_neighbors : int, default=5
        Neighbours of each row, >= 1. A class with fewer other rows gives what it has.
    groups : array_like of shape (n,), optional
        Rows of one group (frames of one clip, augmented copies) are never joined.
    n_threads : int, optional
        Threads of the search; None is the process default, -1 all cores. The result does not depend on it.
    client : distributed.Client, optional
        Search over row blocks on its workers; the result is the same.

    Returns
    -------
    scipy.sparse.csr_array of shape (n, n)
        Symmetric, 1 where one of the two rows is among the other's nearest, 0 elsewhere.

    Raises
    ------
    ValueError
        If `X` is not a finite matrix, `y` or `groups` has another length, or `n_neighbors` < 1.

    See Also
    --------
    penalty_graph : The graph that is pushed apart.
    graph_laplacian : The matrix of either.

    Notes
    -----
    The search is exact: Euclidean distances are compared in float64, equal ones by row number.
    Memory grows with ``n * (d + n_neighbors)``; no n x n matrix is made.

    References
    ----------
    .. [1] S. Yan et al., "Graph embedding and extensions: a general framework for dimensionality
       reduction", IEEE TPAMI 29 (2007) 40-51.

    Examples
    --------
    >>> intrinsic_graph([[0], [1], [3], [9]], ["a", "a", "a", "b"], n_neighbors=1).toarray()
    array([[0., 1., 0., 0.],
           [1., 0., 1., 0.],
           [0., 1., 0., 0.],
           [0., 0., 0., 0.]])
    """
    rows, labels, codes = check_samples(X, y, groups)
    k = check_integer("n_neighbors", n_neighbors, low=1)
    # On fewer rows, neighbours within classes are found sooner than principal directions.
    turn = len(rows) >= 160 * rows.shape[1]
    search = make_search(rows, client, resolve_n_threads(n_threads), turn=turn)
    return find_intrinsic(search, labels, k, codes).to_scipy()


def penalty_graph(
    X: ArrayLike, y: ArrayLike, *, n_pairs: int = 200, penalty: str = "class_pairs",
    groups: ArrayLike | None = None, n_threads: int | None = None, client: Any = None,
) -> Any:  # fmt: skip
    """Join the nearest rows of different classes.

    Parameters
    ----------
    X : array_like of shape (n, d)
        One row per sample. float32 and float64 are used as they are, other types as float64.
    y : array_like of shape (n,)
        Class of each row.
    n_pairs : int, default=200
        How many, >= 1; what it counts depends on `penalty`. Fewer are joined where fewer exist.
    penalty : {"class_pairs", "global_pairs", "sample_neighbors"}
        ``"class_pairs"``: for each class, the nearest pairs of one row in it and one outside [1]_.
        ``"global_pairs"``: the nearest pairs of different classes over all data.
        ``"sample_neighbors"``: for each row, its nearest rows of other classes.
    groups : array_like of shape (n,), optional
        Rows of one group are never joined.
    n_threads : int, optional
        Threads of the search; None is the process default, -1 all cores. The result does not depend on it.
    client : distributed.Client, optional
        Search over row blocks on its workers; the result is the same.

    Returns
    -------
    scipy.sparse.csr_array of shape (n, n)
        Symmetric, 1 where two rows are joined, 0 elsewhere.

    Raises
    ------
    ValueError
        If `X` is not a finite matrix, `y` or `groups` has another length, or a parameter is not allowed.

    See Also
    --------
    intrinsic_graph : The graph that is pulled together.

    Notes
    -----
    Exact, as `intrinsic_graph`; equal distances go by the smaller row number of the pair, then by the other.

    References
    ----------
    .. [1] S. Yan et al., "Graph embedding and extensions: a general framework for dimensionality
       reduction", IEEE TPAMI 29 (2007) 40-51.

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [1.5], [9.0]], ["a", "a", "b", "b"]
    >>> penalty_graph(X, y, n_pairs=1).toarray()
    array([[0., 0., 0., 0.],
           [0., 0., 1., 0.],
           [0., 1., 0., 0.],
           [0., 0., 0., 0.]])
    """
    rows, labels, codes = check_samples(X, y, groups)
    k = check_integer("n_pairs", n_pairs, low=1)
    check_choice("penalty", penalty, PENALTIES)
    search = make_search(rows, client, resolve_n_threads(n_threads))
    return find_penalty(search, labels, k, penalty, codes).to_scipy()


def graph_laplacian(graph: Any) -> Any:
    """Return the Laplacian ``D - W`` of a weighted graph, D the diagonal matrix of row sums.

    Parameters
    ----------
    graph : sparse matrix or array_like of shape (n, n)
        Symmetric weights W.

    Returns
    -------
    scipy.sparse.csr_array of shape (n, n)
        Symmetric; its rows sum to 0.

    Raises
    ------
    ValueError
        If `graph` is not square, not symmetric, or not finite.

    See Also
    --------
    intrinsic_graph : A graph of neighbours.
    penalty_graph : A graph of near rows of other classes.

    Examples
    --------
    >>> graph_laplacian([[0, 1, 0], [1, 0, 2], [0, 2, 0]]).toarray()
    array([[ 1., -1.,  0.],
           [-1.,  3., -2.],
           [ 0., -2.,  2.]])
    """
    from scipy.sparse import csr_array, diags_array, issparse

    if not issparse(graph):
        weights = csr_array(check_array("graph", graph, dtype=np.float64, ndim=2))
    elif graph.dtype.kind not in "biuf" or graph.ndim != 2 or 0 in graph.shape:
        raise ParameterError(
            f"graph must be a matrix of real numbers, got dtype {graph.dtype} and shape {graph.shape}"
        )
    else:
        weights = csr_array(graph, dtype=np.float64)
    if weights.shape[0] != weights.shape[1]:
        raise ParameterError(f"graph must be square, got shape {weights.shape}")
    if not np.isfinite(weights.data).all():
        raise ParameterError("graph must be finite, got NaN or infinite weights")
    if abs(weights - weights.T).max() > 0:
        raise ParameterError("graph must be symmetric, got others: add its transpose")
    return csr_array(diags_array(weights.sum(axis=1)) - weights)
