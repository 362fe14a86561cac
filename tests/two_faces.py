"""A film of two clips side by side, with the sound of the first."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

import stcorner

if TYPE_CHECKING:
    from pathlib import Path

RATE, BLOCK = 44_100, 1024


def side_by_side(left: Path, right: Path, out: Path) -> Path:
    """Write the film."""
    (one, fps), (other, _) = (stcorner.load_video(path, gray=False) for path in (left, right))
    n = min(len(one), len(other))
    frames = np.concatenate([one[:n], other[:n]], axis=2)
    y, _ = stcorner.load_audio(left, sr=RATE)
    with av.open(str(out), "w") as film:
        picture: Any = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        picture.height, picture.width, picture.pix_fmt = *frames.shape[1:3], "yuv420p"
        sound: Any = film.add_stream("aac", rate=RATE)
        sound.layout = "mono"
        for frame in frames:
            film.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        film.mux(picture.encode(None))
        for at in range(0, len(y) - BLOCK, BLOCK):
            block: Any = av.AudioFrame.from_ndarray(y[None, at : at + BLOCK], format="fltp", layout="mono")
            block.sample_rate, block.pts = RATE, at
            film.mux(sound.encode(block))
        film.mux(sound.encode(None))
    return out
