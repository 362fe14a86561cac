"""Plain float64 twins of the kernels behind the recipe `egemaps`; nothing here comes from stcorner."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_toeplitz


def subharmonic_sums(power: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Sums (t, n) of power spectra (t, n) and the dual logarithms of the frequencies of their places."""
    n = power.shape[1]
    magnitude = np.sqrt(power)
    peak = np.zeros(power.shape, bool)
    peak[:, 1:-1] = (magnitude[:, 1:-1] > magnitude[:, :-2]) & (magnitude[:, 1:-1] >= magnitude[:, 2:])
    near = np.stack([np.roll(np.pad(peak, ((0, 0), (2, 2))), s, axis=1)[:, 2:-2] for s in range(-2, 3)])
    kept = magnitude * near.any(axis=0)
    smooth = kept.copy()
    smooth[:, 1:-1] = 0.25 * (kept[:, :-2] + kept[:, 2:]) + 0.5 * kept[:, 1:-1]
    frequency = np.arange(n) * rate / (2 * (n - 1))
    octave = np.linspace(np.log2(25), np.log2(rate / 2), n)
    knots = np.log2(np.r_[frequency[1] / 2, frequency[1:]])
    heard = CubicSpline(knots, smooth, axis=1, bc_type="natural")(octave)
    heard *= 0.5 + np.arctan(2.994 * (octave - np.log2(31.79))) / np.pi
    sums = np.zeros_like(heard)
    for h in range(15):
        shift = int(np.log2(h + 1) * n / (octave[-1] - octave[0]))
        sums[:, : n - shift] += 0.85**h * heard[:, shift:] / 15
    return sums, octave


def subharmonic_pitch(power: np.ndarray, rate: float) -> np.ndarray:
    """f0 (t,) in Hz, 0 where unvoiced, along the cheapest path."""
    sums, octave = subharmonic_sums(power, rate)
    frames = []
    for row in sums:
        top = np.flatnonzero((row[1:-1] > row[:-2]) & (row[1:-1] >= row[2:])) + 1
        top = top[np.argsort(-row[top], kind="stable")][:6]
        left, here, right = row[top - 1], row[top], row[top + 1]
        shift = 0.5 * (left - right) / (left - 2 * here + right)
        f0 = 2 ** (octave[0] + (octave[1] - octave[0]) * (top + shift))
        clear = 1 - row.mean() / (here - 0.25 * (left - right) * shift)
        frames.append([(f, c) for f, c in zip(f0, clear, strict=True) if 55 <= f <= 1000])
    total, origins = {0: 0.0}, []
    for t, frame in enumerate(frames):
        best = max([0.0, *(c for _, c in frame)])
        costs = {0: 4.3 * (best >= 0.7)}
        for k, (_, c) in enumerate(frame):
            costs[k + 1] = 1.05 * (1 - c) + 5.45 * (best - c) + 3.5 * (c < 0.7)
        reached, origin = {}, {}
        for now, cost in costs.items():
            ways = {}
            for then, before in total.items():
                ways[then] = before
                if t and now and then:
                    ways[then] += 4.9 * abs(np.log2(frame[now - 1][0] / frames[t - 1][then - 1][0]))
                elif t and now != then:
                    ways[then] += 2.26 if now else 6.43
            origin[now] = min(ways, key=lambda state: ways[state])
            reached[now] = ways[origin[now]] + cost
        total = reached
        origins.append(origin)
    state = min(total, key=lambda s: total[s])
    found = np.zeros(len(frames))
    for t in range(len(frames) - 1, -1, -1):
        found[t] = frames[t][state - 1][0] if state else 0.0
        state = origins[t][state]
    return found


def harmonics_to_noise(power: np.ndarray, f0: float, rate: float) -> float:
    """Decibels of one power spectrum, from the largest autocorrelation within a tenth of the period."""
    acf = np.fft.irfft(power)
    period = rate / f0
    share = acf[int(0.9 * period) : int(1.1 * period) + 2].max() / acf[0]
    return float(10 * np.log10(share / (1 - share)))


def harmonic(power: np.ndarray, place: float) -> tuple[float, float]:
    """Level in dB of the peak nearest a bin, between bins, and of its bin."""
    magnitude = np.sqrt(power)
    peaks = np.flatnonzero((magnitude[1:-1] > magnitude[:-2]) & (magnitude[1:-1] >= magnitude[2:])) + 1
    middle = int(place + 0.5)
    nearest = min(peaks, key=lambda k: (abs(k - middle), k < middle))
    left, here, right = magnitude[nearest - 1 : nearest + 2]
    height = here - (left - right) ** 2 / (8 * (left - 2 * here + right))
    return 20 * np.log10(height), 20 * np.log10(here)


def smooth(tracks: np.ndarray, gaps: bool) -> np.ndarray:
    """Mean of tracks (k, t) over a frame and its neighbours; with gaps 0 stays and does not enter."""
    ends = np.pad(tracks, ((0, 0), (1, 1)), mode="constant" if gaps else "edge")
    three = np.lib.stride_tricks.sliding_window_view(ends, 3, axis=1)
    number = np.maximum((three != 0).sum(axis=2), 1) if gaps else 3
    return np.where((tracks != 0) | (not gaps), three.sum(axis=2) / number, 0.0)


def resampled(frames: np.ndarray, n_fft: int, n_bins: int, n_back: int) -> np.ndarray:
    """Return the lowest bins of frames' spectra at another rate; bin 0 counts twice."""
    kept = np.fft.rfft(frames, n_fft)[:, :n_bins]
    kept[:, 0] *= 2.0
    return np.fft.irfft(kept, n_back) * n_back / n_fft


def swapped_poles(row: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and bandwidths in shares of the rate, of all poles above 0 Hz."""
    acf = np.array([row[: len(row) - k] @ row[k:] for k in range(order + 1)])
    roots = np.roots(np.r_[1, solve_toeplitz(acf[:order], acf[1:])])
    roots = roots[roots.imag > 0]
    roots = roots[np.argsort(np.angle(roots))]
    return np.angle(roots) / (2 * np.pi), np.abs(np.log(np.abs(roots))) / np.pi
