"""Fig. 1 of the paper as a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stcorner._base.keras import import_keras
from stcorner._base.validation import check_integer, check_real

if TYPE_CHECKING:
    import keras

__all__ = ["MIN_FEATURES", "N_FEATURES", "fercnn"]

N_FEATURES = 162  # the length for which Fig. 1 gives its shapes
MIN_FEATURES = 161  # shorter inputs vanish before the last convolution
N_WEIGHTS = 14  # kernels and biases of five convolutions and two dense layers


def fercnn(
    n_features: int = N_FEATURES, n_classes: int = 6, *, dropout: float = 0.2, seed: int | None = None
) -> keras.Model:
    """Build the network of Fig. 1, not yet compiled.

    Five convolutions of width 3 (256, 128, 64, 64, 32 filters, ReLU), each followed by a maximum over
    3 positions (the first three with stride 3, the last two with stride 1 and padding), dropout after
    the second and third, then a dense layer of 256 and a softmax.

    Parameters
    ----------
    n_features : int, default=162
        Length of the input, at least 161. From 188 on the flattened part and with it the dense layer
        grow.
    n_classes : int, default=6
        Size of the softmax, at least 2.
    dropout : float, default=0.2
        Share of values dropped in training, in [0, 1).
    seed : int, optional
        Makes initial weights and dropout reproducible. Default: different in every call.

    Returns
    -------
    keras.Model
        Input of shape (n, n_features, 1), output of shape (n, n_classes).

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    MissingExtraError
        If Keras or its backend is not installed.

    See Also
    --------
    FERCNNClassifier : Trains it on rows.

    Notes
    -----
    The figure prints 168 for the length after the first convolution and 1,824 and 24,648 for two
    counts of parameters; 160, 1,024 and 24,640 are what its total of 152,614 needs.

    Examples
    --------
    >>> fercnn().count_params()  # the total that the paper prints
    152614
    >>> fercnn(n_classes=8).count_params()
    153128
    """
    n_features = check_integer("n_features", n_features, low=MIN_FEATURES)
    n_classes = check_integer("n_classes", n_classes, low=2)
    dropout = check_real("dropout", dropout, low=0, high=1, open_high=True)
    keras = import_keras()
    from stcorner.classifiers.fercnn.layers import Maximum1D

    layers = keras.layers
    seeds = iter([None] * 10 if seed is None else range(seed, seed + 10))

    def convolution(filters: int) -> Any:
        start = keras.initializers.GlorotUniform(seed=next(seeds))
        return layers.Conv1D(filters, 3, activation="relu", kernel_initializer=start)

    def dense(units: int, activation: str) -> Any:
        start = keras.initializers.GlorotUniform(seed=next(seeds))
        return layers.Dense(units, activation=activation, kernel_initializer=start)

    return keras.Sequential(
        [
            layers.Input((n_features, 1)),
            convolution(256),
            Maximum1D(3),
            convolution(128),
            Maximum1D(3),
            layers.Dropout(dropout, seed=next(seeds)),
            convolution(64),
            Maximum1D(3),
            layers.Dropout(dropout, seed=next(seeds)),
            convolution(64),
            Maximum1D(1),
            convolution(32),
            Maximum1D(1),
            layers.Flatten(),
            dense(256, "relu"),
            layers.Dropout(dropout, seed=next(seeds)),
            dense(n_classes, "softmax"),
        ],
        name="fercnn",
    )
