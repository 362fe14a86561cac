"""A person against themselves: z-scores within people, called transductive wherever they count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recognizer.invented import invented_features, without
from stcorner import ClipFeatures, EmotionRecognizer, cross_validate, explain_decision, load_model
from stcorner.errors import ParameterError
from stcorner.recognizer.within import MIN_CLIPS, NOTICE, within_subject

if TYPE_CHECKING:
    from pathlib import Path


def model(**more: object) -> EmotionRecognizer:
    return EmotionRecognizer(within="subject", augment=None, name="m", **more)  # type: ignore[arg-type]


def moved(features: ClipFeatures) -> ClipFeatures:
    """Give each person another offset and scale of everything."""
    person = np.unique(features.groups, return_inverse=True)[1][features.clip_index][:, None]
    blocks = {name: block * (1 + person) + 10 * person for name, block in features.blocks.items()}
    return replace(features, blocks=blocks)


def test_z_scores_are_those_of_the_originals_of_each_person() -> None:
    features = invented_features(copies=True)
    features = replace(features, blocks={**features.blocks, "audio": features.blocks["audio"].copy()})
    features.blocks["audio"][:, 3] = 7.0
    features.blocks["audio"][:2] = np.nan  # the first clip and its copy
    found = within_subject(features)
    assert not found.errors
    owner = np.array([clip.subject for clip in features.clips])[features.clip_index]
    for person in np.unique(owner):
        rows = owner == person
        base = features.blocks["audio"][rows & (features.copies == "")].astype(np.float64)
        mean, spread = np.nanmean(base, axis=0), np.nanstd(base, axis=0)
        spread[3] = np.inf
        expected = (features.blocks["audio"][rows] - mean) / spread
        np.testing.assert_allclose(found.blocks["audio"][rows], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fusion", ["concatenate", "late"])
def test_offset_and_scale_of_a_person_do_not_matter(fusion: str, tmp_path: Path) -> None:
    features = invented_features()
    fitted = model(fusion=fusion).fit(moved(features))
    plain = fitted.predict_proba(features)
    np.testing.assert_allclose(fitted.predict_proba(moved(features)), plain, atol=1e-4)
    again = load_model(fitted.save(tmp_path / "m.stcorner"))
    assert again.within == "subject"
    np.testing.assert_array_equal(again.predict_proba(features), plain)
    assert {row["model"] for row in again.predict_table(features)} == {"m (transductive, within subject)"}


def test_an_explanation_adds_up() -> None:
    features = invented_features()
    fitted = model().fit(features)
    found = explain_decision(fitted, features, 3, n_orders=2)
    p = np.sort(fitted.predict_proba(features)[3])
    assert found.total == pytest.approx(np.log(p[-1]) - np.log(p[-2]))
    assert found.offset + sum(found.parts.values()) == pytest.approx(found.total)


def test_an_evaluation_says_that_it_is_transductive() -> None:
    features = invented_features()
    options = {"protocol": "actor-loo", "calibration_folds": 0, "sound": False}
    one = cross_validate(features, model(), **options)
    assert one.model == "m (transductive, within subject)"
    assert one.details["warnings"] == [NOTICE]
    single = cross_validate(features, EmotionRecognizer(augment=None, name="m"), **options)
    assert (single.model, single.details["warnings"]) == ("m", [])
    other = cross_validate(moved(features), model(), **options)
    np.testing.assert_allclose(other.probabilities, one.probabilities, atol=1e-4)
    assert np.abs(single.probabilities - one.probabilities).max() > 0.1


def test_people_need_a_name_and_clips() -> None:
    features = invented_features()
    fitted = model().fit(features)
    few = features[: MIN_CLIPS - 1]
    rows = fitted.predict_table(few)
    assert {row["status"] for row in rows} == {"failed"}
    assert "has 9 clip(s) with features, and this model measures people by at least 10" in rows[0]["message"]
    assert fitted.predict(features[:MIN_CLIPS]).shape == (MIN_CLIPS,)
    nobody = features.relabelled([replace(clip, subject="") for clip in features.clips])
    assert "its person is unknown" in fitted.predict_table(nobody)[0]["message"]
    with pytest.raises(ParameterError, match=r"needs all clips of each person: 0\.mp4: its person, test/s0"):
        model().fit(features[[*range(5), *range(12, len(features))]])
    half = without(features, {"video": slice(0, 12)})
    assert {row["status"] for row in fitted.predict_table(half)[:12]} == {"audio only"}
    with pytest.raises(ParameterError, match=r"windows .* m \(transductive, within subject\)"):
        fitted.timeline("clip.mp4")
    with pytest.raises(ParameterError, match="within must be one of None, 'subject', got 'corpus'"):
        EmotionRecognizer(within="corpus").fit(features)  # type: ignore[arg-type]
