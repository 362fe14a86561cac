from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import norm, rankdata
from sklearn.base import clone

from stcorner.classifiers import FERCNNClassifier
from stcorner.classifiers.fercnn.predictor import FERCNNPredictor
from stcorner.classifiers.fercnn.scaling import fit_knots, normal_scores
from stcorner.classifiers.fercnn.training import TrainingPlan, learning_rate
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    import stcorner

QUICK = {"n_epochs": 3, "batch_size": 32, "validation_fraction": 0.25}


def rows(rng: np.random.Generator, n_rows: int = 128, n_features: int = 162) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that differ in the shape of a bump along the features."""
    y = np.arange(n_rows) % 2
    place = np.linspace(0, 4 * np.pi, n_features)
    X = np.where(y[:, None] == 1, np.sin(place), np.cos(place)) + rng.standard_normal((n_rows, n_features))
    return X, np.array(["happy", "sad"])[y]


@pytest.fixture(scope="module")
def trained() -> tuple[np.ndarray, np.ndarray, np.ndarray, stcorner.FERCNNClassifier]:
    X, y = rows(np.random.default_rng(1))
    groups = np.arange(len(X)) // 8
    return X, y, groups, FERCNNClassifier(**QUICK).fit(X, y, groups=groups)


def test_learns_and_keeps_a_history(
    trained: tuple[np.ndarray, np.ndarray, np.ndarray, stcorner.FERCNNClassifier],
) -> None:
    X, y, _, model = trained
    assert model.score(X, y) > 0.8
    assert model.history_["val_loss"][-1] < model.history_["val_loss"][0]
    assert set(model.history_) == {
        "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    }  # fmt: skip
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-6)


@pytest.mark.slow
def test_same_seed_same_bits_and_resumed_equals_uninterrupted(trained: Any, tmp_path: Path) -> None:
    X, y, groups, model = trained
    seen = []
    part = FERCNNClassifier(**QUICK | {"n_epochs": 1}, checkpoint=tmp_path).fit(X, y, groups=groups)
    assert len(part.history_["loss"]) == 1
    whole = FERCNNClassifier(
        **QUICK, checkpoint=tmp_path, progress=lambda epoch, n_epochs, logs: seen.append((epoch, n_epochs))
    ).fit(X, y, groups=groups)
    assert seen == [(2, 3), (3, 3)]
    for a, b in zip(whole.weights_, model.weights_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert whole.history_["val_loss"] == model.history_["val_loss"]
    with pytest.raises(
        ParameterError, match="checkpoint must be empty or hold the training of the same data"
    ):
        FERCNNClassifier(**QUICK, checkpoint=tmp_path).fit(X[:, ::-1], y, groups=groups)
    (tmp_path / "fercnn-training.npz").write_bytes(b"PK")
    with pytest.raises(ModelError, match="cannot be read"):
        FERCNNClassifier(**QUICK, checkpoint=tmp_path).fit(X, y, groups=groups)


def test_held_out_groups_do_not_touch_the_scaler(
    trained: tuple[np.ndarray, np.ndarray, np.ndarray, stcorner.FERCNNClassifier],
) -> None:
    X, y, groups, model = trained
    from stcorner.classifiers.fercnn.estimator import _hold_out

    held = _hold_out(np.unique(y, return_inverse=True)[1], groups, 0.25, 0)
    assert set(groups[held]).isdisjoint(groups[~held])
    assert len(set(groups[held])) == 4
    np.testing.assert_array_equal(model.knots_, fit_knots(X[~held]))
    inputs = model._inputs(X)[~held]
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.std(axis=0), 1, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_trained_network_as_a_keras_model(
    trained: tuple[np.ndarray, np.ndarray, np.ndarray, stcorner.FERCNNClassifier],
) -> None:
    X, _, _, model = trained
    found = model.to_keras().predict(model.network_inputs(X[:9]), verbose=0)
    np.testing.assert_allclose(found, model.predict_proba(X[:9]), atol=1e-5)


def test_normal_scores_are_those_of_ranks(rng: np.random.Generator) -> None:
    X = np.exp(3 * rng.standard_normal((4000, 3)))
    X[:, 2] = np.round(X[:, 2])  # more than a third of the values are 0
    scores = normal_scores(X, fit_knots(X))
    expected = norm.ppf((rankdata(X, axis=0) - 0.5) / len(X)).clip(-2.42, 2.42)
    np.testing.assert_allclose(scores[:, :2], expected[:, :2], atol=0.2)
    # Equal values get one score, halfway between those that they span.
    zeros = fit_knots(X)[:, 2] == 0
    low, high = norm.ppf((np.flatnonzero(zeros)[[0, -1]] + 0.5) / 64)
    np.testing.assert_allclose(scores[X[:, 2] == 0, 2], (low + high) / 2)
    order = np.argsort(X[:, 0])
    assert (np.diff(scores[order, 0]) >= 0).all()


def test_standard_scaling_and_a_scaling_unknown(
    trained: tuple[np.ndarray, np.ndarray, np.ndarray, stcorner.FERCNNClassifier],
) -> None:
    X, y, _, _ = trained
    plain = FERCNNClassifier(scaling="standard")
    plain.classes_, plain.n_features_in_ = np.unique(y), 162
    plain._fit_inputs(X, np.zeros(len(X), int))
    np.testing.assert_allclose(plain._inputs(X), (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-5)
    assert plain.knots_.shape == (0, 162)
    meta, arrays = trained[3].get_state()
    meta = meta | {"params": meta["params"] | {"scaling": "standard"}}
    restored = FERCNNPredictor.from_state(meta, arrays | {"knots": plain.knots_})
    restored.mean_, restored.scale_ = plain.mean_, plain.scale_
    np.testing.assert_array_equal(restored._inputs(X), plain._inputs(X))
    with pytest.raises(ParameterError, match="scaling must be one of"):
        FERCNNClassifier(scaling="log").fit(X, y)


def test_state_predicts_the_same_bits_without_keras(
    trained: tuple[np.ndarray, np.ndarray, np.ndarray, stcorner.FERCNNClassifier], tmp_path: Path
) -> None:
    X, _, _, model = trained
    meta, arrays = model.get_state()
    restored = FERCNNPredictor.from_state(json.loads(json.dumps(meta)), arrays)
    np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    np.savez(tmp_path / "arrays.npz", **arrays)
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    code = (
        "import json, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from stcorner.classifiers.fercnn.predictor import FERCNNPredictor\n"
        "folder = Path(sys.argv[1])\n"
        "meta = json.loads((folder / 'meta.json').read_text())\n"
        "model = FERCNNPredictor.from_state(meta, dict(np.load(folder / 'arrays.npz')))\n"
        "assert model.predict(np.zeros((1, 162)))[0] in ('happy', 'sad')\n"
        "assert not {'sklearn', 'keras', 'jax'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    with pytest.raises(ModelError, match="incomplete"):
        FERCNNPredictor.from_state(meta, {k: v for k, v in arrays.items() if k != "mean"})
    with pytest.raises(ModelError, match="2 outputs for 3 classes"):
        FERCNNPredictor.from_state(meta | {"classes": ["a", "b", "c"]}, arrays)
    with pytest.raises(ModelError, match="columns must lie within"):
        FERCNNPredictor.from_state(meta, arrays | {"columns": arrays["columns"] + 1})


@pytest.mark.slow
def test_projection_of_more_features(rng: np.random.Generator) -> None:
    X, y = rows(rng, n_rows=64, n_features=200)
    with pytest.raises(ParameterError, match="X must have 162 features unless projection='seriate', got 200"):
        FERCNNClassifier(**QUICK).fit(X, y)
    model = FERCNNClassifier(**QUICK | {"n_epochs": 1}, projection="seriate").fit(X, y)
    assert len(set(model.columns_.tolist())) == 162
    # Neighbours in the network's order agree in sign and correlate more than by chance.
    inputs = model._inputs(X)
    neighbours = [np.corrcoef(inputs[:, i], inputs[:, i + 1])[0, 1] for i in range(161)]
    assert np.mean(neighbours) > 0.3
    meta, arrays = model.get_state()
    restored = FERCNNPredictor.from_state(meta, arrays)
    np.testing.assert_array_equal(restored.predict(X), model.predict(X))
    few = FERCNNClassifier(**QUICK | {"n_epochs": 1}, projection="seriate").fit(X[:, :100], y)
    assert sorted(few.columns_.tolist()) == list(range(100))
    assert not few._inputs(X[:, :100])[:, 100:].any()
    again = FERCNNPredictor.from_state(*few.get_state())
    np.testing.assert_array_equal(again.predict_proba(X[:, :100]), few.predict_proba(X[:, :100]))


def test_schedules() -> None:
    plan = {"n_epochs": 10, "batch_size": 1, "learning_rate": 0.1, "patience": 6, "seed": 0}
    constant, cosine, plateau = (
        TrainingPlan(schedule=name, **plan) for name in ("constant", "cosine", "plateau")
    )
    assert learning_rate(constant, [1.0] * 9) == 0.1
    assert learning_rate(cosine, []) == 0.1
    assert learning_rate(cosine, [1.0] * 5) == pytest.approx(0.05)
    assert learning_rate(plateau, [3.0, 2.0, 1.0]) == 0.1
    assert learning_rate(plateau, [1.0, 2.0, 2.0]) == 0.05
    assert learning_rate(plateau, [1.0, 2.0, 2.0, 2.0, 2.0]) == 0.025


@pytest.mark.slow
def test_stops_early(trained: Any) -> None:
    X, y, groups, _ = trained
    noise = np.random.default_rng(0).permutation(y)
    model = FERCNNClassifier(**QUICK | {"n_epochs": 30, "patience": 1, "learning_rate": 0.01})
    history = model.fit(X, noise, groups=groups).history_["val_loss"]
    assert len(history) < 30
    assert len(history) - 1 - int(np.argmin(history)) == 1


def test_parameters_and_clone() -> None:
    model = FERCNNClassifier(n_epochs=7, projection="seriate")
    assert clone(model).get_params() == model.get_params()
    assert repr(model) == "FERCNNClassifier(n_epochs=7, projection='seriate')"
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        model.set_params(epochs=3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_epochs": 0}, "n_epochs must be >= 1, got 0"),
        ({"batch_size": 2.5}, "batch_size must be an integer"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and > 0"),
        ({"schedule": "step"}, "schedule must be one of"),
        ({"patience": 0}, "patience must be >= 1"),
        ({"validation_fraction": 1.0}, "validation_fraction must be finite"),
        ({"class_weight": "auto"}, "class_weight must be one of"),
        ({"dropout": -0.1}, "dropout must be finite"),
        ({"projection": "pca"}, "projection must be one of"),
        ({"random_state": None}, "random_state must be an integer"),
    ],
)
def test_parameters_refused(rng: np.random.Generator, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        FERCNNClassifier(**parameters).fit(*rows(rng, n_rows=8))


def test_fit_arguments_refused(rng: np.random.Generator) -> None:
    X, y = rows(rng, n_rows=16)
    with pytest.raises(
        ParameterError, match=r"groups must have one entry per row of X \(16\), got shape \(1,\)"
    ):
        FERCNNClassifier().fit(X, y, groups=[1])
    with pytest.raises(ParameterError, match="leaves no training rows of some class"):
        FERCNNClassifier().fit(X, y, groups=y)
    with pytest.raises(ParameterError, match="sample_weight must hold 16 values"):
        FERCNNClassifier().fit(X, y, sample_weight=-np.ones(16))
    with pytest.raises(ParameterError, match="at least 2 classes"):
        FERCNNClassifier().fit(X, np.zeros(16))


@pytest.mark.parametrize("validated", [False, True])
def test_an_epoch_is_counted_and_its_loss_sets_the_rate(
    validated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from stcorner.classifiers.fercnn import training

    # Without validation the loss gets better and the rate stays; with it, the other loss gets worse.
    losses = iter([3.0, 2.0, 1.0])
    worse = iter([(4.0, 0.5), (5.0, 0.5), (6.0, 0.5)])
    monkeypatch.setattr(training, "_evaluate", lambda *_: next(worse))
    monkeypatch.setattr(training, "_numpy", lambda weights: weights)
    model = SimpleNamespace(
        weights=[], trainable_variables=[], optimizer=SimpleNamespace(build=lambda _: None),
        fit=lambda *_, **__: SimpleNamespace(history={"loss": [next(losses)], "accuracy": [0.5]}),
    )  # fmt: skip
    train = training.Rows(X=np.zeros((4, 3), np.float32), y=np.zeros(4, np.intp), weight=np.ones(4))
    plan = TrainingPlan(n_epochs=3, batch_size=4, learning_rate=0.1, patience=3, schedule="plateau", seed=0)
    seen: list[tuple[int, int]] = []
    _, history = training.train_network(
        model, plan, train, train if validated else None,
        progress=lambda epoch, of, _: seen.append((epoch, of)),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert history["learning_rate"] == ([0.1, 0.1, 0.05] if validated else [0.1, 0.1, 0.1])
