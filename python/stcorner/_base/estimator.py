"""What scikit-learn asks of a classifier, without importing scikit-learn before `fit`.

Importing ``sklearn.base`` takes longer than reading a clip and classifying it. A classifier that was
restored from a model file only predicts, so its class must be importable without scikit-learn;
`ClassifierBase` therefore implements the estimator protocol itself and imports scikit-learn where
training needs it anyway.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.validation import check_array, check_categories
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ClassifierBase",
    "ParameterBase",
    "check_groups",
    "check_is_fitted",
    "check_row_weights",
    "check_totals",
    "class_list",
    "stored_classes",
]

# Beyond these the equations of a fit lose the rows of ordinary weight to rounding, or do not hold at all.
_WEIGHT_RANGE = 1e9


def check_is_fitted(estimator: object) -> None:
    """Raise scikit-learn's ``NotFittedError`` unless `estimator` has classes."""
    if not hasattr(estimator, "classes_"):
        from sklearn.exceptions import NotFittedError

        name = type(estimator).__name__
        raise NotFittedError(f"This {name} instance is not fitted yet: call fit or from_state first.")


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
        raise ParameterError("sample_weight must leave every class a row of weight above zero")


def class_list(classes: NDArray[Any]) -> list[Any]:
    """Return class labels as values that JSON can hold."""
    labels: list[Any] = classes.tolist()
    for label in labels:
        if not isinstance(label, str | int | float | bool):
            raise ParameterError(f"y must hold strings, numbers or booleans to be saved, got {label!r}")
    return labels


def stored_classes(values: Any) -> NDArray[Any]:
    """Return the labels that `class_list` made of classes: at least two, all different, of one kind."""
    if not isinstance(values, list | tuple) or len({type(value) for value in values}) != 1:
        raise ParameterError(f"classes must be a list of labels of one kind, got {values!r:.200}")
    class_list(np.asarray(values, dtype=object))
    if len(values) < 2 or len(set(values)) != len(values):
        raise ParameterError(f"classes must be at least 2 different labels, got {values!r:.200}")
    return np.asarray(values)


class ParameterBase:
    """Parameters of a constructor as scikit-learn wants them: got, set, cloned and printed."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor; an unknown name is refused."""
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ParameterError(f"parameter must be one of {', '.join(known)}, got {name!r}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


class ClassifierBase(ParameterBase):
    """Tags, prediction checks and scoring of a scikit-learn classifier."""

    classes_: NDArray[Any]
    n_features_in_: int

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(),
        )

    def _validate_fit(self, X: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Check training data; set ``classes_`` and ``n_features_in_``; return X and class indices."""
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import validate_data

        try:
            # A table of pandas comes by columns, and BLAS rounds by the order in memory.
            X, y = validate_data(self, X, y, dtype=np.float64, order="C")
            check_classification_targets(y)
        except ValueError as error:
            raise ParameterError(str(error)) from None
        classes, indices = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ParameterError(f"y must hold at least 2 classes, got 1 class: {classes[0]!r}")
        self.classes_ = classes
        return X, indices

    def _validate_predict(self, X: Any) -> NDArray[np.float64]:
        """Check rows to classify against what `fit` saw; return them as float64."""
        check_is_fitted(self)
        if hasattr(X, "toarray"):
            raise ParameterError("X must be dense, got a sparse matrix")
        columns = getattr(X, "columns", None)
        names = getattr(self, "feature_names_in_", None)
        if columns is not None and names is not None and list(columns) != list(names):
            raise ParameterError("X must have the columns of fit in the same order: the feature names differ")
        rows = np.asarray(X)
        if rows.dtype.kind == "c":
            raise ParameterError("X must be real. Complex data not supported")
        try:
            rows = rows.astype(np.float64, order="C")
        except (TypeError, ValueError) as error:
            raise ParameterError(f"X must hold numbers: {error}") from None
        if rows.ndim != 2:
            raise ParameterError(
                f"X must have 2 dimensions (rows, features), got {rows.ndim}. Reshape your data: "
                "X.reshape(1, -1) is one row"
            )
        if rows.shape[1] != self.n_features_in_:
            raise ParameterError(
                f"X has {rows.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        if len(rows) == 0:
            raise ParameterError(f"X must not be empty, got shape {rows.shape}")
        if not np.isfinite(rows).all():
            raise ParameterError("X must be finite: Input X contains NaN or infinity")
        return rows

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return class probabilities, one row per row of X, columns as ``classes_``."""
        raise NotImplementedError

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_rows,)
            Values of ``classes_``.
        """
        best = self.predict_proba(X).argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[best]
        return chosen

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows whose class is predicted right (accuracy, 0 to 1).

        Raises
        ------
        ValueError
            If `y` is not one label for each row, or numbers where the classes are text or the reverse.
        """
        predicted, truth = self.predict(X), np.asarray(y)
        if truth.shape != predicted.shape:  # a column would be compared with every prediction
            raise ParameterError(f"y must have shape {predicted.shape}, got {truth.shape}")
        given, known = truth.tolist()[0], predicted.tolist()[0]
        if isinstance(given, str) != isinstance(known, str):
            raise ParameterError(f"y must hold labels such as {known!r}, got {given!r}")
        hits = predicted == truth
        weight = check_row_weights(sample_weight, len(hits))
        if not weight.any():
            raise ParameterError("sample_weight must leave a row of weight above zero")
        return float(np.average(hits, weights=weight))
