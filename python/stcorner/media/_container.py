"""Opening media files: what is accepted, what is refused before anything is allocated, one clock."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner.errors import MediaError, ParameterError
from stcorner.media._parts import Part, packed_index
from stcorner.media.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stcorner.media._parts import Span

__all__ = [
    "MAX_BYTES",
    "MAX_GAP",
    "MAX_PIXELS",
    "Clock",
    "Damage",
    "check_path",
    "is_picture_or_sound",
    "media_zero",
    "open_container",
    "packets",
    "stream_of",
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

# Hours of film have an index of some megabytes.
_MAX_INDEX = 64 * 2**20

_LOST_SHARE = 0.05
_LOST_SECONDS = 0.25


def check_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Return `path` as a `Path` to a regular, non-empty file, or raise."""
    if not isinstance(path, str) and not hasattr(path, "__fspath__"):
        raise ParameterError(f"{name} must be a str or os.PathLike, got {type(path).__name__}")
    file = Path(path)
    try:
        status = file.stat()
    except FileNotFoundError:
        raise MediaError(
            f"{file} does not exist; check the spelling; a relative name counts from the current folder"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise _unreadable(file, error) from None
    if file.is_dir():
        try:
            os.scandir(file).close()
        except OSError as error:
            raise _unreadable(file, error) from None
    if not file.is_file():  # reading a pipe or a device could wait for ever
        raise MediaError(f"{file} is not a regular file; save what it gives to a file first")
    if status.st_size == 0:
        raise MediaError(f"{file} is empty (0 bytes); copy it again from where it came")
    try:
        file.open("rb").close()
    except OSError as error:
        raise _unreadable(file, error) from None
    return file


def _unreadable(file: Path, error: Exception) -> MediaError:
    if isinstance(error, PermissionError):
        advice = "ask its owner, or make it readable with chmod u+r FILE"
    else:
        advice = "copy it to another disk, under a short name"
    return MediaError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}; {advice}")


@contextlib.contextmanager
def open_container(path: Path, span: Span = (0, None)) -> Iterator[Any]:
    """Open a checked path, or a stretch of it, with PyAV; errors become `MediaError` with the file's name."""
    import av

    if (length := packed_index(path, span[0])) > _MAX_INDEX:
        raise MediaError(
            f"{path} packs an index of {length} bytes, more than the {_MAX_INDEX} allowed: is it a film? If "
            "a player plays it, write it anew with ffmpeg -i FILE -c copy new.mp4"
        )
    limits = {"max_pixels": str(MAX_PIXELS)}
    # Titles in a broken encoding are no reason to refuse a clip; PyAV 19 replaces them by itself.
    lenient: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
    # A bare name with a colon would be read as a protocol.
    part = None if span == (0, None) else Part(path, span)
    try:
        container = av.open(
            part or f"file:{path}",
            options=limits,
            container_options={"protocol_whitelist": "file", "format_whitelist": _DEMUXERS},
            **lenient,
        )
    except (av.FFmpegError, ValueError) as error:
        refused = isinstance(error, av.ArgumentError)  # FFmpeg's word for a format that is not on the list
        reason = "a still image, a playlist, or no format of sound or video" if refused else _reason(error)
        if part is not None:
            part.close()
        raise MediaError(
            f"{path} is not a readable media file: {reason}; if a player plays it, convert it with ffmpeg "
            "-i FILE new.mkv"
        ) from None
    try:
        for stream in (*container.streams.video, *container.streams.audio):
            if stream.codec_context is not None:
                stream.codec_context.options = limits
        yield container
    finally:
        container.close()
        if part is not None:
            part.close()


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
        raise MediaError(f"{path} has no {kind} stream; stcorner probe FILE shows what it has")
    stream = next((one for one in usable if _is_marked(one, "default")), usable[0])
    width, height = (getattr(stream.codec_context, side, 0) for side in ("width", "height"))
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path} declares pictures of {width} x {height} pixels, more than the {MAX_PIXELS} allowed; "
            "make them smaller with ffmpeg -i FILE -vf scale=1280:-2 new.mp4"
        )
    return stream


def is_picture_or_sound(stream: Any) -> bool:
    """Whether a stream is seen or heard: no subtitles, data, attachments or cover."""
    return stream.type in ("audio", "video") and not _is_cover(stream)


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
    own: float = 0.0
    reason: str = ""

    def add(self, error: Exception) -> None:
        """Count one packet that did not decode."""
        self.lost += 1
        self.reason = self.reason or _reason(error)

    def judge(self, declared: float | None, own: float | None = None) -> None:
        """Warn of small losses and raise for large ones (more than 5 % and a quarter of a second).

        `declared` is the end of all streams together, `own` that of the one that was read.
        """
        because = f" ({self.reason})" if self.reason else ""
        for end, reached in ((declared, self.reached), (own, self.own)):
            if end is not None and end - reached > max(_LOST_SECONDS, _LOST_SHARE * end):
                raise MediaError(
                    f"{self.path} is cut off or damaged: "
                    f"it declares {end:.2f} s and ends at {reached:.2f} s{because}; "
                    f"copy it again, or keep what is left with ffmpeg -i FILE new{self.path.suffix or '.mkv'}"
                )
        if self.lost > max(1.0, _LOST_SHARE * self.packets):
            raise MediaError(
                f"{self.path} is damaged: "
                f"{self.lost} of {self.packets} {self.kind} packets could not be decoded{because}; "
                f"copy it again, or keep what is left with ffmpeg -i FILE new{self.path.suffix or '.mkv'}"
            )
        if self.lost:
            message = f"{self.path}: {self.lost} {self.kind} packet(s) could not be decoded{because}"
            remark(message, stacklevel=4)


def packets(container: Any, stream: Any, damage: Damage) -> Iterator[list[Any]]:
    """Yield the frames of each packet of `stream`; one that does not decode is counted and passed over.

    The other streams are read too, undecoded: a file is cut off where all of them end too early. An empty
    packet says that the picture before it stays: Theora writes one for each frame that does not change.
    """
    import av

    start = (container.start_time or 0) / 1e6
    source = container.demux(list(container.streams))
    repeats = stream.codec_context.name == "theora"
    shown: Any = None
    empty: Any = None
    while True:
        try:
            packet = next(source)
        except StopIteration:
            break
        except (av.FFmpegError, EOFError, IndexError) as error:
            # IndexError: damage made the demuxer announce a stream that PyAV has no place for.
            damage.add(error)
            return
        ours = packet.stream.index == stream.index
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None and packet.time_base is not None:
            end = float((stamp + (packet.duration or 0)) * packet.time_base) - start
            damage.reached = max(damage.reached, end)
            damage.own = max(damage.own, end) if ours else damage.own
        if not ours:
            continue
        if empty is not None and shown is not None:
            shown.pts = empty.pts
            yield [shown]
        empty = None
        if not packet.size:  # the last of them is FFmpeg's word for the end
            empty = packet
            continue
        damage.packets += 1
        frames = _decoded(packet.decode, damage)
        if repeats and frames:
            shown = frames[-1]
        yield frames
    if empty is not None:
        yield _decoded(empty.decode, damage)


def _decoded(decode: Callable[[], list[Any]], damage: Damage) -> list[Any]:
    import av

    try:
        return decode()
    except av.FFmpegError as error:
        if not isinstance(error, EOFError):
            damage.add(error)
        return []
