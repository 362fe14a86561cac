"""Sound out of any file, at the rate that was asked for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._validation import check_flag, check_integer, check_real
from stcorner.errors import MediaError
from stcorner.media._container import (
    MAX_BYTES,
    Clock,
    Damage,
    check_path,
    declared_end,
    media_zero,
    open_container,
    packets,
    stream_of,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["iter_audio", "load_audio"]

_FULL_SCALE = {"i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}
_FRAMES_PER_READ = 1 << 16
_MAX_RATE = 1_000_000
# Stamps of a millisecond clock jitter by this much around continuous sound.
_GAP_TOLERANCE = 0.1

if TYPE_CHECKING:
    Block = NDArray[np.float32]


def load_audio(
    path: str | os.PathLike[str],
    sr: int | None = 16000,
    *,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
) -> tuple[NDArray[np.float32], int]:
    """Read the sound of an audio or video file.

    Parameters
    ----------
    path : str or os.PathLike
        Audio file, or video file with an audio stream.
    sr : int or None, default=16000
        Samples per second of the result, 1 to 1,000,000; soxr's high-quality resampler converts.
        None keeps the file's rate.
    mono : bool, default=True
        Mean of the channels. With False the result has one row per channel.
    offset : float, default=0.0
        Seconds to leave out at the start, >= 0.
    duration : float, optional
        Seconds to read, > 0; to the end by default.

    Returns
    -------
    y : ndarray of shape (n,) or (channels, n), float32
        Samples; full scale of an integer format is 1.0. ``y[i]`` sounds at ``offset + i / sr`` seconds of
        the file's clock: where the sound starts later than the picture, or has a gap, there is silence.
        The result equals the same stretch of the whole file, sample by sample.
    sr : int
        Samples per second of `y`.

    Raises
    ------
    ParameterError
        If `sr`, `offset` or `duration` are out of range.
    MediaError
        If the file is missing, damaged, has no audio stream, is shorter than `offset`, or would take
        more than 4 GiB (read it with `iter_audio` then).

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np, soundfile
    >>> wav = pathlib.Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(wav, np.array([[0.5, 0.0], [0.0, -0.25]]), 8000)
    >>> load_audio(wav, sr=None)
    (array([ 0.25 , -0.125], dtype=float32), 8000)
    """
    wanted = None if sr is None else check_integer("sr", sr, low=1, high=_MAX_RATE)
    check_flag("mono", mono)
    start = check_real("offset", offset, low=0.0)
    length = None if duration is None else check_real("duration", duration, low=0.0, open_low=True)
    file = check_path(path)
    blocks: list[Block] = []
    rate, first, stop, at, size = 0, 0, None, 0, 0
    for block, rate in _resampled(file, wanted, mono=mono):
        first = round(start * rate)
        stop = None if length is None else first + max(1, round(length * rate))
        part = block[:, max(0, first - at) : None if stop is None else max(0, stop - at)]
        at += block.shape[1]
        if part.shape[1]:
            blocks.append(part)
            size += part.nbytes
        if size > MAX_BYTES:
            raise MediaError(
                f"{file} holds more sound than {MAX_BYTES} bytes: read it by blocks with iter_audio"
            )
        if stop is not None and at >= stop:
            break
    if not blocks:
        raise MediaError(f"{file} ends at {at / max(rate, 1):.3f} s, before offset {start:g} s")
    y = np.concatenate(blocks, axis=1) if len(blocks) > 1 else np.ascontiguousarray(blocks[0])
    return (y[0] if mono else y), rate


def iter_audio(
    path: str | os.PathLike[str], *, sr: int | None = 16000, block_seconds: float = 10.0
) -> Iterator[NDArray[np.float32]]:
    """Read the sound of a file block by block, in constant memory.

    The blocks, joined, are exactly what `load_audio` returns.

    Parameters
    ----------
    path : str or os.PathLike
        Audio file, or video file with an audio stream.
    sr : int or None, default=16000
        Samples per second of the result; None keeps the file's rate.
    block_seconds : float, default=10.0
        Length of each block but the last in seconds, 0.001 to 3600.

    Yields
    ------
    ndarray of shape (n,), float32
        Mean of the channels.

    Raises
    ------
    ParameterError
        If a parameter is out of range (at the call).
    MediaError
        As `load_audio` (at the first block, or where the damage is).

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np, soundfile
    >>> wav = pathlib.Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(wav, np.zeros(16000), 16000)
    >>> [len(block) for block in iter_audio(wav, block_seconds=0.4)]
    [6400, 6400, 3200]
    """
    wanted = None if sr is None else check_integer("sr", sr, low=1, high=_MAX_RATE)
    seconds = check_real("block_seconds", block_seconds, low=0.001, high=3600.0)
    return _equal_blocks(check_path(path), wanted, seconds)


def _equal_blocks(file: Path, sr: int | None, seconds: float) -> Iterator[NDArray[np.float32]]:
    waiting: list[Block] = []
    held = 0
    for block, rate in _resampled(file, sr, mono=True):
        waiting.append(block[0])
        held += block.shape[1]
        length = max(1, round(seconds * rate))
        if held >= length:
            joined = np.concatenate(waiting)
            whole = held // length * length
            for at in range(0, whole, length):
                yield joined[at : at + length].copy()
            waiting, held = [joined[whole:].copy()], held - whole
    if held:
        yield np.concatenate(waiting)


def _resampled(file: Path, sr: int | None, *, mono: bool) -> Iterator[tuple[Block, int]]:
    """Yield (channels, n) blocks at `sr`, with the rate."""
    stream: Any = None
    rate_in = rate_out = 0
    channels = 0
    for block, rate in _decoded(file):
        if not rate_in:
            rate_in, rate_out, channels = rate, sr or rate, block.shape[0]
        if rate != rate_in or (not mono and block.shape[0] != channels):
            raise MediaError(
                f"{file} changes its sound from {rate_in} Hz and {channels} channel(s) "
                f"to {rate} Hz and {block.shape[0]}"
            )
        data = block.mean(axis=0, keepdims=True, dtype=np.float32) if mono and block.shape[0] > 1 else block
        if not np.isfinite(data).all():
            raise MediaError(f"{file} holds samples that are NaN or infinite")
        if rate_in == rate_out:
            yield data, rate_out
            continue
        if stream is None:
            import soxr

            stream = soxr.ResampleStream(rate_in, rate_out, data.shape[0], dtype="float32", quality="HQ")
        yield _push(stream, data), rate_out
    if stream is not None:
        empty = np.zeros((1 if mono else channels, 0), np.float32)
        yield _push(stream, empty, last=True), rate_out


def _push(stream: Any, data: Block, *, last: bool = False) -> Block:
    out = stream.resample_chunk(np.ascontiguousarray(data.T), last=last)
    return np.ascontiguousarray(np.asarray(out, dtype=np.float32).reshape(-1, data.shape[0]).T)


def _decoded(file: Path) -> Iterator[tuple[Block, int]]:
    """Yield (channels, n) blocks as stored: libsndfile reads plain wav and flac, FFmpeg the rest."""
    with file.open("rb") as opened:
        head = opened.read(12)
    if head[:4] == b"fLaC" or (head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE"):
        import soundfile

        try:
            source = soundfile.SoundFile(file)
        except (soundfile.LibsndfileError, RuntimeError):
            pass  # a codec inside RIFF that libsndfile does not know; FFmpeg may, and else says why
        else:
            with source:
                yield from _from_soundfile(file, source, head)
            return
    yield from _from_container(file)


def _from_soundfile(file: Path, source: Any, head: bytes) -> Iterator[tuple[Block, int]]:
    import soundfile

    rate, done = int(source.samplerate), 0
    damage = Damage(file, "audio")
    while True:
        try:
            block = source.read(_FRAMES_PER_READ, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            damage.add(error)
            break
        if not len(block):
            break
        done += len(block)
        yield np.ascontiguousarray(block.T), rate
    if not done:
        raise MediaError(f"{file} holds no sound (0 samples)")
    damage.reached = done / rate
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
        for frames in packets(container, stream, damage):
            for frame in frames:
                data = _samples(frame, file)
                rate = rate or int(frame.sample_rate)
                stamp = None if frame.pts is None else float(frame.pts * frame.time_base)
                time = clock.time(stamp, data.shape[1] / frame.sample_rate)
                missing = round(time * rate) - at
                if missing > _GAP_TOLERANCE * rate or (at == 0 and missing > 0):
                    yield from _silence(data.shape[0], missing, rate)
                    at += missing
                at += data.shape[1]
                yield data, int(frame.sample_rate)
        if not rate:
            raise MediaError(
                f"{file}: no sound could be decoded" + (f" ({damage.reason})" if damage.reason else "")
            )
        damage.judge(declared_end(container))


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
