"""The network of log-mel patches as a Keras model, and the noise that it hears in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.keras import import_keras
from stcorner.audio._filters import hz_to_mel, mel_to_hz
from stcorner.audio.patch import N_BANDS, N_FFT, N_FRAMES, SR

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCKS", "QUIET", "STEM", "fit_network", "images"]

# Channels and size of the first convolution, which halves both sides; channels and strides of the blocks.
STEM = (24, 5)
BLOCKS = ((32, (1, 1)), (64, (2, 2)), (128, (2, 2)), (192, (2, 1)))
_DROPOUT = (0.0, 0.1, 0.15, 0.5)  # of whole channels after the blocks, and of the pooled values

# Of every second frame of a band so many are quieter than what counts as its noise.
QUIET = N_FRAMES // 16

# Noise in training: how often there is any, how much of it is babble, signal-to-noise ratios in dB, slope in
# dB an octave, voices of the babble.
_NOISY, _BABBLE = 0.7, 0.35
_SNR, _BABBLE_SNR = (-3.0, 22.0), (-4.0, 18.0)
_SLOPE = (-1.5, 7.5)
_VOICES = 6
# Nothing above a frequency in Hz, drawn evenly in its logarithm, and how often.
_BAND_LIMIT, _LIMITED = (2000.0, 7000.0), 0.12
# Deviation of the slope of the recording, dB an octave; of its rate, and of its bands.
_TILT, _RATE, _BANDS = 1.0, 0.06, 0.5
_SHIFT = 16.0  # frames either way
_MASK = (8, 25)  # bands and frames that one mask hides at most
_MIXUP = 0.2


def images(decibels: Any, ops: Any) -> Any:
    """Return what the network sees of patches (n, bands, frames): (n, bands, frames, 2).

    The level, and how far it rises over the noise of its band, both in tens of dB. `ops` is numpy or
    ``keras.ops``.
    """
    level = decibels - ops.mean(decibels, axis=(1, 2), keepdims=True)
    noise = ops.sort(decibels[:, :, ::2], axis=2)[:, :, QUIET : QUIET + 1]
    return ops.stack([level / 10, (ops.clip(decibels - noise, -5, 40) - 8) / 10], axis=-1)


def build(n_classes: int, seed: int) -> Any:
    """Return the network, not compiled: images (n, 48, 128, 2) to logits (n, n_classes).

    A convolution, residual blocks of two 3 x 3 convolutions each, then over time the mean weighted by
    attention and the maximum.
    """
    keras = import_keras()
    layers = keras.layers
    seeds = iter(range(seed, seed + 100))

    def convolution(x: Any, name: str, channels: int, size: int, stride: tuple[int, int] = (1, 1)) -> Any:
        start = keras.initializers.HeNormal(seed=next(seeds))
        x = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False, name=name,
                          kernel_initializer=start)(x)  # fmt: skip
        return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)

    spectra = keras.Input((N_BANDS, N_FRAMES, 2), name="spectra")
    x = layers.ReLU()(convolution(spectra, "stem", *STEM, (2, 2)))
    for i in range(len(BLOCKS)):
        channels, stride = BLOCKS[i]
        y = layers.ReLU()(convolution(x, f"block{i}_a", channels, 3, stride))
        y = convolution(y, f"block{i}_b", channels, 3)
        y = layers.Add()([y, convolution(x, f"block{i}_skip", channels, 1, stride)])
        x = layers.ReLU()(y)
        if 0 < i < len(BLOCKS) - 1:
            x = layers.SpatialDropout2D(_DROPOUT[i], seed=next(seeds))(x)
    x = keras.ops.mean(x, axis=1)  # over the bands: (n, time, channels)
    attention = layers.Dense(1, name="attention", kernel_initializer=keras.initializers.Zeros())(x)
    mean = keras.ops.sum(x * keras.ops.softmax(attention, axis=1), axis=1)
    pooled = layers.Concatenate()([mean, keras.ops.max(x, axis=1)])
    pooled = layers.Dropout(_DROPOUT[-1], seed=next(seeds))(pooled)
    start = keras.initializers.GlorotUniform(seed=next(seeds))
    logits = layers.Dense(n_classes, name="logits", kernel_initializer=start)(pooled)
    return keras.Model(spectra, logits, name="mel_cnn")


def _mel_bands() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return centre and half width of each band in Hz."""
    hertz = mel_to_hz(np.linspace(0, hz_to_mel(SR / 2), N_BANDS + 2))
    return hertz[1:-1].astype(np.float32), ((hertz[2:] - hertz[:-2]) / 2).astype(np.float32)


def altered(decibels: Any, labels: Any, seeds: Any) -> tuple[Any, Any]:
    """Return patches in noise, of other rates, partly hidden and mixed, as images, and their labels.

    Noise is added as power, which is what it adds to a band on average: coloured noise with the spread that
    so many bins of a spectrum have, or the other patches of the batch as babble.
    """
    keras = import_keras()
    ops, random = keras.ops, keras.random
    n = decibels.shape[0]
    hertz, width = (ops.convert_to_tensor(each[None, :, None]) for each in _mel_bands())
    octaves = ops.log2(hertz / 1000)

    def uniform(low: float, high: float) -> Any:
        return random.uniform((n, 1, 1), low, high, seed=seeds)

    def level(power: Any) -> Any:
        return ops.mean(ops.sum(power * width, axis=1, keepdims=True), axis=2, keepdims=True)

    power = 10 ** (decibels / 10)
    # The power of a band is a mean of squares, its distribution nearly gamma, here by Wilson and Hilferty.
    bins = ops.maximum(width / (SR / N_FFT), 1)
    spread = random.normal((n, N_BANDS, N_FRAMES), seed=seeds) / (3 * ops.sqrt(bins))
    coloured = ops.maximum(1 - 1 / (9 * bins) + spread, 0) ** 3 * 10 ** (-uniform(*_SLOPE) * octaves / 10)
    speech = power / level(power)
    babble = sum(
        ops.roll(ops.roll(speech, voice, axis=0), voice * N_FRAMES // (_VOICES + 1), axis=2)
        for voice in range(1, _VOICES + 1)
    )
    is_babble = uniform(0, 1) < _BABBLE
    noise = ops.where(is_babble, babble, coloured)
    ratio = ops.where(is_babble, uniform(*_BABBLE_SNR), uniform(*_SNR))
    gain = level(power) / level(noise) * 10 ** (-ratio / 10)
    power = power + ops.where(uniform(0, 1) < _NOISY, gain, 0.0) * noise
    edge = ops.exp(uniform(*np.log(_BAND_LIMIT).tolist()))
    cut = ops.logical_and(hertz > edge, uniform(0, 1) < _LIMITED)
    power = ops.where(cut, 1e-7 * power, power) * 10 ** (
        random.normal((n, 1, 1), stddev=_TILT, seed=seeds) * octaves / 10
    )
    x = images(10 * ops.log10(power + 1e-9 * ops.max(power, axis=(1, 2), keepdims=True)), ops)

    rate = random.normal((n,), 1.0, _RATE, seed=seeds)
    shift = random.uniform((n,), -_SHIFT, _SHIFT, seed=seeds) + (1 - rate) * N_FRAMES / 2
    bands = random.normal((n,), stddev=_BANDS, seed=seeds)
    none, one = ops.zeros_like(rate), ops.ones_like(rate)
    moved = ops.stack([rate, none, shift, none, one, bands, none, none], axis=1)
    x = ops.image.affine_transform(x, moved, fill_mode="nearest", data_format="channels_last")
    for axis in (0, 1):
        size = (N_BANDS, N_FRAMES)[axis]
        first = random.uniform((n, 1), 0, size, seed=seeds)
        place = ops.arange(size, dtype="float32")[None]
        seen = ops.logical_or(
            place < first, place >= first + random.uniform((n, 1), 0, _MASK[axis], seed=seeds)
        )
        seen = ops.cast(seen, "float32")
        x = x * (seen[:, :, None, None] if axis == 0 else seen[:, None, :, None])
    share = random.beta((1, 1), _MIXUP, _MIXUP, seed=seeds)
    x = share[..., None, None] * x + (1 - share[..., None, None]) * ops.flip(x, axis=0)
    return x, share * labels + (1 - share) * ops.flip(labels, axis=0)


def fit_network(
    patches: NDArray[np.float32],
    codes: NDArray[np.intp],
    chance: NDArray[np.float64],
    *,
    n_classes: int,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
    smoothing: float,
    seed: int,
) -> tuple[dict[str, NDArray[np.float32]], list[float]]:
    """Train, and return the weights with every normalisation in the convolution before it, and the losses.

    `chance` is how likely each row is to be drawn.
    """
    keras = import_keras()
    ops = keras.ops
    network = build(n_classes, seed)

    class Altered(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """The loss of patches that are altered at random."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.seeds = keras.random.SeedGenerator(seed)

        def call(self, inputs: Any, training: bool = True) -> Any:
            patches, labels = inputs
            spectra, labels = altered(patches, labels, self.seeds)
            labels = (1 - smoothing) * labels + smoothing / n_classes
            return -ops.sum(labels * ops.log_softmax(self.network(spectra, training=True)), axis=-1)

    given = [
        keras.Input((N_BANDS, N_FRAMES), batch_size=batch_size),
        keras.Input((n_classes,), batch_size=batch_size),
    ]
    trainer = keras.Model(given, Altered()(given))
    warm = max(1, n_steps // 20)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, n_steps - warm), warmup_target=learning_rate, warmup_steps=warm
    )
    trainer.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.03, use_ema=True, ema_momentum=0.98),
        loss=lambda _, loss: ops.mean(loss),
    )
    drawn = np.random.default_rng(seed)
    table = np.eye(n_classes, dtype=np.float32)
    nothing = np.zeros(batch_size, np.float32)

    def batches() -> Any:
        while True:
            rows = drawn.choice(len(patches), batch_size, p=chance)
            yield (patches[rows], table[codes[rows]]), nothing

    losses = []

    class Watch(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        """Keep the running loss, which Keras averages over the steps, every 50 steps."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch % 50 == 49:
                losses.append(float(logs["loss"]))

    trainer.fit(batches(), steps_per_epoch=n_steps, epochs=1, verbose=0, shuffle=False, callbacks=[Watch()])
    return folded(network), losses


def folded(network: Any) -> dict[str, NDArray[np.float32]]:
    """Return kernels and biases as a file holds them: each normalisation in the convolution before it."""
    keras = import_keras()

    def of(layer: Any) -> list[NDArray[np.float64]]:
        return [np.asarray(keras.ops.convert_to_numpy(v.value), np.float64) for v in layer.weights]

    weights: dict[str, NDArray[np.float32]] = {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            gain, offset, mean, variance = of(network.get_layer(f"{layer.name}_norm"))
            scale = gain / np.sqrt(variance + 1e-3)
            kernel, bias = of(layer)[0] * scale, offset - mean * scale
        elif isinstance(layer, keras.layers.Dense):
            kernel, bias = of(layer)
        else:
            continue
        for part, values in (("kernel", kernel), ("bias", bias)):
            weights[f"{layer.name}.{part}"] = values.astype(np.float16).astype(np.float32)
    return weights
