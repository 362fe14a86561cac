"""Samples as they are stored: libsndfile reads plain wav and flac, FFmpeg reads the rest."""

from __future__ import annotations

import math
import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import MediaError
from stcorner.media._container import (
    Clock,
    Damage,
    declared_end,
    media_zero,
    open_container,
    packets,
    stream_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Block = NDArray[np.float32]

__all__ = ["decoded_sound"]

_FULL_SCALE = {"i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}
_FRAMES_PER_READ = 1 << 16
# Samples, of the slower rate, read before an offset: the resampler's filter must have what came before.
_RUN_UP = 4000
# Stamps of a millisecond clock jitter by this much around continuous sound.
_GAP_TOLERANCE = 0.1


def decoded_sound(file: Path, sr: int | None = None, offset: float = 0.0) -> Iterator[tuple[Block, int, int]]:
    """Yield (channels, n) blocks as stored, the rate, and the number of the block's first sample.

    libsndfile reads plain wav and flac, from shortly before `offset` on; FFmpeg reads the rest.
    """
    with file.open("rb") as opened:
        head = opened.read(12)
    if head[:4] == b"fLaC" or (head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE"):
        import soundfile

        try:
            # The bytes of the name: soundfile encodes it strictly, and a name may be in another encoding.
            source = soundfile.SoundFile(os.fsencode(file) if os.name == "posix" else file)
        except (soundfile.LibsndfileError, RuntimeError):
            pass  # a codec inside RIFF that libsndfile does not know; FFmpeg may, and else says why
        else:
            with source:
                yield from _from_soundfile(file, source, head, _seek(source, sr, offset))
            return
    at = 0
    for block, rate in _from_container(file):
        yield block, rate, at
        at += block.shape[1]


def _seek(source: Any, sr: int | None, offset: float) -> int:
    """Go to a little before `offset`, to a sample that both rates share; return its number."""
    import soundfile

    rate = int(source.samplerate)
    step = rate // math.gcd(rate, sr or rate)
    first = min(int((offset - _RUN_UP / min(rate, sr or rate)) * rate), source.frames - 1)
    first -= first % step
    if first <= 0:
        return 0
    try:
        return int(source.seek(first))
    except (soundfile.LibsndfileError, RuntimeError):  # damaged: reading from the start will say where
        source.seek(0)
        return 0


def _from_soundfile(file: Path, source: Any, head: bytes, at: int) -> Iterator[tuple[Block, int, int]]:
    import soundfile

    rate = int(source.samplerate)
    damage = Damage(file, "audio")
    while True:
        try:
            block = source.read(_FRAMES_PER_READ, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            damage.add(error)
            break
        if not len(block):
            break
        yield np.ascontiguousarray(block.T), rate, at
        at += len(block)
    if not at:
        raise MediaError(f"{file} holds no sound (0 samples)")
    damage.reached = at / rate
    damage.judge(_declared_seconds(file, source, head))


def _declared_seconds(file: Path, source: Any, head: bytes) -> float:
    """Seconds by the header. libsndfile cuts a wav's length to the file's; RIFF's own size does not."""
    seconds = source.frames / source.samplerate
    if head[:4] == b"RIFF":
        size = struct.unpack("<I", head[4:8])[0] + 8
        actual = file.stat().st_size
        if actual < size < 2**31:  # streamed files declare 0 or about 4 GiB: unknown
            return float(seconds * size / actual)
    return float(seconds)


def _from_container(file: Path) -> Iterator[tuple[Block, int]]:
    with open_container(file) as container:
        stream = stream_of(container, "audio", file)
        clock = Clock(media_zero(container), 0.0)
        damage = Damage(file, "audio")
        at = rate = 0
        held: tuple[Block, int] | None = None
        for frames in packets(container, stream, damage):
            for frame in frames:
                data = _samples(frame, file)
                rate = rate or int(frame.sample_rate)
                stamp = None if frame.pts is None else float(frame.pts * frame.time_base)
                time = clock.time(stamp, data.shape[1] / frame.sample_rate)
                missing = round(time * rate) - at
                if missing > _GAP_TOLERANCE * rate or (at == 0 and missing > 0):
                    if held is not None:
                        yield held
                        held = None
                    yield from _silence(data.shape[0], missing, rate)
                    at += missing
                at += data.shape[1]
                if held is not None:
                    yield held
                held = data, int(frame.sample_rate)
        if held is None:
            raise MediaError(
                f"{file}: no sound could be decoded" + (f" ({damage.reason})" if damage.reason else "")
            )
        padding = at - _edited_end(container, stream, rate)
        yield (held[0][:, :-padding], held[1]) if 0 < padding < held[0].shape[1] else held
        damage.judge(declared_end(container, file))


def _edited_end(container: Any, stream: Any, rate: int) -> int:
    """Return the sample before which the sound ends by the file's own word, or one that nothing reaches.

    A lossy codec fills its last block up. The edit list of an mp4 says where the sound ends; FFmpeg minds it
    from its version 8.1 on, and a clip must have the same samples with each.
    """
    if not container.format.name.startswith("mov") or not stream.duration:
        return 1 << 62
    end = float((stream.duration + (stream.start_time or 0)) * stream.time_base) - media_zero(container)
    return round(end * rate)


def _silence(channels: int, n: int, rate: int) -> Iterator[tuple[Block, int]]:
    for at in range(0, n, _FRAMES_PER_READ):
        yield np.zeros((channels, min(_FRAMES_PER_READ, n - at)), np.float32), rate


def _samples(frame: Any, file: Path) -> Block:
    """Return the frame as (channels, n) float32, full scale 1.0."""
    data: NDArray[Any] = frame.to_ndarray()
    channels = int(frame.layout.nb_channels)
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    if data.shape[0] != channels:
        form = f"{frame.format.name}, {channels} channels"
        raise MediaError(f"{file} holds sound in a form that cannot be read: {form}")
    if data.dtype == np.uint8:
        data = data.astype(np.float32) - 128
        scale = 128.0
    else:
        scale = _FULL_SCALE.get(data.dtype.str[1:], 1.0)
    return np.ascontiguousarray(data / scale if scale != 1.0 else data, dtype=np.float32)
