"""What a fit is given in any unit, with any weights and groups: the same decisions, or an error of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

N = 90


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(N) % 3
    return 1.5 * rng.standard_normal((3, 7))[y] + rng.standard_normal((N, 7)), y


UNITS = [1e-290, 1e-200, 1e-60, 1e-9, 1e9, 1e60, 1e200, 1e299]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("unit", UNITS)
def test_discriminant_decides_the_same_in_any_unit(
    data: tuple[np.ndarray, np.ndarray], unit: float, standardize: bool
) -> None:
    X, y = data
    plain = stcorner.DiscriminantClassifier(standardize=standardize).fit(X, y).predict_proba(X)
    model = stcorner.DiscriminantClassifier(standardize=standardize).fit(X * unit, y)
    np.testing.assert_allclose(model.predict_proba(X * unit), plain, atol=1e-12)


def test_a_power_of_two_as_unit_changes_no_bit(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    plain = stcorner.DiscriminantClassifier().fit(X, y)
    other = stcorner.DiscriminantClassifier().fit(X * 2.0**-700, y)
    np.testing.assert_array_equal(other.predict_proba(X * 2.0**-700), plain.predict_proba(X))


@pytest.mark.parametrize("method", ["concatenate", "mfa", "mfa_per_modality", "cca", "lda"])
@pytest.mark.parametrize("unit", [1e-200, 1e-13, 1e13, 1e200])
def test_fusion_is_the_same_in_any_unit(
    data: tuple[np.ndarray, np.ndarray], unit: float, method: str
) -> None:
    X, y = data
    plain = stcorner.ModalityFusion(method=method).fit([X, X[:, :4] ** 2], y)
    other = stcorner.ModalityFusion(method=method).fit([X * unit, X[:, :4] ** 2], y)
    np.testing.assert_allclose(
        other.transform([X * unit, X[:, :4] ** 2]), plain.transform([X, X[:, :4] ** 2]), atol=1e-7
    )


@pytest.mark.parametrize("unit", [1e-60, 1e60])
def test_network_sees_the_same_inputs_in_any_unit(rng: np.random.Generator, unit: float) -> None:
    X, y = rng.standard_normal((N, 162)), np.arange(N) % 3
    X[:, 5] = 3.0
    inputs = []
    for rows in (X, X * unit):
        model = stcorner.FERCNNClassifier(scaling="standard")
        model._fit_inputs(rows, y)
        inputs.append(model._inputs(rows))
    np.testing.assert_allclose(inputs[1], inputs[0], atol=1e-5)
    assert np.abs(inputs[0]).max() > 1


def test_a_constant_feature_stays_silent_in_any_unit(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    wide, new = np.c_[X, np.full(N, 7.0)], np.c_[X, np.full(N, 8.0)]
    for unit in (1e-9, 1.0, 1e9):
        model = stcorner.DiscriminantClassifier().fit(wide * unit, y)
        np.testing.assert_array_equal(model.predict_proba(new * unit), model.predict_proba(wide * unit))


@pytest.mark.parametrize("offset", [1e9, -1e12])
def test_columns_that_all_pass_for_constant_are_refused(
    data: tuple[np.ndarray, np.ndarray], offset: float
) -> None:
    X, y = data
    with pytest.raises(ParameterError, match="subtract the mean of each column"):
        stcorner.DiscriminantClassifier().fit(X + offset, y)
    stcorner.DiscriminantClassifier().fit(np.c_[X + offset, X[:, 0]], y)
    stcorner.DiscriminantClassifier().fit(np.full_like(X, 0.1), y)


@pytest.mark.parametrize("unit", [1e-320, 1e-305, 1e305])
def test_what_float64_cannot_hold_is_refused(data: tuple[np.ndarray, np.ndarray], unit: float) -> None:
    X, y = data
    with pytest.raises(ParameterError, match="give it in another unit"):
        stcorner.DiscriminantClassifier().fit(X * unit, y)
    with pytest.raises(ParameterError, match="give it in another unit"):
        stcorner.ModalityFusion().fit([X * unit], y)
    with pytest.raises(ParameterError, match=r"in another unit|within float64's range"):
        stcorner.MarginalFisherAnalysis().fit(X * unit, y)


def test_marginal_fisher_analysis_refuses_what_its_squares_lose(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    for rows in (X, X[:5]):  # more rows than columns, and fewer
        with pytest.raises(ParameterError, match=r"by >= 1e-140 or not at all, got .*e-200"):
            stcorner.MarginalFisherAnalysis().fit(rows * 1e-200, y[: len(rows)])


def test_a_row_too_far_for_its_scores_is_refused(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    model = stcorner.DiscriminantClassifier(standardize=False).fit(X * 1e-200, y)
    with pytest.raises(ParameterError, match="nearer to the training rows"):
        model.predict_proba(X * 1e200)


CLASSIFIERS: list[Callable[[], Any]] = [
    stcorner.DiscriminantClassifier,
    lambda: stcorner.FERCNNClassifier(projection="seriate"),
]
LOST = [1e-320, 1e308, 5e-324, np.r_[1e-320, np.ones(N - 1)], np.r_[1e308, np.ones(N - 1)], np.inf, np.nan]


@pytest.mark.parametrize("make", CLASSIFIERS, ids=["discriminant", "fercnn"])
@pytest.mark.parametrize("weight", LOST, ids=range(len(LOST)))
def test_weights_beyond_all_use_are_refused(
    rng: np.random.Generator, make: Callable[[], Any], weight: Any
) -> None:
    X, y = rng.standard_normal((N, 170)), np.arange(N) % 3
    with pytest.raises(ParameterError, match="sample_weight must be"):
        make().fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("weight", [1e-9, 1e9])
def test_weights_at_the_edge_decide(data: tuple[np.ndarray, np.ndarray], weight: float) -> None:
    X, y = data
    model = stcorner.DiscriminantClassifier().fit(X, y, sample_weight=np.full(N, weight))
    assert model.score(X, y) > 0.8


def test_score_weighs_rows_as_fit_does(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    model = stcorner.DiscriminantClassifier().fit(X, y)
    assert model.score(X, y, sample_weight=2.0) == pytest.approx(model.score(X, y))
    hit = model.predict(X) == y
    assert model.score(X, y, sample_weight=hit) == 1.0
    with pytest.raises(ParameterError, match="above zero for at least one row"):
        model.score(X, y, sample_weight=0.0)


MISSING: list[Any] = [
    np.array([None, "a", "b"] * 30, dtype=object),
    ["a", "b", None] * 30,
    [1, "a", None] * 30,
    [float("nan"), "a", "b"] * 30,
    np.array([np.nan, 1.0, 2.0] * 30),
]
FITS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "discriminant": lambda X, y, groups: stcorner.DiscriminantClassifier().fit(X, y, groups=groups),
    "fercnn": lambda X, y, groups: stcorner.FERCNNClassifier(projection="seriate").fit(
        np.tile(X, 30), y, groups=groups
    ),
    "mfa": lambda X, y, groups: stcorner.MarginalFisherAnalysis().fit(X, y, groups=groups),
    "fusion": lambda X, y, groups: stcorner.ModalityFusion(method="mfa").fit([X], y, groups=groups),
    "search": lambda X, y, groups: stcorner.search_mfa(X, y, groups),
    "graph": lambda X, y, groups: stcorner.penalty_graph(X, y, groups=groups),
}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("groups", MISSING, ids=range(len(MISSING)))
def test_groups_with_gaps_are_refused(data: tuple[np.ndarray, np.ndarray], fit: str, groups: Any) -> None:
    with pytest.raises(ParameterError, match="groups must not hold NaN, None or infinity"):
        FITS[fit](*data, groups)


@pytest.mark.parametrize("fit", FITS)
def test_groups_of_several_kinds_are_refused(data: tuple[np.ndarray, np.ndarray], fit: str) -> None:
    mixed = np.array([1, "a", (2,)] * 30, dtype=object)
    with pytest.raises(ParameterError, match="of one kind that can be sorted, got int, str, tuple"):
        FITS[fit](*data, mixed)
    with pytest.raises(ParameterError, match="groups must hold one value for each row"):
        FITS[fit](*data, [[1], [2, 3], [4]] * 30)


@pytest.mark.parametrize(
    "parameters", [{"gamma": 1e308}, {"ridge": 1e308}, {"ridge": 1e-30}, {"clip": 5e-324}]
)
def test_parameters_at_the_edge_decide_or_are_refused(
    data: tuple[np.ndarray, np.ndarray], parameters: dict[str, float]
) -> None:
    X, y = np.repeat(data[0], 2, axis=0), np.repeat(data[1], 2)
    try:
        shares = stcorner.DiscriminantClassifier(**parameters).fit(X, y).predict_proba(X)
    except ParameterError as error:
        assert "must" in str(error)  # noqa: PT017
    else:
        np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_weights_of_blocks_and_shrinkage_beyond_use_are_refused(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    for weight in (1e-320, 1e308):
        with pytest.raises(ParameterError, match="weights must be within 1e-09 to 1e\\+09"):
            stcorner.ModalityFusion(weights=[weight, 1.0]).fit([X, X], y)
    with pytest.raises(ParameterError, match="shrinkage must be finite and <= 1e\\+06"):
        stcorner.MarginalFisherAnalysis(shrinkage=1e308).fit(X, y)
