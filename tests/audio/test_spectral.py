"""Mel spectra, MFCC, chroma: librosa's values, and refusals."""

from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import pytest

import stcorner
from oracles import audio as oracle
from stcorner import _core


@pytest.fixture
def voice(rng: np.random.Generator) -> np.ndarray:
    f0 = 150 + 40 * np.sin(np.arange(22050) / 3000)
    return (oracle.harmonic_tone(f0, 22050, 1.0) + 0.01 * rng.standard_normal(22050)).astype(np.float32)


def assert_close(got: np.ndarray, expected: np.ndarray, rtol: float = 1e-4) -> None:
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("n_fft", [512, 2048])
@pytest.mark.parametrize("center", [True, False])
def test_power_spectrogram_equals_the_oracle(voice: np.ndarray, n_fft: int, center: bool) -> None:
    got = stcorner.power_spectrogram(voice, n_fft=n_fft, hop_length=160, center=center)
    assert_close(got, oracle.power_spectrum(voice, n_fft, 160, center=center), rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_fft": 512, "hop_length": 160, "win_length": 400, "n_mels": 40},
        {"htk": True, "norm": None, "fmin": 50.0, "fmax": 8000.0, "n_mels": 64},
        {"window": "hamming", "center": False},
    ],
)
def test_mel_and_mfcc_equal_librosa(voice: np.ndarray, options: dict[str, Any]) -> None:
    mel = stcorner.melspectrogram(voice, sr=22050, **options)
    assert_close(mel, librosa.feature.melspectrogram(y=voice, sr=22050, **options))
    got = stcorner.mfcc(S=mel, n_mfcc=20)
    assert_close(got, librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20))
    if "norm" not in options:  # in librosa's mfcc that name is the cosine transform's
        np.testing.assert_array_equal(stcorner.mfcc(voice, sr=22050, n_mfcc=20, **options), got)


@pytest.mark.parametrize("n_fft", [509, 1022])
@pytest.mark.parametrize("center", [True, False])
def test_lengths_with_large_primes(voice: np.ndarray, n_fft: int, center: bool) -> None:
    options: dict[str, Any] = {"n_fft": n_fft, "hop_length": 160, "center": center}
    got = stcorner.power_spectrogram(voice, **options)
    assert_close(got, oracle.power_spectrum(voice, n_fft, 160, center=center), rtol=1e-5)
    mel = stcorner.melspectrogram(voice, sr=22050, n_mels=20, **options)
    assert_close(mel, librosa.feature.melspectrogram(y=voice, sr=22050, n_mels=20, **options))


@pytest.mark.parametrize("tuning", [0.0, 0.23, None])
def test_chroma_equals_librosa(voice: np.ndarray, tuning: float | None) -> None:
    got = stcorner.chroma(voice, sr=22050, tuning=tuning)
    assert_close(got, librosa.feature.chroma_stft(y=voice, sr=22050, tuning=tuning))


def test_tuning_equals_librosa(rng: np.random.Generator) -> None:
    from stcorner.audio._filters import estimate_tuning

    for shift in (-0.3, 0.0, 0.2):
        y = oracle.harmonic_tone(440 * 2 ** (shift / 12), 22050, 0.5, 5) + 1e-4 * rng.standard_normal(11025)
        power = np.abs(librosa.stft(y.astype(np.float32))) ** 2
        expected = librosa.estimate_tuning(S=power, sr=22050)
        assert estimate_tuning(power.T, 22050.0, 2048, 12) == pytest.approx(expected, abs=1e-9)


def test_delta_equals_librosa(rng: np.random.Generator) -> None:
    data = rng.standard_normal((5, 40))
    for width, order in [(9, 1), (5, 2)]:
        got = stcorner.delta(data, width=width, order=order)
        np.testing.assert_allclose(got, librosa.feature.delta(data, width=width, order=order), atol=1e-12)


def test_delta_of_large_halves_is_finite() -> None:
    halves = np.array([-6e4, -3e4, 0, 3e4, 6e4], np.float16)
    found = stcorner.delta(halves, width=3, mode="nearest")
    np.testing.assert_allclose(found, [15e3, 3e4, 3e4, 3e4, 15e3], rtol=1e-3)


def test_delta_of_long_doubles_is_that_of_doubles() -> None:
    data = np.array([0, 1, 4, 9, 16], np.longdouble)
    np.testing.assert_array_equal(stcorner.delta(data, width=3), stcorner.delta(data.astype(float), width=3))


def test_asked_for_together_they_are_the_same(voice: np.ndarray) -> None:
    together = stcorner.spectral_features(voice, sr=22050)
    np.testing.assert_array_equal(together["mel"], stcorner.melspectrogram(voice, sr=22050))
    np.testing.assert_array_equal(together["mfcc"], stcorner.mfcc(voice, sr=22050))
    np.testing.assert_array_equal(together["chroma"], stcorner.chroma(voice, sr=22050))


def test_one_pass_gives_the_levels_of_two(voice: np.ndarray) -> None:
    options = {"sr": 16000, "n_fft": 400, "hop_length": 160, "n_mels": 80}
    mel = stcorner.melspectrogram(voice, **options)
    levels = stcorner.log_mel(voice, **options)
    np.testing.assert_array_equal(levels, stcorner.power_to_db(mel, top_db=None))
    np.testing.assert_allclose(levels, 10 * np.log10(np.maximum(mel.astype(float), 1e-10)), atol=1e-5)
    np.testing.assert_array_equal(
        stcorner.log_mel(voice, **options, amin=1e-6, top_db=40.0),
        stcorner.power_to_db(mel, amin=1e-6, top_db=40.0),
    )
    np.testing.assert_array_equal(levels, stcorner.log_mel(S=stcorner.power_spectrogram(
        voice, n_fft=400, hop_length=160
    ), sr=16000, n_mels=80))  # fmt: skip


@pytest.mark.parametrize("n_fft", [400, 512, 398])
@pytest.mark.parametrize("loud", [1.0, 1e12])  # so loud that the powers are looked at
def test_mfcc_in_one_pass_are_those_of_two(voice: np.ndarray, n_fft: int, loud: float) -> None:
    y = np.stack([voice, voice[::-1]])
    options = {"sr": 16000, "n_fft": n_fft, "hop_length": 160, "n_mels": 41, "window": loud * np.ones(n_fft)}
    mel = stcorner.melspectrogram(y, **options)
    found = stcorner.mfcc(y, **options, n_mfcc=13, top_db=None)
    np.testing.assert_array_equal(found, stcorner.mfcc(S=mel, n_mfcc=13, top_db=None))


def test_mfcc_in_one_pass_refuse_what_two_refuse(voice: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"y must have powers below 3\.4e38"):
        stcorner.mfcc(voice, sr=16000, top_db=None, window=np.full(2048, 1e20))
    with pytest.raises(ValueError, match="n_mfcc must be >= 1 and <= 40, got 41"):
        stcorner.mfcc(voice, sr=16000, top_db=None, n_mels=40, n_mfcc=41)


@pytest.mark.parametrize("context", [(0, 0), (4, 4), (0, 2), (50, 3)])
@pytest.mark.parametrize(("name", "top_db"), [("log_mel", None), ("mfcc", None), ("mfcc", 80.0)])
def test_context_is_that_of_the_oracle(
    voice: np.ndarray, name: str, top_db: float | None, context: tuple[int, int]
) -> None:
    function, options = getattr(stcorner, name), {"sr": 22050, "top_db": top_db}
    stereo = np.stack([voice, voice[::-1]])[:, :10000]
    alone, found = function(stereo, **options), function(stereo, **options, context=context)
    for one, rows in zip(alone, found, strict=True):
        np.testing.assert_array_equal(rows.T, oracle.spliced(one.T, *context))


def test_logarithms_are_within_a_unit_in_the_last_place() -> None:
    x = np.exp(np.random.default_rng(1).uniform(-80, 80, 100_003)).astype(np.float32)
    x[:3] = 1.0, np.nextafter(np.float32(1), np.float32(0)), np.nextafter(np.float32(1), np.float32(2))
    exact = np.log(x.astype(np.float64))
    found = _core.logarithms(x, float(np.finfo(np.float32).tiny), 1.0, 2)
    assert np.abs(found - exact).max() <= np.abs(exact).max() * 1e-7
    assert (np.abs(found - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()
    assert _core.logarithms(np.zeros(5, np.float32), 1e-10, 1.0, 1).tolist() == pytest.approx(
        [np.log(1e-10)] * 5
    )
    with pytest.raises(ValueError, match="least value of a logarithm must be a normal number"):
        _core.logarithms(x, 0.0, 1.0, 1)


def test_spectrograms_can_be_given(voice: np.ndarray) -> None:
    power = stcorner.power_spectrogram(voice)
    np.testing.assert_array_equal(stcorner.chroma(S=power, sr=22050), stcorner.chroma(voice, sr=22050))
    mel = stcorner.melspectrogram(S=power, sr=22050)
    np.testing.assert_array_equal(stcorner.mfcc(S=mel), stcorner.mfcc(voice, sr=22050))


def test_leading_axes_are_channels(voice: np.ndarray) -> None:
    stereo = np.stack([voice, voice[::-1]])
    mel = stcorner.melspectrogram(stereo, sr=22050)
    assert mel.shape == (2, 128, 44)
    np.testing.assert_array_equal(mel[1], stcorner.melspectrogram(voice[::-1], sr=22050))
    assert stcorner.chroma(stereo, sr=22050).shape == (2, 12, 44)


def test_silence_has_defined_values() -> None:
    silent = np.zeros(4000, np.float32)
    assert not stcorner.chroma(silent, sr=16000).any()
    assert not stcorner.melspectrogram(silent, sr=16000).any()
    cepstrum = stcorner.mfcc(silent, sr=16000)
    np.testing.assert_allclose(cepstrum[0], -100 * np.sqrt(128), rtol=1e-5)
    np.testing.assert_allclose(cepstrum[1:], 0.0, atol=1e-3)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("melspectrogram", {"y": None}, "exactly one of y and S must be given"),
        ("melspectrogram", {"sr": 0}, "sr must be finite and > 0 .* got 0"),
        ("melspectrogram", {"n_fft": 1}, "n_fft must be >= 2, got 1"),
        ("melspectrogram", {"win_length": 4000}, "win_length must be >= 1 and <= 2048, got 4000"),
        ("melspectrogram", {"fmin": 9000.0}, r"fmax must be > fmin \(9000 Hz\)"),
        ("melspectrogram", {"fmax": 12000.0}, "fmax must be .* got 12000"),
        ("melspectrogram", {"fmax": 1e-320}, "fmax must be far enough above fmin"),
        ("melspectrogram", {"norm": "area"}, "norm must be one of 'slaney', None, got 'area'"),
        ("melspectrogram", {"n_mels": 0}, "n_mels must be >= 1, got 0"),
        ("melspectrogram", {"y": np.zeros(5), "center": False}, "frame_length must be <= the 5 samples"),
        ("mfcc", {"n_mfcc": 129}, "n_mfcc must be >= 1 and <= 128, got 129"),
        ("mfcc", {"top_db": -1.0}, "top_db must be finite and >= 0, got -1"),
        ("mfcc", {"y": np.array([np.nan] * 9)}, "y must be finite, got 9 NaN"),
        ("mfcc", {"context": (51, 0)}, r"context\[0\] must be >= 0 and <= 50, got 51"),
        ("log_mel", {"context": (0, -1)}, r"context\[1\] must be >= 0 and <= 50, got -1"),
        ("log_mel", {"context": 3}, r"context must be two integers, \(left, right\), got 3"),
        ("chroma", {"n_chroma": 0}, "n_chroma must be >= 1, got 0"),
        ("chroma", {"tuning": np.nan}, "tuning must be finite .*, got nan"),
        ("chroma", {"y": None, "S": -np.ones((5, 5))}, "S must be >= 0, got -1"),
        ("chroma", {"y": None, "S": np.ones(5)}, r"S must have shape \(\.\.\., bins, t\)"),
    ],
)
def test_refusals(function: str, arguments: dict[str, Any], message: str) -> None:
    arguments = {"y": np.zeros(4000), "sr": 16000, **arguments}
    with pytest.raises(ValueError, match=message):
        getattr(stcorner, function)(arguments.pop("y"), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 4}, "width must be odd and <= the 10 frames of data, got 4"),
        ({"width": 11}, "width must be odd and <= the 10 frames of data, got 11"),
        ({"order": 0}, "order must be >= 1"),
        ({"axis": 2}, "axis must lie within"),
    ],
)
def test_delta_refusals(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stcorner.delta(np.zeros((3, 10)), **arguments)


@pytest.mark.parametrize("name", ["power_spectrogram", "melspectrogram", "log_mel", "mfcc", "chroma"])
def test_without_options_frames_are_librosas(voice: np.ndarray, name: str) -> None:
    function, rate = getattr(stcorner, name), {} if name == "power_spectrogram" else {"sr": 22050}
    named = function(voice, **rate, n_fft=2048, hop_length=512, win_length=2048, window="hann", center=True)
    np.testing.assert_array_equal(function(voice, **rate), named)
    assert named.shape[-1] == 1 + 22050 // 512
