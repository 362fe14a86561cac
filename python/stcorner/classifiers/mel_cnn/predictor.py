"""The trained network of log-mel patches, which needs numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.predictor import Predictor, class_list, stored_classes
from stcorner.audio.patch import N_BANDS, N_FRAMES
from stcorner.classifiers.algebra import softmax
from stcorner.classifiers.mel_cnn.network import BLOCKS, STEM, images
from stcorner.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["MelCNNPredictor", "shapes"]

_ROWS = 16  # at a time: the widest layer then takes 20 MB


def shapes(n_classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights by name, in the order in which they are used."""
    channels, size = STEM
    kernels = {"stem": (size, size, 2, channels)}
    for i in range(len(BLOCKS)):
        wider = BLOCKS[i][0]
        kernels[f"block{i}_a"] = (3, 3, channels, wider)
        kernels[f"block{i}_b"] = (3, 3, wider, wider)
        kernels[f"block{i}_skip"] = (1, 1, channels, wider)
        channels = wider
    both = {**kernels, "attention": (channels, 1), "logits": (2 * channels, n_classes)}
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in both.items():
        found |= {f"{name}.kernel": shape, f"{name}.bias": shape[-1:]}
    return found


class MelCNNPredictor(Predictor):
    """What `MelCNNClassifier` learnt; its attributes are described there."""

    weights_: dict[str, NDArray[np.float32]]
    losses_: list[float]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : array_like of shape (n_rows, 6144)
            Rows of `log_mel_patch`, band by band.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Rows sum to 1; columns as ``classes_``.
        """
        rows = self._rows(X).astype(np.float32).reshape(-1, N_BANDS, N_FRAMES)
        # An explanation asks about one patch many times.
        seen: dict[bytes, int] = {}
        place = [seen.setdefault(row.tobytes(), len(seen)) for row in rows]
        different = rows[np.unique(place, return_index=True)[1]]
        parts = [self._logits(images(different[at : at + _ROWS], np)) for at in range(0, len(seen), _ROWS)]
        return softmax(np.concatenate(parts).astype(np.float64))[place]

    def _logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        x = np.maximum(self._convolve(x, "stem", (2, 2)), 0)
        for i in range(len(BLOCKS)):
            stride = BLOCKS[i][1]
            y = np.maximum(self._convolve(x, f"block{i}_a", stride), 0)
            y = self._convolve(y, f"block{i}_b") + self._convolve(x, f"block{i}_skip", stride)
            x = np.maximum(y, 0)
        x = x.mean(axis=1)
        scores = self._dense(x, "attention")
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        mean = (x * powers).sum(axis=1) / powers.sum(axis=1)
        return self._dense(np.concatenate([mean, x.max(axis=1)], axis=1), "logits")

    def _dense(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        out: NDArray[np.float32] = x @ self.weights_[f"{name}.kernel"] + self.weights_[f"{name}.bias"]
        return out

    def _convolve(
        self, x: NDArray[np.float32], name: str, stride: tuple[int, int] = (1, 1)
    ) -> NDArray[np.float32]:
        """Convolve pictures (n, y, x, channels), with as many zeros at the ends as Keras adds ("same")."""
        kernel = self.weights_[f"{name}.kernel"]
        size = kernel.shape[:2]
        n, *sides, _ = x.shape
        out = [-(-side // step) for side, step in zip(sides, stride, strict=True)]
        missing = [
            max(0, (count - 1) * step + length - side)
            for count, step, length, side in zip(out, stride, size, sides, strict=True)
        ]
        x = np.pad(x, ((0, 0), *((gap // 2, gap - gap // 2) for gap in missing), (0, 0)))
        taps = [
            x[
                :,
                dy : dy + (out[0] - 1) * stride[0] + 1 : stride[0],
                dx : dx + (out[1] - 1) * stride[1] + 1 : stride[1],
            ]
            for dy in range(size[0])
            for dx in range(size[1])
        ]
        columns = np.concatenate(taps, axis=3).reshape(n * out[0] * out[1], -1)
        y = columns @ kernel.reshape(-1, kernel.shape[3]) + self.weights_[f"{name}.bias"]
        return y.reshape(n, *out, -1)

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` needs: values for JSON, and arrays."""
        meta = {"params": self._state_params(), "classes": class_list(self.classes_), "losses": self.losses_}
        return meta, {name: weight.astype(np.float16) for name, weight in self.weights_.items()}

    @classmethod
    def from_state(cls, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore what was trained; it predicts the same bits, without Keras.

        Raises
        ------
        ModelError
            If something is missing, or the shapes do not fit each other.
        """
        try:
            model = cls._with_params(meta["params"])
            model.classes_ = stored_classes(meta["classes"])
            model.losses_ = [float(loss) for loss in meta["losses"]]
            wanted = shapes(len(model.classes_))
            found = {name: arrays[name].shape for name in wanted}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"state of the network is incomplete: {error!r}") from None
        if found != wanted or len(arrays) != len(wanted):
            raise ModelError(f"weights of the network must have the shapes {wanted}, got {found}")
        if any(a.dtype != np.float16 or not np.isfinite(a).all() for a in arrays.values()):
            raise ModelError("weights of the network must be finite numbers of 16 bits")
        model.n_features_in_ = N_BANDS * N_FRAMES
        model.weights_ = {name: arrays[name].astype(np.float32) for name in wanted}
        return model
