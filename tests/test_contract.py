"""What scikit-learn asks of an estimator, of every estimator that a person meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

import stcorner as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TWICE = "a row given twice can lie in two folds, a row of weight 2 cannot"
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": TWICE}
OF_ARRAYS = [
    st.DiscriminantClassifier(calibration_folds=0, n_frequencies=50),
    st.DiscriminantClassifier(n_frequencies=50),
    st.MarginalFisherAnalysis(),
    *map(st.ModalityFusion, ("concatenate", "mfa", "lda")),
]
OF_OTHERS = [
    st.EmotionRecognizer(),
    st.FERCNNClassifier(),
    st.LateFusion(),
    st.StipBagOfWords(n_words=2),
]


def checks() -> Iterator[Any]:
    for estimator in OF_ARRAYS:
        folds = getattr(estimator, "calibration_folds", 0)
        yield from estimator_checks_generator(
            estimator, expected_failed_checks=EXPECTED if folds else {}, mark="xfail"
        )


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_array_estimators(estimator: Any, check: Callable[..., Any]) -> None:
    check(estimator)


@pytest.mark.parametrize("estimator", [*OF_ARRAYS, *OF_OTHERS], ids=repr)
def test_every_estimator_is_cloned_and_says_that_it_is_not_fitted(estimator: Any) -> None:
    assert isinstance(estimator, BaseEstimator)
    assert clone(estimator).get_params() == estimator.get_params()
    use = estimator.predict if is_classifier(estimator) else estimator.transform
    with pytest.raises(NotFittedError, match=f"This {type(estimator).__name__} instance is not fitted yet"):
        use(np.eye(2))


def test_classifiers_are_known_as_such() -> None:
    known = {type(estimator).__name__: is_classifier(estimator) for estimator in [*OF_ARRAYS, *OF_OTHERS]}
    assert {name for name, yes in known.items() if yes} == {
        "DiscriminantClassifier",
        "EmotionRecognizer",
        "FERCNNClassifier",
        "LateFusion",
    }


@pytest.fixture
def routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y = np.arange(60) % 3
    return rng.standard_normal((60, 6)) + 2 * np.eye(3, 6)[y], y, np.arange(60) // 12


@pytest.mark.usefixtures("routing")
def test_groups_reach_every_step_or_raise(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, groups = rows(rng)
    mfa = st.MarginalFisherAnalysis(2).set_fit_request(groups=True)
    with pytest.raises(UnsetMetadataPassedError, match="groups"):
        make_pipeline(mfa, st.DiscriminantClassifier()).fit(X, y, groups=groups)

    seen = {}

    def record(name: str, function: Any) -> Any:
        def wrapped(self: Any, X: Any, y: Any, groups: Any = None, **others: Any) -> Any:
            seen[name] = groups
            return function(self, X, y, groups=groups, **others)

        return wrapped

    for kind in (st.MarginalFisherAnalysis, st.DiscriminantClassifier):
        monkeypatch.setattr(kind, "fit", record(kind.__name__, kind.fit))
    pipeline = make_pipeline(mfa, st.DiscriminantClassifier().set_fit_request(groups=True))
    pipeline.fit(X, y, groups=groups)
    assert set(seen) == {"MarginalFisherAnalysis", "DiscriminantClassifier"}
    assert all(given is groups for given in seen.values())


@pytest.mark.usefixtures("routing")
def test_groups_that_are_routed_change_what_is_learnt(rng: np.random.Generator) -> None:
    X, y, groups = rows(rng)
    direct = st.DiscriminantClassifier().fit(X, y, groups=groups)
    routed = make_pipeline(st.DiscriminantClassifier().set_fit_request(groups=True)).fit(X, y, groups=groups)
    unaware = st.DiscriminantClassifier().fit(X, y)
    assert routed[-1].sharpness_ == direct.sharpness_ != unaware.sharpness_


def test_tables_come_out_as_asked(rng: np.random.Generator) -> None:
    X, y, _ = rows(rng)
    for estimator in (st.MarginalFisherAnalysis(2), st.ModalityFusion("lda")):
        table = estimator.set_output(transform="pandas").fit_transform(X, y)
        assert list(table.columns) == [f"{type(estimator).__name__.lower()}{i}" for i in range(2)]


class FewFeatures(st.FERCNNClassifier):  # type: ignore[misc]
    """The network as the checks can afford it: eight epochs, all features that it is given."""

    def __init__(
        self, *, n_epochs: int = 8, projection: str | None = "seriate", random_state: int = 0
    ) -> None:
        super().__init__(
            n_epochs=n_epochs, projection=projection, random_state=random_state, validation_fraction=0.0
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "check"),
    list(
        estimator_checks_generator(
            FewFeatures(),
            expected_failed_checks={
                "check_sample_weight_equivalence_on_dense_data": "batches are drawn by row",
                "check_sample_weights_invariance": "batches are drawn by row",
            },
            mark="xfail",
        )
    ),
)
def test_the_network_as_an_estimator(estimator: Any, check: Callable[..., Any]) -> None:
    check(estimator)
