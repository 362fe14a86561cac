"""What the benchmarks of the voice listen to: synthetic voices with known f0, noises, and the clips."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np


def voice(seed: int, sr: int, *, hard: bool, seconds: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """A synthetic voice and its f0 at every sample (0 where unvoiced).

    Harmonics under four formants, voiced stretches between hiss and silence. Hard voices glide every
    0.12 s, jitter, creak (every second cycle weaker), breathe, and half of them lack what a telephone cuts.
    """
    from scipy.signal import butter, sosfiltfilt

    rng = np.random.default_rng([seed, hard])
    n = int(seconds * sr)
    t = np.arange(n) / sr
    low, high = (85, 180) if seed % 2 else (150, 340)
    knots = np.arange(0.0, seconds + 0.3, 0.12 if hard else 0.25)
    f0 = np.exp(np.interp(t, knots, np.log(rng.uniform(low, high, len(knots)))))
    f0 *= 1 + 0.01 * np.sin(2 * np.pi * 5.5 * t + rng.uniform(0, 6))
    if hard:
        ticks = np.arange(0.0, seconds + 0.02, 0.008)
        f0 *= 1 + 0.01 * np.interp(t, ticks, rng.standard_normal(len(ticks)))
    voiced, hiss = np.zeros(n, bool), np.zeros(n, bool)
    at = int(0.1 * sr)
    while at < n - sr // 10:
        stop = at + int(rng.uniform(0.35, 1.1) * sr)
        voiced[at:stop] = True
        at = stop + int(rng.uniform(0.12, 0.35) * sr)
        hiss[stop:at] = rng.random() < 0.6
    formants = [rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2300, 3000), 3600.0]
    phase = 2 * np.pi * np.cumsum(f0) / sr
    x = np.zeros(n)
    for h in range(1, int(7000 / low)):
        f = h * f0
        gain = sum(
            weight / np.sqrt(1 + ((f - centre) / width) ** 2)
            for centre, width, weight in zip(formants, (90, 120, 180, 250), (1, 0.6, 0.35, 0.2), strict=True)
        )
        x += (f < 0.45 * sr) * (gain + 0.15 / h) / h**0.6 * np.sin(h * phase + rng.uniform(0, 2 * np.pi))
    if hard:
        x *= 1 + np.interp(t, knots, np.where(rng.random(len(knots)) < 0.3, 0.25, 0.0)) * np.cos(phase / 2)
        x += 0.12 * x[voiced].std() * rng.standard_normal(n)
    fade = np.hanning(2 * int(0.012 * sr) + 1)
    x *= np.convolve(voiced, fade / fade.sum(), "same")
    x *= np.interp(t, knots, rng.uniform(0.15 if hard else 0.5, 1.0, len(knots)))
    if hard and seed % 4 < 2:
        x = sosfiltfilt(butter(4, [300, min(3400, 0.45 * sr)], "band", fs=sr, output="sos"), x)
    x /= x[voiced].std()
    noise = np.diff(rng.standard_normal(n), prepend=0.0)
    x += 0.25 * noise / noise.std() * np.convolve(hiss, np.hanning(161) / 80, "same")
    return 0.1 * x, np.where(voiced, f0, 0.0)


def noises(voices: list[np.ndarray], index: int, *, hard: bool) -> np.ndarray:
    """White noise; for hard voices pink noise and the babble of six others, half each."""
    rng = np.random.default_rng(1000 + index)
    white = rng.standard_normal(len(voices[0]))
    if not hard:
        return white / white.std()
    n = len(white)
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 20)), n)
    babble = sum(np.roll(voices[(index + 3 * k) % len(voices)], int(rng.integers(n))) for k in range(1, 7))
    both = pink / pink.std() + babble / babble.std()
    return both / both.std()


def mixed(
    voices: list[np.ndarray], f0: np.ndarray, index: int, snr: float | None, *, hard: bool
) -> np.ndarray:
    """One of the voices with its noise, `snr` dB below its voiced part (None: alone), float32 below 0.9."""
    y = voices[index]
    if snr is not None:
        y = y + y[f0 > 0].std() * 10 ** (-snr / 20) * noises(voices, index, hard=hard)
    return (0.9 * y / max(1.0, np.abs(y).max())).astype(np.float32)


def minute(sr: int) -> np.ndarray:
    """60 s of voices with noise at 30 dB."""
    y = np.concatenate([voice(seed, sr, hard=False)[0] for seed in range(12)])
    y += y.std() * 10 ** (-30 / 20) * np.random.default_rng(1).standard_normal(len(y))
    return (0.5 * y / np.abs(y).max()).astype(np.float32)


def data() -> Path:
    named = os.environ.get("STCORNER_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"no clips: {folder} is not a folder (set STCORNER_DATA)")
    return folder
