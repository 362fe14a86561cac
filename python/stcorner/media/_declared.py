"""What a container declares of itself and of each stream, and how far it is believed."""

from __future__ import annotations

import contextlib
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from stcorner.media._container import MAX_GAP, is_picture_or_sound, open_container, stream_of

if TYPE_CHECKING:
    from pathlib import Path

    from stcorner.media._parts import Span

__all__ = [
    "WHOLE",
    "declared_end",
    "declared_fps",
    "has_other_tracks",
    "is_guessed",
    "mean_fps",
    "measured_seconds",
    "stream_fps",
    "stream_seconds",
    "whole_seconds",
]

WHOLE = -1
"""In place of a stream's number: all streams together."""

# Containers whose header declares the length.
_DECLARING = frozenset({"mov", "matroska", "avi", "flv", "ogg", "caf"})
# Frames of sound, one after the other, without any header.
_RAW = frozenset({"aac", "ac3", "amr", "amrnb", "amrwb", "eac3"})
# Containers that give each picture a time and need no rate: FFmpeg makes one up from the first pictures.
_TIMED = frozenset({"matroska", "flv", "live_flv", "asf", "rm", "nut"})
_GUESS_TOLERANCE = 0.25
# A camera's rate at most; what is above is the tick of a clock, where the container has one.
_HIGHEST_RATE = 240.0
# A declared rate counts where the pictures come at it within this share.
_RATE_TOLERANCE = 0.02
# Pictures of so many seconds tell the rate; a tick of a millisecond clock apart lie those that are not shown.
_MEASURED_SECONDS, _HIDDEN = 60.0, 0.0025


def _name(container: Any) -> str:
    return str(container.format.name).split(",")[0]


def whole_seconds(container: Any) -> float | None:
    """Return the length of the file by its header, from its first stamp on, or as FFmpeg guesses it."""
    if not container.duration:
        return None
    seconds, start = container.duration / 1e6, (container.start_time or 0) / 1e6
    # Matroska declares when the last frame ends; part of a longer recording may begin at any time.
    late = _name(container) == "matroska" and 0 < start < seconds
    return float(seconds - start) if late else float(seconds)


def stream_seconds(container: Any, stream: Any) -> float | None:
    """Return the length of one stream as the file declares it; None where it does not.

    A Matroska declares the end of its longest track, be it subtitles; tags, where a program wrote them, say
    it for each track.
    """
    whole = whole_seconds(container)
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
        return seconds if seconds > 0 else None
    tagged = _tagged_seconds(container, stream)
    if tagged is not None:
        return tagged
    return None if whole is None or has_other_tracks(container) else whole


def _tagged_seconds(container: Any, stream: Any) -> float | None:
    """Return the end of a Matroska track by its tag, unless that is beyond the end of the file."""
    whole = whole_seconds(container)
    if _name(container) != "matroska" or whole is None:
        return None
    for key, value in (stream.metadata or {}).items():
        found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)\0*", str(value).strip())
        if found and key.upper().startswith("DURATION"):
            hours, minutes, seconds = (float(part) for part in found.groups())
            end = 3600 * hours + 60 * minutes + seconds
            start = (container.start_time or 0) / 1e6
            end -= start if end > whole + _GUESS_TOLERANCE else 0.0
            return end if 0 < end <= whole + _GUESS_TOLERANCE else None
    return None


def has_other_tracks(container: Any) -> bool:
    """Whether a Matroska has tracks that are neither heard nor seen and may be the longest."""
    other = any(not is_picture_or_sound(stream) for stream in container.streams)
    return other and _name(container) == "matroska"


def declared_end(container: Any, path: Path, stream: Any) -> tuple[float | None, float | None]:
    """Return the ends that the header declares: of all streams together, and of one; in seconds."""
    name = _name(container)
    if name == "mp3":
        return _counted_seconds(container, path), None
    if name not in _DECLARING:
        return None, None
    # Of an avi that is cut off FFmpeg gives the length that is left; the header still counts the frames.
    pictures = container.streams.video if name == "avi" else ()
    counted = [float(one.frames / one.average_rate) for one in pictures if one.frames and one.average_rate]
    whole = max([whole_seconds(container) or 0.0, *counted]) or None
    return whole, _tagged_seconds(container, stream)


def is_guessed(container: Any, path: Path) -> bool:
    """Whether the file declares no length of what is seen and heard, or one that FFmpeg guessed."""
    if not container.duration:
        return True
    name = _name(container)
    if has_other_tracks(container):
        streams = [stream for stream in container.streams if is_picture_or_sound(stream)]
        return any(stream_seconds(container, stream) is None for stream in streams)
    if name != "mp3":
        return name in _RAW
    # FFmpeg too turns to a guess where the count is not that of the file: one of several joined, say.
    counted = _counted_seconds(container, path) or 0.0
    return bool(abs(counted - container.duration / 1e6) > _GUESS_TOLERANCE)


def _counted_seconds(container: Any, path: Path) -> float | None:
    """Return the length by the count of frames that most mp3 hold in their first frame."""
    from stcorner.media._parts import tag_length

    with path.open("rb") as file:
        file.seek(tag_length(path))
        first = file.read(4096)
    at = max(first.find(b"Xing"), first.find(b"Info"))
    rate = container.streams.audio[0].rate if container.streams.audio else 0
    if at < 0 or len(first) < at + 12 or not first[at + 7] & 1 or not rate:
        return None
    samples = 1152 if rate >= 32_000 else 576
    return int.from_bytes(first[at + 8 : at + 12], "big") * samples / rate


def measured_seconds(file: Path, span: Span) -> dict[int, float]:
    """Return the lengths of each stream and of all (`WHOLE`) by the stamps of the packets.

    Reads to the end, and decodes nothing.
    """
    import av

    first: dict[int, float] = {}
    last: dict[int, float] = {}
    with open_container(file, span) as container:
        streams = [stream for stream in container.streams if is_picture_or_sound(stream)]
        with contextlib.suppress(av.FFmpegError, EOFError, IndexError):  # reading it will say what is damaged
            for packet in container.demux(streams):
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is None or packet.time_base is None:
                    continue
                at, index = float(stamp * packet.time_base), packet.stream.index
                end = float((stamp + (packet.duration or 0)) * packet.time_base)
                for key in (index, WHOLE):
                    first[key], last[key] = min(first.get(key, at), at), max(last.get(key, end), end)
    return {index: last[index] - first[index] for index in first if last[index] > first[index]}


def declared_fps(container: Any, stream: Any) -> float:
    """Return the mean frames per second as declared, 0.0 if unknown or absurd."""
    highest = _HIGHEST_RATE if _name(container) in _TIMED else 1000.0
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 1 / MAX_GAP < float(rate) <= highest:
            return float(rate)
    return 0.0


def mean_fps(file: Path, span: Span = (0, None)) -> float:
    """Return the mean frames per second, as declared where that holds, else as measured; 0.0 if neither."""
    with open_container(file, span) as container:
        return stream_fps(container, stream_of(container, "video", file))


def stream_fps(container: Any, stream: Any) -> float:
    """Return what `mean_fps` does of a container from which nothing was read yet, and leave it so.

    Containers that give each picture its time need no rate: recordings of browsers have none, and FFmpeg
    takes the first pictures for all, or the tick of the clock for a rate. There the times of the first minute
    are counted, which need no decoding.
    """
    declared = declared_fps(container, stream)
    if declared and _name(container) not in _TIMED:
        return declared
    measured = _measured_fps(container, stream)
    if not measured or (declared and abs(measured / declared - 1) < _RATE_TOLERANCE):
        return declared
    return measured


def _measured_fps(container: Any, stream: Any) -> float:
    import av

    times: list[float] = []
    with contextlib.suppress(av.FFmpegError, EOFError, IndexError):  # reading it will say what is damaged
        for packet in container.demux(stream):
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is None or not packet.size:
                continue
            times.append(float(stamp * packet.time_base))
            if abs(times[-1] - times[0]) > _MEASURED_SECONDS:
                break
        container.seek(0)
    times.sort()
    apart = sum(later - earlier > _HIDDEN for earlier, later in pairwise(times))
    return apart / (times[-1] - times[0]) if apart else 0.0
