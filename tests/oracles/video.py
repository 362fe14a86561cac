"""Plain numpy twins of the video kernels, in float64. Nothing here imports stcorner."""

from __future__ import annotations

import math

import numpy as np

PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # tt, ty, tx, yy, yx, xx


def gaussian(sd):
    """Whole sampled Gaussian, cut at four standard deviations, sum 1."""
    radius = max(1, math.ceil(4 * sd - 1e-9))
    x = np.arange(-radius, radius + 1)
    taps = np.exp(-0.5 * (x / sd) ** 2)
    return taps / taps.sum()


def filter_axis(a, taps, axis, mode):
    """Correlate along one axis; numpy's "symmetric" is d c b a | a b c d, "edge" repeats."""
    radius = len(taps) // 2
    pad = [(0, 0)] * a.ndim
    pad[axis] = (radius, radius)
    padded = np.pad(a, pad, mode={"reflect": "symmetric", "nearest": "edge"}[mode])
    n = a.shape[axis]
    out = np.zeros(a.shape)
    for i, tap in enumerate(taps):
        out += tap * np.take(padded, np.arange(i, i + n), axis=axis)
    return out


def smooth(a, sigma, tau, mode):
    for axis, sd in ((1, sigma), (2, sigma), (0, tau)):
        a = filter_axis(a, gaussian(sd), axis, mode)
    return a


def scale_space(video, sigma, tau, mode="reflect"):
    return smooth(np.asarray(video, float), sigma, tau, mode)


def structure_tensor(video, *, sigma=2.0, tau=1.5, s=2.0, mode="reflect", scale_normalize=True):
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


def harris(video, *, k=0.005, normalize=None, eps=0.0, **options):
    tt, ty, tx, yy, yx, xx = structure_tensor(video, **options)
    det = tt * (yy * xx - yx * yx) - ty * (ty * xx - yx * tx) + tx * (ty * yx - yy * tx)
    trace = tt + yy + xx
    response = det - k * trace**3
    if normalize == "trace":
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(trace > 0, response / (trace + eps) ** 3, 0.0)
    return response / response.max() if normalize == "max" else response
