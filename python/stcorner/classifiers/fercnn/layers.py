"""Keras layers of the room; importing this module imports Keras."""

from __future__ import annotations

from typing import Any

from stcorner._base.keras import import_keras

keras = import_keras()
Layer: Any = keras.layers.Layer

__all__ = ["Maximum1D"]


@keras.saving.register_keras_serializable(package="stcorner")
class Maximum1D(Layer):  # type: ignore[misc]
    """Maximum over 3 neighbouring positions, with stride 3 (incomplete ends dropped) or 1 (padded).

    The values are those of Keras' ``MaxPooling1D``. Written as the maximum of three slices because the
    gradient of XLA's windowed maximum takes most of the training time on a CPU: an epoch is two to
    three times faster this way (``bench/science/fercnn_speed.py``).
    """

    def __init__(self, strides: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strides = strides

    def call(self, inputs: Any) -> Any:
        """Return the maxima of inputs of shape (n, length, channels)."""
        ops, length = keras.ops, inputs.shape[1]
        if self.strides == 3:
            end = length - length % 3
            return ops.maximum(ops.maximum(inputs[:, 0:end:3], inputs[:, 1:end:3]), inputs[:, 2:end:3])
        if length == 1:
            return inputs
        # The borders repeat the end values, which no maximum notices.
        before = ops.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1)
        after = ops.concatenate([inputs[:, 1:], inputs[:, -1:]], axis=1)
        return ops.maximum(ops.maximum(before, inputs), after)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape after the maximum."""
        n, length, channels = input_shape
        return (n, length // self.strides if length is not None else None, channels)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "strides": self.strides}
