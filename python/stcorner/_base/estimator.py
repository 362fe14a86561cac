"""What a person meets: scikit-learn estimators.

A classifier inherits from `Classifier`, a transformer from `Transformer`; both are scikit-learn's
``BaseEstimator`` with its mixins, so parameters, `clone`, tags, ``set_output``, ``score`` and metadata
routing are scikit-learn's own. A fit that takes ``groups`` or ``sample_weight`` as named arguments can be
asked for them (``set_fit_request(groups=True)``); a router raises where nobody said.

What predicts stands apart, in a class that needs numpy alone, and the estimator inherits from it second::

    class DiscriminantPredictor(Predictor):  # predict_proba, get_state, from_state
    class DiscriminantClassifier(Classifier, DiscriminantPredictor):  # __init__, fit

A model file is read into the predictor, so that a process which only predicts never imports scikit-learn;
import this module only where an estimator is defined. In `fit` take rows with ``_training_rows`` and write
the predictor's attributes; in ``predict_proba`` take them with ``_rows``, which checks what fits where. An
estimator of something else than rows (clips) checks its own input and calls ``check_is_fitted`` first: it
raises scikit-learn's ``NotFittedError``, the only error for "not fitted".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from stcorner._base.validation import check_array, check_categories
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Classifier",
    "Estimator",
    "Transformer",
    "check_groups",
    "check_is_fitted",
    "check_row_weights",
    "check_totals",
]

# Beyond these the equations of a fit lose the rows of ordinary weight to rounding, or do not hold at all.
_WEIGHT_RANGE = 1e9


class Estimator(BaseEstimator):  # type: ignore[misc]
    """An estimator whose errors about arrays are `ParameterError`."""

    def _validated(self, X: Any, *y: Any, **options: Any) -> Any:
        """Return what scikit-learn's ``validate_data`` returns."""
        try:
            return validate_data(self, X, *y, **options)
        except ValueError as error:
            raise ParameterError(str(error)) from None


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A classifier of rows, or of anything else if it checks its own input."""

    classes_: NDArray[Any]
    n_features_in_: int

    def _training_rows(self, X: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Check training data; set ``classes_`` and ``n_features_in_``; return X and class indices."""
        # A table of pandas comes by columns, and BLAS rounds by the order in memory.
        X, y = self._validated(X, y, dtype=np.float64, order="C")
        try:
            check_classification_targets(y)
        except ValueError as error:
            raise ParameterError(str(error)) from None
        classes, indices = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ParameterError(
                f"y must hold at least 2 classes, got 1 class: {classes[0]!r}: give rows of another class too"
            )
        self.classes_ = classes
        return X, indices

    def _rows(self, X: Any) -> NDArray[np.float64]:
        """Check rows to classify against what `fit` saw; return them as float64."""
        check_is_fitted(self)
        rows: NDArray[np.float64] = self._validated(X, dtype=np.float64, order="C", reset=False)
        return rows

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows whose class is predicted right (accuracy, 0 to 1)."""
        if sample_weight is not None:
            sample_weight = check_row_weights(sample_weight, len(X))
            if not sample_weight.any():
                raise ParameterError("sample_weight must be above zero for at least one row, got zeros alone")
        try:
            return float(super().score(X, y, sample_weight))
        except ValueError as error:
            raise ParameterError(str(error)) from None

    def _state_params(self) -> dict[str, Any]:
        check_is_fitted(self)
        params: dict[str, Any] = self.get_params()
        return params

    @classmethod
    def _with_params(cls, params: Mapping[str, Any]) -> Self:
        return cls(**params)


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):  # type: ignore[misc]
    """A transformer whose output columns are named after its class."""


def check_groups(groups: ArrayLike | None, n_rows: int) -> NDArray[Any] | None:
    """Check the groups of the rows of `fit`."""
    if groups is None:
        return None
    return check_categories("groups", groups, n_rows)


def check_row_weights(sample_weight: ArrayLike | None, n_rows: int) -> NDArray[np.float64]:
    """Check the weights of the rows of `fit`, or of all of them one number; default 1."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = check_array("sample_weight", sample_weight, dtype=np.float64, ndim=(0, 1))
    if (weight.ndim and len(weight) != n_rows) or (weight < 0).any():
        raise ParameterError(
            f"sample_weight must hold {n_rows} values >= 0, got shape {weight.shape} "
            f"and least {weight.min():g}"
        )
    counted = weight[weight > 0]
    if counted.size and not 1 / _WEIGHT_RANGE <= counted.min() <= counted.max() <= _WEIGHT_RANGE:
        raise ParameterError(
            f"sample_weight must be 0 or within {1 / _WEIGHT_RANGE:g} to {_WEIGHT_RANGE:g} (1 is what a row "
            f"without a weight has), got {counted.min():g} to {counted.max():g}"
        )
    return np.broadcast_to(weight, n_rows)


def check_totals(totals: NDArray[Any]) -> None:
    """Refuse weights that leave a class nothing; `totals` are those of the classes."""
    if (totals <= 0).any():
        raise ParameterError(
            "sample_weight must be above zero for a row of every class, got a class of zeros alone: drop "
            "that class"
        )
