"""Marginal Fisher Analysis as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from stcorner._base.estimator import Transformer
from stcorner._base.validation import check_choice, check_integer, check_real, resolve_n_threads
from stcorner.errors import ParameterError
from stcorner.fusion.graphs import PENALTIES, encode, find_intrinsic, find_penalty, make_search
from stcorner.fusion.linear import fix_signs, maximise_ratio, principal_axes, project
from stcorner.fusion.rows import ParquetRows, as_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MarginalFisherAnalysis"]


class MarginalFisherAnalysis(Transformer):
    r"""Linear map that draws rows to neighbours of their class and away from near rows of others.

    Parameters
    ----------
    n_components : int or float, optional
        Length of the output. An integer >= 1 is cut to what the data allow; a float in (0, 1) keeps
        the first components that together hold this share of all ratios; None keeps all that have
        a penalty.
    n_neighbors : int, default=5
        Neighbours of the same class that each row is held to (k1).
    n_pairs : int, default=200
        Pairs of different classes that are pushed apart (k2); counted as `penalty` says.
    penalty : {"class_pairs", "global_pairs", "sample_neighbors"}
        Which pairs; see `penalty_graph`.
    pca_variance : float, default=0.98
        Share of the variance, in (0, 1], that principal components keep before the graphs are made.
    shrinkage : float, default=1e-3
        Added to the intrinsic scatter's diagonal, in units of its mean, 0 to 1e6.
    n_threads : int, optional
        Threads of the neighbour search; None is the process default, -1 all cores.
        The result does not depend on it.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Directions in units of the input; the entry of largest magnitude of each is positive.
    mean_ : ndarray of shape (n_features,)
        Mean of the training rows, subtracted first.
    ratios_ : ndarray of shape (n_components,)
        Intrinsic scatter (shrunk) over penalty scatter along each component, ascending.
    pca_share_ : float
        Share of the variance that the principal components hold.
    classes_ : ndarray
        Labels seen in `fit`, sorted.
    n_features_in_ : int
        Columns of the training rows.

    Raises
    ------
    ValueError
        In `fit`: rows that are not finite, fewer than two classes, a parameter out of its range.

    See Also
    --------
    search_mfa : Choose its parameters on held-out groups.
    ModalityFusion : Scale, weight and project several blocks.

    Notes
    -----
    With rows of ``Z`` the principal components of the data, and ``L``, ``L'`` the Laplacians of the
    intrinsic and penalty graphs, the components maximise

    .. math:: w^T Z^T L' Z w \,/\, w^T (Z^T L Z + s\,\tau I)\, w,

    s the shrinkage and :math:`\tau` the mean of the diagonal. Each has unit length in the denominator.
    Few neighbours and pairs, as in the literature, lose to many: `search_mfa` finds out.

    References
    ----------
    .. [1] S. Yan et al., "Graph embedding and extensions: a general framework for dimensionality
       reduction", IEEE TPAMI 29 (2007) 40-51.

    Examples
    --------
    Classes differ along the first axis only; the second is wider.

    >>> X = [[0, 0], [0, 8], [0.2, 4], [1, 1], [1, 7], [1.2, 5]]
    >>> mfa = MarginalFisherAnalysis(1, n_neighbors=1, n_pairs=3, pca_variance=1.0).fit(X, [0, 0, 0, 1, 1, 1])
    >>> bool(abs(mfa.components_[0, 0]) > 10 * abs(mfa.components_[0, 1]))
    True
    """

    def __init__(
        self, n_components: int | float | None = None, *, n_neighbors: int = 5, n_pairs: int = 200,
        penalty: str = "class_pairs", pca_variance: float = 0.98, shrinkage: float = 1e-3,
        n_threads: int | None = None,
    ) -> None:  # fmt: skip
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.n_pairs = n_pairs
        self.penalty = penalty
        self.pca_variance = pca_variance
        self.shrinkage = shrinkage
        self.n_threads = n_threads

    def _check_parameters(self) -> None:
        if isinstance(self.n_components, float | np.floating):
            check_real("n_components", self.n_components, low=0, high=1, open_low=True, open_high=True)
        elif self.n_components is not None:
            check_integer("n_components", self.n_components, low=1)
        check_integer("n_neighbors", self.n_neighbors, low=1)
        check_integer("n_pairs", self.n_pairs, low=1)
        check_choice("penalty", self.penalty, PENALTIES)
        check_real("pca_variance", self.pca_variance, low=0, high=1, open_low=True)
        check_real("shrinkage", check_real("shrinkage", self.shrinkage, low=0), high=1e6)

    def fit(
        self, X: Any, y: ArrayLike, groups: ArrayLike | None = None, *, client: Any = None
    ) -> MarginalFisherAnalysis:
        """Learn the map.

        Parameters
        ----------
        X : array_like of shape (n, d), or ParquetRows
            One row per sample. A memory-mapped array and a `ParquetRows` are read block by block
            and never held whole; the result has the same bits.
        y : array_like of shape (n,)
            Class of each row.
        groups : array_like of shape (n,), optional
            Rows of one group are never neighbours.
        client : distributed.Client, optional
            Look for neighbours over row blocks on its workers; the result is the same.

        Returns
        -------
        MarginalFisherAnalysis
            The estimator itself.
        """
        self._check_parameters()
        n_threads = resolve_n_threads(self.n_threads)
        if isinstance(X, ParquetRows):
            self.n_features_in_ = X.shape[1]
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
            target = column_or_1d(y)
        else:
            X, target = self._validated(X, y, dtype=[np.float64, np.float32], ensure_min_samples=2)
        check_classification_targets(target)
        rows = as_rows(X)
        labels = encode("y", target, rows.shape[0])
        codes = None if groups is None else encode("groups", groups, rows.shape[0])
        self.classes_ = np.unique(target)
        if len(self.classes_) < 2:
            raise ParameterError(f"y must have at least 2 classes, got {len(self.classes_)} class")
        pca = principal_axes(rows, self.pca_variance)
        Z = project(rows, pca.mean, pca.axes)
        search = make_search(Z, client, n_threads, turn=False)  # Z is turned already
        within = find_intrinsic(search, labels, self.n_neighbors, codes)
        between = find_penalty(search, labels, self.n_pairs, self.penalty, codes)
        values, vectors = maximise_ratio(
            between.scatter(Z, n_threads), within.scatter(Z, n_threads), self.shrinkage
        )
        keep = self._count(values)
        self.mean_ = pca.mean
        self.pca_share_ = pca.share
        self.components_ = fix_signs((pca.axes @ vectors[:, :keep]).T)
        with np.errstate(divide="ignore"):
            self.ratios_ = 1.0 / values[:keep]
        self._n_features_out = keep
        return self

    def _count(self, values: NDArray[np.float64]) -> int:
        if self.n_components is None:
            return len(values)
        if isinstance(self.n_components, float | np.floating):
            total = values.sum()
            if total == 0:
                return 1
            return int(np.searchsorted(np.cumsum(values) / total, self.n_components - 1e-12)) + 1
        return min(int(self.n_components), len(values))

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Map rows: ``(X - mean_) @ components_.T``, shape (n, n_components).

        Parameters
        ----------
        X : array_like of shape (n, n_features)
            Rows to map.

        Returns
        -------
        ndarray of shape (n, n_components), float64
            ``(X - mean_) @ components_.T``.
        """
        check_is_fitted(self)
        rows = self._validated(X, dtype=[np.float64, np.float32], reset=False)
        return np.asarray((rows - self.mean_) @ self.components_.T)

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the rows of smallest distance to `mean_` that `transform` maps to `X`.

        With all components these are the training rows' projections on their principal components.

        Parameters
        ----------
        X : array_like of shape (n, n_components)
            Rows that `transform` gave.

        Returns
        -------
        ndarray of shape (n, n_features), float64
            Rows in the space of the features.
        """
        check_is_fitted(self)
        fused = np.asarray(X, dtype=np.float64)
        if fused.ndim != 2 or fused.shape[1] != len(self.components_):
            raise ParameterError(f"X must have shape (n, {len(self.components_)}), got {fused.shape}")
        return np.asarray(fused @ np.linalg.pinv(self.components_).T + self.mean_)

    def __sklearn_tags__(self) -> Any:  # noqa: D105
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
