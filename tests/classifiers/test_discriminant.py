from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import clone

from oracles import fercnn as oracle
from stcorner.classifiers.discriminant import DiscriminantClassifier
from stcorner.classifiers.discriminant_predictor import DiscriminantPredictor
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path


def blobs(
    rng: np.random.Generator, n_rows: int = 90, n_features: int = 7, n_classes: int = 3, distance: float = 1.5
) -> tuple[np.ndarray, np.ndarray]:
    centres = distance * rng.standard_normal((n_classes, n_features))
    y = rng.integers(n_classes, size=n_rows)
    y[:n_classes] = np.arange(n_classes)
    return centres[y] + rng.standard_normal((n_rows, n_features)), np.array(["calm", "happy", "sad"])[y]


@pytest.mark.parametrize("n_features", [1, 2, 7, 33, 200])
@pytest.mark.parametrize("n_frequencies", [3, 200])  # fewer waves than rows, and more
def test_scores_equal_the_oracle(rng: np.random.Generator, n_features: int, n_frequencies: int) -> None:
    X, y = blobs(rng, n_features=n_features)
    Z = rng.standard_normal((11, n_features))
    model = DiscriminantClassifier(
        shrinkage=0.2, gamma=0.4, ridge=0.05, clip=1e3, n_frequencies=n_frequencies, random_state=5
    ).fit(X, y)
    linear, kernel = model._scores(Z)
    rows, new = model._standardise(X), model._standardise(Z)
    expected = oracle.linear_scores(rows, y, new, 0.2)
    np.testing.assert_allclose(linear, expected, atol=1e-6 * np.abs(expected).max())
    draws = np.random.RandomState(5).standard_normal((n_features, n_frequencies))
    np.testing.assert_allclose(kernel, oracle.wave_scores(rows, y, new, draws, 0.4, 0.05), atol=1e-7)


def test_waves_come_near_the_exact_kernel(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    Z = rng.standard_normal((11, 7))
    distance = {}
    for n_frequencies in (100, 10_000):
        model = DiscriminantClassifier(
            gamma=0.4, ridge=0.05, n_frequencies=n_frequencies, calibration_folds=0
        ).fit(X, y)
        exact = oracle.kernel_scores(model._standardise(X), y, model._standardise(Z), 0.4, 0.05)
        distance[n_frequencies] = np.abs(model._scores(Z)[1] - exact).max() / np.abs(exact).max()
    assert distance[10_000] < 0.1
    assert distance[10_000] < 0.3 * distance[100]


def test_no_array_has_as_many_rows_as_the_training(rng: np.random.Generator) -> None:
    sizes = []
    for n_rows in (400, 800):
        X, y = blobs(rng, n_rows=n_rows)
        _, arrays = DiscriminantClassifier(n_frequencies=30, calibration_folds=0).fit(X, y).get_state()
        assert n_rows not in {length for array in arrays.values() for length in array.shape}
        sizes.append(sum(array.nbytes for array in arrays.values()))
    assert sizes[0] == sizes[1]


def test_clip_bounds_what_one_feature_can_do(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    model = DiscriminantClassifier().fit(X, y)
    far, farther = X[:1].copy(), X[:1].copy()
    far[0, 0], farther[0, 0] = 1e3, 1e6
    np.testing.assert_array_equal(model.predict_proba(far), model.predict_proba(farther))


def test_constant_feature_changes_nothing(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    Z = rng.standard_normal((5, 7))
    plain = DiscriminantClassifier(shrinkage=1e-9, gamma=0.7).fit(X, y).predict_proba(Z)

    def pad(A: np.ndarray) -> np.ndarray:
        return np.c_[A, np.full(len(A), 1e6)]

    wide = DiscriminantClassifier(shrinkage=1e-9, gamma=0.8).fit(pad(X), y).predict_proba(pad(Z))
    np.testing.assert_allclose(wide, plain, atol=1e-3)


@pytest.mark.parametrize(("share", "constant"), [(1e-8, True), (1e-6, False), (0.5, False)])
def test_what_varies_by_rounding_alone_is_constant(share: float, constant: bool) -> None:
    rng = np.random.default_rng(0)
    y = np.array(["angry", "happy"] * 30)
    noise = rng.standard_normal(60)
    X = np.column_stack([rng.standard_normal(60), 100.0 * (1 + share * noise / noise.std())])
    scale = DiscriminantClassifier(calibration_folds=0).fit(X, y).scale_[1]
    assert scale == (np.finfo(np.float64).max if constant else pytest.approx(100.0 * share, rel=1e-3))


def test_label_names_and_row_order_do_not_matter(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    model = DiscriminantClassifier(calibration_folds=0)
    plain = clone(model).fit(X, y).predict_proba(X)
    order = rng.permutation(len(X))
    renamed = np.array([{"calm": "z", "happy": "y", "sad": "x"}[label] for label in y])
    shuffled = clone(model).fit(X[order], renamed[order]).predict_proba(X)[:, ::-1]
    np.testing.assert_allclose(shuffled, plain, atol=1e-5)


def test_rare_class_counts_as_much_as_a_frequent_one() -> None:
    X = np.array([[-1.0]] * 20 + [[1.0]] * 2)
    X = X + np.tile([0.1, -0.1], 11)[:, None]
    model = DiscriminantClassifier(calibration_folds=0).fit(X, [0] * 20 + [1] * 2)
    linear, _ = model._scores(np.zeros((1, 1)))
    assert linear[0, 0] == pytest.approx(linear[0, 1], rel=0.01)  # the border lies half-way


def test_weight_is_repetition_and_zero_is_absence(rng: np.random.Generator) -> None:
    X, y = blobs(rng, n_rows=60)
    weight = rng.integers(0, 3, size=60)
    weight[:3] = 1
    model = DiscriminantClassifier(calibration_folds=0)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    weighted = clone(model).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=2e-3)


def test_probabilities_are_calibrated_on_held_out_groups(rng: np.random.Generator) -> None:
    X, y = blobs(rng, n_rows=600, n_features=40, distance=0.35)
    model = DiscriminantClassifier().fit(X[:300], y[:300], groups=np.arange(300) % 10)
    shares = model.predict_proba(X[300:])
    sure = shares.max(axis=1)
    right = model.predict(X[300:]) == y[300:]
    assert abs(sure.mean() - right.mean()) < 0.08
    assert right.mean() > 0.5


def test_state_predicts_the_same_bits_without_scikit_learn(rng: np.random.Generator, tmp_path: Path) -> None:
    X, y = blobs(rng)
    model = DiscriminantClassifier(kernel_weight=0.4).fit(X, y)
    meta, arrays = model.get_state()
    restored = DiscriminantPredictor.from_state(json.loads(json.dumps(meta)), arrays)
    np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(restored.predict(X), model.predict(X))
    again, _ = restored.get_state()
    assert again == json.loads(json.dumps(meta))
    refitted = DiscriminantClassifier.from_state(meta, arrays)
    assert refitted.get_params() == model.get_params()
    np.testing.assert_array_equal(refitted.predict_proba(X), model.predict_proba(X))

    np.savez(tmp_path / "arrays.npz", **arrays)
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    code = (
        "import json, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from stcorner.classifiers.discriminant_predictor import DiscriminantPredictor\n"
        "folder = Path(sys.argv[1])\n"
        "meta = json.loads((folder / 'meta.json').read_text())\n"
        "model = DiscriminantPredictor.from_state(meta, dict(np.load(folder / 'arrays.npz')))\n"
        "assert model.predict(np.zeros((1, 7)))[0] in ('calm', 'happy', 'sad')\n"
        "assert not {'sklearn', 'keras', 'scipy.linalg'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_model_of_the_shipped_size_stays_small(rng: np.random.Generator) -> None:
    X = rng.standard_normal((2400, 525))
    model = DiscriminantClassifier(calibration_folds=0).fit(X, np.arange(2400) % 8)
    _, arrays = model.get_state()
    assert sum(a.nbytes for a in arrays.values()) < 0.3e6


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shrinkage": 0}, "shrinkage must be finite and > 0 and <= 1, got 0"),
        ({"gamma": -1.0}, "gamma must be finite and > 0"),
        ({"ridge": np.nan}, "ridge must be finite and > 0"),
        ({"kernel_weight": 1.5}, "kernel_weight must be finite and >= 0 and <= 1"),
        ({"clip": 0}, "clip must be finite and > 0"),
        ({"n_frequencies": 0}, "n_frequencies must be >= 1, got 0"),
        ({"random_state": -1}, "random_state must be >= 0"),
        ({"calibration_folds": 1}, "calibration_folds must be 0 or >= 2, got 1"),
    ],
)
def test_parameters_out_of_range(rng: np.random.Generator, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        DiscriminantClassifier(**parameters).fit(*blobs(rng))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": [1, 2]}, r"groups must have one entry per row of X \(90\), got shape \(2,\)"),
        ({"sample_weight": np.full(90, -1.0)}, "sample_weight must hold 90 values >= 0"),
        ({"sample_weight": np.zeros(90)}, "for a row of every class"),
    ],
)
def test_fit_arguments_refused(rng: np.random.Generator, arguments: dict[str, Any], message: str) -> None:
    X, y = blobs(rng)
    with pytest.raises(ParameterError, match=message):
        DiscriminantClassifier().fit(X, y, **arguments)


def test_damaged_state_refused(rng: np.random.Generator) -> None:
    meta, arrays = DiscriminantClassifier().fit(*blobs(rng)).get_state()
    with pytest.raises(ModelError, match="incomplete"):
        DiscriminantPredictor.from_state(meta, {k: v for k, v in arrays.items() if k != "wave_coef"})
    with pytest.raises(ModelError, match="coef must be finite of shape"):
        DiscriminantPredictor.from_state(meta, arrays | {"coef": arrays["coef"][:, 1:]})
    with pytest.raises(ModelError, match="mean must be finite"):
        DiscriminantPredictor.from_state(meta, arrays | {"mean": arrays["mean"] * np.nan})


def test_score_refuses_labels_that_would_be_compared_wrongly(rng: np.random.Generator) -> None:
    X, y = rng.standard_normal((12, 3)), np.array(["happy", "sad"] * 6)
    model = DiscriminantClassifier().fit(X, y)
    assert model.score(X, y.tolist()) == np.mean(model.predict(X) == y)
    assert model.score(X, y[:, None]) == model.score(X, y)  # not each with every one
    with pytest.raises(ParameterError, match="string"):
        model.score(X, np.arange(12) % 2)


def test_a_table_of_pandas_gives_the_bits_of_its_array(rng: np.random.Generator) -> None:
    pandas = pytest.importorskip("pandas")
    X, y = rng.standard_normal((60, 8)), np.array(["angry", "happy", "sad"] * 20)
    table = pandas.DataFrame(X, columns=[f"c{i}" for i in range(8)])
    by_name = DiscriminantClassifier().fit(table, pandas.Series(y)).predict_proba(table)
    np.testing.assert_array_equal(by_name, DiscriminantClassifier().fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="feature names should match"):
        DiscriminantClassifier().fit(table, y).predict(table[table.columns[::-1]])
