"""The clip itself, small enough to travel inside a page."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.media import MediaInfo

__all__ = ["SAMPLE_RATE", "playable_clip"]

SAMPLE_RATE = 44_100
_CLOCK = Fraction(1, 90_000)


def playable_clip(
    path: Path, info: MediaInfo, sound: NDArray[np.float32] | None, *, end: float, longest_side: int = 480
) -> tuple[bytes, tuple[int, int] | None]:
    """Write a clip anew as MP4 (H.264, AAC) that every browser plays.

    Parameters
    ----------
    path : Path
        The file.
    info : MediaInfo
        What `probe` says of it.
    sound : ndarray of shape (n,), float32, optional
        The sound at `SAMPLE_RATE`, from the file's zero on.
    end : float
        Seconds after which nothing is written.
    longest_side : int
        Pixels; larger pictures are reduced.

    Returns
    -------
    data : bytes
        The file.
    size : (width, height) of the picture, or None where there is none
    """
    import av

    out = io.BytesIO()
    size: tuple[int, int] | None = None
    with av.open(out, "w", format="mp4") as container:
        tracks: list[Any] = []
        if info.video is not None:
            size = _even_size(info.video.width, info.video.height, longest_side)
            picture: Any = container.add_stream(
                "libx264", rate=30, options={"crf": "27", "preset": "veryfast"}
            )
            picture.width, picture.height = size
            picture.pix_fmt = "yuv420p"
            picture.codec_context.time_base = _CLOCK
            tracks.append(picture)
        if sound is not None:
            voice: Any = container.add_stream("aac", rate=SAMPLE_RATE)
            voice.layout = "mono"
            _write_sound(container, voice, sound[: round(end * SAMPLE_RATE)])
        for picture in tracks:
            _write_picture(container, picture, path, end)
    return out.getvalue(), size


def _even_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return the reduced size; 4:2:0 pictures have even sides."""
    scale = min(1.0, longest / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _write_picture(container: Any, stream: Any, path: Path, end: float) -> None:
    import av

    from stcorner.media import iter_video

    last = -1
    for block in iter_video(path, gray=False):
        for image, time in zip(block.frames, block.times, strict=True):
            stamp = round(float(time) / _CLOCK)
            if time > end:
                break
            if stamp <= last:  # broken clocks repeat a time; a player needs them to ascend
                continue
            last = stamp
            frame: Any = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(width=stream.width, height=stream.height, format="yuv420p")
            frame.pts, frame.time_base = stamp, _CLOCK
            container.mux(stream.encode(frame))
        if len(block.times) and block.times[-1] > end:
            break
    container.mux(stream.encode(None))


def _write_sound(container: Any, stream: Any, sound: NDArray[np.float32]) -> None:
    import av

    step = 1024  # samples in a frame of AAC
    for start in range(0, len(sound), step):
        part = np.zeros((1, step), np.float32)
        piece = np.clip(sound[start : start + step], -1, 1)
        part[0, : len(piece)] = piece
        frame: Any = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
