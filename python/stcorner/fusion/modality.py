"""One vector from the feature blocks of several modalities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from stcorner._base.estimator import Transformer
from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.errors import ParameterError
from stcorner.fusion.blocks import check_blocks, fit_scaler, present_rows, scale_blocks
from stcorner.fusion.graphs import PENALTIES, encode
from stcorner.fusion.mfa import MarginalFisherAnalysis
from stcorner.fusion.projections import canonical_correlation, linear_discriminants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

__all__ = ["METHODS", "ModalityFusion"]

METHODS = ("concatenate", "mfa", "mfa_per_modality", "cca", "lda")

_WEIGHT_RANGE = 1e9  # beyond, one block is lost to rounding


class ModalityFusion(Transformer):
    """Fuse feature blocks of the same clips: standardise, weight, put side by side, and project.

    Parameters
    ----------
    method : {"concatenate", "mfa", "mfa_per_modality", "cca", "lda"}
        ``"concatenate"``: the weighted blocks side by side. ``"mfa"``: Marginal Fisher Analysis of
        that. ``"mfa_per_modality"``: of each block, results side by side. ``"cca"``: the canonical
        variates of two blocks, both sides. ``"lda"``: linear discriminants of the concatenation.
    weights : sequence of float, optional
        One factor > 0 per block, applied after standardising. By default a block of d columns gets
        ``(widest / d) ** 0.25``, so that a short block is not drowned by a long one.
    n_components : int, default=60
        Length of the projection (of each, where there are several), >= 1; cut to what the data
        allow (``"lda"``: classes - 1). Not used by ``"concatenate"``.
    n_neighbors : int, default=5
        Neighbours of the same class that each row is held to (k1).
    n_pairs : int, default=200
        Pairs of different classes that are pushed apart (k2); counted as `penalty` says.
    penalty : {"class_pairs", "global_pairs", "sample_neighbors"}
        Which pairs; see `penalty_graph`.
    pca_variance : float, default=0.98
        Share of the variance, in (0, 1], that principal components keep before the graphs are made.
        The defaults are those that did best on held-out actors.
    shrinkage : float, default=0.3
        Regularisation of every projection, in units of mean variance, >= 0 (``"cca"``: in [0, 1]).
    clip : float, default=4.0
        Standardised values are cut to this many standard deviations, > 0.
    n_threads : int, optional
        Threads of the neighbour search; None is the process default.

    Attributes
    ----------
    classes_ : ndarray
        Labels seen in `fit`, sorted; absent when `y` was not given.
    n_blocks_ : int
        Number of blocks.
    weights_ : list of float
        Factor of each block.

    Raises
    ------
    ValueError
        For blocks of unequal length, infinite or partly missing rows, rows without any modality, no
        complete row where a method needs one, a parameter out of range.

    See Also
    --------
    LateFusion : Mix probabilities in place of features.

    Notes
    -----
    **Missing modalities.** A row that lacks a modality is NaN in all columns of that block. It is fused
    from what is there: the missing block stands at its mean, 0 after standardising. `present` flags
    such rows. Means and deviations are taken over the rows that have the block; projections of
    several blocks are fitted on complete rows.

    Examples
    --------
    >>> audio = [[0.0, 1.0], [2.0, 3.0], [np.nan, np.nan]]
    >>> video = [[5.0], [7.0], [9.0]]
    >>> fusion = ModalityFusion(weights=[1.0, 2.0]).fit([audio, video])
    >>> fusion.transform([audio, video]).round(2)
    array([[-1.  , -1.  , -2.45],
           [ 1.  ,  1.  ,  0.  ],
           [ 0.  ,  0.  ,  2.45]])
    >>> fusion.present([audio, video])[2]
    array([False,  True])
    """

    def __init__(
        self, method: str = "concatenate", *, weights: Sequence[float] | None = None, n_components: int = 60,
        n_neighbors: int = 50, n_pairs: int = 1000, penalty: str = "sample_neighbors",
        pca_variance: float = 0.995, shrinkage: float = 0.3, clip: float = 4.0, n_threads: int | None = None,
    ) -> None:  # fmt: skip
        self.method = method
        self.weights = weights
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.n_pairs = n_pairs
        self.penalty = penalty
        self.pca_variance = pca_variance
        self.shrinkage = shrinkage
        self.clip = clip
        self.n_threads = n_threads

    def _check_parameters(self) -> None:
        check_choice("method", self.method, METHODS)
        check_integer("n_components", self.n_components, low=1)
        check_integer("n_neighbors", self.n_neighbors, low=1)
        check_integer("n_pairs", self.n_pairs, low=1)
        check_choice("penalty", self.penalty, PENALTIES)
        check_real("pca_variance", self.pca_variance, low=0, high=1, open_low=True)
        shrinkage = check_real("shrinkage", self.shrinkage, low=0, high=1 if self.method == "cca" else None)
        check_real("shrinkage", shrinkage, high=1e6)
        check_real("clip", self.clip, low=0, open_low=True)

    def _blocks(self, X: Any, *, reset: bool) -> list[Matrix]:
        if not isinstance(X, list | tuple) or not len(X) or np.ndim(X[0]) != 2:
            # One table: scikit-learn's own checks, which also keep the names of pandas columns.
            X = self._validated(X, dtype=np.float64, reset=reset, ensure_all_finite="allow-nan")
            return check_blocks(X)
        blocks = check_blocks(X, None if reset else self.block_sizes_)
        if reset:
            self.n_features_in_ = sum(block.shape[1] for block in blocks)
        return blocks

    def _weights(self, n_blocks: int) -> list[float] | None:
        if self.weights is None:
            return None
        weights = [check_real("weights", weight, low=0, open_low=True) for weight in self.weights]
        if max(weights) > _WEIGHT_RANGE or min(weights) < 1 / _WEIGHT_RANGE:
            raise ParameterError(
                f"weights must be within {1 / _WEIGHT_RANGE:g} to {_WEIGHT_RANGE:g}, got {weights}"
            )
        if len(weights) != n_blocks:
            raise ParameterError(f"weights must have one entry per block ({n_blocks}), got {len(weights)}")
        return weights

    def fit(self, X: Any, y: ArrayLike | None = None, groups: ArrayLike | None = None) -> ModalityFusion:
        """Learn scaling and projections.

        Parameters
        ----------
        X : list of array_like of shape (n, d_b), or one array_like of shape (n, d)
            One matrix per modality, rows in the same order; NaN rows where a modality is missing.
        y : array_like of shape (n,), optional
            Class of each row. Not needed by ``"concatenate"`` and ``"cca"``.
        groups : array_like of shape (n,), optional
            Rows of one group are never neighbours in Marginal Fisher Analysis.

        Returns
        -------
        ModalityFusion
            The estimator itself.
        """
        self._check_parameters()
        blocks = self._blocks(X, reset=True)
        self.n_blocks_ = len(blocks)
        self.block_sizes_ = [block.shape[1] for block in blocks]
        self._scaler = fit_scaler(blocks, self._weights(len(blocks)), self.clip)
        self.weights_ = [limit / self.clip for limit in self._scaler.limits]
        labels = None
        if y is not None:
            target = column_or_1d(y)
            labels = encode("y", target, len(blocks[0]))
            check_classification_targets(target)
            self.classes_ = np.unique(target)
        codes = None if groups is None else encode("groups", groups, len(blocks[0]))
        scaled = scale_blocks(blocks, self._scaler)
        self._projections = self._fit_projections(scaled, present_rows(blocks), labels, codes)
        self._n_features_out = sum(len(matrix) for _, matrix in self._projections) or self.n_features_in_
        return self

    def _fit_projections(
        self, scaled: list[Matrix], present: NDArray[np.bool_], labels: NDArray[np.int32] | None,
        groups: NDArray[np.int32] | None,
    ) -> list[tuple[Matrix, Matrix]]:  # fmt: skip
        """Offset and matrix of each projection: of the concatenation, or one per block."""
        if self.method == "concatenate":
            return []
        complete = present.all(axis=1)
        if not complete.any():
            raise ParameterError(
                f"X must have at least one row with all modalities for method {self.method!r}, got none: use "
                "fusion='late', or give complete rows"
            )
        if self.method == "cca":
            if len(scaled) != 2:
                raise ParameterError(f"X must have 2 blocks for method 'cca', got {len(scaled)}")
            pair = [part[complete] for part in scaled]
            first, second, _ = canonical_correlation(pair[0], pair[1], self.n_components, self.shrinkage)
            return [(part.mean(axis=0), matrix) for part, matrix in zip(pair, (first, second), strict=True)]
        if labels is None:
            raise ParameterError(f"y must be given for method {self.method!r}, got None")
        if self.method == "mfa_per_modality":
            return [
                self._fit_mfa(part[rows], labels[rows], None if groups is None else groups[rows])
                for part, rows in zip(scaled, present.T, strict=True)
            ]
        Z, labels = np.hstack(scaled)[complete], labels[complete]
        if self.method == "mfa":
            return [self._fit_mfa(Z, labels, None if groups is None else groups[complete])]
        labels = np.unique(labels, return_inverse=True)[1].astype(np.int32)
        if labels.max() == 0:
            raise ParameterError(
                "y must have at least 2 classes in rows with all modalities, got 1 class: give complete rows "
                "of another class"
            )
        return [(Z.mean(axis=0), linear_discriminants(Z, labels, self.n_components, self.shrinkage))]

    def _fit_mfa(
        self, Z: Matrix, labels: NDArray[np.int32], groups: NDArray[np.int32] | None
    ) -> tuple[Matrix, Matrix]:
        mfa = MarginalFisherAnalysis(
            self.n_components, n_neighbors=self.n_neighbors, n_pairs=self.n_pairs, penalty=self.penalty,
            pca_variance=self.pca_variance, shrinkage=self.shrinkage, n_threads=self.n_threads,
        ).fit(Z, labels, groups)  # fmt: skip
        return mfa.mean_, mfa.components_

    def transform(self, X: Any) -> Matrix:
        """Fuse the blocks: shape (n, length of the fused vector).

        Parameters
        ----------
        X : sequence of array_like of shape (n, d), or array_like
            Blocks as in `fit`; a row that lacks one is NaN there.

        Returns
        -------
        ndarray of shape (n, length of the fused vector), float64
            Fused rows.
        """
        check_is_fitted(self)
        scaled = scale_blocks(self._blocks(X, reset=False), self._scaler)
        if not self._projections:
            return np.hstack(scaled)
        parts = [np.hstack(scaled)] if len(self._projections) == 1 else scaled
        return np.hstack(
            [
                (part - offset) @ matrix.T
                for part, (offset, matrix) in zip(parts, self._projections, strict=True)
            ]
        )

    def present(self, X: Any) -> NDArray[np.bool_]:
        """Flag what each row has: shape (n, n_blocks), False where a modality is missing.

        Parameters
        ----------
        X : sequence of array_like of shape (n, d), or array_like
            Blocks as in `fit`.

        Returns
        -------
        ndarray of shape (n, n_blocks), bool
            False where a modality is missing.
        """
        check_is_fitted(self)
        return present_rows(self._blocks(X, reset=False))

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fitted state as a model file holds it: values for JSON, and arrays.

        Returns
        -------
        meta : dict
            Values for JSON.
        arrays : dict of str to ndarray
            Fitted arrays.
        """
        check_is_fitted(self)
        arrays: dict[str, NDArray[Any]] = {}
        for number in range(self.n_blocks_):
            arrays[f"mean_{number}"] = self._scaler.means[number]
            arrays[f"factor_{number}"] = self._scaler.factors[number]
        for number, (offset, matrix) in enumerate(self._projections):
            arrays[f"offset_{number}"], arrays[f"matrix_{number}"] = offset, matrix
        parameters = {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in self.get_params().items()
        }
        if parameters["weights"] is not None:
            parameters["weights"] = [float(weight) for weight in parameters["weights"]]
        classes = getattr(self, "classes_", None)
        meta = {
            "parameters": parameters,
            "limits": [float(limit) for limit in self._scaler.limits],
            "n_projections": len(self._projections),
            "classes": None if classes is None else classes.tolist(),
        }
        return meta, arrays
