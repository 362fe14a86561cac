"""The patch of a spectrogram that the network hears: an oracle's values, where it looks, and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from oracles import audio as oracle
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

SR = 16_000


def voice(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Return a gliding voice that swells and fades, with a quiet second before and after it."""
    n = int(seconds * SR)
    y = oracle.harmonic_tone(150 + 40 * np.sin(np.arange(n) / 3000), SR, seconds, 30) * np.hanning(n)
    return (np.pad(y, SR) + 1e-5 * rng.standard_normal(n + 2 * SR)).astype(np.float32)


def assert_steps_equal(got: np.ndarray, expected: np.ndarray) -> None:
    """Rounding to steps may fall either way where single precision stands at the middle of one."""
    assert got.dtype == np.float32
    assert np.abs(got - np.clip(expected, -63.5, 64)).max() <= 0.5
    assert (got == np.clip(expected, -63.5, 64)).mean() > 0.998


@pytest.mark.parametrize("seconds", [0.02, 0.8, 6.0])
def test_equals_the_oracle(seconds: float, rng: np.random.Generator) -> None:
    y = voice(seconds, rng)
    assert_steps_equal(stcorner.log_mel_patch(y), oracle.log_mel_patch(y))


def test_real_clips_equal_the_oracle(real_data: Path) -> None:
    for file in sorted((real_data / "ravdess" / "audio_speech" / "Actor_05").glob("*.flac"))[::25]:
        y, _ = stcorner.load_audio(file, SR)
        got = stcorner.log_mel_patch(y)
        assert_steps_equal(got, oracle.log_mel_patch(y))
        assert (np.ptp(got), (got % 0.5).max()) > (40, 0)


def test_a_short_clip_stands_in_the_middle(rng: np.random.Generator) -> None:
    y = rng.standard_normal(320 * 40 - 1).astype(np.float32)  # 40 frames, all of them loud
    patch = stcorner.log_mel_patch(y)
    assert (patch[:, :44] == patch.min()).all()
    assert (patch[:, 84:] == patch.min()).all()
    assert (patch[:, 44:84] > patch.min()).mean() > 0.99
    assert abs(patch[:, 44:84].mean()) < 0.5
    odd = stcorner.log_mel_patch(y[:-320])  # 39 frames, one more missing behind
    np.testing.assert_array_equal(np.ptp(odd, axis=0) > 0, (np.arange(128) >= 44) & (np.arange(128) < 83))


def test_a_long_clip_shows_its_loudest_part(rng: np.random.Generator) -> None:
    y = 0.01 * rng.standard_normal(20 * SR).astype(np.float32)
    y[18 * SR : 19 * SR] *= 10
    patch = stcorner.log_mel_patch(y)
    level = patch.mean(axis=0)
    # The second is there as a whole, 20 dB above what surrounds it.
    assert (level > level.mean()).sum() == pytest.approx(SR / 320, abs=2)
    assert np.median(level[level > level.mean()]) - np.median(level[level < level.mean()]) == pytest.approx(
        20, abs=1
    )
    np.testing.assert_array_equal(stcorner.log_mel_patch(y[15 * SR :]), patch)


def test_quiet_ends_are_cut_off(rng: np.random.Generator) -> None:
    y = rng.standard_normal(SR).astype(np.float32)
    ends = 1e-3 * rng.standard_normal((2, 5 * 320)).astype(np.float32)
    patch = stcorner.log_mel_patch(np.concatenate([ends[0], y, ends[1]]))
    # Frames 5 to 55 reach into it: 51, with 38 before and 39 behind.
    assert np.flatnonzero(np.ptp(patch, axis=0))[[0, -1]].tolist() == [38, 38 + 50]


@pytest.mark.parametrize("gain", [1e-15, -1e-3, 4.0, 1e10])
def test_gain_changes_nothing(gain: float, rng: np.random.Generator) -> None:
    y = voice(1.5, rng)
    np.testing.assert_array_equal(stcorner.log_mel_patch(y * np.float32(gain)), stcorner.log_mel_patch(y))


@pytest.mark.parametrize("bin_of_tone", [8, 32, 224])
def test_a_tone_is_loudest_in_its_band(bin_of_tone: int, rng: np.random.Generator) -> None:
    y = np.sin(2 * np.pi * bin_of_tone / 512 * np.arange(SR)) + 0.1 * rng.standard_normal(SR)
    band = stcorner.log_mel_patch(y).mean(axis=1).argmax()
    assert band == oracle.slaney(SR, 512, 48)[:, bin_of_tone].argmax()


NOISE = np.random.default_rng(0).standard_normal(SR).astype(np.float32)


@pytest.mark.parametrize(
    ("y", "sr", "message"),
    [
        (NOISE, 22050, r"sr must be 16000 Hz, got 22050: resample first, as load_audio\(file, 16000\)"),
        (NOISE, "16k", "sr must be a real number, got '16k'"),
        (np.stack([NOISE, NOISE]), SR, r"y must be mono, of shape \(n,\), got 2 dimensions"),
        (np.zeros(SR), SR, "y must not be silent, got a peak of 0: leave this sound out"),
        (NOISE / np.abs(NOISE).max() * 1e-30, SR, "must not be silent, got a peak of 1e-30"),
        (np.append(NOISE, np.nan), SR, "y must be finite, got 1 NaN or infinite value.*: drop or fill them"),
        ([], SR, "y must not be empty, .* give at least one value"),
        (np.ones(SR, np.int16), SR, "y must be floating point with full scale 1.0.*divide int16 by 32768"),
    ],
)
def test_sounds_refused(y: Any, sr: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        stcorner.log_mel_patch(y, sr=sr)


def test_names_go_band_by_band() -> None:
    names = stcorner.log_mel_patch_names()
    assert len(set(names)) == 48 * 128
    table = np.reshape(names, (48, 128))
    assert (table[0, 1], table[1, 0], table[47, 127]) == ("mel_1_2", "mel_2_1", "mel_48_128")
