"""What `detect_stips` could leave out by a bound that misses no point, and what that would win.

    python bench/video_bound.py [FILE…]     the clip of bench/video.py, then the first 90 frames of each file

The determinant of a positive matrix is at most ``tt (yy + xx)^2 / 4``: where that is below the threshold no
point can be, whatever the other four channels are. Two channels of six therefore say where the response is
needed. They may even be summed over cells of 2 x 2 pixels, then smoothed with the largest tap that any two
pixels of two cells have, which bounds all of a cell's pixels.

``blocks`` is the share of blocks of 8 frames, 8 rows and 16 columns (what a kernel makes at a time) that such
a bound keeps, ``with_halo`` that whose products in time these need. ``gain`` is how many times as fast one
scale would be: smoothing takes 0.18 of its instructions (bench/counts.json), products in time 0.23, their
smoothing in space 0.59; the bound itself 0.27 for two whole channels and 0.10 for cells.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter, maximum_filter

import stcorner
from common import write_results
from stcorner import _core
from video import make_clip

SCALES = ((2.0, 1.41), (2.83, 2.0))
BOUNDS = {"two whole channels": (1, 0.27), "cells of 2 x 2": (2, 0.10)}


def largest_taps(sd: float, cell: int) -> np.ndarray:
    """The largest tap between any two pixels of two cells, by the distance of the cells."""
    taps = np.asarray(_core.gaussian_taps(sd))
    side = [taps[0], *taps[1::cell]]
    return np.array([*side[:0:-1], *side])


def measure(name: str, video: np.ndarray) -> list[dict[str, object]]:
    rows = []
    for sigma, tau in SCALES:
        response = stcorner.corner_harris_3d(video, sigma=sigma, tau=tau)
        threshold = 0.01 * response.max()
        smooth = gaussian_filter(video.astype(np.float32), (tau, sigma, sigma), truncate=4)
        t, y, x = (sd * np.gradient(smooth, axis=axis) for axis, sd in enumerate((tau, sigma, sigma)))
        n, height, width = (
            size // block * block for size, block in zip(video.shape, (8, 8, 16), strict=True)
        )
        for bound, (cell, cost) in BOUNDS.items():
            sums = []
            for energy in (t * t, y * y + x * x):
                cells = energy[:n, :height, :width].reshape(n, height // cell, cell, width // cell, cell)
                cells = cells.sum(axis=(2, 4))
                for axis, sd in enumerate((tau, sigma, sigma)):
                    taps = largest_taps(sd * 2**0.5, 1 if axis == 0 else cell)
                    cells = correlate1d(cells, taps, axis=axis, mode="reflect")
                sums.append(cells)
            over = sums[0] * sums[1] ** 2 / 4 > threshold
            over = over.reshape(n // 8, 8, height // 8, 8 // cell, width // 16, 16 // cell)
            kept = over.any(axis=(1, 3, 5))
            halo = maximum_filter(kept, (1, 5, 3))
            share = 0.18 + cost + 0.23 * halo.mean() + 0.59 * kept.mean()
            rows.append(
                {
                    "video": name,
                    "scale": f"{sigma}, {tau}",
                    "bound": bound,
                    "over_threshold": float((response > threshold).mean()),
                    "blocks": float(kept.mean()),
                    "with_halo": float(halo.mean()),
                    "gain": 1 / share,
                }
            )
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    rows = measure("made", make_clip((90, 480, 640)).astype(np.uint8))
    for path in sys.argv[1:]:
        frames: list[np.ndarray] = []
        for block in stcorner.iter_video(path):
            frames.append(np.asarray(block.frames if hasattr(block, "frames") else block))
            if sum(map(len, frames)) >= 90:
                break
        rows += measure(Path(path).stem, np.concatenate(frames)[:90])
    print(write_results("video_bound", rows))


if __name__ == "__main__":
    main()
