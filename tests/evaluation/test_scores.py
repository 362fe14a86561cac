"""Metrics, calibration and comparison against plain counterparts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

import stcorner
from oracles import evaluation as oracle
from stcorner import evaluation as ev
from stcorner.classifiers import TemperatureScaling
from stcorner.errors import DatasetError, ModelError, ParameterError
from stcorner.evaluation import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LABELS = ["angry", "happy", "sad"]


def random_evaluation(
    seed: int = 0,
    *,
    n: int = 120,
    n_actors: int = 6,
    skill: float = 1.0,
    name: str = "model",
    failed: int = 0,
) -> Evaluation:
    rng = np.random.default_rng(7)
    y = rng.integers(0, 3, n)
    actors = rng.integers(0, n_actors, n)
    logits = np.random.default_rng([7, seed]).normal(size=(n, 3))
    logits[np.arange(n), y] += skill
    rows = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows[:failed] = np.nan
    return Evaluation(
        model=name,
        protocol="actor-k2",
        classes=LABELS,
        clip_ids=[f"clip {i}" for i in range(n)],
        y_true=[LABELS[k] for k in y],
        groups=[f"actor {a}" for a in actors],
        folds=[str(a % 2) for a in actors],
        probabilities=rows,
        strata={"sex": [None if a == 0 else "female" if a % 2 else "male" for a in actors]},
    )


def said(e: Evaluation) -> list[str]:
    return [str(label) for label in e.y_pred]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40))
def test_metrics_equal_the_plain_ones(pairs: list[tuple[str, str]]) -> None:
    true, predicted = zip(*pairs, strict=True)
    counts = ev.confusion_matrix(true, predicted, LABELS)
    assert counts.sum() == len(pairs)
    assert float(ev.unweighted_average_recall(counts)) == pytest.approx(oracle.uar(true, predicted))
    assert float(ev.weighted_average_recall(counts)) == pytest.approx(oracle.war(true, predicted))
    assert float(ev.macro_f1(counts)) == pytest.approx(oracle.macro_f1(true, predicted))


def test_metrics_equal_scikit_learns() -> None:
    from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score, recall_score

    e = random_evaluation()
    assert np.array_equal(e.confusion, confusion_matrix(e.y_true, said(e), labels=LABELS))
    assert e.uar == pytest.approx(balanced_accuracy_score(e.y_true, said(e)))
    assert e.macro_f1 == pytest.approx(f1_score(e.y_true, said(e), average="macro"))
    recall = recall_score(e.y_true, said(e), average=None, labels=LABELS)
    assert [score.recall for score in e.per_class] == pytest.approx(list(recall))
    assert [score.label for score in e.per_class] == LABELS


def test_absent_classes() -> None:
    counts = ev.confusion_matrix(["sad"], ["angry"], LABELS)
    scores = {score.label: score for score in ev.per_class_scores(counts, LABELS)}
    assert np.isnan(scores["happy"].recall)
    assert np.isnan(scores["happy"].precision)
    assert scores["sad"].recall == scores["angry"].precision == 0
    assert np.isnan(float(ev.unweighted_average_recall(np.zeros((3, 3)))))


@pytest.mark.parametrize(
    ("true", "predicted", "classes", "match"),
    [
        (["sad"], ["sad", "sad"], LABELS, "y_pred must have 1 labels"),
        ([], [], LABELS, "y_true must be one-dimensional and not empty"),
        (["bored"], ["sad"], LABELS, "y_true must hold only"),
        (["sad"], ["bored"], LABELS, "y_pred must hold only"),
        (["sad"], ["sad"], ["sad", "sad"], "classes must be different"),
    ],
)
def test_confusion_refuses(true: list[str], predicted: list[str], classes: list[str], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        ev.confusion_matrix(true, predicted, classes)


# ------------------------------------------------------------------ intervals


def test_interval_covers_and_is_wider_over_actors_than_over_clips() -> None:
    rng = np.random.default_rng(3)
    # Ten actors who are all right or all wrong: the clips say nothing that the actors do not.
    right = rng.random(10) < 0.6
    counts = np.array([[[10, 0], [0, 10]] if r else [[0, 10], [10, 0]] for r in right])
    low, high = ev.bootstrap_interval(counts)
    assert low <= right.mean() <= high
    assert high - low > 0.4
    per_clip = np.repeat(counts / 20, 20, axis=0)  # as if each clip were an actor
    narrow = ev.bootstrap_interval(per_clip)
    assert narrow[1] - narrow[0] < 0.6 * (high - low)
    assert ev.bootstrap_interval(counts, level=0.5)[0] > low
    assert ev.bootstrap_interval(counts) == (low, high)
    assert np.isnan(ev.bootstrap_interval(counts[:1])).all()


def test_recall_intervals_are_those_of_each_class_alone() -> None:
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 9, (12, 3, 3))
    counts[:, 2] = 0  # a class that never occurs
    found = ev.class_recall_intervals(counts, seed=5)
    drawn = np.random.default_rng(5).multinomial(12, np.full(12, 1 / 12), size=5000)
    for at in range(2):
        recall = (drawn @ counts[:, at, at]) / (drawn @ counts[:, at].sum(axis=1))
        np.testing.assert_allclose(found[at], np.quantile(recall, [0.025, 0.975]), rtol=1e-12)
    assert np.isnan(found[2]).all()
    assert np.isnan(ev.class_recall_intervals(counts[:1])).all()
    with pytest.raises(ParameterError, match="counts must have shape"):
        ev.class_recall_intervals([[1, 2]])


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (7, 10, 0.3968, 0.8922), (60, 60, 0.9398, 1.0)]
)
def test_wilson_interval_has_the_values_of_the_tables(hits: int, n: int, low: float, high: float) -> None:
    actor = ev.ActorScore(actor="1", n=n, uar=hits / n, war=hits / n)
    assert actor.war_interval == pytest.approx((low, high), abs=1e-4)
    unheard = ev.ActorScore(actor="2", n=0, uar=float("nan"), war=float("nan"))
    assert np.isnan(unheard.war_interval).all()


def test_interval_refuses() -> None:
    with pytest.raises(ParameterError, match="counts must have shape"):
        ev.bootstrap_interval([[1, 2]])
    with pytest.raises(ParameterError, match="level must be"):
        ev.bootstrap_interval(np.ones((2, 2, 2)), level=1.0)
    with pytest.raises(ParameterError, match="metric must be one of"):
        ev.bootstrap_interval(np.ones((2, 2, 2)), metric="luck")
    with pytest.raises(ParameterError, match="n_resamples must be"):
        ev.bootstrap_interval(np.ones((2, 2, 2)), n_resamples=10)


# ------------------------------------------------------------------ calibration


def test_calibration_error_equals_the_plain_one() -> None:
    e = random_evaluation(skill=0.5)
    y = [LABELS.index(label) for label in e.y_true]
    for n_bins in (1, 5, 15):
        assert e.ece(n_bins=n_bins) == pytest.approx(oracle.calibration_error(e.probabilities, y, n_bins))
    bins = e.reliability(binning="mass", n_bins=8)
    assert bins.count.tolist() == [15] * 8
    assert np.all(np.diff(bins.confidence) >= 0)
    assert np.average(bins.accuracy, weights=bins.count) == pytest.approx(e.war)


def test_temperature_equals_a_grid_search_and_helps() -> None:
    rng = np.random.default_rng(5)
    honest = rng.dirichlet([1, 1, 1], 4000)
    y = (rng.random(4000)[:, None] > honest.cumsum(axis=1)).sum(axis=1)
    boastful = honest**3 / (honest**3).sum(axis=1, keepdims=True)
    scaling = TemperatureScaling().fit(boastful, y)
    assert scaling.temperature_ == pytest.approx(oracle.best_temperature(boastful, y), rel=2e-3)
    assert scaling.temperature_ == pytest.approx(3, rel=0.1)
    scaled = scaling.transform(boastful)
    assert np.array_equal(scaled.argmax(axis=1), boastful.argmax(axis=1))
    assert ev.expected_calibration_error(boastful, y) > 0.1
    assert ev.expected_calibration_error(scaled, y) < 0.03


def test_temperature_stays_finite() -> None:
    sure = TemperatureScaling().fit([[1.0, 0.0]] * 3, [0, 0, 0])
    assert 0 < sure.temperature_ < 1
    wrong = TemperatureScaling().fit([[1.0, 0.0]] * 3, [1, 1, 1])
    assert np.isfinite(wrong.transform([[1.0, 0.0]])).all()


@pytest.mark.parametrize("codes", [[-1, 0], [0, 2], [0], [0.0, 1.0]])
def test_temperature_refuses_what_is_no_class(codes: list[float]) -> None:
    with pytest.raises(ParameterError, match="must be 2 integers from 0 to 1, got"):
        TemperatureScaling().fit([[0.9, 0.1], [0.2, 0.8]], codes)


def test_temperature_state() -> None:
    scaling = TemperatureScaling().fit([[0.9, 0.1]] * 4, [0, 0, 0, 1])
    again = TemperatureScaling.from_state(*scaling.get_state())
    assert np.array_equal(again.transform([[0.7, 0.3]]), scaling.transform([[0.7, 0.3]]))
    for meta in ({}, {"temperature": 0.0}, {"temperature": "1"}, {"temperature": 1.0, "bias": 0}):
        with pytest.raises(ModelError, match="temperature"):
            TemperatureScaling.from_state(meta, {})
    with pytest.raises(NotFittedError, match="not fitted yet"):
        TemperatureScaling().transform([[1.0]])


def test_abstention_rises_for_a_model_that_knows_itself() -> None:
    curve = random_evaluation(n=600, skill=1.5).abstention(n_points=10)
    assert curve.coverage[-1] == 1.0
    assert curve.war[0] > curve.war[-1] + 0.1
    assert np.all(np.diff(curve.threshold) <= 0)
    e = random_evaluation(n=600, skill=1.5)
    assert curve.war[-1] == pytest.approx(e.war)
    assert curve.uar[-1] == pytest.approx(e.uar)


@pytest.mark.parametrize(
    ("rows", "y", "match"),
    [
        ([[0.5, 0.6]], [0], "rows of non-negative numbers that sum to 1"),
        ([[1.5, -0.5]], [0], "rows of non-negative numbers"),
        ([0.5, 0.5], [0], "probabilities must have 2 dimension"),
        ([[0.5, np.nan]], [0], "probabilities must be finite"),
        ([[0.5, 0.5]], [2], "y must be 1 integers from 0 to 1"),
        ([[0.5, 0.5]], [0, 1], "y must be 1 integers"),
        ([[0.5, 0.5]], [0.0], "y must be 1 integers"),
    ],
)
def test_calibration_refuses(rows: object, y: object, match: str) -> None:
    for function in (
        ev.reliability,
        ev.expected_calibration_error,
        ev.abstention_curve,
        TemperatureScaling().fit,
    ):
        with pytest.raises(ParameterError, match=match):
            function(rows, y)


# ------------------------------------------------------------------ comparison


@pytest.mark.parametrize("metric", ["uar", "war"])
def test_paired_test_equals_all_exchanges(metric: str) -> None:
    one, two = random_evaluation(1, skill=1.2, name="one"), random_evaluation(2, skill=0.6, name="two")
    test = ev.paired_test(one, two, metric=metric)
    score = getattr(oracle, metric)
    assert test.difference == pytest.approx(getattr(one, metric) - getattr(two, metric))
    assert test.p_value == oracle.exchange_p_value(one.y_true, said(one), said(two), one.groups, score)
    assert test.n_actors == 6
    assert test.interval[0] < test.difference < test.interval[1]


@pytest.mark.parametrize(("n", "drawn"), [(16, False), (17, True)])
def test_up_to_sixteen_actors_are_exchanged_in_all_ways(n: int, drawn: bool) -> None:
    right, wrong = (
        Evaluation(
            model=str(share), protocol="p", classes=LABELS[:2], clip_ids=[str(i) for i in range(n)],
            y_true=["angry"] * n, groups=[str(i) for i in range(n)], folds=["f"] * n,
            probabilities=[[share, 1 - share]] * n,
        )
        for share in (0.9, 0.1)
    )  # fmt: skip
    p_value = ev.paired_test(right, wrong).p_value
    assert (p_value == 2 / 2**n) is not drawn
    assert p_value < 1e-3


def test_many_actors_are_drawn() -> None:
    one, two = (
        random_evaluation(i, n=400, n_actors=20, skill=s, name=str(i)) for i, s in ((1, 2.0), (2, 0.3))
    )
    test = ev.paired_test(one, two)
    assert test.n_actors == 20
    assert test.p_value < 0.001
    assert ev.paired_test(one, two) == test
    assert ev.paired_test(one, one).p_value == 1.0


def test_holm() -> None:
    models = [random_evaluation(i, skill=s, name=str(i)) for i, s in ((1, 2.0), (2, 1.0), (3, 0.1))]
    tests = ev.compare_models(models)
    assert [test.p_value for test in tests] == sorted(test.p_value for test in tests)
    assert all(test.difference >= 0 for test in tests)
    expected, least = [], 0.0
    for rank, test in enumerate(tests):
        least = max(least, min(1, (3 - rank) * test.p_value))
        expected.append(least)
    assert [test.adjusted for test in tests] == expected


def test_models_that_are_equal_keep_their_order() -> None:
    (test,) = ev.compare_models([random_evaluation(1, name="a"), random_evaluation(1, name="b")])
    assert (test.first, test.second, test.difference, test.adjusted) == ("a", "b", 0.0, 1.0)


def test_comparison_refuses() -> None:
    one = random_evaluation()
    with pytest.raises(ParameterError, match=r"same clips as first, got others .clip_ids differ"):
        ev.paired_test(one, random_evaluation(n=100))
    with pytest.raises(ParameterError, match="metric must be one of"):
        ev.paired_test(one, one, metric="macro_f1")
    with pytest.raises(ParameterError, match="evaluations must be at least 2"):
        ev.compare_models([one])
    with pytest.raises(ParameterError, match="share at least one predicted clip"):
        ev.paired_test(one, random_evaluation(failed=120))


# ------------------------------------------------------------------ the result


def test_failed_clips_count_in_no_score() -> None:
    whole, part = random_evaluation(), random_evaluation(failed=20)
    assert part.n_failed == 20
    assert part.confusion.sum() == 100
    assert part.y_pred[:20] == (None,) * 20
    assert part.uar == pytest.approx(oracle.uar(whole.y_true[20:], said(whole)[20:]))
    assert sum(actor.n for actor in part.per_actor) == 100
    nothing = random_evaluation(failed=120)
    assert np.isnan(nothing.uar)
    assert "120" in str(nothing)


def test_parts_add_up() -> None:
    e = random_evaluation()
    for parts in (e.per_actor, e.per_fold, e.per_stratum("sex")):
        assert sum(part.n for part in parts) == 120
        assert sum(part.n * part.war for part in parts) / 120 == pytest.approx(e.war)
    assert [part.actor for part in e.per_stratum("sex")] == ["female", "male", "unknown"]
    assert e.spread["min"] <= e.spread["mean"] <= e.spread["max"]
    assert e.interval("war")[0] < e.war < e.interval("war")[1]
    with pytest.raises(ParameterError, match="name must be one of sex"):
        e.per_stratum("age")
    with pytest.raises(ParameterError, match="calibrated=True needs temperatures"):
        e.ece(calibrated=True)


def test_json_round_trip(tmp_path: Path) -> None:
    e = random_evaluation(failed=3)
    file = tmp_path / "e.json"
    text = e.to_json(file)
    for source in (text, file, str(file)):
        again = Evaluation.from_json(source)
        assert again.to_json() == text
        np.testing.assert_array_equal(again.probabilities, e.probabilities)
        assert (again.groups, again.strata, again.calibrated) == (e.groups, e.strata, None)
    assert json.loads(text)["summary"]["uar"] == e.uar


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda d: d.update(version=2), "version 1, got stcorner-evaluation 2"),
        (lambda d: d.update(format="other"), "must be stcorner-evaluation"),
        (lambda d: d.update(extra=1), "unknown field `extra`"),
        (lambda d: d.pop("folds", None) or d.pop("classes"), "missing required field `classes`"),
        (lambda d: d["classes"].reverse(), "classes must be sorted"),
        (lambda d: d["predictions"][0].update(label="bored"), "y_true must hold only"),
        (lambda d: d["predictions"][0]["probabilities"].pop(), "3 numbers per clip, got 2"),
        (lambda d: d["predictions"][0].update(probabilities=[1, 1, 1]), "sum to 1"),
        (lambda d: d["predictions"][0].update(probabilities="high"), "Expected"),
        (lambda d: d["predictions"].clear(), "y_true must not be empty"),
        (lambda d: d["strata"]["sex"].pop(), r"strata\['sex'\] must have 120"),
    ],
)
def test_damaged_json(change: Callable[..., Any], match: str) -> None:
    document = json.loads(random_evaluation().to_json())
    change(document)
    with pytest.raises(DatasetError, match=match):
        Evaluation.from_json(json.dumps(document))


def test_truncated_json() -> None:
    text = random_evaluation().to_json()
    with pytest.raises(DatasetError, match="must be JSON of stcorner"):
        Evaluation.from_json(text[: len(text) // 2])
    with pytest.raises(OSError, match="no such file"):
        Evaluation.from_json("no such file")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"classes": ["sad", "happy"]}, "classes must be sorted"),
        ({"groups": ["a"]}, "groups must have 120 entries"),
        ({"probabilities": np.ones((120, 2))}, "probabilities must have shape"),
        ({"probabilities": np.ones((120, 3))}, "sum to 1"),
        ({"probabilities": np.tile([np.nan, 0.5, 0.5], (120, 1))}, "NaN in a whole row"),
        ({"y_true": []}, "y_true must not be empty"),
    ],
)
def test_evaluation_refuses(changes: dict[str, object], match: str) -> None:
    e = random_evaluation()
    fields = {name: getattr(e, name) for name in e.__dataclass_fields__}
    with pytest.raises(ParameterError, match=match):
        Evaluation(**{**fields, **changes})


def test_text() -> None:
    e = random_evaluation()
    text = str(e)
    for words in ("UAR (UA)", "confusion", "actor 3", f"{100 * e.uar:.1f}"):
        assert words in text
    warned = Evaluation(
        **{n: getattr(e, n) for n in e.__dataclass_fields__} | {"details": {"warnings": ["leak"]}}
    )
    assert str(warned).startswith("WARNING: leak")


def test_names_at_the_top() -> None:
    assert stcorner.Evaluation is Evaluation
    assert stcorner.compare_models is ev.compare_models
