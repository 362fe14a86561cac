from __future__ import annotations

from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stcorner.audio import augmentation as augment
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

SR = 16000


def tone(frequency: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(SR * seconds)) / SR).astype(np.float32)


def frequency_of(y: np.ndarray) -> float:
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y)), size))
    return spectrum.argmax() * SR / size


@pytest.mark.parametrize("factor", [0.8, 0.94, 1.0, 1.13])
def test_speed_moves_pitch_and_length_stretch_only_length(factor: float) -> None:
    y = tone(440.0)
    fast, stretched = augment.change_speed(y, sr=SR, factor=factor), augment.stretch_time(y, factor=factor)
    assert len(fast) == pytest.approx(len(y) / factor, abs=1)
    assert len(stretched) == round(len(y) / factor)
    assert frequency_of(fast) == pytest.approx(440 * factor, rel=2e-3)
    assert frequency_of(stretched) == pytest.approx(440, rel=2e-3)


@pytest.mark.parametrize("semitones", [-3.0, 0.7, 2.0])
def test_pitch_shift_moves_pitch_only(semitones: float) -> None:
    y = tone(440.0)
    shifted = augment.shift_pitch(y, sr=SR, semitones=semitones)
    assert len(shifted) == len(y)
    assert frequency_of(shifted) == pytest.approx(440 * 2 ** (semitones / 12), rel=3e-3)
    assert np.sqrt(np.mean(shifted**2)) == pytest.approx(np.sqrt(0.5), rel=0.12)


def test_stretch_by_one_is_the_sound_itself(rng: np.random.Generator) -> None:
    y = rng.standard_normal(5000).astype(np.float32)
    np.testing.assert_allclose(augment.stretch_time(y, factor=1.0), y, atol=1e-5)


@pytest.mark.slow  # importing librosa compiles for half a minute
# Its time_stretch hands these to its own phase vocoder, which librosa 1.0 no longer wants.
@pytest.mark.filterwarnings("ignore:The `(hop_length|n_fft)` parameter is deprecated:FutureWarning")
def test_stretch_has_the_spectrum_of_librosas(rng: np.random.Generator) -> None:
    y = (tone(200) + tone(1500) * np.linspace(0, 1, SR)).astype(np.float32)
    ours = augment.stretch_time(y, factor=0.8)
    theirs = librosa.effects.time_stretch(y, rate=0.8, n_fft=1024)
    spectra = [np.abs(librosa.stft(z[: len(ours)], n_fft=1024)) for z in (ours, theirs)]
    error = np.linalg.norm(spectra[0] - spectra[1]) / np.linalg.norm(spectra[1])
    assert error < 0.15


@settings(max_examples=15, derandomize=True, deadline=None)
@given(st.floats(-10, 40), st.integers(0, 1000))
def test_noise_has_the_ratio(snr: float, seed: int) -> None:
    y = tone(300.0)
    noise = augment.add_noise(y, snr=snr, seed=seed) - y
    assert 10 * np.log10(np.mean(y**2) / np.mean(noise**2)) == pytest.approx(snr, abs=0.3)


def level_of_octave(y: np.ndarray, low: float) -> float:
    """Return the mean power in decibels of an octave from `low` Hz on."""
    power = np.abs(np.fft.rfft(y)) ** 2
    frequency = np.fft.rfftfreq(len(y), 1 / SR)
    return 10 * np.log10(power[(frequency >= low) & (frequency < 2 * low)].mean())


@pytest.mark.parametrize("slope", [3.0, 6.0])
def test_colored_noise_falls_by_its_slope_and_has_the_ratio(slope: float) -> None:
    y = tone(300.0, 4.0)
    noise = augment.add_noise(y, snr=5.0, slope=slope, seed=1) - y
    assert 10 * np.log10(np.mean(y**2) / np.mean(noise**2)) == pytest.approx(5.0, abs=0.01)
    fall = (level_of_octave(noise, 100) - level_of_octave(noise, 3200)) / 5
    assert fall == pytest.approx(slope, abs=0.3)


def test_babble_has_the_ratio_and_the_band_of_the_voice() -> None:
    y = tone(500.0)
    babble = augment.add_babble(y, sr=SR, snr=3.0, seed=2) - y
    assert 10 * np.log10(np.mean(y**2) / np.mean(babble**2)) == pytest.approx(3.0, abs=0.01)
    spectrum = np.abs(np.fft.rfft(babble)) ** 2  # at 1 Hz a bin
    assert spectrum[300:800].sum() > 0.98 * spectrum.sum()  # played at 0.7 to 1.4 times its speed


def test_babble_is_made_of_other_voices_equally_loud() -> None:
    y = tone(500.0)
    voices = [0.01 * tone(2000.0), tone(4000.0), np.zeros(100)]
    babble = augment.add_babble(y, sr=SR, snr=3.0, voices=voices, seed=2) - y
    assert 10 * np.log10(np.mean(y**2) / np.mean(babble**2)) == pytest.approx(3.0, abs=0.01)
    spectrum = np.abs(np.fft.rfft(babble)) ** 2
    low, high = spectrum[1300:2700].sum(), spectrum[2800:5700].sum()
    assert low + high > 0.97 * spectrum.sum()
    assert 0.4 < low / high < 2.5  # three of each, at phases that add and cancel
    np.testing.assert_array_equal(
        augment.augment_audio(y, sr=SR, kinds="babble", seed=4, voices=voices),
        augment.augment_audio(y, sr=SR, kinds="babble", seed=4, voices=voices),
    )


def test_band_and_telephone_keep_what_is_inside() -> None:
    y = tone(100.0) + tone(1000.0) + tone(5000.0)
    y[0] = 0.0
    kept = augment.limit_band(y, sr=SR, low=300.0, high=3400.0)
    spectrum = np.abs(np.fft.rfft(kept[4000:12000])) / 4000  # at 2 Hz a bin
    assert spectrum[500] == pytest.approx(1.0, abs=0.02)
    assert max(spectrum[50], spectrum[2500]) < 0.01
    coded = augment.augment_audio(y, sr=SR, kinds="telephone", seed=3)
    assert len(np.unique(coded)) <= 255  # levels of eight bits
    assert np.abs(np.fft.rfft(coded[4000:12000]))[2500] / 4000 < 0.05


@pytest.mark.parametrize(
    ("codec", "kbit", "closeness"), [("mp3", 32, 0.98), ("opus", 24, 0.9), ("amr", 12.2, 0.5)]
)
def test_codecs_keep_length_and_time(codec: str, kbit: float, closeness: float) -> None:
    t = np.arange(SR) / SR
    y = 0.3 * np.sin(2 * np.pi * (200 * t + 300 * t**2)) * np.minimum(1, 20 * t)
    decoded = augment.code_sound(y, sr=SR, codec=codec, kbit=kbit)
    assert decoded.shape == y.shape
    lags = range(-100, 101)
    found = [np.corrcoef(np.roll(decoded, -lag)[200:-200], y[200:-200])[0, 1] for lag in lags]
    assert max(found) > closeness
    assert np.abs(decoded - y).max() > 1e-4
    np.testing.assert_array_equal(
        augment.code_sound(np.zeros(500), sr=SR, codec=codec, kbit=kbit), np.zeros(500)
    )


def test_room_keeps_power_and_rings_on(rng: np.random.Generator) -> None:
    y = np.zeros(SR, np.float32)
    y[100] = 1.0
    wet = augment.add_room(y, sr=SR, reverberation=0.4, ratio=6.0)
    assert np.mean(wet**2) == pytest.approx(np.mean(y**2), rel=1e-4)
    direct, tail = wet[100] ** 2, (wet[101:] ** 2).sum()
    assert 10 * np.log10(direct / tail) == pytest.approx(6.0, abs=0.1)
    decay = [10 * np.log10((wet[101 + i * 800 : 901 + i * 800] ** 2).sum()) for i in range(4)]
    assert np.diff(decay).mean() == pytest.approx(-60 * 0.05 / 0.4, rel=0.2)  # 800 samples are 0.05 s
    np.testing.assert_array_equal(augment.add_room(np.zeros(50), sr=SR), np.zeros(50))


@pytest.mark.parametrize("kind", augment.AUDIO_KINDS)
def test_audio_kinds_are_seeded_and_do_something(kind: str) -> None:
    y = tone(250.0, 0.5)
    first, again = (augment.augment_audio(y, sr=SR, kinds=kind, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert len(first) != len(y) or np.abs(first - y).max() > 1e-3
    other = augment.augment_audio(y, sr=SR, kinds=kind, seed=9)
    if kind in ("slower", "faster"):
        np.testing.assert_array_equal(other, first)
        return
    assert len(other) != len(first) or (other != first).any()


def test_kinds_follow_each_other() -> None:
    y = tone(250.0, 0.3)
    both = augment.augment_audio(y, sr=SR, kinds=["gain", "speed"], seed=3)
    assert len(both) != len(y)
    np.testing.assert_array_equal(augment.augment_audio(y, sr=SR, kinds=[]), y)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 17, 1025])
def test_short_sounds(n: int) -> None:
    for kind in augment.AUDIO_KINDS:
        assert np.isfinite(augment.augment_audio(np.ones(n), sr=SR, kinds=kind)).all()


def test_seeds_of_clips_are_seeds() -> None:
    y = tone(440.0)
    large = max(augment.clip_seed(0, name) for name in "abc")
    assert large > 2**53
    assert len(augment.augment_audio(y, sr=SR, kinds="noise", seed=large)) == len(y)


def test_seed_of_a_clip_does_not_depend_on_others() -> None:
    assert augment.clip_seed(0, "a") == augment.clip_seed(0, "a") != augment.clip_seed(0, "b")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augment.augment_audio(np.ones(9), sr=SR, kinds="echo"), "kinds must be one of 'speed'"),
        (lambda: augment.augment_audio(np.ones((2, 9)), sr=SR), "y must have 1 dimension"),
        (lambda: augment.augment_audio(np.ones(9), sr=0), "sr must be >= 1, got 0"),
        (lambda: augment.augment_audio([], sr=SR), "y must not be empty"),
        (lambda: augment.augment_audio([np.nan], sr=SR), "y must be finite"),
        (lambda: augment.change_speed(np.ones(9), sr=SR, factor=0.0), "factor must be finite and >= 0.25"),
        (lambda: augment.stretch_time(np.ones(9), factor=5.0), "factor must be finite"),
        (lambda: augment.add_noise(np.ones(9), snr=np.inf), "snr must be finite"),
        (lambda: augment.add_babble(np.ones(9), sr=SR, snr=0, n_voices=0), "n_voices must be >= 1"),
        (lambda: augment.limit_band(np.ones(9), sr=SR, low=300, high=200), "high must be finite and > 300"),
        (lambda: augment.code_sound(np.ones(9), sr=SR, codec="flac", kbit=9), "codec must be one of 'mp3'"),
        (lambda: augment.clip_seed(-1, "a"), "seed must be >= 0, got -1"),
    ],
)
def test_refused(call: Callable[..., Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()
