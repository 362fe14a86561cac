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


def orientation_sums(
    video: np.ndarray,
    *,
    grid: tuple[int, int],
    segments: int,
    bins: int,
    sigma: float,
    tau: float,
    s: float = 2.0,
) -> np.ndarray:
    """Mean votes a voxel of shape (segment, row, column, part, bin), voxel arrays at a time."""
    level = scale_space(video, sigma, tau)
    padded = np.pad(level, 1, mode="edge")
    gt = 0.5 * (padded[2:, 1:-1, 1:-1] - padded[:-2, 1:-1, 1:-1]) * tau / sigma
    gy = 0.5 * (padded[1:-1, 2:, 1:-1] - padded[1:-1, :-2, 1:-1])
    gx = 0.5 * (padded[1:-1, 1:-1, 2:] - padded[1:-1, 1:-1, :-2])
    _, ty, tx, yy, yx, xx = structure_tensor(video, sigma=sigma, tau=tau, s=s)
    steep = np.minimum(1, 2 * np.abs(gt) / (np.hypot(gx, gy) + np.abs(gt) + 1e-30))
    shares = [1 - steep, steep * (gt > 0), steep * (gt <= 0)]
    turn = 2 * np.pi / bins

    def votes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        away = np.abs((np.arctan2(y, x)[..., None] - turn * np.arange(bins) + np.pi) % (2 * np.pi) - np.pi)
        vote = (np.cos(away) - np.cos(turn)) / (1 - np.cos(turn))
        return np.hypot(x, y)[..., None] * np.where(away < turn, vote, 0)

    def rooted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return votes(x, y) / np.sqrt(np.hypot(x, y) + 1e-30)[..., None]

    gradient = votes(gx, gy)
    parts = [gradient * share[..., None] for share in shares]
    parts += [rooted(xx - yy, 2 * yx), rooted(-tx, -ty)]

    def tent(n: int, cells: int) -> np.ndarray:
        at = (np.arange(n) + 0.5) * cells / n - 0.5
        return np.maximum(0, 1 - np.abs(at - np.arange(cells)[:, None]))

    area = video.shape[1] * video.shape[2] / (grid[0] * grid[1])
    down, across = tent(video.shape[1], grid[0]), tent(video.shape[2], grid[1])
    stacked = np.stack(parts, axis=3)  # t, y, x, part, bin
    pooled = np.einsum("ay,tyxpb,cx->tacpb", down, stacked, across, optimize=True)
    return np.stack([pooled[cut].mean(axis=0) for cut in _cuts(len(video), segments)]) / area


def orientation_histogram(video: np.ndarray, *, eps: float, **options: Any) -> np.ndarray:
    votes = orientation_sums(video, **options)
    out = np.empty_like(votes)
    for t, y, x in np.ndindex(votes.shape[:3]):
        gradients = axis = 0.0
        for dy, wy in ((-1, 1), (0, 2), (1, 1)):
            for dx, wx in ((-1, 1), (0, 2), (1, 1)):
                row = min(max(y + dy, 0), votes.shape[1] - 1)
                column = min(max(x + dx, 0), votes.shape[2] - 1)
                gradients += wy * wx / 16 * votes[t, row, column, :3].sum()
                axis += wy * wx / 16 * votes[t, row, column, 3].sum()
        out[t, y, x, :3] = np.sqrt(votes[t, y, x, :3] / (gradients + eps))
        out[t, y, x, 3:] = np.sqrt(votes[t, y, x, 3:] / (axis + eps))
    return out.ravel()


def descriptors(video: np.ndarray, points: np.ndarray, still: float = 0.2) -> np.ndarray:
    """HOG and HOF of points (t, y, x, half sizes along t, y, x), voxel by voxel."""
    _, ty, tx, yy, yx, xx = structure_tensor(video, sigma=1.0, tau=1.0, scale_normalize=False)
    rows = []
    for point in points:
        hog, hof = np.zeros((2, 3, 3, 4)), np.zeros((2, 3, 3, 5))
        cells = []
        for centre, half, n, parts in zip(point[:3], point[3:], video.shape, (2, 3, 3), strict=True):
            at = np.arange(max(0, math.ceil(centre - half)), min(n, math.floor(centre + half) + 1))
            cells.append(
                [(i, int(np.clip((i - centre + half) / (2 * half) * parts, 0, parts - 1))) for i in at]
            )
        for (t, a), (y, b), (x, c) in ((i, j, k) for i in cells[0] for j in cells[1] for k in cells[2]):
            v = (t, y, x)
            turn = math.atan2(2 * yx[v], xx[v] - yy[v]) / (2 * math.pi)
            _vote(hog[a, b, c], turn, 4, math.sqrt(max(0.0, xx[v] + yy[v])))
            ridge = 0.01 * (xx[v] + yy[v])
            flow = (0.0, 0.0)
            if ridge > 0:
                matrix = np.array([[xx[v] + ridge, yx[v]], [yx[v], yy[v] + ridge]])
                flow = tuple(np.linalg.solve(matrix, [-tx[v], -ty[v]]))
            if math.hypot(*flow) < still:
                hof[a, b, c, 4] += 1
            else:
                _vote(hof[a, b, c], math.atan2(flow[1], flow[0]) / (2 * math.pi), 4, 1.0)
        rows.append(np.concatenate([_unit(hog), _unit(hof)]))
    return np.stack(rows)


def _vote(histogram: np.ndarray, turn: float, bins: int, weight: float) -> None:
    low = math.floor(turn % 1 * bins)
    share = turn % 1 * bins - low
    histogram[low % bins] += weight * (1 - share)
    histogram[(low + 1) % bins] += weight * share


def _unit(histogram: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(histogram)
    return histogram.ravel() / length if length > 0 else histogram.ravel()
