"""Probabilities made flatter or sharper by one number, chosen on people held out of the training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.validation import check_array, check_real
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["TemperatureScaling", "check_codes", "check_probabilities"]

_TINY = 1e-12
_LOG_LIMIT = 4.0


def check_probabilities(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return rows of probabilities, which must be non-negative and sum to 1."""
    rows = check_array(name, value, dtype=np.float64, ndim=2)
    if rows.min() < 0 or np.abs(rows.sum(axis=1) - 1).max() > 1e-4:
        raise ParameterError(
            f"{name} must have rows of non-negative numbers that sum to 1: divide each row by its sum"
        )
    return rows


def check_codes(name: str, value: ArrayLike, n: int, n_classes: int) -> NDArray[np.int64]:
    """Return class positions, one per row of probabilities."""
    codes = check_array(name, value, ndim=1)
    if codes.dtype.kind not in "iu" or len(codes) != n or codes.min() < 0 or codes.max() >= n_classes:
        raise ParameterError(f"{name} must be {n} integers from 0 to {n_classes - 1}, got {value!r}")
    return codes.astype(np.int64)


class TemperatureScaling:
    """Make probabilities flatter or sharper by one number, chosen on clips that were not trained on.

    The temperature T minimises the mean negative log likelihood of ``p ** (1 / T)``, scaled to sum to 1.
    T > 1 makes an overconfident model less sure. The most probable class stays the same.

    Attributes
    ----------
    temperature_ : float

    References
    ----------
    .. [1] C. Guo et al., "On Calibration of Modern Neural Networks", ICML (2017).

    Examples
    --------
    >>> scaling = TemperatureScaling().fit([[0.9, 0.1]] * 4, [0, 0, 0, 1])  # right 3 times in 4
    >>> scaling.transform([[0.9, 0.1]]).round(3)
    array([[0.75, 0.25]])
    """

    temperature_: float

    def fit(self, probabilities: ArrayLike, y: ArrayLike) -> Self:
        """Choose the temperature.

        Parameters
        ----------
        probabilities : array_like of shape (n, n_classes)
            Of clips of other people than those that the model was trained on.
        y : array_like of shape (n,), int
            Column of the true class.

        Returns
        -------
        TemperatureScaling
            The estimator itself.

        Raises
        ------
        ValueError
            If rows are no probabilities or `y` does not fit.
        """
        from scipy.optimize import minimize_scalar

        rows = check_probabilities("probabilities", probabilities)
        codes = check_codes("y", y, *rows.shape)
        logits = np.log(np.maximum(rows, _TINY))

        def loss(log_temperature: float) -> float:
            scaled = logits * np.exp(-log_temperature)
            scaled = scaled - scaled.max(axis=1, keepdims=True)
            chosen = scaled[np.arange(len(codes)), codes]
            return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - chosen))

        limits = (-_LOG_LIMIT, _LOG_LIMIT)
        found = minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-6})
        self.temperature_ = float(np.exp(found.x))
        return self

    def transform(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Return the scaled probabilities, shape (n, n_classes); rows sum to 1.

        Parameters
        ----------
        probabilities : array_like of shape (n, n_classes)
            Probabilities to sharpen or to soften.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Scaled probabilities; rows sum to 1.
        """
        if not hasattr(self, "temperature_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("This TemperatureScaling instance is not fitted yet: call fit first.")
        logits = np.log(np.maximum(check_probabilities("probabilities", probabilities), _TINY))
        scaled = logits / self.temperature_
        weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` needs: a part for JSON and (no) arrays.

        Returns
        -------
        meta : dict
            Values for JSON.
        arrays : dict of str to ndarray
            Empty.
        """
        return {"temperature": self.temperature_}, {}

    @classmethod
    def from_state(cls, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from `get_state`.

        Parameters
        ----------
        meta : mapping
            What `get_state` gave.
        arrays : mapping of str to ndarray
            What `get_state` gave.

        Returns
        -------
        TemperatureScaling
            Fitted.
        """
        if set(meta) != {"temperature"} or arrays:
            raise ModelError(f"state of a temperature must be {{'temperature': T}}, got {dict(meta)}")
        scaling = cls()
        try:
            scaling.temperature_ = check_real("temperature", meta["temperature"], low=1e-3, high=1e3)
        except ParameterError as error:
            raise ModelError(str(error)) from None
        return scaling
