"""Plain numpy twins of the video kernels, in float64. Nothing here imports stcorner."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # tt, ty, tx, yy, yx, xx


def gaussian(sd: float) -> np.ndarray:
    """Whole sampled Gaussian, cut at four standard deviations, sum 1."""
    radius = max(1, math.ceil(4 * sd - 1e-9))
    x = np.arange(-radius, radius + 1)
    taps = np.exp(-0.5 * (x / sd) ** 2)
    return taps / taps.sum()


def filter_axis(a: np.ndarray, taps: np.ndarray, axis: int, mode: str) -> np.ndarray:
    """Correlate along one axis; numpy's "symmetric" is d c b a | a b c d, "edge" repeats."""
    radius = len(taps) // 2
    pad = [(0, 0)] * a.ndim
    pad[axis] = (radius, radius)
    padded = np.pad(a, pad, mode="symmetric" if mode == "reflect" else "edge")
    n = a.shape[axis]
    out = np.zeros(a.shape)
    for i, tap in enumerate(taps):
        out += tap * np.take(padded, np.arange(i, i + n), axis=axis)
    return out


def smooth(a: np.ndarray, sigma: float, tau: float, mode: str) -> np.ndarray:
    for axis, sd in ((1, sigma), (2, sigma), (0, tau)):
        a = filter_axis(a, gaussian(sd), axis, mode)
    return a


def scale_space(video: np.ndarray, sigma: float, tau: float, mode: str = "reflect") -> np.ndarray:
    return smooth(np.asarray(video, float), sigma, tau, mode)


def structure_tensor(
    video: np.ndarray,
    *,
    sigma: float = 2.0,
    tau: float = 1.5,
    s: float = 2.0,
    mode: str = "reflect",
    scale_normalize: bool = True,
) -> np.ndarray:
    level = scale_space(video, sigma, tau, mode)
    gradient = []
    for axis in range(3):
        pad = [(0, 0)] * 3
        pad[axis] = (1, 1)
        padded = np.pad(level, pad, mode="edge")
        n = level.shape[axis]
        ahead = np.take(padded, np.arange(2, n + 2), axis=axis)
        behind = np.take(padded, np.arange(n), axis=axis)
        gradient.append(0.5 * (ahead - behind))
    if scale_normalize:
        gradient = [g * f for g, f in zip(gradient, (tau, sigma, sigma), strict=True)]
    widen = math.sqrt(s)
    return np.stack([smooth(gradient[i] * gradient[j], sigma * widen, tau * widen, mode) for i, j in PAIRS])


def harris(
    video: np.ndarray, *, k: float = 0.005, normalize: str | None = None, eps: float = 0.0, **options: Any
) -> np.ndarray:
    tt, ty, tx, yy, yx, xx = structure_tensor(video, **options)
    det = tt * (yy * xx - yx * yx) - ty * (ty * xx - yx * tx) + tx * (ty * yx - yy * tx)
    trace = tt + yy + xx
    response = det - k * trace**3
    if normalize == "trace":
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(trace > 0, response / (trace + eps) ** 3, 0.0)
    return response / response.max() if normalize == "max" else response


def peaks(response: np.ndarray, *, threshold: float, exclude_border: bool) -> list[list[int]]:
    """Maxima over 26 neighbours by brute force; of equal neighbours the first in memory order."""
    margin = 1 if exclude_border else 0
    padded = np.pad(np.asarray(response, float), 1, constant_values=-np.inf)
    found = []
    for index in np.ndindex(response.shape):
        if any(i < margin or i >= n - margin for i, n in zip(index, response.shape, strict=True)):
            continue
        value = response[index]
        if value <= threshold:
            continue
        t, y, x = index
        cube = padded[t : t + 3, y : y + 3, x : x + 3].ravel()
        if (cube[:13] < value).all() and (cube[14:] <= value).all():
            found.append((-value, [t, y, x]))
    return [index for _, index in sorted(found)]


def keep_apart(points: list[list[int]], distance: int) -> list[list[int]]:
    kept: list[list[int]] = []
    for point in points:
        if all(max(abs(a - b) for a, b in zip(point, other, strict=True)) > distance for other in kept):
            kept.append(point)
    return kept


def best_scales(
    video: np.ndarray,
    coordinates: np.ndarray,
    sigma: np.ndarray,
    tau: np.ndarray,
    sigmas: tuple[float, float],
    taus: tuple[float, float],
) -> np.ndarray:
    """Which points have the largest normalised Laplacian among the neighbouring scales."""
    table = {}
    for i, a in enumerate(sigmas):
        for j, b in enumerate(taus):
            level = np.pad(scale_space(video, a, b), 1, mode="edge")
            mid = level[1:-1, 1:-1, 1:-1]
            xx = level[1:-1, 1:-1, 2:] + level[1:-1, 1:-1, :-2] - 2 * mid
            yy = level[1:-1, 2:, 1:-1] + level[1:-1, :-2, 1:-1] - 2 * mid
            tt = level[2:, 1:-1, 1:-1] + level[:-2, 1:-1, 1:-1] - 2 * mid
            table[i, j] = np.abs(a**2 * b**0.5 * (xx + yy) + a * b**1.5 * tt)
    keep = []
    for point, a, b in zip(np.rint(coordinates).astype(int), sigma, tau, strict=True):
        i, j = sigmas.index(a), taus.index(b)
        around = [v[tuple(point)] for (p, q), v in table.items() if abs(p - i) <= 1 and abs(q - j) <= 1]
        keep.append(table[i, j][tuple(point)] >= max(around))
    return np.array(keep, bool)


def texture_map(
    video: np.ndarray,
    *,
    grid: tuple[int, int],
    segments: int,
    bins: int,
    sigma: float,
    tau: float,
    eps: float,
) -> np.ndarray:
    """Histograms of the cube root of 27 det / trace^3 by numpy."""
    tt, ty, tx, yy, yx, xx = structure_tensor(video, sigma=sigma, tau=tau)
    det = tt * (yy * xx - yx * yx) - ty * (ty * xx - yx * tx) + tx * (ty * yx - yy * tx)
    share = np.cbrt(np.clip(27 * det / (tt + yy + xx + eps) ** 3, 0, 1))
    parts = []
    for t in _cuts(len(video), segments):
        for y in _cuts(video.shape[1], grid[0]):
            for x in _cuts(video.shape[2], grid[1]):
                counts, _ = np.histogram(share[t, y, x], bins=bins, range=(0, 1))
                parts.append(counts / counts.sum())
    return np.concatenate(parts)


def _cuts(n: int, parts: int) -> list[slice]:
    return [slice(n * i // parts, n * (i + 1) // parts) for i in range(parts)]
