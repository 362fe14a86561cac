"""Every function of the voice on signals that are no voice: defined results or named errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def numbers(result: Any) -> list[np.ndarray]:
    """All arrays in a result, but f0, which is NaN where unvoiced."""
    if isinstance(result, dict):
        return [value for name, value in result.items() if name != "f0"]
    return list(result) if isinstance(result, tuple) else [result]


def pitch(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    f0, voiced, strength = stcorner.pitch_autocorrelation(y, sr=16000)
    np.testing.assert_array_equal(np.isnan(f0), ~voiced)
    return voiced, strength


FUNCTIONS: dict[str, Callable[[np.ndarray], Any]] = {
    "zcr_and_rms": stcorner.zcr_and_rms,
    "autocorrelate": lambda y: stcorner.autocorrelate(y, frame_length=400, hop_length=160, max_lag=300),
    "pitch": pitch,
    "pitch, peak": lambda y: stcorner.pitch_autocorrelation(y, sr=16000, tracker="peak")[1:],
    "mel": lambda y: stcorner.melspectrogram(y, sr=16000),
    "mfcc": lambda y: stcorner.mfcc(y, sr=16000),
    "chroma": lambda y: stcorner.chroma(y, sr=16000),
    "spectral_features": lambda y: stcorner.spectral_features(y, sr=16000),
    "frame_table": lambda y: stcorner.frame_table(y, sr=16000),
    "voice_activity": lambda y: stcorner.voice_activity(y, sr=16000),
}
SIGNALS = {
    "silence": np.zeros(8000),
    "offset": np.full(8000, 0.7),
    "clipped": np.clip(9 * np.sin(0.08 * np.arange(8000)), -1, 1),
    "click": np.r_[np.zeros(4000), 1.0, np.zeros(3999)],
    "one sample": np.array([0.3]),
    "two samples": np.array([0.3, -0.3]),
    "faint": 1e-30 * np.sin(0.08 * np.arange(8000)),
    "loud": 1e9 * np.sin(0.08 * np.arange(8000)),
}


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_results_are_finite(function: str, signal: str) -> None:
    y = SIGNALS[signal]
    if function == "autocorrelate" and len(y) < 400:
        with pytest.raises(ValueError, match="frame_length must be <= the"):
            FUNCTIONS[function](y)
        return
    for values in numbers(FUNCTIONS[function](y)):
        assert np.isfinite(values).all()


@pytest.mark.parametrize("signal", ["silence", "offset", "click", "one sample", "two samples"])
def test_nothing_of_these_is_voiced(signal: str) -> None:
    assert not pitch(SIGNALS[signal])[0].any()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([]), "y must not be empty"),
        (np.zeros((2, 0)), "y must not be empty"),
        (np.array([0.0, np.nan, 1.0]), "y must be finite, got 1 NaN"),
        (np.array([np.inf, -np.inf]), "y must be finite, got 2 NaN or infinite"),
        (np.zeros(4000, np.int16), "y must be floating point"),
    ],
    ids=["empty", "empty channels", "NaN", "infinite", "integers"],
)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_refusals_name_what_came(function: str, y: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FUNCTIONS[function](y)


@pytest.mark.parametrize("sr", [8000, 22050, 44100, 48000])
def test_a_real_clip_has_one_pitch_at_every_rate(real_data: Path, sr: int) -> None:
    """f0 of spoken clips within 1 % of that at 16 kHz; 20 ms are a whole number of samples at every rate."""
    soundfile, soxr = pytest.importorskip("soundfile"), pytest.importorskip("soxr")
    deviations, same = [], []
    for path in sorted((real_data / "ravdess" / "audio_speech").glob("*/*.flac"))[40::200]:
        y, rate = soundfile.read(path, dtype="float32")
        (f0, voiced, _), (expected, reference, _) = (
            stcorner.pitch_autocorrelation(soxr.resample(y, rate, each), sr=each, hop_length=each // 50)
            for each in (sr, 16000)
        )
        n = min(len(f0), len(expected))
        both = voiced[:n] & reference[:n]
        deviations.append(np.abs(f0[:n][both] / expected[:n][both] - 1))
        same.append(voiced[:n] == reference[:n])
    everywhere = np.concatenate(deviations)
    assert len(everywhere) > 200
    assert np.median(everywhere) < 1e-3
    # What is left are onsets and creak, where the missing upper half of the spectrum counts.
    assert (everywhere < 0.01).mean() > (0.95 if sr == 8000 else 0.98)
    assert np.concatenate(same).mean() > 0.97
