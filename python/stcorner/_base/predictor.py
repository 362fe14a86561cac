"""What predicts with numpy alone: the fitted half of a classifier, as a model file holds it.

Importing scikit-learn takes longer than reading a clip and classifying it, so nothing here does. See
`stcorner._base.estimator` for the half that a person meets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Predictor", "class_list", "stored_classes"]


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


class Predictor:
    """Base of fitted classifiers that need numpy alone.

    A subclass keeps what was learnt in attributes that end with an underscore, computes `predict_proba`
    from rows that `_rows` has checked, and goes into a model file and back by `get_state` and `from_state`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; the columns of `predict_proba`.
    n_features_in_ : int
        Number of features of a row.
    """

    classes_: NDArray[Any]
    n_features_in_: int
    params_: dict[str, Any]

    def _rows(self, X: Any) -> NDArray[np.float64]:
        """Check rows to classify; return them as float64 in C order: BLAS rounds by the order in memory."""
        try:
            rows = np.asarray(X, dtype=np.float64, order="C")
        except (TypeError, ValueError) as error:
            raise ParameterError(f"X must hold numbers: {error}") from None
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_ or len(rows) == 0:
            raise ParameterError(
                f"X must have shape (n_rows, {self.n_features_in_}) with at least 1 row, got {rows.shape}"
            )
        if not np.isfinite(rows).all():
            raise ParameterError(
                "X must be finite, got NaN or infinity: drop these rows, or fill the gaps first"
            )
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

    def _state_params(self) -> dict[str, Any]:
        """Return the parameters of the estimator that was fitted, for `get_state`."""
        return dict(self.params_)

    @classmethod
    def _with_params(cls, params: Mapping[str, Any]) -> Self:
        """Return an empty one for `from_state` to fill."""
        model = cls()
        model.params_ = dict(params)
        return model

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` needs: values for JSON, and arrays."""
        raise NotImplementedError

    @classmethod
    def from_state(cls, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore what was fitted; it predicts the same bits."""
        raise NotImplementedError
