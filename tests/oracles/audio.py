"""Plain float64 twins of the audio room's kernels; nothing here comes from stcorner."""

from __future__ import annotations

from itertools import pairwise
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


def slaney(sr: int, n_fft: int, count: int) -> np.ndarray:
    """Triangles of area 1 in Hz, on Slaney's scale: linear to 1 kHz, then logarithmic."""
    step = np.log(6.4) / 27
    top = 15 + np.log(sr / 2000) / step
    mel = np.arange(count + 2) * top / (count + 1)
    edges = [m * 200 / 3 if m < 15 else 1000 * np.exp(step * (m - 15)) for m in mel]
    f = np.arange(n_fft // 2 + 1) * sr / n_fft
    return np.array([
        np.interp(f, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0], left=0, right=0)
        for i in range(count)
    ])  # fmt: skip


def log_mel_patch(y: np.ndarray) -> np.ndarray:
    """The 128 loudest frames of 48 bands in steps of 0.5 dB, 16 kHz: before the clip to -63.5 to 64 dB."""
    power = slaney(16000, 512, 48) @ power_spectrum(y, 512, 320)
    level = 10 * np.log10(power / power.max() + 1e-9)
    mean = level.mean(axis=0)
    heard = [i for i in range(len(mean)) if mean[i] > mean.max() - 30]
    first, last = heard[0], heard[-1] + 1
    if last - first > 128:
        sums = [mean[i : i + 128].sum() for i in range(first, last - 127)]
        first += int(np.argmax(sums))
        last = first + 128
    shown = level[:, first:last] - level[:, first:last].mean()
    patch = np.full((48, 128), shown.min())
    begin = (128 - (last - first)) // 2
    patch[:, begin : begin + last - first] = shown
    return 0.5 * np.round(patch / 0.5)


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


def best_path(
    candidates: list[list[tuple[float, float]]],
    unvoiced: np.ndarray,
    *,
    fmax: float,
    octave_cost: float,
    jump_cost: float,
    turn_cost: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Frequency (NaN where unvoiced) and strength along the cheapest path; `unvoiced` is worth that."""
    states = []
    for frame, worth in zip(candidates, unvoiced, strict=True):
        voiced = [(strength - octave_cost * np.log2(fmax / f), np.log2(f)) for f, strength in frame]
        if voiced and worth > -1e5:
            best = int(np.argmax([w for w, _ in voiced]))
            worth -= frame[best][1] - voiced[best][0]
        states.append([(worth, None), *voiced])
    total = [np.array([w for w, _ in states[0]])]
    origin = []
    for before, now in pairwise(states):
        cost = np.array([
            [
                turn_cost * ((a is None) != (b is None)) if a is None or b is None else jump_cost * abs(b - a)
                for _, a in before
            ]
            for _, b in now
        ])  # fmt: skip
        reached = total[-1][None] - cost
        origin.append(reached.argmax(axis=1))
        total.append(reached.max(axis=1) + [w for w, _ in now])
    state = int(total[-1].argmax())
    f0, strength = np.full(len(states), np.nan), np.zeros(len(states))
    for i in range(len(states) - 1, -1, -1):
        if state:
            f0[i], strength[i] = candidates[i][state - 1]
        elif candidates[i]:
            strength[i] = candidates[i][int(np.argmax([w for w, _ in states[i][1:]]))][1]
        state = int(origin[i - 1][state]) if i else 0
    return f0, strength


def triangles(sr: int, n_fft: int, count: int, low: float, high: float) -> np.ndarray:
    """Triangles of height 1, evenly spaced on HTK's mel scale."""
    mel = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), count + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    f = np.arange(n_fft // 2 + 1) * sr / n_fft
    return np.array([np.interp(f, edges[i : i + 3], [0, 1, 0], left=0, right=0) for i in range(count)])


def gauss(n: int) -> np.ndarray:
    place = (np.arange(n) + 0.5) / n * 2 - 1
    return (np.exp(-12 * place**2) - np.exp(-12)) / (1 - np.exp(-12))


def band_spectrum(frame: np.ndarray, sr: float, top: float) -> tuple[np.ndarray, float]:
    """Spectrum to `top` of a Gaussian-windowed frame, pre-emphasised from 50 Hz, and the rate of that."""
    n = len(frame)
    half = min(round(top * n / sr), n // 2)
    rate = 2 * half * sr / n
    z = np.exp(-2j * np.pi * np.arange(half + 1) / (2 * half))
    return np.fft.rfft(frame * gauss(n))[: half + 1] * (1 - np.exp(-2 * np.pi * 50 / rate) * z), rate


def burg(x: np.ndarray, order: int) -> np.ndarray:
    """Prediction polynomial by Burg's recursion."""
    a, forward, backward = np.ones(1), x[1:].copy(), x[:-1].copy()
    for _ in range(order):
        k = -2 * (forward @ backward) / (forward @ forward + backward @ backward)
        a = np.append(a, 0) + k * np.append(a, 0)[::-1]
        forward, backward = (forward + k * backward)[1:], (backward + k * forward)[:-1]
    return a


def formants(
    frame: np.ndarray, sr: float, top: float, order: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and bandwidths in Hz, padded with NaN."""
    spectrum, rate = band_spectrum(frame, sr, top)
    roots = np.roots(burg(np.fft.irfft(spectrum), order))
    frequency = np.angle(roots) * rate / (2 * np.pi)
    keep = (roots.imag > 0) & (frequency > 50) & (frequency < rate / 2 - 50)
    found = sorted(zip(frequency[keep], np.abs(np.log(np.abs(roots[keep]))) * rate / np.pi, strict=True))
    found = [*found, *[(np.nan, np.nan)] * count][:count]
    return np.array([f for f, _ in found]), np.array([b for _, b in found])


def cepstral_peak(frame: np.ndarray, sr: float) -> float:
    """Prominence in dB over the line through 1 to 50 ms of the peak from 60 to 330 Hz."""
    spectrum, rate = band_spectrum(frame, sr, 5000)
    cepstrum = np.fft.irfft(np.log(np.abs(spectrum) ** 2 + 1e-8))[: len(spectrum)]
    db = 10 * np.log10(cepstrum**2 + 1e-30)
    time = np.arange(len(db)) / rate
    line = (time >= 0.001) & (time <= 0.05) & (np.arange(len(db)) < len(db))
    slope, level = np.polyfit(time[line], db[line], 1)
    inside = np.flatnonzero((time >= 1 / 330) & (time <= 1 / 60) & (np.arange(len(db)) <= len(db) - 2))
    k = inside[db[inside].argmax()]
    a, b, c = db[k - 1 : k + 2]
    shift = np.clip(0.5 * (a - c) / (a - 2 * b + c), -0.5, 0.5) if a - 2 * b + c < 0 else 0.0
    return b - 0.25 * (a - c) * shift - (level + slope * (k + shift) / rate)


def perturbation(y: np.ndarray, centre: int, period: float, half: int) -> tuple[float, float]:
    """Jitter and shimmer in dB of the periods within `half` samples of `centre`."""
    padded = np.pad(np.asarray(y, float), 4 * half)
    middle = centre + 4 * half

    def around(at: float, length: int) -> np.ndarray:
        begin = middle + int(np.floor(at + 0.5)) if at >= 0 else middle - int(np.floor(-at + 0.5))
        return padded[begin : begin + length]

    def top(a: float, b: float, c: float) -> float:
        return float(np.clip(0.5 * (a - c) / (a - 2 * b + c), -0.5, 0.5)) if a - 2 * b + c else 0.0

    low, high = int(np.ceil(-period / 2)), int(np.floor(period / 2))
    present = np.arange(max(low, -centre), min(high, len(y) - 1 - centre) + 1)
    best = int(present[np.abs(padded[middle + present]).argmax()])
    marks = [best + top(*padded[middle + best - 1 : middle + best + 2])]
    length = max(2, int(np.floor(period + 0.5)))
    lags = np.arange(max(1, int(np.floor(0.8 * period))), int(np.ceil(1.25 * period)) + 1)
    for direction in (-1, 1):
        for _ in range(64):
            at = marks[0] if direction < 0 else marks[-1]
            own = around(at - period / 2, length)
            begin = at - period / 2
            start = int(np.floor(begin + 0.5)) if begin >= 0 else -int(np.floor(-begin + 0.5))
            others = [padded[middle + start + direction * lag :][:length] for lag in lags]
            alike = [own @ o / max(np.sqrt((own @ own) * (o @ o)), 1e-30) for o in others]
            k = int(np.argmax(alike))
            off = top(*alike[k - 1 : k + 2]) if 0 < k < len(lags) - 1 else 0.0
            place = at + direction * (lags[k] + off)
            if abs(place) > half or alike[k] <= 0.3:
                break
            marks = [place, *marks] if direction < 0 else [*marks, place]
    if len(marks) < 3:
        return np.nan, np.nan
    periods = np.diff(marks)
    whole = [int(np.floor(m + 0.5)) if m >= 0 else -int(np.floor(-m + 0.5)) for m in marks]
    reach = np.array([np.ptp(padded[middle + a : middle + b]) for a, b in pairwise(whole)])
    shimmer = np.abs(20 * np.log10(reach[1:] / reach[:-1])).mean()
    return np.abs(np.diff(periods)).mean() / periods.mean(), shimmer


def loudness(power: np.ndarray, sr: float, n_fft: int) -> np.ndarray:
    """Sum over 26 bands to 8 kHz of their weighted power to 0.33."""
    high = min(8000, sr / 2)
    mel = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + high / 700), 28)
    w = (2 * np.pi * 700 * (10 ** (mel[1:-1] / 2595) - 1)) ** 2
    ear = (w + 56.8e6) * w**2 / ((w + 6.3e6) ** 2 * (w + 0.38e9)) / (1 + w**3 / 9.58e26)
    return ((power @ triangles(int(sr), n_fft, 26, 20, high).T * ear) ** 0.33).sum(axis=1)


def spliced(rows: np.ndarray, left: int, right: int) -> np.ndarray:
    """Frames (t, n) side by side with those before and after, the oldest first, as Kaldi's splice-feats."""
    longer = np.pad(rows, ((left, right), (0, 0)), mode="edge")
    return np.concatenate([longer[i : i + len(rows)] for i in range(left + 1 + right)], axis=1)


def descriptors(y: np.ndarray, sr: int, scale: float | None = None) -> dict[str, np.ndarray]:
    """Every descriptor of the registry, frame by frame: 25 ms, a step of 10 ms, centred.

    A spectrum is that of the Hann-windowed frame in shares of `scale` (the root mean square of the loudest
    frame), squared, over the sum of the window, with that at 16 kHz as the measure.
    """
    n, hop = 2 * round(0.0125 * sr), round(0.01 * sr)
    n_fft = max(512, 2 ** int(np.ceil(np.log2(n))))
    level = rms(y, n, hop)
    scale = level.max() if scale is None else scale
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    cut = frames(y, n, hop, center=True) / scale
    power = np.abs(np.fft.rfft(cut * window, n_fft, axis=1)) ** 2 / window.sum() * 16000 / sr
    f = np.arange(n_fft // 2 + 1) * sr / n_fft
    floor = 1e-5

    def db(values: np.ndarray) -> np.ndarray:
        return 10 * np.log10(values + floor)

    def between(low: float, high: float) -> np.ndarray:
        return power[:, (f >= low) & (f < high)]

    def slope(low: float, high: float) -> np.ndarray:
        inside = (f >= low) & (f <= high)
        return np.polyfit(f[inside] / 1000, db(power[:, inside]).T, 1)[0]

    found = {"zcr": zero_crossing_rate(y, n, hop), "rms": level}
    found["energy_db"] = 10 * np.log10((level / scale) ** 2 + 1e-9)
    mel = db(power @ triangles(sr, n_fft, 40, 50, min(8000, sr / 2)).T)
    basis = np.cos(np.pi / 40 * np.outer(np.arange(21), np.arange(40) + 0.5)) * np.sqrt(2 / 40)
    found["mfcc"] = mel @ basis[1:].T
    longer = np.pad(found["mfcc"], ((3, 3), (0, 0)), mode="edge")
    count = len(cut)
    steps = [k * longer[3 + k : 3 + k + count] for k in range(-3, 4)]
    found["delta_mfcc"] = np.sum(steps, axis=0) / 28
    magnitude = np.sqrt(power) + 1e-7
    magnitude /= magnitude.sum(axis=1, keepdims=True)
    found["centroid"] = magnitude @ f
    found["spread"] = np.sqrt((magnitude * (f - found["centroid"][:, None]) ** 2).sum(axis=1))
    share = power / (power.sum(axis=1, keepdims=True) + 1e-12)
    for percent in (25, 50, 75, 90):
        found[f"rolloff{percent}"] = f[(np.cumsum(share, axis=1) < percent / 100).sum(axis=1)]
    total = power.sum(axis=1) + 1e-12
    found["entropy"] = -(share * (np.log(power + floor) - np.log(total)[:, None])).sum(axis=1)
    found["flatness"] = np.log(power + floor).mean(axis=1) - np.log(power.mean(axis=1) + floor)
    found["flux"] = np.append(0, 100 * np.linalg.norm(np.diff(magnitude, axis=0), axis=1))
    found["alpha_ratio"] = db(between(1000, 5000).sum(axis=1)) - db(between(50, 1000).sum(axis=1))
    found["hammarberg"] = db(between(0, 2000).max(axis=1)) - db(between(2000, 5000).max(axis=1))
    for low, high in ((50, 500), (500, 1500), (1500, 6000)):
        found[f"slope_{low}_{high}"] = slope(low, high)

    long = frames(y, 2 * round(0.025 * sr), hop, center=True)
    every = [pitch_candidates(frame, sr, 60, 650) if frame.any() else [] for frame in long]
    most = [sorted(each, key=lambda c: -c[1] + 0.03 * np.log2(650 / c[0]))[:6] for each in every]
    f0, found["periodicity"] = best_path(
        most, np.where([bool(each) for each in most], -1e6, 0.0), fmax=650, octave_cost=0.03, jump_cost=0.35,
        turn_cost=0,
    )  # fmt: skip
    f0 = np.where(np.isnan(f0), 100.0, f0)
    found["f0_semitones"] = 12 * np.log2(f0 / 55)
    clear = np.clip(found["periodicity"], 1e-3, 0.9999)
    found["hnr"] = 10 * np.log10(clear / (1 - clear))

    def harmonic(number: int) -> np.ndarray:
        centre = np.clip(np.round(number * f0 * n_fft / sr).astype(int), 1, n_fft // 2 - 1)
        near = centre[:, None] + np.arange(-1, 2)
        return db(np.take_along_axis(power, near, axis=1).max(axis=1))

    found["h1_h2"] = harmonic(1) - harmonic(2)
    found["h1_a3"] = harmonic(1) - db(power[:, (f > 2000) & (f < 3500)].max(axis=1))

    found["loudness"] = loudness(power, sr, n_fft)
    top = min(5500.0, sr / 2)
    wide = frames(y / scale, 2 * round(0.025 * sr), hop, center=True)
    poles = [formants(frame, sr, top, max(8, 2 * round(top / 1100)), 4) for frame in wide]
    found["formant"], found["formant_bandwidth"] = (np.array([p[i] for p in poles]) for i in range(2))
    wide = frames(y / scale, 2 * round(0.05 * sr), hop, center=True)
    found["cpp"] = np.array([cepstral_peak(frame, sr) for frame in wide])
    pairs = [perturbation(y, i * hop, sr / f, round(0.03 * sr)) for i, f in enumerate(f0)]
    found["jitter_local"], found["shimmer_local_db"] = np.transpose(pairs)

    every = [pitch_candidates(frame, sr, 60, 500) if frame.any() else [] for frame in long]
    most = [sorted((c for c in each if c[1] > 0.225), key=lambda c: -c[1])[:15] for each in every]
    middle = long[:, len(long[0]) // 2 - round(sr / 120) : len(long[0]) // 2 + round(sr / 120)]
    peaks = np.abs(middle - long.mean(axis=1, keepdims=True)).max(axis=1) / np.abs(y - y.mean()).max()
    worth = 0.45 + np.maximum(0, 2 - peaks * 1.45 / 0.03)
    found["f0"], found["strength"] = best_path(
        most, worth, fmax=500, octave_cost=0.05, jump_cost=0.35, turn_cost=0.14
    )
    found["voiced"] = ~np.isnan(found["f0"])
    return found
