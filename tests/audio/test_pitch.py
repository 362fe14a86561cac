"""Pitch: candidates against a fine-sampled oracle, known tones, invariances, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stcorner
from oracles import audio as oracle
from stcorner import _core


def track(y: np.ndarray, sr: int = 16000, **options: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return stcorner.pitch_autocorrelation(y, sr=sr, **options)


@pytest.fixture
def glide() -> tuple[np.ndarray, np.ndarray]:
    f0 = 120 * 2 ** (np.arange(16000) / 16000)
    return oracle.harmonic_tone(f0, 16000, 1.0), f0


@pytest.mark.parametrize("tracker", ["viterbi", "peak"])
def test_a_glide_is_followed_within_a_few_cents(
    isa: str, glide: tuple[np.ndarray, np.ndarray], tracker: str
) -> None:
    y, truth = glide
    f0, voiced, strength = track(y, tracker=tracker)
    inside = slice(4, -4)
    expected = truth[np.arange(len(f0))[inside] * 160]
    assert voiced[inside].all()
    assert (strength[inside] > 0.95).all()
    assert np.abs(1200 * np.log2(f0[inside] / expected)).max() < 5


def test_every_frame_equals_the_oracle(
    isa: str, glide: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    y = glide[0] + 0.05 * rng.standard_normal(16000)
    f0, _, strength = track(y, tracker="peak", octave_cost=0.0, refine_periods=1, center=False)
    for frame in range(0, len(f0), 7):
        candidates = oracle.pitch_candidates(y[frame * 160 : frame * 160 + 800], 16000, 60, 500)
        frequency, best = max(candidates, key=lambda each: each[1])
        assert f0[frame] == pytest.approx(frequency, rel=1e-3)
        assert strength[frame] == pytest.approx(best, abs=2e-3)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 33, 799, 800, 5000, 52000])
def test_threads_and_sizes_change_nothing(isa: str, rng: np.random.Generator, n_samples: int) -> None:
    y = rng.standard_normal(n_samples)
    expected = track(y, n_threads=1, voicing_threshold=0.2)
    for threads in (2, 3):
        for got, want in zip(track(y, n_threads=threads, voicing_threshold=0.2), expected, strict=True):
            np.testing.assert_array_equal(got, want)


def test_instruction_sets_agree(glide: tuple[np.ndarray, np.ndarray]) -> None:
    results = []
    for name in stcorner.available_isas():
        stcorner.set_isa(name)
        results.append(track(glide[0]))
    stcorner.set_isa("auto")
    for f0, _, strength in results[1:]:
        np.testing.assert_allclose(f0, results[0][0], rtol=1e-5)
        np.testing.assert_allclose(strength, results[0][2], atol=1e-5)


def test_frames_do_not_depend_on_their_company(rng: np.random.Generator) -> None:
    y = np.concatenate([oracle.harmonic_tone(140.0, 16000, 0.4), 0.1 * rng.standard_normal(4000)])
    # Neighbours share a transform: bits stay as long as the pairing does.
    f0, _, strength = track(y, tracker="peak", reference_level=1.0, center=False)
    part = track(y[1600:], tracker="peak", reference_level=1.0, center=False)
    np.testing.assert_array_equal(part[0], f0[10:])
    np.testing.assert_array_equal(part[2], strength[10:])


@pytest.mark.parametrize("sr", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000])
def test_sample_rates_agree(sr: int) -> None:
    t = np.arange(sr) / sr
    truth = 150 * 2 ** (0.5 * np.sin(2 * np.pi * t))
    f0, voiced, _ = track(oracle.harmonic_tone(truth, sr, 1.0), sr=sr)
    hop = round(0.01 * sr)
    inside = slice(5, -5)
    assert voiced[inside].all()
    np.testing.assert_allclose(f0[inside], truth[np.arange(len(f0))[inside] * hop], rtol=0.01)


@settings(derandomize=True, deadline=None, max_examples=15)
@given(f0=st.floats(70, 450), gain=st.floats(1e-4, 1e3), offset=st.floats(-1, 1))
def test_constant_tones_gain_and_offset(f0: float, gain: float, offset: float) -> None:
    y = gain * (oracle.harmonic_tone(f0, 16000, 0.3) + offset)
    got, voiced, _ = track(y)
    assert voiced[6:-6].all()
    np.testing.assert_allclose(got[6:-6], f0, rtol=2e-3)


def test_a_faint_frame_beside_a_loud_one_keeps_its_digits() -> None:
    tone = oracle.harmonic_tone(200.0, 16000, 1.0)
    tone[:8000] *= 1e-5
    f0, _, strength = track(tone, tracker="peak", silence_threshold=0.0, reference_level=1.0)
    quiet = slice(4, 44)
    np.testing.assert_allclose(f0[quiet], 200.0, rtol=1e-4)
    assert (strength[quiet] > 0.99).all()


def test_noise_and_silence_are_unvoiced(rng: np.random.Generator) -> None:
    _, voiced, strength = track(rng.standard_normal(32000))
    assert voiced.mean() < 0.02
    assert strength.max() <= 1.0
    f0, voiced, strength = track(np.zeros(8000))
    assert not voiced.any()
    assert np.isnan(f0).all()
    assert not strength.any()


def test_noise_lowers_the_threshold(rng: np.random.Generator) -> None:
    tone = oracle.harmonic_tone(150.0, 16000, 1.0)
    y = np.concatenate([np.zeros(8000), tone, np.zeros(8000)])
    y += 1.3 * tone.std() * rng.standard_normal(len(y))
    inside = slice(55, 146)
    _, plain, _ = track(y, noise_adaptation=0.0)
    f0, voiced, _ = track(y)
    assert voiced[inside].mean() > plain[inside].mean() + 0.1
    assert voiced[:45].sum() + voiced[-45:].sum() == 0
    np.testing.assert_allclose(f0[inside][voiced[inside]], 150.0, rtol=0.05)


def test_clipped_and_short_signals() -> None:
    tone = oracle.harmonic_tone(200.0, 16000, 0.3)
    f0, voiced, _ = track(np.clip(4 * tone, -0.2, 0.2))
    np.testing.assert_allclose(f0[6:-6], 200.0, rtol=2e-3)
    f0, voiced, strength = track(np.array([0.5]))
    assert len(f0) == 1
    assert not voiced[0]
    assert strength[0] == 0.0


def test_channels(glide: tuple[np.ndarray, np.ndarray]) -> None:
    stereo = np.stack([glide[0], glide[0][::-1]])
    f0, voiced, strength = track(stereo)
    assert f0.shape == voiced.shape == strength.shape == (2, 101)
    np.testing.assert_array_equal(f0[0], track(glide[0])[0])


def test_harmonicity_measures_the_noise(rng: np.random.Generator) -> None:
    tone = oracle.harmonic_tone(200.0, 16000, 2.0)
    noise = rng.standard_normal(len(tone)) * tone.std() * 10 ** (-10 / 20)
    _, _, strength = track(tone + noise)
    assert np.median(stcorner.harmonicity(strength[5:-5])) == pytest.approx(10.0, abs=1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.array([])}, "y must not be empty"),
        ({"y": np.array([0.0, np.nan])}, "y must be finite, got 1 NaN"),
        ({"y": np.zeros(9, np.int16)}, "y must be floating point"),
        ({"sr": -1}, r"sr must be finite and > 0 and <= 1e\+07, got -1"),
        ({"sr": 1e300}, "sr must be .* got 1e"),
        ({"y": np.ma.masked_greater(np.arange(9.0), 5.0)}, r"y must not be masked, got 3 masked value\(s\)"),
        ({"fmin": 0.0}, "fmin must be finite and > 0, got 0"),
        ({"fmin": 1.5}, "fmin must be at least 1.6 Hz for an sr of 16000 Hz, got 1.5"),
        ({"fmax": 50.0}, r"fmax must be > fmin \(60 Hz\) and <= sr / 4 .* got 50"),
        ({"fmax": 5000.0}, r"fmax must be .* <= sr / 4 \(4000 Hz\), got 5000"),
        ({"sr": 48000, "fmax": 5000.0}, r"fmax must be .* <= sr / 12 \(4000 Hz\), got 5000"),
        ({"frame_length": 2**53}, "frame_length must be >= 1 and <= 4194304, got 9007199254740992"),
        ({"frame_length": 400}, "frame_length must hold two periods of fmin .* got 400"),
        ({"hop_length": 0}, "hop_length must be >= 1, got 0"),
        ({"low_pass": -1.0}, r"low_pass must be .* got -1"),
        ({"voicing_threshold": 1.5}, r"voicing_threshold must be .* got 1\.5"),
        ({"silence_threshold": -0.1}, r"silence_threshold must be .* got -0\.1"),
        ({"octave_cost": -1.0}, r"octave_cost must be .* got -1"),
        ({"octave_jump_cost": np.inf}, "octave_jump_cost must be .* got inf"),
        ({"voiced_unvoiced_cost": None}, "voiced_unvoiced_cost must be a real number, got None"),
        ({"octave_cost_in_voicing": 1}, "octave_cost_in_voicing must be True or False, got 1"),
        ({"noise_adaptation": -1.0}, "noise_adaptation must be .* got -1"),
        ({"refine_periods": 2**40}, "refine_periods must be >= 1 and <= 1000, got"),
        ({"max_candidates": 17}, "max_candidates must be >= 1 and <= 16, got 17"),
        ({"tracker": "yin"}, "tracker must be one of 'viterbi', 'peak', got 'yin'"),
        ({"reference_level": 0.0}, "reference_level must be finite and > 0, got 0"),
    ],
)
def test_refusals(change: dict[str, Any], message: str) -> None:
    arguments = {"y": np.zeros(1000), "sr": 16000, **change}
    with pytest.raises(ValueError, match=message):
        stcorner.pitch_autocorrelation(arguments.pop("y"), **arguments)


@pytest.mark.parametrize(
    ("name", "value"), [("max_candidates", 17), ("max_candidates", 0), ("sample_rate", 1e300)]
)
def test_refusals_of_the_core(name: str, value: float) -> None:
    options = _core.PitchOptions()
    options.sample_rate = 16000.0
    setattr(options, name, value)
    with pytest.raises(ValueError, match=r"max_candidates must be >= 1 and <= 16|sr must be > 0 and <= 1e9"):
        _core.track_pitch(np.zeros(2000, np.float32), 800, 160, 0, 5, options, 1)


@pytest.mark.parametrize(("fmin", "least"), [(64.0, 502), (60.0, 536), (100.0, 322)])
def test_the_shortest_frame_holds_two_periods_and_two_samples(fmin: float, least: int) -> None:
    y = np.sin(2 * np.pi * 200 * np.arange(4000) / 16000)
    f0, voiced, _ = stcorner.pitch_autocorrelation(y, sr=16000, fmin=fmin, frame_length=least)
    assert voiced[5:20].all()
    np.testing.assert_allclose(f0[5:20], 200, rtol=1e-3)
    with pytest.raises(stcorner.ParameterError, match=rf"two periods of fmin .* got {least - 1}"):
        stcorner.pitch_autocorrelation(y, sr=16000, fmin=fmin, frame_length=least - 1)


def test_remarks_on_a_voice_above_fmax() -> None:
    tone = oracle.harmonic_tone(600.0, 16000, 0.6)
    f0, voiced, _ = stcorner.pitch_autocorrelation(tone, sr=16000)
    assert voiced[5:-5].all()
    assert np.median(f0[voiced]) == pytest.approx(300, rel=0.01)
    (remark,) = stcorner.pitch_remarks(tone, sr=16000)
    assert remark == "most voiced frames are at about 600 Hz, above fmax (500 Hz): raise fmax"
    assert stcorner.pitch_remarks(tone, sr=16000, fmax=700.0) == []
    for low in (90.0, 250.0, 480.0):
        assert stcorner.pitch_remarks(oracle.harmonic_tone(low, 16000, 0.6), sr=16000) == []


def test_remarks_on_a_click_that_hides_the_voice(rng: np.random.Generator) -> None:
    voice = oracle.harmonic_tone(150.0, 16000, 1.0) + 1e-3 * rng.standard_normal(16000)
    assert stcorner.pitch_remarks(voice, sr=16000) == []
    clicked = voice.copy()
    clicked[8000] = 80 * np.abs(voice).max()
    assert stcorner.pitch_autocorrelation(clicked, sr=16000)[1].mean() < 0.1
    (remark,) = stcorner.pitch_remarks(clicked, sr=16000)
    assert "times louder than all else" in remark
    level = float(remark.rpartition("reference_level=")[2])
    assert stcorner.pitch_autocorrelation(clicked, sr=16000, reference_level=level)[1].mean() > 0.8
    assert stcorner.pitch_remarks(np.zeros(2000), sr=16000) == []
    with pytest.raises(stcorner.ParameterError, match=r"y must have shape \(n,\), got \(2, 9\)"):
        stcorner.pitch_remarks(np.zeros((2, 9)), sr=16000)


def test_harmonicity_refusals() -> None:
    with pytest.raises(ValueError, match=r"strength must be >= 0 and <= 1, got 0 to 1\.5"):
        stcorner.harmonicity([0.0, 1.5])
