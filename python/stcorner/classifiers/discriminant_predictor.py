"""A fitted discriminant that needs numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.predictor import Predictor, class_list, stored_classes
from stcorner._base.validation import check_flag, check_real
from stcorner.classifiers.algebra import LEAST_SPREAD, check_seed, combine, draw_frequencies, rbf, waves
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Scores = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = ["DiscriminantPredictor"]

FARTHEST = float(np.finfo(np.float64).max)
_BLOCK = 1024  # rows classified at a time: bounds the waves to a few MB
_TOO_FAR = "X must lie nearer to the training rows: float64 cannot hold its scores"
_ARRAYS = ("mean", "scale", "coef", "intercept")
# Files of older versions hold the training rows, and one number for each and each class.
_OLD_ARRAYS = ("rows", "dual")


class DiscriminantPredictor(Predictor):
    """What `DiscriminantClassifier` learnt; its attributes are described there."""

    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]
    frequencies_: NDArray[np.float64]
    wave_coef_: NDArray[np.float64]
    rows_: NDArray[np.float64]
    dual_: NDArray[np.float64]
    spreads_: tuple[float, float]
    sharpness_: float
    farthest_: float
    gamma: float
    kernel_weight: float
    clip: float
    standardize: bool

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Rows sum to 1; columns as ``classes_``.
        """
        rows = self._rows(X)
        blocks = [self._scores(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        linear = np.concatenate([block[0] for block in blocks])
        kernel = np.concatenate([block[1] for block in blocks])
        with np.errstate(over="ignore", invalid="ignore"):  # seen below
            shares = combine(linear, kernel, self.spreads_, self.sharpness_, self.kernel_weight)
        if not np.isfinite(shares).all():
            raise ParameterError(_TOO_FAR)
        return shares

    def distances(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how far rows lie from the training rows: their mean squared standardised, clipped feature.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            1 on average over the training rows, where features are standardised.
        """
        return self._distances(self._rows(X))

    def _distances(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        blocks = [self._standardise(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        squares = np.concatenate([np.einsum("ij,ij->i", part, part) for part in blocks])
        return np.asarray(squares / rows.shape[1])

    def _standardise(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):  # what is too far for float64 is clipped, or refused as a score
            scaled = (features - self.mean_) / self.scale_
        return np.clip(scaled, -self.clip, self.clip) if self.standardize else scaled

    def _scores(self, features: NDArray[np.float64]) -> Scores:
        rows = self._standardise(features)
        with np.errstate(over="ignore", invalid="ignore"):  # seen below
            linear = rows @ self.coef_.T.astype(np.float64) + self.intercept_
        if not np.isfinite(linear).all():
            raise ParameterError(_TOO_FAR)
        if hasattr(self, "rows_"):
            # Held as small as the file has them.
            return linear, rbf(rows, self.rows_.astype(np.float64), self.gamma) @ self.dual_
        if self.kernel_weight == 0:
            return linear, np.zeros_like(linear)
        return linear, waves(rows, self.frequencies_) @ self.wave_coef_

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` needs: values for JSON, and arrays."""
        meta = {
            "params": self._state_params(),
            "classes": class_list(self.classes_),
            "spreads": list(self.spreads_),
            "sharpness": self.sharpness_,
            "farthest": self.farthest_,
        }
        kernel = _OLD_ARRAYS if hasattr(self, "rows_") else ("wave_coef",)
        return meta, {name: getattr(self, f"{name}_") for name in (*_ARRAYS, *kernel)}

    @classmethod
    def from_state(cls, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore what was fitted; it predicts the same bits.

        Raises
        ------
        ModelError
            If something is missing, or the shapes do not fit each other.
        """
        expected = {*_ARRAYS, *(_OLD_ARRAYS if "rows" in arrays else ("wave_coef",))}
        try:
            params = dict(meta["params"])
            model = cls._with_params(params)
            model.gamma = check_real("gamma", params["gamma"], low=0, open_low=True)
            model.kernel_weight = check_real("kernel_weight", params["kernel_weight"], low=0, high=1)
            model.clip = check_real("clip", params["clip"], low=0, open_low=True)
            model.standardize = check_flag("standardize", params["standardize"])
            seed = check_seed(params.get("random_state", 0))
            model.classes_ = stored_classes(meta["classes"])
            # A spread is at least this where it is measured; less would make infinite scores.
            linear, kernel = (check_real("spread", one, low=LEAST_SPREAD) for one in meta["spreads"])
            model.spreads_ = (linear, kernel)
            model.sharpness_ = check_real("sharpness", meta["sharpness"], low=0, high=1e6, open_low=True)
            # Files of older versions do not say it.
            model.farthest_ = check_real("farthest", meta.get("farthest", FARTHEST), low=0)
            parts = {name: np.asarray(arrays[name]) for name in sorted(expected)}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"state of the discriminant is incomplete: {error!r}") from None
        if set(arrays) != expected:
            raise ModelError(f"arrays of the discriminant must be {sorted(expected)}, got {sorted(arrays)}")
        n_classes, n_features = len(model.classes_), parts["mean"].size
        n_rows = parts["rows"].shape[:1] if "rows" in parts else ()
        n_frequencies = (
            parts["wave_coef"].shape[0] // 2 if "wave_coef" in parts and parts["wave_coef"].ndim else 0
        )
        shapes = {
            "mean": (n_features,),
            "scale": (n_features,),
            "coef": (n_classes, n_features),
            "intercept": (n_classes,),
            "rows": (*n_rows, n_features),
            "dual": (*n_rows, n_classes),
            "wave_coef": (2 * n_frequencies, n_classes),
        }
        for name, array in parts.items():
            if array.shape != shapes[name] or array.dtype.kind != "f" or not np.isfinite(array).all():
                raise ModelError(
                    f"array {name} must be finite of shape {shapes[name]}, got {array.dtype} of {array.shape}"
                )
            setattr(model, f"{name}_", array)
        if n_features == 0 or not (parts["scale"] > 0).all():
            raise ModelError("array scale must hold a number > 0 for each of at least one feature")
        if "rows" not in parts:
            try:
                model.frequencies_ = draw_frequencies(n_features, n_frequencies, model.gamma, seed)
            except ParameterError as error:
                raise ModelError(str(error)) from None
        model.n_features_in_ = n_features
        return model
