"""Cross-validation: nobody is tested who was trained on, leaks are refused, failures stay rows."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

import stcorner
from stcorner.corpora import Clip
from stcorner.errors import DatasetError, LeakageError, ParameterError
from stcorner.extraction import ClipFeatures, FailedInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = ("angry", "happy", "sad")
OFFSETS = {"angry": (3.0, 0.0), "happy": (0.0, 3.0), "sad": (0.0, 0.0)}


class Nearest(BaseEstimator):  # type: ignore[misc]
    """A recogniser with the interface of `EmotionRecognizer`: nearest class means. It remembers its fits."""

    fits: list[tuple[set[str], int]] = []  # noqa: RUF012  shared on purpose: folds use copies
    name = "nearest"

    def __init__(
        self, label_map: dict[str, str | None] | None = None, copies: int = 1, sharpness: float = 1.0
    ) -> None:
        self.label_map = label_map
        self.copies = copies
        self.sharpness = sharpness

    def extract(self, clips: Sequence[Clip], *, n_jobs: int | None = None) -> ClipFeatures:
        rows, errors = [], []
        for clip in clips:
            rng = np.random.default_rng(list(clip.clip_id.encode()))
            point = np.array(OFFSETS[clip.label]) + rng.normal(0, 1.0, 2)
            if "broken" in clip.clip_id:
                point = np.full(2, np.nan)
                errors.append(FailedInput(path=str(clip.path), stage="decode", error="damaged"))
            rows += [point] + [point + rng.normal(0, 0.01, 2) for _ in range(self.copies)]
        return ClipFeatures(
            clips=clips,
            clip_index=np.repeat(np.arange(len(clips)), 1 + self.copies),
            copies=["", *["noise"] * self.copies] * len(clips),
            blocks={"audio": np.array(rows)},
            errors=errors,
        )

    def fit(self, features: ClipFeatures) -> Nearest:
        x, y = features.blocks["audio"], features.labels[features.clip_index]
        usable = np.isfinite(x[:, 0])
        self.classes_ = np.unique(y[usable])
        self.means_ = np.array([x[usable & (y == label)].mean(axis=0) for label in self.classes_])
        Nearest.fits.append((set(features.groups.tolist()), len(y)))
        return self

    def predict_proba(self, features: ClipFeatures) -> NDArray[np.float64]:
        x = features.blocks["audio"].astype(float)
        logits = -self.sharpness * ((x[:, None] - self.means_) ** 2).sum(axis=2)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)


def corpus(n_actors: int = 6, n_takes: int = 4) -> list[Clip]:
    return [
        Clip(
            path=f"{actor}/{label}{take}.wav",
            clip_id=f"{actor}-{label}-{take}",
            label=label,
            subject=f"{actor}",
            take=f"{actor}-{label}-{take}",
            modality="audio",
            corpus="mine",
            sex="female" if actor % 2 else "male",
            sentence=f"sentence {take % 2}",
        )
        for actor in range(n_actors)
        for label in LABELS
        for take in range(n_takes)
    ]


@pytest.fixture(autouse=True)
def _forget() -> None:
    Nearest.fits.clear()


def test_every_clip_is_tested_once_by_a_model_of_other_actors() -> None:
    clips = corpus()
    e = stcorner.cross_validate(clips, Nearest(), protocol="actor-k3", sound=False)
    assert sorted(e.clip_ids) == sorted(clip.clip_id for clip in clips)
    assert e.uar > 0.8
    assert (e.model, e.protocol, len(set(e.folds))) == ("nearest", "actor-k3", 3)
    # Per fold: one model of four actors with their copies, then inner ones of fewer.
    assert len(Nearest.fits) == 3 * (1 + 3)
    for number in range(3):
        outer, *inner = Nearest.fits[4 * number : 4 * number + 4]
        assert len(outer[0]) == 4
        assert outer[1] == 4 * 12 * 2
        tested = {
            f"mine/{actor}"
            for actor, fold in zip(e.groups, e.folds, strict=True)
            if fold.endswith(str(number + 1))
        }
        assert not outer[0] & tested
        assert all(groups < outer[0] for groups, _ in inner)
    assert set(e.strata) == {"sex", "sentence"}
    assert set(e.temperatures) == set(e.folds)


def test_calibration_sees_no_test_actor_and_helps() -> None:
    clips = corpus(8, 8)
    boastful = stcorner.cross_validate(clips, Nearest(sharpness=5.0), sound=False)
    assert boastful.calibrated is not None
    assert boastful.ece(calibrated=True) < 0.6 * boastful.ece()
    assert all(temperature > 2 for temperature in boastful.temperatures.values())
    plain = stcorner.cross_validate(clips, Nearest(sharpness=5.0), calibration_folds=0, sound=False)
    assert plain.calibrated is None
    assert not plain.temperatures
    np.testing.assert_array_equal(plain.probabilities, boastful.probabilities)


def test_validation_side_of_a_protocol_is_used() -> None:
    clips = [
        replace(clip, subject=f"{int(clip.subject) + 1:02d}", corpus="ravdess") for clip in corpus(24, 1)
    ]
    e = stcorner.cross_validate(clips, Nearest(), protocol="ravdess-16-4-4", sound=False)
    assert len(e.y_true) == 12
    assert [len(groups) for groups, _ in Nearest.fits] == [16, 16]
    assert len(e.temperatures) == 1


def test_features_are_reused_and_progress_is_told() -> None:
    clips = corpus()
    seen: list[tuple[int, int]] = []
    features = Nearest().extract(clips)
    e = stcorner.cross_validate(
        clips,
        Nearest(),
        protocol="actor-k4",
        features=features,
        sound=False,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (16, 16)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    for given in (clips, features):
        again = stcorner.cross_validate(given, Nearest(), protocol="actor-k4", sound=False)
        np.testing.assert_array_equal(again.probabilities, e.probabilities)
    with pytest.raises(ParameterError, match="features must be left out"):
        stcorner.cross_validate(features, Nearest(), features=features)


def test_the_first_fold_s_learning_curve_is_kept() -> None:
    class Learner(Nearest):
        def fit(self, features: ClipFeatures) -> Any:
            history = {"loss": [1.0, 1.0 / len(features.clip_index)]}
            head = SimpleNamespace(classifier=SimpleNamespace(history_=history))
            self.predictor_ = SimpleNamespace(heads={"early": head})
            return super().fit(features)

    clips = corpus()
    found = stcorner.cross_validate(clips, Learner(), protocol="actor-k3")
    n_rows = 2 * sum(clip.subject not in set(found.groups[: len(clips) // 3]) for clip in clips)
    assert found.details["history"] == {"loss": [1.0, 1.0 / n_rows]}
    assert "history" not in stcorner.cross_validate(clips, Nearest(), protocol="actor-k3").details


def test_label_map_with_and_without_features() -> None:
    clips = corpus()
    mapped = Nearest(label_map={"sad": None, "happy": "joy"})
    e = stcorner.cross_validate(clips, mapped, sound=False)
    assert e.classes == ("angry", "happy")
    assert len(e.y_true) == 48
    given = stcorner.cross_validate(clips, mapped, features=Nearest().extract(clips), sound=False)
    assert given.clip_ids == e.clip_ids
    np.testing.assert_allclose(given.probabilities, e.probabilities)


def test_failed_clips_stay_rows() -> None:
    clips = [
        replace(clip, clip_id=f"broken {i}") if i in (0, 40) else clip for i, clip in enumerate(corpus())
    ]
    e = stcorner.cross_validate(clips, Nearest(), sound=False)
    assert e.n_failed == 2
    assert len(e.y_true) == len(clips)
    assert len(e.details["failed"]) == 2
    assert "damaged" in e.details["failed"][0]


def test_a_leak_is_refused_unless_told(tmp_path: Path) -> None:
    clips = corpus()
    leaky = [*clips, replace(clips[0], subject="somebody else", clip_id="copy")]
    with pytest.raises(LeakageError, match="LEAK: the same clip, or an augmented copy of it"):
        stcorner.cross_validate(leaky, Nearest(), protocol="actor-loo", sound=False)
    assert not Nearest.fits
    e = stcorner.cross_validate(leaky, Nearest(), protocol="actor-loo", sound=False, allow_leaks=True)
    assert "measure memory" in e.details["warnings"][0]
    assert str(e).startswith("WARNING: ")
    silent = stcorner.cross_validate(leaky, Nearest(), protocol="actor-loo", audit=False)
    assert not silent.details["audit"]


def test_paper_leaky_tests_copies_and_says_so() -> None:
    clips = corpus()
    e = stcorner.cross_validate(clips, Nearest(copies=2), protocol="paper-leaky", sound=False)
    assert len(e.y_true) == np.ceil(0.25 * 3 * len(clips))
    assert len(set(e.clip_ids)) < len(e.clip_ids)
    assert e.details["warnings"]
    assert "shared by design: the same clip" in e.details["audit"][0]
    # With fewer copies than the paper made, those that there are take part.
    fewer = stcorner.cross_validate(clips, Nearest(copies=1), protocol="paper-leaky", sound=False)
    assert 0 < len(fewer.y_true) < len(e.y_true)


def test_random_and_sentence_protocols() -> None:
    clips = corpus()
    assert (
        stcorner.cross_validate(clips, Nearest(), protocol="random-k3", sound=False).protocol == "random-k3"
    )
    e = stcorner.cross_validate(clips, Nearest(), protocol="sentence", sound=False)
    assert sorted(set(e.folds)) == ["sentence/sentence 0", "sentence/sentence 1"]


def test_a_class_that_a_fold_cannot_learn() -> None:
    clips = [clip for clip in corpus() if clip.label != "sad" or clip.subject == "0"]
    e = stcorner.cross_validate(clips, Nearest(), protocol="actor-loo", sound=False, calibration_folds=1)
    sad = [row for row, label in zip(e.probabilities, e.y_true, strict=True) if label == "sad"]
    assert np.all(np.array(sad)[:, 2] == 0)


def test_refuses() -> None:
    clips = corpus()
    with pytest.raises(ParameterError, match="features must be of the 3 clips"):
        stcorner.cross_validate(clips[:3], Nearest(), features=Nearest().extract(clips))
    with pytest.raises(ParameterError, match="calibration_folds must be"):
        stcorner.cross_validate(clips, Nearest(), calibration_folds=-1)
    with pytest.raises(ParameterError, match="allow_leaks must be"):
        stcorner.cross_validate(clips, Nearest(), allow_leaks="yes")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="clips must hold at least one clip"):
        stcorner.cross_validate([], Nearest())
    with pytest.raises(DatasetError, match="must all have a subject"):
        stcorner.cross_validate([replace(clip, subject="") for clip in clips], Nearest(), protocol="actor-k3")


@pytest.mark.slow
def test_the_synthetic_corpus_with_the_real_recogniser(tmp_path: Path) -> None:
    clips = stcorner.make_corpus(tmp_path / "c")
    features = stcorner.EmotionRecognizer().extract(clips, augment=False)
    assert not features.errors
    scores = {}
    for protocol in ("actor-k4", "random-k4"):
        for modality in ("audio", "video", "both"):
            model = stcorner.EmotionRecognizer(modality, augment=None)
            e = stcorner.cross_validate(
                clips, model, protocol=protocol, features=features, audit=False, calibration_folds=0
            )
            scores[modality, protocol] = e.uar
    for protocol in ("actor-k4", "random-k4"):
        assert scores["both", protocol] > max(scores["audio", protocol], scores["video", protocol]) + 0.05
    assert scores["both", "random-k4"] > scores["both", "actor-k4"] + 0.03
    assert min(scores.values()) > 2 / 6


def test_features_of_other_clips_are_refused() -> None:
    clips = corpus()
    features = Nearest().extract(clips)
    with pytest.raises(ParameterError, match="in their order: clip 0 is '5-sad-3', got '0-"):
        stcorner.cross_validate(clips[::-1], Nearest(), features=features, audit=False)
    few = features[:5]
    with pytest.raises(ParameterError, match=f"features must be of the {len(clips)} clips, got 5"):
        stcorner.cross_validate(clips, Nearest(), features=few, audit=False)


def test_an_emotion_of_one_actor_does_not_flatten_the_others() -> None:
    common = [clip for clip in corpus() if clip.label != LABELS[-1]]
    rare = [clip for clip in corpus() if clip.label == LABELS[-1] and clip.subject == "0"]
    options: dict[str, Any] = {"protocol": "actor-loo", "sound": False}
    plain = stcorner.cross_validate(common, Nearest(), **options).temperatures
    mixed = stcorner.cross_validate([*common, *rare], Nearest(), **options).temperatures
    # In the other folds one inner model of three lacks the rare emotion; T was some 20 times larger.
    for fold in list(plain)[1:]:
        assert 0.3 < mixed[fold] / plain[fold] < 3


def test_jobs_count_cores_from_the_end() -> None:
    e = stcorner.cross_validate(corpus(), Nearest(), protocol="actor-k3", n_jobs=-2)
    assert e.uar > 0.8


def test_thin_folds_are_told() -> None:
    clips = corpus()
    rare, one = clips[0].label, clips[0].subject
    some = [clip for clip in clips if clip.label != rare or clip.subject == one]
    e = stcorner.cross_validate(some, Nearest(), protocol="actor-loo", sound=False)
    n = len({clip.subject for clip in clips})
    told = e.details["warnings"]
    assert f"1 of {n} folds test {rare} without having learnt it (actor-loo/{one})" in told
    assert any(text.startswith(f"{n - 1} of {n} folds test no clip of {rare} (") for text in told)
    two = [clip for clip in clips if clip.subject in sorted({one.subject for one in clips})[:2]]
    e = stcorner.cross_validate(two, Nearest(), protocol="auto", sound=False)
    assert any(text.startswith("2 of 2 folds learn from one person") for text in e.details["warnings"])
    assert e.details["chosen"] == "actor-loo was chosen: with 2 subjects each is tested alone"


def test_a_model_without_a_name_is_called_by_its_parts() -> None:
    from stcorner.evaluation.crossval import _name

    assert _name(stcorner.EmotionRecognizer("audio", random_state=3)) == "audio, discriminant"
    late = stcorner.EmotionRecognizer(fusion="late", classifier={"audio": "fercnn", "video": "discriminant"})
    assert _name(late) == "audio + video, late, fercnn + discriminant"
