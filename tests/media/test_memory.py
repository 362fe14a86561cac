"""Files that declare little and hold much, or the other way round: memory counts what is decoded."""

from __future__ import annotations

import struct
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from media_files import write_media
from peak_memory import PEAK_KIB
from wave_bytes import wav_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def holes(path: Path, *, packets: int = 400, apart: float = 590.0) -> None:
    """Packets of 20 ms, each many minutes behind the one before: three days of silence."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libopus", rate=48000)
        stream.layout = "mono"
        for index in range(packets):
            frame = av.AudioFrame.from_ndarray(np.full((1, 960), 3000, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, index * 960, Fraction(1, 48000)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = round(packet.pts // 960 * apart * 48000)
                out.mux(packet)


def silence(path: Path, *, seconds: int = 1800) -> None:
    """Half an hour of which the header says that it is two seconds."""
    write_media(path, sound=np.zeros(16000 * seconds, np.float32), audio_codec="flac")
    data = path.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3
    path.write_bytes(data[:at] + struct.pack(">d", 2000.0) + data[at + 8 :])


def slow(path: Path) -> None:
    path.write_bytes(wav_bytes(np.random.default_rng(0).uniform(-0.5, 0.5, 70000), sr=1))


def wide(path: Path) -> None:
    path.write_bytes(wav_bytes(np.zeros((1000, 4000)), sr=8000))


def large(path: Path) -> None:
    write_media(path, np.full((12, 4096, 4096), 60, np.uint8), options={"preset": "ultrafast"})


LISTEN = "sum(map(len, islice(iter_audio(path), 400)))"
LOOK = "sum(len(block.frames) for block in iter_video(path, gray=False))"
FILES: dict[str, tuple[Callable[[Path], None], str, int, str]] = {
    # how it is written, what is done, MiB that it may take, what comes of it
    "holes.mka": (holes, LISTEN, 60, "far more gaps than sound"),
    "holes of load.mka": (holes, "len(load_audio(path)[0])", 120, "far more gaps than sound"),
    "silence.mka": (silence, LISTEN, 60, str(1800 * 16000)),
    "slow.wav": (slow, LISTEN, 60, str(400 * 160000)),
    "slow of load.wav": (slow, "len(load_audio(path, duration=50)[0])", 60, str(50 * 16000)),
    "wide.wav": (wide, LISTEN, 60, "8000"),
    "large.mp4": (large, LOOK, 330, "12"),
}


LONG = {"large.mp4", "silence.mka", "holes of load.mka", "slow of load.wav"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in FILES]
)
def test_memory_counts_what_is_decoded(tmp_path: Path, name: str) -> None:
    write, work, limit, wanted = FILES[name]
    path = tmp_path / name
    write(path)
    code = (
        PEAK_KIB
        + f"""
import sys, warnings
from itertools import islice
import av, soundfile, soxr
from stcorner.errors import MediaError
from stcorner.media import iter_audio, iter_video, load_audio
warnings.simplefilter("ignore")
path = sys.argv[1]
before = peak_kib()
try:
    print({work})
except MediaError as error:
    print(error)
print((peak_kib() - before) // 1024)
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120, check=True
    )
    result, grown = done.stdout.strip().splitlines()
    assert wanted in result
    assert int(grown) < limit, f"{grown} MiB"
