"""The graphs of Marginal Fisher Analysis, as scipy.sparse matrices and as lists of edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._validation import check_array, check_choice, check_integer, resolve_n_threads
from stcorner.errors import ParameterError
from stcorner.fusion.neighbors import nearest_neighbors, nearest_pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "PENALTIES",
    "graph_laplacian",
    "intrinsic_edges",
    "intrinsic_graph",
    "penalty_edges",
    "penalty_graph",
]

PENALTIES = ("class_pairs", "global_pairs", "sample_neighbors")


def encode(name: str, values: ArrayLike | None, n: int) -> NDArray[np.int32]:
    """Return `values` as codes 0, 1, … in the order of the sorted distinct values."""
    array = np.asarray(values)
    if array.ndim != 1 or len(array) != n:
        raise ParameterError(f"{name} must have one entry per row of X ({n}), got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ParameterError(f"{name} must not hold NaN or infinity")
    try:
        return np.unique(array, return_inverse=True)[1].astype(np.int32).reshape(n)
    except TypeError:
        raise ParameterError(f"{name} must hold values of one kind that can be sorted") from None


def neighbor_edges(index: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the undirected edges (m, 2) of neighbour lists, each once, the smaller row first, sorted."""
    n = len(index)
    rows, places = np.nonzero(index >= 0)
    ends = index[rows, places]
    keys = np.unique(np.minimum(rows, ends).astype(np.int64) * n + np.maximum(rows, ends))
    return np.stack([keys // n, keys % n], axis=1).astype(np.int32)


def pair_edges(index: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Return the pairs without repetition: a pair can be among the nearest of both of its classes."""
    keys = np.unique(index[:, 0].astype(np.int64) * n + index[:, 1])
    return np.stack([keys // n, keys % n], axis=1).astype(np.int32)


def intrinsic_edges(
    X: NDArray[Any],
    labels: NDArray[np.int32],
    n_neighbors: int,
    groups: NDArray[np.int32] | None,
    n_threads: int,
) -> NDArray[np.int32]:
    """Edges (m, 2) of the intrinsic graph, the smaller row first, sorted."""
    k = min(n_neighbors, max(1, int(np.bincount(labels).max()) - 1))
    return neighbor_edges(nearest_neighbors(X, labels, k, groups=groups, n_threads=n_threads).rows)


def penalty_edges(
    X: NDArray[Any], labels: NDArray[np.int32], n_pairs: int, penalty: str, groups: NDArray[np.int32] | None,
    n_threads: int,
) -> NDArray[np.int32]:  # fmt: skip
    """Edges (m, 2) of a penalty graph, the smaller row first, sorted."""
    n = len(labels)
    if penalty == "sample_neighbors":
        k = min(n_pairs, max(1, n - int(np.bincount(labels).min())))
        return neighbor_edges(
            nearest_neighbors(X, labels, k, other=True, groups=groups, n_threads=n_threads).rows
        )
    pairs = nearest_pairs(
        X, labels, n_pairs, per_class=penalty == "class_pairs", groups=groups, n_threads=n_threads
    )
    return pair_edges(pairs.rows, n)


def _adjacency(edges: NDArray[np.int32], n: int) -> Any:
    from scipy.sparse import csr_array

    rows = np.concatenate([edges[:, 0], edges[:, 1]])
    columns = np.concatenate([edges[:, 1], edges[:, 0]])
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))


def check_samples(
    X: ArrayLike, y: ArrayLike, groups: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32] | None]:
    """Return X in float32 or float64, the labels as codes, and the groups as codes or None."""
    rows = check_array("X", X, dtype=np.float64, allowed_dtypes=("float32", "float64"), ndim=2)
    labels = encode("y", y, len(rows))
    return rows, labels, None if groups is None else encode("groups", groups, len(rows))


def intrinsic_graph(
    X: ArrayLike, y: ArrayLike, *, n_neighbors: int = 5, groups: ArrayLike | None = None,
    n_threads: int | None = None,
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

    Returns
    -------
    scipy.sparse.csr_array of shape (n, n)
        Symmetric, 1 where one of the two rows is among the other's nearest, 0 elsewhere.

    Raises
    ------
    ValueError
        If `X` is not a finite matrix, `y` or `groups` has another length, or `n_neighbors` < 1.

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
    return _adjacency(intrinsic_edges(rows, labels, k, codes, resolve_n_threads(n_threads)), len(rows))


def penalty_graph(
    X: ArrayLike, y: ArrayLike, *, n_pairs: int = 200, penalty: str = "class_pairs",
    groups: ArrayLike | None = None, n_threads: int | None = None,
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

    Returns
    -------
    scipy.sparse.csr_array of shape (n, n)
        Symmetric, 1 where two rows are joined, 0 elsewhere.

    Raises
    ------
    ValueError
        If `X` is not a finite matrix, `y` or `groups` has another length, or a parameter is not allowed.

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
    return _adjacency(penalty_edges(rows, labels, k, penalty, codes, resolve_n_threads(n_threads)), len(rows))


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

    Examples
    --------
    >>> graph_laplacian([[0, 1, 0], [1, 0, 2], [0, 2, 0]]).toarray()
    array([[ 1., -1.,  0.],
           [-1.,  3., -2.],
           [ 0., -2.,  2.]])
    """
    from scipy.sparse import csr_array, diags_array, issparse

    weights = csr_array(graph, dtype=np.float64) if issparse(graph) else None
    if weights is None:
        weights = csr_array(check_array("graph", graph, dtype=np.float64, ndim=2))
    if weights.shape[0] != weights.shape[1]:
        raise ParameterError(f"graph must be square, got shape {weights.shape}")
    if not np.isfinite(weights.data).all():
        raise ParameterError("graph must be finite")
    if abs(weights - weights.T).max() > 0:
        raise ParameterError("graph must be symmetric")
    return csr_array(diags_array(weights.sum(axis=1)) - weights)


def laplacian_scatter(Z: NDArray[np.float64], edges: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return ``Z' L Z``, the sum over edges of the outer products of the rows' differences."""
    difference = np.asarray(Z[edges[:, 0]] - Z[edges[:, 1]])
    return difference.T @ difference
