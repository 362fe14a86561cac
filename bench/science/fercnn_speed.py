"""Seconds of an epoch of 1,024 rows with Keras' own MaxPooling1D and with the maximum of slices."""

from __future__ import annotations

import time

import numpy as np

from common import arguments, write
from stcorner._base.keras import import_keras
from stcorner.classifiers.fercnn.network import fercnn


def plain(n_classes):
    layers = (keras := import_keras()).layers
    convolution = lambda filters: layers.Conv1D(filters, 3, activation="relu")  # noqa: E731
    still = lambda: layers.MaxPooling1D(3, strides=1, padding="same")  # noqa: E731
    return keras.Sequential(
        [
            layers.Input((162, 1)), convolution(256), layers.MaxPooling1D(3),
            convolution(128), layers.MaxPooling1D(3), layers.Dropout(0.2),
            convolution(64), layers.MaxPooling1D(3), layers.Dropout(0.2),
            convolution(64), still(), convolution(32), still(),
            layers.Flatten(), layers.Dense(256, activation="relu"), layers.Dropout(0.2),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    started = time.perf_counter()
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1024, 162, 1)).astype(np.float32), rng.integers(8, size=1024)
    table = {}
    for batch in (32, 64, 128):
        models = {"MaxPooling1D": plain(8), "Maximum1D": fercnn(n_classes=8)}
        seconds = {name: [] for name in models}
        for name, model in models.items():
            model.compile("adam", "sparse_categorical_crossentropy")
            begun = time.perf_counter()
            model.fit(X, y, batch_size=batch, verbose=0)
            table[f"batch {batch}, {name}, first epoch with compilation"] = time.perf_counter() - begun
        for _ in range(options.repeats):  # in turn, so that a busy moment hits both
            for name, model in models.items():
                begun = time.perf_counter()
                model.fit(X, y, batch_size=batch, verbose=0)
                seconds[name].append(time.perf_counter() - begun)
        for name, values in seconds.items():
            table[f"batch {batch}, {name}"] = float(np.median(values))
        ratio = np.median(seconds["MaxPooling1D"]) / np.median(seconds["Maximum1D"])
        medians = {name: round(float(np.median(values)), 2) for name, values in seconds.items()}
        print(f"batch {batch}: {medians}, {ratio:.1f} x")
    write(options, "fercnn_speed", {"seconds": table}, started)


if __name__ == "__main__":
    main()
