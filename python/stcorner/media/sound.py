"""Sound out of any file, at the rate that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_flag, check_integer, check_real
from stcorner.errors import MediaError
from stcorner.media._container import MAX_BYTES
from stcorner.media._decoding import decoded_sound
from stcorner.media._growing import Growing
from stcorner.media.recording import check_source
from stcorner.media.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from stcorner.media._decoding import Block
    from stcorner.media.recording import MediaLike, Source

__all__ = ["Converter", "iter_audio", "load_audio"]

_MAX_RATE = 1_000_000
# Of a file; a hole of minutes at more would be computed for hours.
_HIGHEST_RATE = 10_000_000
# Of all channels together, that leave the resampler at once: from 1 Hz to 16 kHz each sample becomes 16,000.
_MOST_SAMPLES = 1 << 19
_LARGEST_RATIO = 1000
# Share of the power of unrelated channels below which their mean is what two opposite ones leave.
_CANCELLED = 0.03


def load_audio(
    path: MediaLike,
    sr: int | None = 16000,
    *,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
) -> tuple[NDArray[np.float32], int]:
    """Read the sound of an audio or video file.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Audio file, or video file with an audio stream.
    sr : int or None, default=16000
        Samples per second of the result, 1 to 1,000,000; soxr's high-quality resampler converts.
        None keeps the file's rate.
    mono : bool, default=True
        Mean of the channels, with a `MediaWarning` where they cancel each other in it. With False the
        result has one row per channel.
    offset : float, default=0.0
        Seconds to leave out at the start, >= 0.
    duration : float, optional
        Seconds to read at most, > 0; to the end by default.

    Returns
    -------
    y : ndarray of shape (n,) or (channels, n), float32
        Samples; full scale of an integer format is 1.0. ``y[i]`` sounds at ``offset + i / sr`` seconds of
        the file's clock: where the sound starts later than the picture, or has a gap, there is silence.
        The result equals the same stretch of the whole file: bit for bit at the file's own rate, within
        1e-6 of full scale at another.
    sr : int
        Samples per second of `y`.

    Raises
    ------
    ParameterError
        If `sr`, `offset` or `duration` are out of range.
    MediaError
        If the file is missing, damaged, has no audio stream, is shorter than `offset`, or would take
        more than 4 GiB (read it with `iter_audio` then).

    See Also
    --------
    load_video : Read the frames of a video.
    iter_audio : Read the sound block by block.
    probe : Read what a file holds without decoding it.

    Notes
    -----
    Plain wav and flac are read from `offset` on. Other formats are decoded from their start: where they begin
    in the middle, lossy decoders give other samples (noise that they fill in, bits kept from before).

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
    file = check_source(path)
    grown = Growing()
    rate, first, stop, end = 0, 0, None, 0
    mean = _ChannelMean(file) if mono else None
    for block, rate, at in _resampled(file, wanted, mean, offset=start):
        first = round(start * rate)
        stop = None if length is None else first + max(1, round(length * rate))
        part = block[:, max(0, first - at) : None if stop is None else max(0, stop - at)]
        end = at + block.shape[1]
        if part.shape[1]:
            grown.add(part.T)
        if grown.nbytes > MAX_BYTES:
            raise MediaError(
                f"{file} holds more sound than {MAX_BYTES} bytes: read it by blocks with iter_audio, or in "
                "parts with offset and duration"
            )
        if stop is not None and end >= stop:
            break
    if mean is not None:
        mean.judge()
    if not grown.nbytes and not start:
        raise MediaError(
            f"{file} is too short: it holds less than one sample at {rate} Hz; sr=None reads it as it is"
        )
    if not grown.nbytes:
        raise MediaError(
            f"{file} ends at {end / max(rate, 1):.3f} s, before offset {start:g} s: give a smaller offset"
        )
    y: Block = np.ascontiguousarray(grown.result().T)
    return (y[0] if mono else y), rate


def iter_audio(
    path: MediaLike, *, sr: int | None = 16000, block_seconds: float = 10.0
) -> Iterator[NDArray[np.float32]]:
    """Read the sound of a file block by block, in constant memory.

    The blocks, joined, are exactly what `load_audio` returns.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Audio file, or video file with an audio stream.
    sr : int or None, default=16000
        Samples per second of the result; None keeps the file's rate.
    block_seconds : float, default=10.0
        Length of each block but the last in seconds, 0.001 to 3600.

    Yields
    ------
    ndarray of shape (n,), float32
        The next block, mono.

    Raises
    ------
    ParameterError
        If a parameter is out of range (at the call).
    MediaError
        As `load_audio` (at the first block, or where the damage is).

    See Also
    --------
    load_audio : Read the whole sound at once.

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
    return _equal_blocks(check_source(path), wanted, seconds)


def _equal_blocks(file: Source, sr: int | None, seconds: float) -> Iterator[NDArray[np.float32]]:
    waiting: list[Block] = []
    held = 0
    mean = _ChannelMean(file)
    for block, rate, _ in _resampled(file, sr, mean):
        waiting.append(block[0])
        held += block.shape[1]
        length = max(1, round(seconds * rate))
        if held >= length:
            joined = np.concatenate(waiting)
            whole = held // length * length
            for at in range(0, whole, length):
                yield joined[at : at + length].copy()
            waiting, held = [joined[whole:].copy()], held - whole
    mean.judge()
    if held:
        yield np.concatenate(waiting)


class _ChannelMean:
    """Mean of the channels, watched: where they cancel each other, the voice would be gone unsaid."""

    def __init__(self, file: Source) -> None:
        self._file = file
        self._channels = 1
        self._of_channels = 0.0
        self._of_mean = 0.0

    def __call__(self, block: Block) -> Block:
        self._channels = block.shape[0]
        if self._channels == 1:
            return block
        mean: Block = block.mean(axis=0, keepdims=True, dtype=np.float32)
        self._of_channels += float(np.vdot(block, block)) / self._channels
        self._of_mean += float(np.vdot(mean, mean))
        return mean

    def judge(self) -> None:
        """Warn of a mean far below that of unrelated channels, the power of which is one nth of theirs."""
        if self._of_mean * self._channels < _CANCELLED * self._of_channels:
            remark(
                f"{self._file}: its channels cancel each other in their mean, as if one were inverted; "
                "read them apart with mono=False",
                stacklevel=3,
            )


def _resampled(
    file: Source, sr: int | None, mean: _ChannelMean | None, *, offset: float = 0.0
) -> Iterator[tuple[Block, int, int]]:
    """Yield (channels, n) blocks at `sr`, with the rate and the number of the first sample.

    What lies before `offset` may be left out.
    """
    converter: Converter | None = None
    rate_in = out = channels = at = 0
    for block, rate, first in decoded_sound(file, sr, offset):
        if rate > _HIGHEST_RATE:
            raise MediaError(
                f"{file} declares {rate} samples a second, which no recording has, so its header is "
                "damaged; if a player plays it, convert it with ffmpeg -i FILE new.flac"
            )
        if converter is None or rate != rate_in:
            if converter is None:
                channels, out = block.shape[0], sr or rate
                at = first * out // rate
            else:  # another link of a chain, or a programme that goes on at another rate
                rest = converter.flush()
                yield rest, out, at
                at += rest.shape[1]
            rate_in = rate
            converter = Converter(rate, out, channels if mean is None else 1)
        if mean is None and block.shape[0] != channels:
            raise MediaError(
                f"{file} changes its sound from {channels} to {block.shape[0]} channel(s): "
                "read it with mono=True, which takes the mean of each part"
            )
        data = block if mean is None else mean(block)
        if not np.isfinite(data).all():
            raise MediaError(
                f"{file} holds samples that are NaN or infinite: export it again, or as 16-bit integers"
            )
        step = max(1, min(data.shape[1], _MOST_SAMPLES * rate // (out * data.shape[0])))
        for begin in range(0, data.shape[1], step):
            piece = converter.push(data[:, begin : begin + step])
            yield piece, out, at
            at += piece.shape[1]
    if converter is not None:
        yield converter.flush(), out, at


class Converter:
    """Sound at one rate in, block by block, at another out; the sum of the blocks is that of one call."""

    def __init__(self, rate_in: int, rate: int, channels: int) -> None:
        self.rate = rate
        self._channels = channels
        self._stream: Any = None
        if rate_in != rate:
            import soxr

            # The filter holds as many samples of the result as the rates differ: beyond any voice, gigabytes.
            quality = "HQ" if rate <= _LARGEST_RATIO * rate_in else "QQ"
            self._stream = soxr.ResampleStream(rate_in, rate, channels, dtype="float32", quality=quality)

    def push(self, data: Block, *, last: bool = False) -> Block:
        """Take (channels, n) samples; return those that are certain."""
        if self._stream is None:
            return data
        out = self._stream.resample_chunk(np.ascontiguousarray(data.T), last=last)
        return np.ascontiguousarray(np.asarray(out, dtype=np.float32).reshape(-1, self._channels).T)

    def flush(self) -> Block:
        """Return the rest."""
        return self.push(np.zeros((self._channels, 0), np.float32), last=True)
