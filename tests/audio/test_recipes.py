"""Clip vectors: names, lengths, the notebook's values, invariance, hostile clips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import pytest

import stcorner
from oracles import audio as oracle
from stcorner.audio import RECIPES
from stcorner.audio._functionals import quantile
from stcorner.audio.recipes import tracked_features

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clip(rng: np.random.Generator) -> np.ndarray:
    """Two seconds of voiced stretches, hiss and pauses at 16 kHz."""
    f0 = 180 + 50 * np.sin(np.arange(32000) / 4000)
    y = oracle.harmonic_tone(f0, 16000, 2.0)
    y *= np.repeat([0, 1, 0.6, 0, 0, 1, 0.3, 0, 1, 0], 3200)
    y[12800:14400] += 0.02 * rng.standard_normal(1600)
    return (y + 1e-4 * rng.standard_normal(32000)).astype(np.float32)


@pytest.mark.parametrize(
    ("recipe", "length"), [("rich", 525), ("paper162", 162), ("notebook162", 162), ("egemaps", 88)]
)
def test_names_fit_the_values(clip: np.ndarray, recipe: str, length: int) -> None:
    names = stcorner.feature_names(recipe)
    values = stcorner.clip_features(clip, sr=16000, recipe=recipe)
    assert len(names) == len(set(names)) == length
    assert values.shape == (length,)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, stcorner.clip_features(clip, sr=16000, recipe=recipe))


def test_tracks_come_with_the_features(clip: np.ndarray) -> None:
    for recipe in RECIPES:
        vector, tracks = tracked_features(clip.astype(np.float32), recipe=recipe)
        np.testing.assert_array_equal(vector, stcorner.clip_features(clip, sr=16000, recipe=recipe))
        tracked = int(stcorner.pitch_autocorrelation(clip, sr=16000)[1].sum())
        assert tracks.voiced.sum() == pytest.approx(tracked, rel=0.2)


@pytest.mark.parametrize("n", [1, 2, 3, 33, 34, 35, 300, 1001])
def test_quantile_is_that_of_numpy(rng: np.random.Generator, n: int) -> None:
    values = (100 * rng.standard_normal(n)).astype(np.float32)
    for share in (0.05, 0.5, 0.97):
        # Before 2.4 numpy rounded the place between two values to their own type.
        np.testing.assert_allclose(quantile(values, share), np.quantile(values, share), rtol=1e-4, atol=1e-3)
    assert quantile(np.full(n, 7, np.float32), 0.97) == 7.0


def notebook(y: np.ndarray) -> np.ndarray:
    """The notebook's recipe in librosa."""
    f = librosa.feature
    magnitude = np.abs(librosa.stft(y))
    tracks = [
        f.zero_crossing_rate(y=y), f.chroma_stft(S=magnitude, sr=22050), f.mfcc(y=y, sr=22050), f.rms(y=y),
        f.melspectrogram(y=y, sr=22050),
    ]  # fmt: skip
    return np.concatenate([track.mean(axis=1) for track in tracks])


def test_notebook162_equals_librosa_on_real_clips(real_data: Path) -> None:
    paths = sorted((real_data / "ravdess" / "audio_speech").glob("*/*.flac"))[::150]
    assert paths
    for path in paths:
        import soundfile

        y, sr = soundfile.read(path, dtype="float32")
        assert sr == 22050
        expected = notebook(y[int(0.6 * sr) :][: int(2.5 * sr)])
        got = stcorner.clip_features(y, sr=sr, recipe="notebook162")
        np.testing.assert_allclose(got, expected, rtol=1e-4, err_msg=path.name)


def value(y: np.ndarray, name: str, sr: int = 16000) -> float:
    return stcorner.clip_features(y, sr=sr)[stcorner.feature_names().index(name)]


def test_known_values_of_rich() -> None:
    t = np.arange(16000) / 16000
    rising = oracle.harmonic_tone(110 * 2**t, 16000, 1.0).astype(np.float32)
    y = np.concatenate([np.zeros(8000, np.float32), rising, np.zeros(4800, np.float32)])
    assert value(y, "f0_semitones_mean") == pytest.approx(18.0, abs=0.2)  # semitones over 55 Hz: 12 to 24
    assert value(y, "f0_semitones_slope") == pytest.approx(12.0, abs=0.5)
    assert value(y, "timing_duration") == pytest.approx(1.0, abs=0.03)
    assert value(y, "timing_lead") == pytest.approx(0.5, abs=0.02)
    assert value(y, "timing_tail") == pytest.approx(0.3, abs=0.02)
    assert value(y, "timing_segments") == 1
    assert value(y, "hnr_p50") > 20
    assert value(y, "f0_semitones_rise_share") > 0.9


def test_rich_does_not_depend_on_gain(clip: np.ndarray) -> None:
    expected = stcorner.clip_features(clip, sr=16000)
    np.testing.assert_array_equal(stcorner.clip_features(0.125 * clip, sr=16000), expected)
    got = stcorner.clip_features(np.float32(0.3) * clip + np.float32(0.01), sr=16000)
    # Rounding may move a harmonic to the next bin of the spectrum, hence a few larger steps.
    close = np.isclose(got, expected, rtol=1e-3, atol=1e-2)
    assert close.mean() > 0.95
    np.testing.assert_allclose(got, expected, rtol=0.1, atol=1.0)


def test_channels_are_averaged(clip: np.ndarray) -> None:
    np.testing.assert_allclose(
        stcorner.clip_features(np.stack([clip, clip]), sr=16000), stcorner.clip_features(clip, sr=16000)
    )


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    "y",
    [
        np.zeros(16000),
        np.full(16000, 0.5),
        np.sign(np.sin(np.arange(16000) * 0.1)),
        np.r_[np.zeros(15999), 1.0],
        1e-20 * np.sin(np.arange(16000) * 0.1),
    ],
    ids=["silence", "offset", "clipped", "click", "faint"],
)
def test_hostile_clips_are_finite(recipe: str, y: np.ndarray) -> None:
    assert np.isfinite(stcorner.clip_features(y, sr=16000, recipe=recipe)).all()


@pytest.mark.parametrize("n_samples", [1, 2, 159, 160, 161, 399, 1600, 3200])
def test_short_clips_are_finite(rng: np.random.Generator, n_samples: int) -> None:
    y = rng.standard_normal(n_samples)
    for recipe in ("rich", "paper162", "egemaps"):
        assert np.isfinite(stcorner.clip_features(y, sr=16000, recipe=recipe)).all()
        assert np.isfinite(stcorner.clip_features(y, sr=48000, recipe=recipe)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": "gemaps"}, "recipe must be one of 'rich', .*, 'egemaps', got 'gemaps'"),
        ({"sr": 0}, "sr must be finite and > 0 .* got 0"),
        ({"y": np.array([])}, "y must not be empty"),
        ({"y": np.array([np.nan])}, "y must be finite, got 1 NaN"),
        ({"y": np.zeros((2, 2, 9))}, r"y must have shape \(n,\) or \(channels, n\), got \(2, 2, 9\)"),
        ({"y": np.zeros(100, np.int16)}, "y must be floating point"),
        ({"y": np.zeros(9600), "recipe": "notebook162"}, r"y must be longer than 0\.6 s .* got 0\.600 s"),
    ],
)
def test_refusals(change: dict[str, Any], message: str) -> None:
    arguments = {"y": np.zeros(16000), "sr": 16000, **change}
    with pytest.raises(ValueError, match=message):
        stcorner.clip_features(arguments.pop("y"), **arguments)


def test_names_refuse_an_unknown_recipe() -> None:
    with pytest.raises(ValueError, match=r"recipe must be one of .* got 'x'"):
        stcorner.feature_names("x")


def test_levels_that_rise_and_fall_by_known_steps() -> None:
    from stcorner.audio._rich import _energy

    energy = np.float32([-60, -30, -29.5, -20, -20.25, -26, -60])
    loud, mean, quiet, up, down, top = _energy(energy, 1, 6)
    assert loud == pytest.approx(-20.05)
    assert mean == pytest.approx(10 * np.log10(np.mean(10 ** (energy[1:6].astype(float) / 10))))
    assert quiet == pytest.approx(-60)
    assert (up, down) == (pytest.approx((0.5 + 9.5) / 2), pytest.approx(-(0.25 + 5.75) / 2))
    assert top == pytest.approx(2 / 5 - 0.5)
    np.testing.assert_array_equal(_energy(energy, 1, 2)[3:], [0, 0, -0.5])
