"""The network that reads a face's expression from one frame, and its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.keras import import_keras

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 48
N_EXPRESSIONS = 7


# Channels, size and stride of the first convolution; channels of the blocks between two halvings of the map.
STEM = (24, 6, 2)
BLOCKS = ((24,), (64,), (128,), (128,))


def build(
    stem: tuple[int, int, int] = STEM,
    blocks: tuple[tuple[int, ...], ...] = BLOCKS,
    *,
    folded: bool = False,
    dropout: float = 0.3,
) -> Any:
    """Return the network as a Keras model: (n, 48, 48, 1) standardised faces to (n, 7) logits.

    A convolution, then residual blocks of two 3 x 3 convolutions each.

    Parameters
    ----------
    stem : (int, int, int), default (24, 6, 2)
        Channels, size and stride of the first convolution.
    blocks : tuple of tuples of int
        Channels of each block; between two groups is a maximum over 2 x 2.
    folded : bool, default False
        Every normalisation is part of the convolution before it, as in the file that predicts.
    dropout : float, default 0.3
        Part of the pooled values that training leaves out.
    """
    keras = import_keras()
    layers = keras.layers

    def convolution(x: Any, name: str, channels: int, size: int = 3, stride: int = 1) -> Any:
        x = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=folded, name=name)(x)
        return x if folded else layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)

    def block(x: Any, name: str, channels: int) -> Any:
        y = layers.ReLU(name=f"{name}_relu1")(convolution(x, f"{name}_conv1", channels))
        y = convolution(y, f"{name}_conv2", channels)
        if x.shape[-1] != channels:
            x = convolution(x, f"{name}_skip", channels, size=1)
        return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([y, x]))

    channels, size, stride = stem
    faces = keras.Input((SIDE, SIDE, 1), name="faces")
    x = layers.ReLU(name="stem_relu")(convolution(faces, "stem", channels, size, stride))
    number = 0
    for group in range(len(blocks)):
        if group:
            x = layers.MaxPooling2D(2, name=f"pool{group}")(x)
        for channels in blocks[group]:
            number += 1
            x = block(x, f"block{number}", channels)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(N_EXPRESSIONS, dtype="float32", name="logits")(x)
    return keras.Model(faces, logits, name="face_expressions_folded" if folded else "face_expressions")


def standardise(faces: NDArray[Any]) -> NDArray[np.float32]:
    """Return each face of (n, y, x) with mean 0 and standard deviation 1; a flat face becomes 0."""
    values = np.asarray(faces, np.float32)
    values = values - values.mean((1, 2), keepdims=True)
    spread = values.std((1, 2), keepdims=True)
    standardised: NDArray[np.float32] = values / np.where(spread > 1e-6, spread, np.float32(1))
    return standardised
