"""Sound as (samples, channels), soundfile's order, is refused by every function that takes sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from stcorner.audio.augmentation import add_noise, change_gain, change_speed, shift_pitch, stretch_time
from stcorner.corpora.sounds import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS: dict[str, Callable[[np.ndarray], Any]] = {
    "clip_features": lambda y: stcorner.clip_features(y, sr=16000),
    "clip_features, notebook": lambda y: stcorner.clip_features(y, sr=16000, recipe="notebook162"),
    "zero_crossing_rate": stcorner.zero_crossing_rate,
    "rms": stcorner.rms,
    "zcr_and_rms": stcorner.zcr_and_rms,
    "autocorrelate": lambda y: stcorner.autocorrelate(y, frame_length=400, hop_length=160, max_lag=300),
    "pitch": lambda y: stcorner.pitch_autocorrelation(y, sr=16000),
    "power_spectrogram": stcorner.power_spectrogram,
    "melspectrogram": lambda y: stcorner.melspectrogram(y, sr=16000),
    "mfcc": lambda y: stcorner.mfcc(y, sr=16000),
    "chroma": lambda y: stcorner.chroma(y, sr=16000),
    "spectral_features": lambda y: stcorner.spectral_features(y, sr=16000),
    "frame_table": lambda y: stcorner.frame_table(y, sr=16000),
    "AudioStream": lambda y: stcorner.AudioStream(sr=16000).push(y),
    "voice_activity": lambda y: stcorner.voice_activity(y, sr=16000),
    "trim_silence": lambda y: stcorner.trim_silence(y, sr=16000),
    "fingerprint": lambda y: fingerprint(y, sr=16000),
    "change_gain": lambda y: change_gain(y, decibels=6.0),
    "add_noise": lambda y: add_noise(y, snr=20.0),
    "change_speed": lambda y: change_speed(y, sr=16000, factor=1.1),
    "stretch_time": lambda y: stretch_time(y, factor=1.1),
    "shift_pitch": lambda y: shift_pitch(y, sr=16000, semitones=1.0),
}


@pytest.mark.parametrize("channels", [1, 2, 6, 16])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_samples_first(name: str, channels: int) -> None:
    y = np.random.default_rng(0).uniform(-0.1, 0.1, (16000, channels)).astype(np.float32)
    with pytest.raises(ValueError, match=r"got shape \(16000, \d+\), which looks like .*y\.T"):
        FUNCTIONS[name](y)


@pytest.mark.parametrize("shape", [(2, 16000), (1, 16000), (16000,), (2, 1), (3, 2), (40, 512)])
def test_sounds_that_lie_right_pass(shape: tuple[int, ...]) -> None:
    assert np.isfinite(stcorner.rms(np.full(shape, 0.1))).all()
