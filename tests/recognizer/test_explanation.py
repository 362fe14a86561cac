"""Parts of a decision: they add up, and they are right where the right ones are known."""

from __future__ import annotations

import numpy as np
import pytest

from stcorner.extraction import ClipFeatures
from stcorner.recognizer.explanation import explain_decision, feature_group


class _Linear:
    """A predictor of two classes whose log odds are a sum over features, or over their square."""

    blocks = ("audio", "video")
    names = {  # noqa: RUF012
        "audio": ["f0_mean", "f0_slope", "hnr_p90"],
        "video": ["t0_y0_x0_b0", "t0_y0_x0_b1", "t0_y1_x0_b0", "t1_y0_x2_b0"],
    }
    means = {"audio": np.full(3, 0.5), "video": np.zeros(4)}  # noqa: RUF012
    classes = ("happy", "sad")

    def __init__(self, weights: np.ndarray, power: int = 1) -> None:
        self.weights, self.power = weights, power

    def prepared(self, features: ClipFeatures) -> ClipFeatures:
        return features

    def probabilities(self, features: ClipFeatures) -> np.ndarray:
        rows = [np.nan_to_num(features.blocks[name], nan=0.0) for name in self.blocks]
        odds = (np.concatenate(rows, axis=1) @ self.weights) ** self.power
        p = 1 / (1 + np.exp(-odds))
        p[np.isnan(features.blocks["audio"]).all(axis=1)] = np.nan
        return np.stack([p, 1 - p], axis=1)


@pytest.fixture
def features(rng: np.random.Generator) -> ClipFeatures:
    blocks = {"audio": rng.normal(size=(2, 3)), "video": rng.normal(size=(2, 4))}
    return ClipFeatures(clips=["a.mp4", "b.mp4"], blocks=blocks, names=_Linear.names)


def test_linear_parts_are_weight_times_distance(features: ClipFeatures, rng: np.random.Generator) -> None:
    weights = 0.3 * rng.normal(size=7)
    found = explain_decision(_Linear(weights), features, 1, label="happy", against="sad", n_orders=2)
    x = np.concatenate([features.blocks["audio"][1], features.blocks["video"][1]])
    expected = weights * (x - np.r_[0.5, 0.5, 0.5, 0, 0, 0, 0])
    assert list(found.parts) == ["f0", "hnr", "face t0_y0_x0", "face t0_y1_x0", "face t1_y0_x2"]
    np.testing.assert_allclose(
        list(found.parts.values()),
        [expected[:2].sum(), expected[2], expected[3:5].sum(), expected[5], expected[6]],
        atol=1e-6,
    )
    assert found.blocks == pytest.approx({"audio": expected[:3].sum(), "video": expected[3:].sum()}, abs=1e-6)
    assert found.standard_error < 1e-7


def test_parts_add_up_whatever_the_model(features: ClipFeatures, rng: np.random.Generator) -> None:
    found = explain_decision(_Linear(rng.normal(size=7), power=3), features)
    assert found.offset + sum(found.parts.values()) == pytest.approx(found.total, abs=1e-9)
    assert found.total > 0, "the default label is the more probable one"


def test_the_seed_decides(features: ClipFeatures, rng: np.random.Generator) -> None:
    model = _Linear(rng.normal(size=7), power=3)
    assert explain_decision(model, features, n_orders=2) == explain_decision(model, features, n_orders=2)
    assert explain_decision(model, features, n_orders=2) != explain_decision(
        model, features, n_orders=2, random_state=1
    )


def test_face_map_has_one_cell_per_block(features: ClipFeatures, rng: np.random.Generator) -> None:
    found = explain_decision(_Linear(rng.normal(size=7)), features)
    grid = found.face_map()
    assert grid.shape == (2, 2, 3)
    assert grid[1, 0, 2] == found.parts["face t1_y0_x2"]
    assert grid[1, 1, 1] == 0


def test_missing_modality_has_no_parts(features: ClipFeatures, rng: np.random.Generator) -> None:
    features.blocks["video"][0] = np.nan
    found = explain_decision(_Linear(rng.normal(size=7)), features, 0)
    assert set(found.parts) == {"f0", "hnr"}
    assert found.face_map() is None


def test_what_cannot_be_explained_is_refused(features: ClipFeatures, rng: np.random.Generator) -> None:
    model = _Linear(rng.normal(size=7))
    with pytest.raises(ValueError, match="label must be one of 'happy', 'sad', got 'calm'"):
        explain_decision(model, features, label="calm")
    with pytest.raises(ValueError, match="against must differ from label, got 'sad' twice"):
        explain_decision(model, features, label="sad", against="sad")
    with pytest.raises(ValueError, match="row must be >= 0 and <= 1, got 2"):
        explain_decision(model, features, 2)
    features.blocks["audio"][0] = np.nan
    with pytest.raises(ValueError, match="row must have features to explain, got row 0 without any"):
        explain_decision(model, features, 0)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("delta_mfcc_12_std", "delta_mfcc_12"),
        ("mfcc_1_mean", "mfcc_1"),
        ("corr_energy_mfcc_1", "corr"),
        ("timing_pause_max", "timing"),
        ("spectral_flux_p10", "spectral_flux"),
    ],
)
def test_groups(name: str, group: str) -> None:
    assert feature_group(name) == group
