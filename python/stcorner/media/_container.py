"""Opening media files: what is accepted, what is refused before anything is allocated, one clock."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner.errors import MediaError, ParameterError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = [
    "MAX_BYTES",
    "MAX_GAP",
    "MAX_PIXELS",
    "Clock",
    "Damage",
    "MediaWarning",
    "check_path",
    "declared_end",
    "is_guessed",
    "media_zero",
    "open_container",
    "packets",
    "stream_of",
    "whole_seconds",
]

MAX_PIXELS = 8192 * 8192
"""Largest picture, in pixels, that is decoded; a larger declared size is refused before it is allocated."""

MAX_BYTES = 4 * 2**30
"""Largest array, in bytes, that a ``load_`` function returns; longer files are read by blocks."""

MAX_GAP = 600.0
"""Largest jump of presentation times, in seconds, that is taken for a gap; a longer one is a new clock."""

# Playlists and text formats name other files or hosts, or accept any bytes at all: they are left out.
_DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dv,eac3,flac,flv,gif,h264,hevc,ivf,live_flv,m4v,matroska,mjpeg,"
    "mov,mp3,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,tta,voc,vc1,w64,wav,wv,y4m,yuv4mpegpipe"
)

# Containers whose header declares the length.
_DECLARING = frozenset({"mov", "matroska", "avi", "flv", "ogg", "caf", "w64"})
# Frames of sound, one after the other, without any header.
_RAW = frozenset({"aac", "ac3", "amr", "amrnb", "amrwb", "eac3"})
_LOST_SHARE = 0.05
_LOST_SECONDS = 0.25


class MediaWarning(UserWarning):
    """A media file is slightly damaged; what could be decoded is used, on its own times."""


def check_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Return `path` as a `Path` to a regular, non-empty file, or raise."""
    if not isinstance(path, str) and not hasattr(path, "__fspath__"):
        raise ParameterError(f"{name} must be a str or os.PathLike, got {type(path).__name__}")
    file = Path(path)
    try:
        status = file.stat()
    except FileNotFoundError:
        raise MediaError(f"{file} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise MediaError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not file.is_file():  # reading a pipe or a device could wait for ever
        raise MediaError(f"{file} is not a regular file")
    if status.st_size == 0:
        raise MediaError(f"{file} is empty (0 bytes)")
    try:
        file.open("rb").close()
    except OSError as error:
        raise MediaError(f"{file} cannot be read: {error.strerror}") from None
    return file


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[Any]:
    """Open a checked path with PyAV; errors become `MediaError` with the name of the file."""
    import av

    limits = {"max_pixels": str(MAX_PIXELS)}
    # Titles in a broken encoding are no reason to refuse a clip; PyAV 19 replaces them by itself.
    lenient: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
    try:
        container = av.open(
            f"file:{path}",  # a bare name with a colon would be read as a protocol
            options=limits,
            container_options={"protocol_whitelist": "file", "format_whitelist": _DEMUXERS},
            **lenient,
        )
    except (av.FFmpegError, ValueError) as error:
        refused = isinstance(error, av.ArgumentError)  # FFmpeg's word for a format that is not on the list
        reason = "a still image, a playlist, or no format of sound or video" if refused else _reason(error)
        raise MediaError(f"{path} is not a media file that can be read: {reason}") from None
    try:
        for stream in (*container.streams.video, *container.streams.audio):
            if stream.codec_context is not None:
                stream.codec_context.options = limits
        yield container
    finally:
        container.close()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def stream_of(container: Any, kind: str, path: Path) -> Any:
    """Return the audio or video stream that players choose: the first marked as default, else the first.

    Cover art is not video, and what FFmpeg has no decoder for is passed over.
    """
    usable = [
        stream
        for stream in getattr(container.streams, kind)
        if stream.codec_context is not None and stream.codec_context.codec and not _is_cover(stream)
    ]
    if not usable:
        raise MediaError(f"{path} has no {kind} stream")
    stream = next((one for one in usable if _is_marked(one, "default")), usable[0])
    width, height = (getattr(stream.codec_context, side, 0) for side in ("width", "height"))
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path} declares pictures of {width} x {height} pixels, more than the {MAX_PIXELS} allowed"
        )
    return stream


def _is_cover(stream: Any) -> bool:
    return stream.type == "video" and _is_marked(stream, "attached_pic")


def _is_marked(stream: Any, mark: str) -> bool:
    disposition = getattr(stream, "disposition", None)
    if disposition is None:
        return False
    return mark in str(getattr(disposition, "name", disposition) or "").lower()


def media_zero(container: Any) -> float:
    """Seconds, on the container's own clock, of the earliest sound or picture.

    Every time that this package reports counts from here, so sound and picture share one zero.
    """
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.start_time is not None and not _is_cover(stream)
    ]
    return min(starts, default=0.0)


class Clock:
    """Presentation times that never stand still or run back.

    Missing and repeated stamps are continued by the length of the frame before, and a jump of more than
    `MAX_GAP`, forward or back, is taken for a spliced recording and closed.
    """

    def __init__(self, zero: float, step: float) -> None:
        self._zero = zero
        self._step = step
        self._next = 0.0
        self._last: float | None = None

    def time(self, stamp: float | None, length: float | None = None) -> float:
        """Return the time of a frame with this stamp (seconds, or None) and length (seconds)."""
        expected = 0.0 if self._last is None else self._next
        now = expected if stamp is None else stamp - self._zero
        if self._last is None:
            if abs(now) > MAX_GAP:
                now = 0.0
                self._zero = stamp or 0.0
        elif abs(now - expected) > MAX_GAP:
            self._zero += now - expected
            now = expected
        elif now <= self._last:
            now = expected
        self._last = now
        self._next = now + (length if length and 0 < length < MAX_GAP else self._step)
        return now


@dataclass
class Damage:
    """What could not be decoded of one stream, and the judgement at its end."""

    path: Path
    kind: str
    packets: int = 0
    lost: int = 0
    reached: float = 0.0
    reason: str = ""

    def add(self, error: Exception) -> None:
        """Count one packet that did not decode."""
        self.lost += 1
        self.reason = self.reason or _reason(error)

    def judge(self, declared: float | None) -> None:
        """Warn of small losses and raise for large ones (more than 5 % and a quarter of a second)."""
        because = f" ({self.reason})" if self.reason else ""
        missing = 0.0 if declared is None else declared - self.reached
        if declared is not None and missing > max(_LOST_SECONDS, _LOST_SHARE * declared):
            raise MediaError(
                f"{self.path} is cut off or damaged: "
                f"it declares {declared:.2f} s and ends at {self.reached:.2f} s{because}"
            )
        if self.lost > max(1.0, _LOST_SHARE * self.packets):
            raise MediaError(
                f"{self.path} is damaged: "
                f"{self.lost} of {self.packets} {self.kind} packets could not be decoded{because}"
            )
        if self.lost:
            message = f"{self.path}: {self.lost} {self.kind} packet(s) could not be decoded{because}"
            warnings.warn(message, MediaWarning, stacklevel=4)


def whole_seconds(container: Any) -> float | None:
    """Return the length of the file by its header, from its first stamp on, or as FFmpeg guesses it."""
    if not container.duration:
        return None
    seconds, start = container.duration / 1e6, (container.start_time or 0) / 1e6
    # Matroska declares when the last frame ends; part of a longer recording may begin at any time.
    late = container.format.name.startswith("matroska") and 0 < start < seconds
    return float(seconds - start) if late else float(seconds)


def declared_end(container: Any, path: Path) -> float | None:
    """Return the length that the header declares, where it does, in seconds."""
    name = container.format.name.split(",")[0]
    if name == "mp3":
        return _counted_seconds(container, path)
    if name not in _DECLARING:
        return None
    # Of an avi that is cut off FFmpeg gives the length that is left; the header still counts the frames.
    pictures = container.streams.video if name == "avi" else ()
    counted = [float(one.frames / one.average_rate) for one in pictures if one.frames and one.average_rate]
    return max([whole_seconds(container) or 0.0, *counted]) or None


def is_guessed(container: Any, path: Path) -> bool:
    """Whether the file declares no length, or one that FFmpeg guessed from its size and first bit rates."""
    if not container.duration:
        return True
    name = container.format.name.split(",")[0]
    if name != "mp3":
        return name in _RAW
    # FFmpeg too turns to a guess where the count is not that of the file: one of several joined, say.
    counted = _counted_seconds(container, path) or 0.0
    return bool(abs(counted - container.duration / 1e6) > _LOST_SECONDS)


def _counted_seconds(container: Any, path: Path) -> float | None:
    """Return the length by the count of frames that most mp3 hold in their first frame."""
    with path.open("rb") as file:
        head = file.read(10)
        tag = 10 + sum((byte & 0x7F) << 7 * (9 - at) for at, byte in enumerate(head[6:], 6))
        file.seek(tag if head[:3] == b"ID3" else 0)
        first = file.read(4096)
    at = max(first.find(b"Xing"), first.find(b"Info"))
    rate = container.streams.audio[0].rate if container.streams.audio else 0
    if at < 0 or len(first) < at + 12 or not first[at + 7] & 1 or not rate:
        return None
    samples = 1152 if rate >= 32_000 else 576
    return int.from_bytes(first[at + 8 : at + 12], "big") * samples / rate


def packets(container: Any, stream: Any, damage: Damage) -> Iterator[list[Any]]:
    """Yield the frames of each packet of `stream`; one that does not decode is counted and passed over.

    The other streams are read too, undecoded: a file is cut off where all of them end too early.
    """
    import av

    start = (container.start_time or 0) / 1e6
    source = container.demux([one for one in container.streams if one.type in ("audio", "video")])
    while True:
        try:
            packet = next(source)
        except StopIteration:
            return
        except (av.FFmpegError, EOFError, IndexError) as error:
            # IndexError: damage made the demuxer announce a stream that PyAV has no place for.
            damage.add(error)
            return
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None and packet.time_base is not None:
            end = float((stamp + (packet.duration or 0)) * packet.time_base) - start
            damage.reached = max(damage.reached, end)
        if packet.stream.index != stream.index:
            continue
        damage.packets += packet.size > 0
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            if not isinstance(error, EOFError):
                damage.add(error)
            continue
        yield frames
