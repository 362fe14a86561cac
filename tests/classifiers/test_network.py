from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stcorner
from oracles import fercnn as oracle
from stcorner.classifiers.fercnn.inference import forward
from stcorner.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

# Keras' own get_weights, under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPES = [(3, 1, 256), (3, 256, 128), (3, 128, 64), (3, 64, 64), (3, 64, 32), (32, 256), (256, 6)]


def random_weights(rng: np.random.Generator, n_flat: int = 32) -> list[np.ndarray]:
    shapes = [*SHAPES[:5], (n_flat, 256), SHAPES[6]]
    return [
        rng.standard_normal(s).astype(np.float32) / np.sqrt(np.prod(shape[:-1]))
        for shape in shapes
        for s in (shape, shape[-1:])
    ]


@pytest.fixture(scope="module")
def networks() -> dict[int, Any]:
    return {n: stcorner.fercnn(162, n, seed=3) for n in (6, 8)}


@pytest.mark.parametrize(("n_classes", "n_parameters"), [(6, 152_614), (8, 153_128)])
def test_parameters_of_the_figure(networks: dict[int, Any], n_classes: int, n_parameters: int) -> None:
    model = networks[n_classes]
    assert model.count_params() == n_parameters
    lengths = [layer.output.shape[1] for layer in model.layers if len(layer.output.shape) == 3]
    assert lengths == [160, 53, 51, 17, 17, 15, 5, 5, 3, 3, 1, 1]


@pytest.mark.parametrize("n_rows", [1, 2, 7, 65])
def test_numpy_equals_keras(networks: dict[int, Any], rng: np.random.Generator, n_rows: int) -> None:
    X = rng.standard_normal((n_rows, 162)).astype(np.float32)
    for model in networks.values():
        expected = model.predict(X[:, :, None], verbose=0)
        np.testing.assert_allclose(forward(model.get_weights(), X), expected, atol=1e-5)
        np.testing.assert_array_equal(
            forward(model.get_weights(), X[:, :, None]), forward(model.get_weights(), X)
        )


@pytest.mark.parametrize("n_features", [161, 188])
def test_other_lengths_equal_keras(rng: np.random.Generator, n_features: int) -> None:
    model = stcorner.fercnn(n_features, 2, seed=0)
    X = rng.standard_normal((3, n_features)).astype(np.float32)
    expected = model.predict(X[:, :, None], verbose=0)
    np.testing.assert_allclose(forward(model.get_weights(), X), expected, atol=1e-5)


def test_maximum_equals_keras_pooling(rng: np.random.Generator) -> None:
    import keras

    from stcorner.classifiers.fercnn.layers import Maximum1D

    for length in (1, 2, 3, 7, 17):
        x = rng.standard_normal((2, length, 4)).astype(np.float32)
        same = keras.layers.MaxPooling1D(3, strides=1, padding="same")(x)
        np.testing.assert_array_equal(np.asarray(Maximum1D(1)(x)), np.asarray(same))
        if length >= 3:
            valid = keras.layers.MaxPooling1D(3)(x)
            np.testing.assert_array_equal(np.asarray(Maximum1D(3)(x)), np.asarray(valid))


def test_numpy_equals_the_oracle(rng: np.random.Generator) -> None:
    weights, X = random_weights(rng), rng.standard_normal((4, 162))
    np.testing.assert_allclose(forward(weights, X), oracle.forward(weights, X), atol=1e-5)


@settings(max_examples=10, derandomize=True, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 70), st.floats(0.1, 10))
def test_rows_are_independent_and_sum_to_one(seed: int, n_rows: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    weights, X = random_weights(rng), size * rng.standard_normal((n_rows, 162))
    shares = forward(weights, X)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(forward(weights, X[-1:]), shares[-1:], atol=1e-5)


def test_seed_fixes_the_start_and_leaves_numpy_alone() -> None:
    np.random.seed(5)  # noqa: NPY002 -- the global generator is what must not change
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second, other = (stcorner.fercnn(seed=s).get_weights() for s in (1, 1, 2))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()


def test_model_file_of_keras_restores_the_layer(
    networks: dict[int, Any], tmp_path: Path, rng: np.random.Generator
) -> None:
    import keras

    networks[6].save(tmp_path / "fercnn.keras")
    restored = keras.saving.load_model(tmp_path / "fercnn.keras")
    X = rng.standard_normal((2, 162, 1)).astype(np.float32)
    np.testing.assert_array_equal(restored.predict(X, verbose=0), networks[6].predict(X, verbose=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_features": 160}, "n_features must be >= 161, got 160"),
        ({"n_features": 162.0}, "n_features must be an integer"),
        ({"n_classes": 1}, "n_classes must be >= 2, got 1"),
        ({"dropout": 1.0}, "dropout must be finite and >= 0 and < 1"),
    ],
)
def test_parameters_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        stcorner.fercnn(**arguments)


def test_weights_refused(rng: np.random.Generator) -> None:
    weights, X = random_weights(rng), np.zeros((1, 162))
    with pytest.raises(ParameterError, match="weights must hold 14 arrays, got 13"):
        forward(weights[:-1], X)
    with pytest.raises(ParameterError, match="X must have >= 161 features, got 160"):
        forward(weights, X[:, :160])
    with pytest.raises(ParameterError, match=r"weights\[10\] and its bias"):
        forward(random_weights(rng, n_flat=33), X)
    with pytest.raises(ParameterError, match="X must be finite"):
        forward(weights, X * np.nan)
    with pytest.raises(ParameterError, match=r"X must have shape \(n, features\)"):
        forward(weights, np.zeros((1, 162, 2)))


def test_without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stcorner\[cnn\]'"):
        stcorner.fercnn()


def test_function_is_public_and_room_stays_a_module() -> None:
    import stcorner.classifiers.fercnn.network as module

    assert stcorner.fercnn is module.fercnn
    assert stcorner.classifiers.fercnn is sys.modules["stcorner.classifiers.fercnn"]
    with pytest.raises(ParameterError, match="n_classes"):
        stcorner.fercnn(n_classes=0)
