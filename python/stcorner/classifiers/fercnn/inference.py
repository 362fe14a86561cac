"""The trained network without Keras: the same numbers from numpy and BLAS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_array
from stcorner.classifiers.fercnn.network import MIN_FEATURES, N_WEIGHTS
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["check_weights", "forward"]

_BLOCK = 64  # rows at a time: the widest layer then takes 10 MB


def forward(weights: Sequence[ArrayLike], X: ArrayLike) -> NDArray[np.float32]:
    """Return the class probabilities of FERCNN, as ``model.predict`` would.

    Parameters
    ----------
    weights : sequence of 14 arrays
        Kernel and bias of each layer in order, as ``fercnn().get_weights()`` gives them: five
        convolutions with kernels (3, channels in, channels out), two dense layers.
    X : array_like of shape (n_rows, n_features) or (n_rows, n_features, 1)
        Inputs as the network was trained on (standardised), finite, at least 161 features.

    Returns
    -------
    ndarray of shape (n_rows, n_classes), float32
        Rows sum to 1. Within 1e-5 of Keras' own result.

    Raises
    ------
    ValueError
        If the weights are not those of such a network or do not fit X.

    Examples
    --------
    All weights zero leave only the last bias:

    >>> shapes = [(3, 1, 256), (3, 256, 128), (3, 128, 64), (3, 64, 64), (3, 64, 32), (32, 256), (256, 2)]
    >>> weights = [np.zeros(s) for shape in shapes for s in (shape, shape[-1:])]
    >>> weights[-1] = np.log([1.0, 3.0])
    >>> forward(weights, np.ones((1, 162))).tolist()
    [[0.25, 0.75]]
    """
    rows = check_array("X", X, dtype=np.float32, ndim=(2, 3))
    if rows.ndim == 3 and rows.shape[2] != 1:
        raise ParameterError(f"X must have shape (n, features) or (n, features, 1), got {rows.shape}")
    arrays = check_weights(weights, rows.shape[1])
    rows = rows.reshape(len(rows), -1, 1)
    blocks = [_forward_block(arrays, rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
    return np.concatenate(blocks)


def check_weights(weights: Sequence[ArrayLike], n_features: int) -> list[NDArray[np.float32]]:
    """Return the weights as float32 after checking their shapes against each other and the input."""
    if len(weights) != N_WEIGHTS:
        raise ParameterError(f"weights must hold {N_WEIGHTS} arrays, got {len(weights)}")
    if n_features < MIN_FEATURES:
        raise ParameterError(
            f"X must have >= {MIN_FEATURES} features, got {n_features}: shorter inputs leave nothing "
            "after the pooling"
        )
    arrays: list[NDArray[np.float32]] = [
        check_array(f"weights[{i}]", value, dtype=np.float32) for i, value in enumerate(weights)
    ]
    channels, length = 1, n_features
    for layer in range(7):
        kernel, bias = arrays[2 * layer], arrays[2 * layer + 1]
        wanted: tuple[Any, ...] = (3, channels) if layer < 5 else (channels * (length if layer == 5 else 1),)
        if kernel.shape[:-1] != wanted or bias.shape != kernel.shape[-1:]:
            raise ParameterError(
                f"weights[{2 * layer}] and its bias must have shapes {(*wanted, 'n')} and ('n',), "
                f"got {kernel.shape} and {bias.shape}"
            )
        channels = kernel.shape[-1]
        if layer < 5:
            length -= 2
            length //= 3 if layer < 3 else 1
    return arrays


def _forward_block(arrays: list[NDArray[np.float32]], x: NDArray[np.float32]) -> NDArray[np.float32]:
    for layer in range(5):
        x = _convolve(x, arrays[2 * layer], arrays[2 * layer + 1], stride=3 if layer < 3 else 1)
    x = x.reshape(len(x), -1)
    x = np.maximum(x @ arrays[10] + arrays[11], 0)
    scores = x @ arrays[12] + arrays[13]
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _convolve(
    x: NDArray[np.float32], kernel: NDArray[np.float32], bias: NDArray[np.float32], *, stride: int
) -> NDArray[np.float32]:
    """Convolution, maximum over 3 positions, ReLU.

    Bias and ReLU never change which position is largest, so they come after the maximum, where there
    are fewer values.
    """
    n, length, channels = x.shape
    out = length - 2
    patches = np.concatenate([x[:, shift : shift + out] for shift in range(3)], axis=2)
    y = (patches.reshape(n * out, 3 * channels) @ kernel.reshape(3 * channels, -1)).reshape(n, out, -1)
    if stride == 3:
        y = y[:, : out - out % 3].reshape(n, out // 3, 3, -1).max(axis=2)
    elif out > 1:
        wide = y.copy()
        np.maximum(wide[:, 1:], y[:, :-1], out=wide[:, 1:])
        np.maximum(wide[:, :-1], y[:, 1:], out=wide[:, :-1])
        y = wide
    y = y + bias
    return np.maximum(y, 0, out=y)
