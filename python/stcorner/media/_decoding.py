"""Samples as they are stored: libsndfile reads plain files, FFmpeg reads the rest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import MediaError
from stcorner.media._container import (
    MAX_GAP,
    Clock,
    Damage,
    media_zero,
    open_container,
    packets,
    stream_of,
)
from stcorner.media._declared import declared_end
from stcorner.media._drift import Drift
from stcorner.media._parts import spans_of
from stcorner.media._plain import open_plain
from stcorner.media.recording import Recording
from stcorner.media.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.media._parts import Span
    from stcorner.media._plain import Plain
    from stcorner.media.recording import Source

    Block = NDArray[np.float32]

__all__ = ["decoded_sound"]

_FULL_SCALE = {"i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}
# Samples of all channels together that are read at once.
_SAMPLES_PER_READ = 1 << 18
_FRAMES_PER_READ = 1 << 16
# A read that meets damage gives nothing of what stands before it: a message says so where a flac ends.
_FLAC_FRAMES = 1 << 13
# Samples, of the slower rate, read before an offset: the resampler's filter must have what came before.
_RUN_UP = 4000
# Stamps of a millisecond clock jitter by this much around continuous sound.
_GAP_TOLERANCE = 0.1
# Holes may take so many times as long as what is heard, and a little more: stamps are no proof of hours.
_SILENT_SHARE = 10.0


def decoded_sound(
    file: Source, sr: int | None = None, offset: float = 0.0
) -> Iterator[tuple[Block, int, int]]:
    """Yield (channels, n) blocks as stored, the rate, and the number of the block's first sample.

    libsndfile reads plain files, from shortly before `offset` on where their codec can be entered anywhere;
    FFmpeg reads the rest.
    """
    if isinstance(file, Recording):
        yield from file.sound_blocks()
        return
    with open_plain(file) as plain:
        if plain is not None:
            if plain.header.remark:
                remark(f"{file}: {plain.header.remark}", stacklevel=4)
            yield from _from_soundfile(file, plain, _seek(plain, sr, offset))
            return
    at, silent = 0, None
    spans = spans_of(file)
    for span in spans:
        try:
            for block, rate in _from_container(file, span):
                yield block, rate, at
                at += block.shape[1]
        except _SilentError as error:
            silent = error
    if not at and silent is not None:
        raise MediaError(str(silent))


class _SilentError(Exception):
    """Nothing could be decoded; of a chained file other links may be heard."""


def _seek(plain: Plain, sr: int | None, offset: float) -> int:
    """Go to a little before `offset`, to a sample that both rates share; return its number."""
    import soundfile

    if not plain.seekable:
        return 0
    rate = int(plain.source.samplerate)
    step = rate // math.gcd(rate, sr or rate)
    first = min(int((offset - _RUN_UP / min(rate, sr or rate)) * rate), plain.source.frames - 1)
    first -= first % step
    if first <= 0:
        return 0
    try:
        return int(plain.source.seek(first))
    except (soundfile.LibsndfileError, RuntimeError):  # damaged: reading from the start will say where
        plain.source.seek(0)
        return 0


def _from_soundfile(file: Path, plain: Plain, at: int) -> Iterator[tuple[Block, int, int]]:
    import soundfile

    source = plain.source
    rate = int(source.samplerate)
    damage = Damage(file, "audio")
    most = _FLAC_FRAMES if plain.header.form == "flac" else _FRAMES_PER_READ
    frames = max(1, min(most, _SAMPLES_PER_READ // source.channels))
    while True:
        try:
            block = source.read(frames, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            damage.add(error)
            break
        if not len(block):
            break
        yield np.ascontiguousarray(block.T), rate, at
        at += len(block)
    if not at and not damage.lost:
        raise MediaError(f"{file} must hold sound, and has 0 samples; record it again")
    damage.reached = at / rate
    damage.judge(plain.seconds)


def _from_container(file: Path, span: Span) -> Iterator[tuple[Block, int]]:
    with open_container(file, span) as container:
        stream = stream_of(container, "audio", file)
        clock = Clock(media_zero(container), 0.0)
        damage = Damage(file, "audio")
        drift = Drift(container)
        at = heard = rate = 0
        held: tuple[Block, int] | None = None
        for frames in packets(container, stream, damage):
            for frame in frames:
                data, own = _samples(frame, file), int(frame.sample_rate)
                rate = rate or own
                stamp = None if frame.pts is None else float(frame.pts * frame.time_base)
                time = clock.time(stamp, data.shape[1] / own)
                missing = round(time * rate) - at
                if missing > _GAP_TOLERANCE * rate or (at == 0 and missing > 0):
                    if held is not None:
                        yield held
                        held = None
                    if at and at + missing > (1 + _SILENT_SHARE) * heard + MAX_GAP * rate:
                        raise MediaError(
                            f"{file}: its time stamps leave far more gaps than sound, {heard / rate:.0f} "
                            f"s in {(at + missing) / rate:.0f} s; close them with ffmpeg -i FILE -af "
                            "asetpts=N/SR/TB new.flac"
                        )
                    yield from _silence(data.shape[0], missing, rate)
                    at += missing
                    drift.restart()
                elif own == rate:
                    data = drift.correct(data, (time * rate - at) / rate, rate)
                length = data.shape[1] * rate // own
                at += length
                heard += length
                if held is not None:
                    yield held
                held = data, own
        if held is None:
            raise _SilentError(
                f"{file}: no sound could be decoded{f' ({damage.reason})' if damage.reason else ''}; "
                "if a player plays it, convert it with ffmpeg -i FILE new.flac"
            )
        padding = at - _edited_end(container, stream, rate)
        yield (held[0][:, :-padding], held[1]) if 0 < padding < held[0].shape[1] else held
        damage.judge(*declared_end(container, file, stream))


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
    channels = int(frame.layout.nb_channels)
    form = f"{frame.format.name}, {channels} channels"
    unknown = f"{file} holds sound in an unknown form ({form}); convert it with ffmpeg -i FILE new.flac"
    try:
        data: NDArray[Any] = frame.to_ndarray()
    except ValueError:
        raise MediaError(unknown) from None
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    if data.shape[0] != channels:
        raise MediaError(unknown)
    if data.dtype == np.uint8:
        data = data.astype(np.float32) - 128
        scale = 128.0
    else:
        scale = _FULL_SCALE.get(data.dtype.str[1:], 1.0)
    return np.ascontiguousarray(data / scale if scale != 1.0 else data, dtype=np.float32)
