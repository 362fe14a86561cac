"""Sound whose stamps run slower or faster than its samples keeps one clock with the picture."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from stcorner.media import iter_video, load_audio

if TYPE_CHECKING:
    from pathlib import Path

SR = 16000
SECONDS = 30
CLAPS = (2.0, 12.0, 28.0)
CODECS = {"a.mkv": "pcm_s16le", "b.mkv": "aac", "a.mp4": "aac", "a.ts": "mp2"}


def stamped(path: Path, ratio: float, *, jitter: float = 0.0) -> np.ndarray:
    """Write claps and flashes whose sound is stamped `ratio` times as long as its samples last; return it."""
    n = round(SECONDS * SR / ratio)
    y = (0.05 * np.sin(2 * np.pi * 300 * np.arange(n) / SR)).astype(np.float32)
    dice = np.random.default_rng(0)
    for clap in CLAPS:
        at = round(clap * SR / ratio)
        y[at : at + SR // 50] = dice.uniform(-0.9, 0.9, SR // 50)
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        audio: Any = out.add_stream(CODECS[path.name], rate=SR)
        audio.layout = "mono"
        for index in range(SECONDS * 25):
            bright = any(clap <= index / 25 < clap + 0.1 for clap in CLAPS)
            frame = av.VideoFrame.from_ndarray(
                np.full((32, 32), 220 if bright else 30, np.uint8), format="gray"
            )
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        convert = av.AudioResampler(format=audio.codec_context.format.name, layout="mono", rate=SR)
        for at in range(0, n, 1024):
            piece = np.ascontiguousarray(y[None, at : at + 1024])
            sound = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = SR, at, Fraction(1, SR)
            for converted in convert.resample(sound):
                for packet in audio.encode(converted):
                    shift = dice.uniform(-jitter, jitter) * SR if packet.pts > 0 else 0
                    packet.pts = packet.dts = round(packet.pts * ratio + shift)
                    packet.duration = round(packet.duration * ratio)
                    out.mux(packet)
    return y


def claps(path: Path) -> np.ndarray:
    y, sr = load_audio(path)
    loud = np.flatnonzero(np.abs(y) > 0.25)
    return loud[np.r_[True, np.diff(loud) > sr]] / sr


def flashes(path: Path) -> np.ndarray:
    blocks = list(iter_video(path))
    times = np.concatenate([block.times for block in blocks])
    bright = np.concatenate([block.frames.mean(axis=(1, 2)) > 120 for block in blocks])
    return times[1:][bright[1:] & ~bright[:-1]]


QUICK = {("a.mkv", 1.01), ("b.mkv", 0.99)}


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        pytest.param(name, ratio, marks=() if (name, ratio) in QUICK else pytest.mark.slow)
        for name in CODECS
        for ratio in (1.01, 0.99, 1.003, 0.98)
    ],
)
def test_claps_stay_with_flashes(tmp_path: Path, name: str, ratio: float) -> None:
    path = tmp_path / name
    stamped(path, ratio)
    apart = claps(path) - flashes(path)
    assert len(apart) == len(CLAPS)
    # The delay of a codec moves all claps alike.
    assert np.ptp(apart) < 0.025
    assert np.abs(apart).max() < 0.06
    y, sr = load_audio(path)
    assert len(y) / sr == pytest.approx(SECONDS, abs=0.2)
    # The tone is never interrupted: no holes of silence.
    power = (y[: len(y) // 400 * 400].reshape(-1, 400) ** 2).mean(axis=1)
    assert power[8:-12].min() > 0.03**2


@pytest.mark.parametrize("jitter", [0.0, 0.03])
def test_sound_without_drift_keeps_its_samples(tmp_path: Path, jitter: float) -> None:
    y = stamped(tmp_path / "a.mkv", 1.0, jitter=jitter)
    heard, _ = load_audio(tmp_path / "a.mkv")
    np.testing.assert_allclose(heard, y, rtol=0, atol=2 / 2**15)
