"""Plain float64 twins of the audio room's kernels; nothing here comes from stcorner."""

from __future__ import annotations

from typing import Literal

import numpy as np


def frames(
    y: np.ndarray,
    frame_length: int,
    hop_length: int,
    *,
    center: bool,
    mode: Literal["constant", "edge"] = "constant",
) -> np.ndarray:
    """Frames (t, frame_length) of a signal, padded by half a frame at both ends where centred."""
    y = np.asarray(y, dtype=np.float64)
    if center:
        y = np.pad(y, frame_length // 2, mode=mode)
    return np.stack([
        y[i : i + frame_length] for i in range(0, len(y) - frame_length + 1, hop_length)
    ])  # fmt: skip


def zero_crossing_rate(
    y: np.ndarray, frame_length: int, hop_length: int, *, center: bool = True, threshold: float = 1e-10
) -> np.ndarray:
    cut = frames(y, frame_length, hop_length, center=center, mode="edge" if center else "constant")
    negative = cut < -threshold
    return (negative[:, 1:] != negative[:, :-1]).sum(axis=1) / frame_length


def rms(y: np.ndarray, frame_length: int, hop_length: int, *, center: bool = True) -> np.ndarray:
    cut = frames(y, frame_length, hop_length, center=center)
    return np.sqrt((cut**2).mean(axis=1))


def autocorrelation(
    y: np.ndarray,
    frame_length: int,
    hop_length: int,
    max_lag: int,
    window: np.ndarray,
    *,
    unbiased: bool,
    center: bool = False,
) -> np.ndarray:
    cut = frames(y, frame_length, hop_length, center=center) * window
    window = np.asarray(window, dtype=np.float64)
    result = np.empty((len(cut), max_lag + 1))
    for lag in range(max_lag + 1):
        result[:, lag] = (cut[:, : frame_length - lag] * cut[:, lag:]).sum(axis=1)
        if unbiased:
            result[:, lag] /= (window[: frame_length - lag] * window[lag:]).sum() / (window**2).sum()
    return result


def power_spectrum(y: np.ndarray, n_fft: int, hop_length: int, *, center: bool = True) -> np.ndarray:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return np.abs(np.fft.rfft(frames(y, n_fft, hop_length, center=center) * window, axis=1)).T ** 2


def pitch_candidates(frame: np.ndarray, sr: int, fmin: int, fmax: int) -> list[tuple[float, float]]:
    """All refined maxima (frequency, strength) of one frame's normalised autocorrelation.

    Refined without interpolation kernels: the spectrum is padded, so that the correlation is sampled
    64 times finer.
    """
    n = len(frame)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)
    size, fine = 4 * n, 64

    def correlation(x: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(x, size)) ** 2
        return np.fft.irfft(power, size * fine)[: fine * n]

    own = correlation(window)
    r = correlation((frame - frame.mean()) * window)
    r = r / r[0] / (own / own[0])
    low, high = int(fine * sr / fmax), int(fine * sr / fmin)
    here = np.arange(low, high + 1)
    top = here[(r[here] > r[here - 1]) & (r[here] >= r[here + 1])]
    return [(sr * fine / lag, r[lag]) for lag in top]


def harmonic_tone(f0: float | np.ndarray, sr: int, seconds: float, n_harmonics: int = 10) -> np.ndarray:
    """A voice-like sum of harmonics of a constant or varying f0 (one value per sample)."""
    t = np.arange(int(seconds * sr))
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, t.shape)) / sr
    highest = np.max(f0)
    parts = [np.sin(k * phase) / k for k in range(1, n_harmonics + 1) if k * highest < 0.45 * sr]
    return 0.2 * np.sum(parts, axis=0)
