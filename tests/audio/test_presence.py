from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from stcorner import load_audio, speech_presence
from stcorner.audio.augmentation import add_noise, limit_band
from stcorner.audio.presence import PRESENCE_COLUMNS
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

SR = 16000


def notes(rng: np.random.Generator) -> np.ndarray:
    """A melody of decaying harmonic tones in the range of a voice."""
    t = np.arange(SR // 4) / SR
    pitches = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9], 12) / 12)
    return np.concatenate(
        [sum(np.sin(2 * np.pi * k * f * t) / k for k in range(1, 8)) * np.exp(-t / 0.2) for f in pitches]
    )


def vibrato(rng: np.random.Generator) -> np.ndarray:
    """A sawtooth that glides and trembles, through a filter that opens and closes."""
    t = np.arange(3 * SR) / SR
    phase = np.cumsum(180 * 2 ** (np.sin(2 * np.pi * 0.7 * t) / 3 + np.sin(2 * np.pi * 6 * t) / 30)) / SR
    partials = [np.sin(2 * np.pi * k * phase) / k ** (1.5 + 0.5 * np.sin(4 * t)) for k in range(1, 20)]
    return np.sum(partials, axis=0)


@pytest.mark.parametrize("maker", [notes, vibrato])
def test_music_is_no_speech(maker: object, rng: np.random.Generator) -> None:
    found = speech_presence(0.1 * maker(rng), sr=SR)  # type: ignore[operator]
    assert tuple(found) == PRESENCE_COLUMNS
    assert found["speech"] == "music_or_noise"
    assert found["voiced_seconds"] > 2  # it is periodic all the same


def test_noise_and_silence_have_no_voice(rng: np.random.Generator) -> None:
    noise = 0.1 * rng.standard_normal(2 * SR)
    assert speech_presence(noise, sr=SR)["speech"] == "no_speech"
    silent = speech_presence(np.full(SR, 0.3), sr=SR)
    assert (silent["speech"], silent["voiced_seconds"], silent["level_dbfs"]) == ("silent", 0.0, None)


def test_recording_is_measured(rng: np.random.Generator) -> None:
    t = np.arange(2 * SR) / SR
    hiss = rng.standard_normal(2 * SR)
    y = np.where(t % 0.5 < 0.25, hiss, 0.01 * hiss)
    found = speech_presence(0.1 * y, sr=SR)
    assert found["snr_db"] == pytest.approx(40, abs=1)
    assert found["level_dbfs"] == pytest.approx(-20, abs=0.6)
    assert found["clipping_share"] == 0
    assert found["bandwidth_hz"] == pytest.approx(8000, abs=100)
    clipped = np.clip(hiss, -1, 1)
    share = np.mean(np.abs(hiss) >= 1)
    assert speech_presence(clipped, sr=SR)["clipping_share"] == pytest.approx(share, abs=0.01)
    assert 3000 < speech_presence(limit_band(hiss, sr=SR, high=2900.0), sr=SR)["bandwidth_hz"] < 7000


def test_recorded_speech_is_speech_also_in_noise(real_data: Path) -> None:
    files = [*sorted((real_data / "pitch" / "fda").glob("*.wav"))[::10]]
    files += sorted((real_data / "ravdess" / "audio_speech").glob("Actor_*/*-0[1-8]-01-01-01-*.flac"))[::29]
    assert len(files) >= 8
    for file in files:
        y, sr = load_audio(file, SR)
        found = speech_presence(y, sr=sr)
        assert found["speech"] == "ok", file
        assert 0.3 < found["voiced_seconds"] < found["speech_share"] * len(y) / sr
        noisy = speech_presence(add_noise(y, snr=10.0, slope=3.0, seed=1), sr=sr)
        assert noisy["speech"] == "ok", file
        assert noisy["snr_db"] < found["snr_db"]


def test_a_syllable_is_little(real_data: Path) -> None:
    y, sr = load_audio(next((real_data / "ravdess" / "audio_speech" / "Actor_01").glob("*.flac")), SR)
    voiced = int(np.argmax(np.convolve(y**2, np.ones(3200), "same")))
    found = speech_presence(y[max(0, voiced - 2000) : voiced + 2000], sr=sr)
    assert found["speech"] != "ok"
    assert found["voiced_seconds"] < 0.3


def test_sound_is_checked() -> None:
    with pytest.raises(ParameterError, match="y must"):
        speech_presence(np.zeros((2, 100)), sr=SR)
    assert speech_presence(np.zeros(1), sr=8000)["speech"] == "silent"
