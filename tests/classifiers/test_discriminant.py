from __future__ import annotations

import json
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from oracles import fercnn as oracle
from stcorner.classifiers.discriminant import DiscriminantClassifier
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import stcorner


def blobs(
    rng: np.random.Generator, n_rows: int = 90, n_features: int = 7, n_classes: int = 3, distance: float = 1.5
) -> tuple[np.ndarray, np.ndarray]:
    centres = distance * rng.standard_normal((n_classes, n_features))
    y = rng.integers(n_classes, size=n_rows)
    y[:n_classes] = np.arange(n_classes)
    return centres[y] + rng.standard_normal((n_rows, n_features)), np.array(["calm", "happy", "sad"])[y]


REASON = "a row given twice can lie in two folds, a row of weight 2 cannot"


def contract() -> Iterator[Any]:
    with warnings.catch_warnings():
        # Inheriting would import scikit-learn into every prediction: see stcorner._base.estimator.
        warnings.filterwarnings("ignore", message=".*does not inherit from", category=UserWarning)
        yield from estimator_checks_generator(DiscriminantClassifier(calibration_folds=0))
        yield from estimator_checks_generator(
            DiscriminantClassifier(),
            expected_failed_checks={"check_sample_weight_equivalence_on_dense_data": REASON},
            mark="xfail",
        )


@pytest.mark.parametrize(("estimator", "check"), list(contract()))
def test_scikit_learn_contract(estimator: stcorner.DiscriminantClassifier, check: Callable[..., Any]) -> None:
    check(estimator)


@pytest.mark.parametrize("n_features", [1, 2, 7, 33, 200])
def test_scores_equal_the_oracle(rng: np.random.Generator, n_features: int) -> None:
    X, y = blobs(rng, n_features=n_features)
    Z = rng.standard_normal((11, n_features))
    model = DiscriminantClassifier(shrinkage=0.2, gamma=0.4, ridge=0.05, clip=1e3).fit(X, y)
    linear, kernel = model._scores(Z)
    # The oracle sees the rows as stored (rounded to float16), so that only the algebra is compared.
    rows, new = model.rows_.astype(np.float64), model._standardise(Z)
    expected = oracle.linear_scores(rows, y, new, 0.2)
    np.testing.assert_allclose(linear, expected, atol=2e-4 * np.abs(expected).max())
    np.testing.assert_allclose(kernel, oracle.kernel_scores(rows, y, new, 0.4, 0.05), atol=2e-4)


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


def test_soft_labels(rng: np.random.Generator) -> None:
    X, y = blobs(rng)
    hard = np.eye(3)[np.unique(y, return_inverse=True)[1]]
    model = DiscriminantClassifier(calibration_folds=0)
    plain = clone(model).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clone(model).fit(X, y, soft_labels=hard).predict_proba(X), plain)
    # A row shared between two classes is two rows of half the weight.
    soft = hard.copy()
    soft[0] = [0.5, 0.5, 0.0]
    shared = clone(model).fit(X, y, soft_labels=soft)
    twice = clone(model).fit(
        np.r_[X[:1], X], np.r_[["calm"], ["happy"], y[1:]], sample_weight=np.r_[0.5, 0.5, np.ones(len(X) - 1)]
    )
    np.testing.assert_allclose(shared.predict_proba(X), twice.predict_proba(X), atol=2e-3)


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
    restored = DiscriminantClassifier.from_state(json.loads(json.dumps(meta)), arrays)
    np.testing.assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(restored.predict(X), model.predict(X))

    np.savez(tmp_path / "arrays.npz", **arrays)
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    code = (
        "import json, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from stcorner.classifiers.discriminant import DiscriminantClassifier\n"
        "folder = Path(sys.argv[1])\n"
        "meta = json.loads((folder / 'meta.json').read_text())\n"
        "model = DiscriminantClassifier.from_state(meta, dict(np.load(folder / 'arrays.npz')))\n"
        "assert model.predict(np.zeros((1, 7)))[0] in ('calm', 'happy', 'sad')\n"
        "assert not {'sklearn', 'keras', 'scipy.linalg'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_model_of_the_shipped_size_stays_small(rng: np.random.Generator) -> None:
    X = rng.standard_normal((2400, 525))
    model = DiscriminantClassifier(calibration_folds=0).fit(X, np.arange(2400) % 8)
    _, arrays = model.get_state()
    assert sum(a.nbytes for a in arrays.values()) < 3e6


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shrinkage": 0}, "shrinkage must be finite and > 0 and <= 1, got 0"),
        ({"gamma": -1.0}, "gamma must be finite and > 0"),
        ({"ridge": np.nan}, "ridge must be finite and > 0"),
        ({"kernel_weight": 1.5}, "kernel_weight must be finite and >= 0 and <= 1"),
        ({"clip": 0}, "clip must be finite and > 0"),
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
        ({"sample_weight": np.zeros(90)}, "every class a row of weight"),
        ({"soft_labels": np.ones((90, 2))}, "soft_labels must have shape"),
    ],
)
def test_fit_arguments_refused(rng: np.random.Generator, arguments: dict[str, Any], message: str) -> None:
    X, y = blobs(rng)
    with pytest.raises(ParameterError, match=message):
        DiscriminantClassifier().fit(X, y, **arguments)


def test_damaged_state_refused(rng: np.random.Generator) -> None:
    meta, arrays = DiscriminantClassifier().fit(*blobs(rng)).get_state()
    with pytest.raises(ModelError, match="incomplete"):
        DiscriminantClassifier.from_state(meta, {k: v for k, v in arrays.items() if k != "dual"})
    with pytest.raises(ModelError, match="coef must be finite of shape"):
        DiscriminantClassifier.from_state(meta, arrays | {"coef": arrays["coef"][:, 1:]})
    with pytest.raises(ModelError, match="mean must be finite"):
        DiscriminantClassifier.from_state(meta, arrays | {"mean": arrays["mean"] * np.nan})


def test_score_refuses_labels_that_would_be_compared_wrongly(rng: np.random.Generator) -> None:
    X, y = rng.standard_normal((12, 3)), np.array(["happy", "sad"] * 6)
    model = DiscriminantClassifier().fit(X, y)
    assert model.score(X, y.tolist()) == np.mean(model.predict(X) == y)
    with pytest.raises(ValueError, match=r"y must have shape \(12,\), got \(12, 1\)"):
        model.score(X, y[:, None])
    with pytest.raises(ValueError, match=r"y must hold labels such as '(happy|sad)', got 0"):
        model.score(X, np.arange(12) % 2)


def test_a_table_of_pandas_gives_the_bits_of_its_array(rng: np.random.Generator) -> None:
    pandas = pytest.importorskip("pandas")
    X, y = rng.standard_normal((60, 8)), np.array(["angry", "happy", "sad"] * 20)
    table = pandas.DataFrame(X, columns=[f"c{i}" for i in range(8)])
    by_name = DiscriminantClassifier().fit(table, pandas.Series(y)).predict_proba(table)
    np.testing.assert_array_equal(by_name, DiscriminantClassifier().fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="the feature names differ"):
        DiscriminantClassifier().fit(table, y).predict(table[table.columns[::-1]])
