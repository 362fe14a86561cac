"""The network of log-mel patches: Keras's numbers without Keras, what it learns, and refusals."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recognizer.invented import UntrainedNetwork, invented_patches
from stcorner import MelCNNClassifier
from stcorner.classifiers.mel_cnn import network, predictor
from stcorner.classifiers.mel_cnn.predictor import MelCNNPredictor, shapes
from stcorner.errors import MissingExtraError, ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Keras' own, under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

REAL = network.STEM, network.BLOCKS


@pytest.fixture(scope="module", autouse=True)
def few_layers() -> Iterator[pytest.MonkeyPatch]:
    """Make the network small: what takes time is the same for any."""
    with pytest.MonkeyPatch.context() as patch:
        sized(patch, (8, 5), ((12, (2, 1)),))
        yield patch


def sized(patch: pytest.MonkeyPatch, stem: Any, blocks: Any) -> None:
    for module in (network, predictor):
        patch.setattr(module, "STEM", stem)
        patch.setattr(module, "BLOCKS", blocks)


def two_bands(n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Return patches of two classes that are loud in other bands."""
    y = np.array(["low", "high"])[np.arange(n) % 2]
    X = np.random.default_rng(n).normal(0, 6, (n, 48, 128)).astype(np.float32)
    X[y == "low", 5:12] += 25
    X[y == "high", 30:40] += 25
    return X.reshape(n, -1), y


def trained_on(X: np.ndarray, y: np.ndarray, **options: Any) -> tuple[MelCNNClassifier, Any]:
    """Return what was trained, and the network as Keras has it."""
    kept = []

    def folded(model: Any) -> Any:
        kept.append(model)
        return original(model)

    original = network.folded
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "folded", folded)
        model = MelCNNClassifier(batch_size=8, **options).fit(X, y)
    return model, kept[0]


@pytest.fixture(scope="module")
def trained(few_layers: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return what was trained without noise, which takes longest to compile."""

    def images(decibels: Any, labels: Any, seeds: Any) -> tuple[Any, Any]:
        import keras

        return network.images(decibels, keras.ops), labels

    X, y = two_bands()
    with few_layers.context() as patch:
        patch.setattr(network, "altered", images)
        model, keras = trained_on(X, y, n_steps=100, learning_rate=1e-2)
    return SimpleNamespace(model=model, keras=keras, X=X, y=y)


def assert_equals_keras(model: MelCNNClassifier, keras: Any, X: np.ndarray) -> None:
    spectra = network.images(X.reshape(-1, 48, 128), np)
    wanted = np.asarray(keras(spectra, training=False))
    assert np.ptp(wanted) > 0.5
    np.testing.assert_allclose(model._logits(spectra), wanted, atol=1e-2)
    # Without the rounding to 16 bits there is that of single precision alone.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "float16", np.float32)
        exact = MelCNNPredictor()
        exact.weights_ = network.folded(keras)
    np.testing.assert_allclose(exact._logits(spectra), wanted, atol=1e-4)


def test_numpy_equals_keras(trained: SimpleNamespace) -> None:
    assert {name: array.shape for name, array in trained.model.weights_.items()} == shapes(2)
    for array in trained.model.weights_.values():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, array.astype(np.float16))
    assert_equals_keras(trained.model, trained.keras, trained.X[:5])


def test_it_learns(trained: SimpleNamespace) -> None:
    first, last = trained.model.losses_
    assert last < first
    assert trained.model.score(trained.X, trained.y) == 1
    shares = trained.model.predict_proba(trained.X)
    assert trained.model.classes_.tolist() == ["high", "low"]
    assert shares[trained.y == "high", 0].min() > shares[trained.y == "low", 0].max() + 0.3
    unseen, y = two_bands(60)
    assert trained.model.score(unseen[24:], y[24:]) == 1


def test_images_are_those_of_keras(trained: SimpleNamespace) -> None:
    import keras

    patches = trained.X[:4].reshape(-1, 48, 128)
    found = network.images(patches, np)
    np.testing.assert_allclose(found, np.asarray(network.images(patches, keras.ops)), atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[..., 0].mean(axis=(1, 2)), 0, atol=1e-5)
    # The ninth quietest of every second frame counts as the noise of its band.
    noise = np.sort(patches[0, 3, ::2])[8]
    np.testing.assert_allclose(
        found[0, 3, :, 1], (np.clip(patches[0, 3] - noise, -5, 40) - 8) / 10, atol=1e-6
    )


@pytest.mark.slow
def test_the_seed_fixes_the_weights() -> None:
    X, y = two_bands()
    first, again = (trained_on(X, y, n_steps=1, random_state=2**31)[0] for _ in range(2))
    for name, weight in first.weights_.items():
        np.testing.assert_array_equal(again.weights_[name], weight)
    assert first.losses_ == []


@pytest.mark.slow
def test_the_network_at_its_size(few_layers: pytest.MonkeyPatch) -> None:
    X, y = two_bands()
    with few_layers.context() as patch:
        sized(patch, *REAL)
        model, keras = trained_on(X, y, n_steps=50)
        assert_equals_keras(model, keras, X[:3])
        assert model.score(X, y) == 1
        assert model.losses_[0] < np.log(2)
        assert sum(weight.size for weight in model.weights_.values()) == 884_587


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what the training is asked, instead of training."""
    calls: list[dict[str, Any]] = []

    def fit_network(patches: np.ndarray, codes: np.ndarray, chance: np.ndarray, **options: Any) -> Any:
        calls.append({"patches": patches, "codes": codes, "chance": chance, **options})
        return {"logits.bias": np.full(2, 0.0 if len(calls) == 1 else np.nan)}, [0.5]

    monkeypatch.setattr(network, "fit_network", fit_network)
    return calls


def test_rows_are_drawn_by_their_weight_and_classes_alike(asked: list[dict[str, Any]]) -> None:
    X, _ = two_bands(6)
    MelCNNClassifier(n_steps=3).fit(X, ["b", "a", "b", "b", "a", "b"], [1, 1, 0, 3, 1, 4])
    np.testing.assert_allclose(asked[0]["chance"], [1 / 16, 1 / 4, 0, 3 / 16, 1 / 4, 4 / 16])
    np.testing.assert_array_equal(asked[0]["patches"], X.reshape(6, 48, 128))
    assert asked[0]["codes"].tolist() == [1, 0, 1, 1, 0, 1]
    assert asked[0]["patches"].dtype == np.float32
    named = {"n_steps": 3, "batch_size": 192, "learning_rate": 2e-3, "smoothing": 0.05, "seed": 0}
    assert {name: asked[0][name] for name in named} == named
    with pytest.raises(ModelError, match="training diverged: use a lower learning_rate"):
        MelCNNClassifier().fit(X, ["b", "a"] * 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_steps": 0}, "n_steps must be >= 1, got 0"),
        ({"n_steps": 2.5}, "n_steps must be an integer"),
        ({"batch_size": 7}, "batch_size must be >= 8, got 7"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and > 0"),
        ({"smoothing": 1.0}, "smoothing must be finite and >= 0 and < 1"),
        ({"random_state": -1}, "random_state must be >= 0"),
        ({"X": np.zeros((6, 128))}, "X must hold rows of log_mel_patch, 6144 values each, got 128"),
        ({"X": np.full((6, 6144), np.nan)}, "NaN"),
        ({"y": ["a"] * 6}, "y must hold at least 2 classes, got 1 class"),
        ({"y": ["a", "b"]}, "inconsistent numbers of samples"),
        ({"sample_weight": [1, 0, 1, 0, 1, 0]}, "above zero for a row of every class"),
        ({"sample_weight": [-1.0] * 6}, "sample_weight must hold 6 values >= 0"),
    ],
    ids=str,
)
def test_training_refused(options: dict[str, Any], message: str, asked: list[dict[str, Any]]) -> None:
    given = {"X": invented_patches(6), "y": ["a", "b"] * 3, "sample_weight": None, **options}
    rows = [given.pop(name) for name in ("X", "y", "sample_weight")]
    with pytest.raises(ParameterError, match=message):
        MelCNNClassifier(**given).fit(*rows)
    assert not asked


def test_without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stcorner\[cnn\]'"):
        MelCNNClassifier().fit(*two_bands(4))


@pytest.fixture(scope="module")
def untrained() -> UntrainedNetwork:
    return UntrainedNetwork(n_steps=7).fit(*two_bands(4))


def test_each_row_is_heard_alone(untrained: UntrainedNetwork) -> None:
    X = invented_patches(19)
    shares = untrained.predict_proba(X[np.r_[:19, 3, 18]])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_array_equal(shares[[19, 20]], shares[[3, 18]])
    np.testing.assert_allclose(np.concatenate([untrained.predict_proba(X[[i]]) for i in (0, 17)]),
                               shares[[0, 17]], atol=1e-5)  # fmt: skip
    np.testing.assert_array_equal(untrained.predict(X), untrained.classes_[shares[:19].argmax(axis=1)])
    with pytest.raises(ParameterError, match="128 features"):
        untrained.predict_proba(X[:, :128])


@pytest.mark.parametrize("kind", [MelCNNPredictor, MelCNNClassifier])
def test_state_gives_the_same_bits(untrained: UntrainedNetwork, kind: Any) -> None:
    meta, arrays = untrained.get_state()
    again = kind.from_state(meta, arrays)
    X = invented_patches(3)
    np.testing.assert_array_equal(again.predict_proba(X), untrained.predict_proba(X))
    assert again.classes_.tolist() == ["high", "low"]
    assert again.n_features_in_ == 6144
    assert again.losses_ == [1.5, 1.25]
    assert meta["params"] == untrained.get_params()
    second, same = again.get_state()
    assert second == meta
    for name, array in arrays.items():
        assert array.dtype == np.float16
        np.testing.assert_array_equal(same[name], array)


DAMAGE: dict[str, Any] = {
    "a missing array": (lambda meta, arrays: arrays.pop("stem.kernel"), "incomplete: KeyError"),
    "an array too many": (lambda meta, arrays: arrays.update(more=np.zeros(3, "f2")), "must have the shapes"),
    "another shape": (
        lambda meta, arrays: arrays.update({"logits.bias": np.zeros(3, "f2")}), "must have the shapes",
    ),
    "no array": (lambda meta, arrays: arrays.update({"logits.bias": [0.0, 1.0]}), "incomplete: Attribute"),
    "32 bits": (
        lambda meta, arrays: arrays.update({"logits.bias": np.zeros(2, "f4")}), "finite numbers of 16 bits",
    ),
    "NaN": (
        lambda meta, arrays: arrays.update({"logits.bias": np.full(2, np.nan, "f2")}), "finite numbers",
    ),
    "another class": (lambda meta, arrays: meta.update(classes=["a", "b", "c"]), "must have the shapes"),
    "one class": (lambda meta, arrays: meta.update(classes=["a"]), "at least 2 different labels"),
    "no classes": (lambda meta, arrays: meta.pop("classes"), "incomplete: KeyError"),
    "params": (lambda meta, arrays: meta.update(params={"steps": 3}), "incomplete: TypeError"),
    "no params": (lambda meta, arrays: meta.update(params=[1]), "incomplete: TypeError"),
    "losses": (lambda meta, arrays: meta.update(losses=["much"]), "incomplete: ValueError"),
    "no losses": (lambda meta, arrays: meta.update(losses=None), "incomplete: TypeError"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_state_is_refused(untrained: UntrainedNetwork, name: str) -> None:
    damage, message = DAMAGE[name]
    meta, arrays = untrained.get_state()
    meta, arrays = dict(meta), dict(arrays)
    damage(meta, arrays)
    with pytest.raises(ModelError, match=message):
        MelCNNClassifier.from_state(meta, arrays)
