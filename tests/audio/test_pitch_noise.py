"""What the path does about noise, and how further periods sharpen the frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stcorner
from oracles import audio as oracle


def track(y: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return stcorner.pitch_autocorrelation(y, sr=16000, **options)


def in_noise(rng: np.random.Generator, level: float, *, pause: int = 8000) -> tuple[np.ndarray, np.ndarray]:
    """A second of vibrato between pauses in white noise, `level` times as strong, and f0 at every frame."""
    f0 = 150 * 2 ** (0.1 * np.sin(2 * np.pi * 3 * np.arange(16000) / 16000))
    tone = oracle.harmonic_tone(f0, 16000, 1.0)
    y = np.concatenate([np.zeros(pause), tone, np.zeros(pause)])
    truth = np.concatenate([np.zeros(pause), f0, np.zeros(pause)])
    noisy = y + level * tone.std() * rng.standard_normal(len(y))
    return noisy, truth[np.minimum(np.arange(1 + len(y) // 160) * 160, len(y) - 1)]


def cents(f0: np.ndarray, truth: float | np.ndarray) -> np.ndarray:
    return np.abs(1200 * np.log2(f0 / truth))


def test_noise_costs_fewer_frames(rng: np.random.Generator) -> None:
    y, truth = in_noise(rng, 1.5)
    inside = slice(55, 146)
    f0, voiced, _ = track(y)
    assert track(y, noise_adaptation=0.0)[1][inside].mean() < 0.5
    assert voiced[inside].mean() > 0.95
    assert voiced[:45].sum() + voiced[-45:].sum() == 0
    assert np.median(cents(f0[inside], truth[inside])) < 15


def test_noise_costs_fewer_cents(rng: np.random.Generator) -> None:
    y, truth = in_noise(rng, 1.0)
    f0, voiced, _ = track(y)
    before, also, _ = track(y, noise_adaptation=0.0, refine_periods=1)
    both = voiced & also & (truth > 0)
    assert both.sum() > 80
    assert np.median(cents(f0[both], truth[both])) < 0.7 * np.median(cents(before[both], truth[both]))


def test_a_clip_without_noise_is_left_as_it_is(rng: np.random.Generator) -> None:
    y, _ = in_noise(rng, 1e-4)
    for got, plain in zip(track(y, low_pass=0.0), track(y, noise_adaptation=0.0), strict=True):
        np.testing.assert_array_equal(got, plain)


def test_a_clean_voice_is_tracked_below_the_low_pass(rng: np.random.Generator) -> None:
    """Hiss between voiced stretches is loud, but not below 800 Hz: it is not taken for voice."""
    y, truth = in_noise(rng, 1e-4)
    f0, voiced, _ = track(y)
    inside = voiced & (truth > 0)
    assert inside.sum() > 0.9 * (truth > 0).sum()
    assert np.abs(cents(f0[inside], truth[inside])).max() < 30
    for off in ({"noise_adaptation": 0.0}, {"tracker": "peak"}):
        np.testing.assert_array_equal(track(y, **off)[0], track(y, **off, low_pass=0.0)[0])
    assert not np.array_equal(track(y)[2], track(y, low_pass=0.0)[2])


def test_telephone_and_noisy_voices_are_not_filtered(rng: np.random.Generator) -> None:
    from scipy.signal import butter, sosfiltfilt

    y, _ = in_noise(rng, 1e-4)
    band = sosfiltfilt(butter(6, [400, 3400], "band", fs=16000, output="sos"), y).astype(np.float32)
    noisy, _ = in_noise(rng, 0.3)
    for sound in (band, noisy):
        np.testing.assert_array_equal(track(sound)[0], track(sound, low_pass=0.0)[0])


@pytest.mark.parametrize("sr", [8000, 16000, 22050, 48000])
@pytest.mark.parametrize(("fmin", "fmax"), [(60.0, 500.0), (75.0, 300.0), (200.0, 1000.0)])
def test_low_pass_keeps_time_and_frequency(sr: int, fmin: float, fmax: float) -> None:
    n = sr
    f0 = np.linspace(1.3 * fmin, min(0.5 * fmax, 2.2 * fmin), n)
    y = oracle.harmonic_tone(f0, sr, 1.0)[:n] * (np.abs(np.arange(n) / n - 0.5) < 0.3)
    found, voiced, _ = stcorner.pitch_autocorrelation(y, sr=sr, fmin=fmin, fmax=fmax)
    at = np.minimum(np.arange(len(found)) * round(0.01 * sr), n - 1)
    inner = voiced & (np.abs(at / n - 0.5) < 0.26)
    assert inner.sum() > 45
    np.testing.assert_allclose(found[inner], f0[at][inner], rtol=0.01)
    for threads in (1, 3):
        again = stcorner.pitch_autocorrelation(y, sr=sr, fmin=fmin, fmax=fmax, n_threads=threads)
        np.testing.assert_array_equal(again[0], found)


@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_a_clip_without_pauses_is_left_as_it_is(gain: float) -> None:
    """A steady voice must not be taken for noise, nor the ends of the clip for pauses."""
    tone = oracle.harmonic_tone(200.0, 16000, 0.5)
    tone[4000:] *= gain**0.1
    f0, voiced, _ = track(tone)
    assert voiced[3:-3].all()
    np.testing.assert_allclose(f0[4:-4], 200.0, rtol=1e-4)


def test_noise_alone_is_no_voice(rng: np.random.Generator) -> None:
    for level in (1.0, 1e-3):
        _, voiced, _ = track(level * rng.standard_normal(48000))
        assert voiced.mean() < 0.03


def test_offset_does_not_change_what_is_noise(rng: np.random.Generator) -> None:
    y, _ = in_noise(rng, 0.7)
    f0, voiced, _ = track(y)
    shifted, still, _ = track(y + 5.0 * np.abs(y).max())
    assert (voiced == still).mean() > 0.99
    both = voiced & still
    assert np.median(cents(shifted[both], f0[both])) < 0.1


def test_threads_and_instruction_sets_agree_under_noise(rng: np.random.Generator) -> None:
    y, _ = in_noise(rng, 0.7)
    results = []
    for name in stcorner.available_isas():
        stcorner.set_isa(name)
        results.append(track(y, n_threads=1))
        for got, expected in zip(track(y, n_threads=3), results[-1], strict=True):
            np.testing.assert_array_equal(got, expected)
    stcorner.set_isa("auto")
    for f0, _, strength in results[1:]:
        np.testing.assert_allclose(f0, results[0][0], rtol=1e-4)
        np.testing.assert_allclose(strength, results[0][2], atol=1e-4)


def test_further_periods_sharpen_the_frequency(rng: np.random.Generator) -> None:
    tone = oracle.harmonic_tone(210.0, 16000, 2.0)
    y = tone + 0.5 * tone.std() * rng.standard_normal(len(tone))
    errors = [
        np.median(cents(track(y, refine_periods=periods, noise_adaptation=0.0)[0][5:-5], 210.0))
        for periods in (1, 2, 3)
    ]
    assert errors[1] < 0.8 * errors[0]
    assert errors[2] < errors[1]


def test_one_period_is_enough_where_no_other_lies_in_range() -> None:
    """At 100 Hz two periods lie below fmin: nothing can sharpen the first."""
    tone = oracle.harmonic_tone(100.0, 16000, 0.5)
    for got, expected in zip(track(tone), track(tone, refine_periods=1), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_refusal() -> None:
    with pytest.raises(ValueError, match="refine_periods must be >= 1 and <= 1000, got 0"):
        track(np.zeros(1000), refine_periods=0)
