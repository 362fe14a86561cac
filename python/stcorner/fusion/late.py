"""Late fusion: one probability table from those of several classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from stcorner._base.estimator import Classifier
from stcorner._base.validation import check_choice
from stcorner.errors import ParameterError
from stcorner.fusion.rules import FLOOR, combine_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

__all__ = ["LateFusion"]

_RULES = ("product", "mean")


def _check_tables(P: Any) -> list[Matrix]:
    """Return the tables as float64; NaN rows stand for a classifier that had nothing to say."""
    if not isinstance(P, list | tuple) or len(P) == 0:
        raise ParameterError(
            "P must be a list of probability tables, one per classifier, got another type: write [P1, P2]"
        )
    tables = []
    for number, part in enumerate(P):
        table = np.asarray(part, dtype=np.float64)
        if table.ndim != 2 or 0 in table.shape:
            raise ParameterError(f"P[{number}] must have shape (n, classes), got {table.shape}")
        gaps = np.isnan(table)
        if (gaps.any(axis=1) & ~gaps.all(axis=1)).any():
            raise ParameterError(f"P[{number}] must be NaN in all columns of a row or in none")
        there = table[~gaps[:, 0]]
        if (there < 0).any() or not np.allclose(there.sum(axis=1), 1.0, atol=1e-3):
            raise ParameterError(
                f"P[{number}] must hold probabilities that sum to 1 in each row: divide each row by its sum"
            )
        tables.append(table)
    if len({table.shape for table in tables}) > 1:
        raise ParameterError(f"P must hold tables of one shape, got {[table.shape for table in tables]}")
    silent = np.all([np.isnan(table[:, 0]) for table in tables], axis=0)
    if silent.any():
        raise ParameterError(f"P must have a table in each row, got none in row {int(silent.argmax())}")
    return tables


class LateFusion(Classifier):
    r"""Combine the class probabilities of several classifiers with weights fitted on validation rows.

    Parameters
    ----------
    rule : {"product", "mean"}
        ``"product"``: :math:`p_c \propto \prod_b p_{b,c}^{w_b}`, weights >= 0, whose sum also sets how
        sure the result is. ``"mean"``: :math:`p_c = \sum_b w_b\, p_{b,c}`, weights that sum to 1.

    Attributes
    ----------
    weights_ : ndarray of shape (n_tables,)
        Fitted weights: they minimise the mean log loss of the rows given to `fit`, each class
        counting the same.
    classes_ : ndarray
        Sorted labels: the meaning of the tables' columns.

    Raises
    ------
    ValueError
        For tables of unequal shape, rows that are not probabilities, rows without any table.

    See Also
    --------
    ModalityFusion : Join features in place of probabilities.

    Notes
    -----
    The rows of `fit` must be validation rows: of actors whom none of the classifiers was trained on.
    Otherwise the classifier that overfits most gets the largest weight. A row of NaN stands for a
    missing modality; the other classifiers decide alone.

    Examples
    --------
    The second classifier only guesses, so it gets no weight.

    >>> good = [[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]]
    >>> guess = [[0.5, 0.5], [0.1, 0.9], [0.9, 0.1], [0.5, 0.5]]
    >>> late = LateFusion("mean").fit([good, guess], ["no", "no", "yes", "yes"])
    >>> late.weights_.round(3)
    array([1., 0.])
    >>> late.predict([[[0.3, 0.7]], [[np.nan, np.nan]]])
    array(['yes'], dtype='<U3')
    """

    def __init__(self, rule: str = "product") -> None:
        self.rule = rule

    def fit(self, P: Sequence[ArrayLike], y: ArrayLike) -> LateFusion:
        """Fit the weights.

        Parameters
        ----------
        P : list of array_like of shape (n, classes)
            Probabilities by each classifier, columns in the order of the sorted labels.
        y : array_like of shape (n,)
            True class of each row; every class must occur.

        Returns
        -------
        LateFusion
            The estimator itself.
        """
        from scipy.optimize import minimize

        check_choice("rule", self.rule, _RULES)
        tables = _check_tables(P)
        target = np.asarray(y)
        if target.shape != (len(tables[0]),):
            raise ParameterError(
                f"y must have one entry per row of P ({len(tables[0])}), got shape {target.shape}"
            )
        self.classes_, codes = np.unique(target, return_inverse=True)
        if len(self.classes_) != tables[0].shape[1]:
            raise ParameterError(
                f"y must hold one class per column of P ({tables[0].shape[1]}), got {len(self.classes_)}"
            )
        importance = 1.0 / np.bincount(codes)[codes]
        importance /= importance.sum()

        def loss(weights: Matrix) -> float:
            mixed = combine_tables(tables, weights, self.rule)
            return -float(importance @ np.log(np.maximum(mixed[np.arange(len(codes)), codes], FLOOR)))

        n_tables = len(tables)
        equal = np.full(n_tables, 1.0 / n_tables)
        best = minimize(loss, equal, method="L-BFGS-B", bounds=[(0.0, 10.0)] * n_tables).x
        if best.sum() <= 0:  # no classifier is better than a guess
            best = equal
        self.weights_ = best / best.sum() if self.rule == "mean" else best
        return self

    def predict_proba(self, P: Sequence[ArrayLike]) -> Matrix:
        """Return the mixed probabilities (n, classes).

        Parameters
        ----------
        P : sequence of array_like of shape (n, n_classes)
            Probabilities of each model; NaN where it has none.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Mixed probabilities; rows sum to 1.
        """
        check_is_fitted(self)
        tables = _check_tables(P)
        if len(tables) != len(self.weights_) or tables[0].shape[1] != len(self.classes_):
            raise ParameterError(
                f"P must hold {len(self.weights_)} tables of {len(self.classes_)} columns, "
                f"got {len(tables)} of {tables[0].shape[1]}"
            )
        return combine_tables(tables, self.weights_, self.rule)

    def predict(self, P: Sequence[ArrayLike]) -> NDArray[Any]:
        """Return the most probable label of each row.

        Parameters
        ----------
        P : sequence of array_like of shape (n, n_classes)
            Probabilities of each model; NaN where it has none.

        Returns
        -------
        ndarray of shape (n,)
            The most probable label of each row.
        """
        best = self.predict_proba(P).argmax(axis=1)
        return np.asarray(self.classes_[best])
