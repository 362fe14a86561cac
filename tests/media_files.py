"""Media files made for tests: exact pictures and sounds at exact times."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["clap_and_flash", "noise_pictures", "tone", "write_media"]

MILLISECOND = Fraction(1, 1000)


def write_media(
    path: Path,
    pictures: list[np.ndarray] | np.ndarray | None = None,
    sound: np.ndarray | None = None,
    *,
    fps: int = 25,
    times: np.ndarray | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    picture_format: str | None = None,
    color_range: int | None = None,
    sr: int = 16000,
    audio_codec: str = "aac",
    audio_start: float = 0.0,
    rotation: int = 0,
    mirrored: bool = False,
    pixel_ratio: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    form: str | None = None,
) -> Path:
    """Write gray or RGB pictures and mono or (channels, n) sound with the given presentation times."""
    with av.open(str(path), "w", format=form, container_options=container_options or {}) as out:
        video: Any = None  # PyAV knows which stream it is only by the name of the codec
        audio: Any = None
        if pictures is not None:
            video = out.add_stream(codec, rate=fps, options={"threads": "1", **(options or {})})
            video.height, video.width = pictures[0].shape[:2]
            video.pix_fmt = pix_fmt
            if pixel_ratio is not None:
                video.codec_context.sample_aspect_ratio = pixel_ratio
            if color_range is not None:
                video.codec_context.color_range = color_range
            if times is not None:
                video.codec_context.time_base = MILLISECOND
            if rotation or mirrored:
                video.set_display_rotation(rotation, hflip=mirrored)
        if sound is not None:
            y = np.atleast_2d(np.asarray(sound, np.float32))
            audio = out.add_stream(audio_codec, rate=sr)
            audio.layout = {1: "mono", 2: "stereo"}[len(y)]
        if video is not None and pictures is not None:
            for index, picture in enumerate(pictures):
                name = picture_format or ("gray" if picture.ndim == 2 else "rgb24")
                frame = av.VideoFrame.from_ndarray(picture, format=name)
                if times is None:
                    frame.pts, frame.time_base = index, 1 / Fraction(fps)
                else:
                    frame.pts, frame.time_base = round(times[index] * 1000), MILLISECOND
                out.mux(video.encode(frame))
            out.mux(video.encode())
        if audio is not None:
            encoder = audio.codec_context
            sample = av.AudioFormat(encoder.format.name if encoder.format else "s16")
            convert = av.AudioResampler(format=sample, layout=audio.layout, rate=sr)
            for at in range(0, y.shape[1], 1024):
                piece = np.ascontiguousarray(y[:, at : at + 1024])
                sounding = av.AudioFrame.from_ndarray(piece, format="fltp", layout=audio.layout.name)
                sounding.sample_rate = sr
                sounding.time_base = Fraction(1, sr)
                sounding.pts = at + round(audio_start * sr)
                for converted in convert.resample(sounding):
                    out.mux(audio.encode(converted))
            out.mux(audio.encode())
    return path


def noise_pictures(n: int, height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Smooth moving texture that any codec keeps well."""
    t, y, x = np.meshgrid(np.arange(n), np.arange(height), np.arange(width), indexing="ij")
    phase = np.random.default_rng(seed).uniform(0, 6, 2)
    wave = np.sin((x + t) / 7 + phase[0]) + np.sin((y - t) / 5 + phase[1])
    return np.rint(128 + 50 * wave).astype(np.uint8)


def tone(seconds: float, sr: int = 16000, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sr)) / sr)).astype(np.float32)


def clap_and_flash(
    at: float, *, seconds: float = 2.0, fps: int = 25, sr: int = 16000, size: tuple[int, int] = (48, 64)
) -> tuple[np.ndarray, np.ndarray, float]:
    """Dark pictures with a bright stretch, and silence with a burst, both from `at` seconds on."""
    n = round(seconds * fps)
    pictures = np.full((n, *size), 30, np.uint8)
    first = round(at * fps)
    pictures[first : first + 3] = 220
    y = np.zeros(round(seconds * sr), np.float32)
    start = round(first / fps * sr)
    y[start : start + sr // 50] = np.random.default_rng(1).uniform(-0.9, 0.9, sr // 50)
    return pictures, y, first / fps
