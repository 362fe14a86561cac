"""A trained FERCNN that needs numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.predictor import Predictor, class_list, stored_classes
from stcorner._base.validation import check_array, check_integer
from stcorner.classifiers.fercnn.inference import check_weights, forward
from stcorner.classifiers.fercnn.network import N_FEATURES, N_WEIGHTS
from stcorner.classifiers.fercnn.scaling import normal_scores
from stcorner.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["FERCNNPredictor"]


class FERCNNPredictor(Predictor):
    """What `FERCNNClassifier` learnt; its attributes are described there."""

    weights_: list[NDArray[np.float32]]
    history_: dict[str, list[float]]
    mean_: NDArray[np.floating[Any]]
    scale_: NDArray[np.floating[Any]]
    knots_: NDArray[np.float64]
    columns_: NDArray[np.intp]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Rows sum to 1 within float32's precision; columns as ``classes_``.
        """
        rows = self._rows(X)
        return forward(self.weights_, self._inputs(rows)).astype(np.float64)

    def _inputs(self, features: NDArray[np.float64]) -> NDArray[np.float32]:
        chosen = features[:, self.columns_]
        chosen = normal_scores(chosen, self.knots_) if len(self.knots_) else chosen
        inputs = np.zeros((len(features), N_FEATURES), dtype=np.float32)
        inputs[:, : len(self.columns_)] = (chosen - self.mean_) / self.scale_
        return inputs

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` needs: values for JSON, and arrays."""
        meta = {
            # Where and how training was watched says nothing about the network.
            "params": self._state_params() | {"checkpoint": None, "progress": None},
            "classes": class_list(self.classes_),
            "n_features": self.n_features_in_,
            "history": self.history_,
        }
        arrays: dict[str, NDArray[Any]] = {f"weights{i:02d}": w for i, w in enumerate(self.weights_)}
        for name in ("mean", "scale", "columns", "knots"):
            arrays[name] = getattr(self, f"{name}_")
        return meta, arrays

    @classmethod
    def from_state(cls, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore what was trained; it predicts the same bits, without Keras.

        Raises
        ------
        ModelError
            If something is missing, or the shapes do not fit each other.
        """
        try:
            # A file may not say where a later fit writes.
            model = cls._with_params({**meta["params"], "checkpoint": None, "progress": None})
            model.classes_ = stored_classes(meta["classes"])
            model.n_features_in_ = check_integer("n_features", meta["n_features"], low=1)
            model.history_ = {name: [float(value) for value in row] for name, row in meta["history"].items()}
            weights = [arrays[f"weights{i:02d}"] for i in range(N_WEIGHTS)]
            if any(weight.dtype != np.float32 for weight in weights):  # a cast takes more than the file
                raise ModelError("weights of the network must be float32")
            model.weights_ = check_weights(weights, N_FEATURES)
            n_columns = min(N_FEATURES, model.n_features_in_)
            for name in ("mean", "scale", "columns", "knots"):
                knots = name == "knots"
                array = check_array(name, arrays[name], ndim=2 if knots else 1, allow_empty=knots)
                if array.shape[-1] != n_columns or array.dtype.kind != ("i" if name == "columns" else "f"):
                    raise ModelError(
                        f"array {name} must have {n_columns} columns, got {array.dtype} of {array.shape}"
                    )
                setattr(model, f"{name}_", array)
        except ModelError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"state of the network is incomplete: {error!r}") from None
        if len(arrays) != N_WEIGHTS + 4:
            raise ModelError(f"state of the network must hold {N_WEIGHTS + 4} arrays, got {len(arrays)}")
        if not model.scale_.all() or (np.diff(model.knots_, axis=0) < 0).any():
            raise ModelError("array scale must not hold 0, and array knots must rise")
        if not 0 <= model.columns_.min() <= model.columns_.max() < model.n_features_in_:
            raise ModelError(f"array columns must lie within the {model.n_features_in_} features")
        if len(model.weights_[-1]) != len(model.classes_):
            raise ModelError(
                f"network has {len(model.weights_[-1])} outputs for {len(model.classes_)} classes"
            )
        return model
