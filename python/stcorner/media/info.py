"""What a media file holds, without decoding it."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner.errors import MediaError
from stcorner.media._container import MAX_PIXELS, media_zero, open_container, stream_of
from stcorner.media._declared import (
    WHOLE,
    has_other_tracks,
    is_guessed,
    measured_seconds,
    stream_fps,
    stream_seconds,
    whole_seconds,
)
from stcorner.media._parts import spans_of
from stcorner.media._plain import open_plain
from stcorner.media.recording import Recording, check_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from stcorner.media._parts import Span
    from stcorner.media._plain import Plain
    from stcorner.media.recording import MediaLike

__all__ = ["AudioInfo", "MediaInfo", "VideoInfo", "probe"]

# Pixels so many times as long as wide are a slip of the header.
_MAX_RATIO = 4.0


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """The audio stream of a file that is read: the first marked as default, else the first.

    Attributes
    ----------
    codec : str
        Name of the coding, as FFmpeg spells it.
    sample_rate : int
        Samples per second and channel.
    channels : int
        Number of channels.
    duration : float or None
        Seconds, as declared; None where the file does not say.
    start_time : float
        Seconds between the file's zero and the first sample.

    See Also
    --------
    probe : Gives it, in `MediaInfo.audio`.
    """

    codec: str
    sample_rate: int
    channels: int
    duration: float | None
    start_time: float


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """The video stream of a file that is read: the first marked as default, else the first.

    Attributes
    ----------
    codec : str
        Name of the coding, as FFmpeg spells it.
    width, height : int
        Pixels of a frame as `load_video` gives it: square, and turned by `rotation`.
    fps : float
        Mean frames per second as declared; 0.0 where the file does not say.
    duration : float or None
        Seconds, as declared; None where the file does not say.
    start_time : float
        Seconds between the file's zero and the first frame.
    n_frames : int or None
        Frames as declared; None where the file does not say.
    rotation : int
        Counter-clockwise turn in degrees (0, 90, 180, 270) that the file asks for; `load_video` applies it,
        after mirroring where the file asks for that.

    See Also
    --------
    probe : Gives it, in `MediaInfo.video`.
    """

    codec: str
    width: int
    height: int
    fps: float
    duration: float | None
    start_time: float
    n_frames: int | None
    rotation: int


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """Result of `probe`.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    format : str
        Container, as FFmpeg names it.
    duration : float or None
        Seconds, as declared; None where the file does not say.
    audio : AudioInfo or None
        The audio stream that is read.
    video : VideoInfo or None
        The video stream that is read; cover art does not count.

    See Also
    --------
    probe : Gives it.
    """

    path: Path
    format: str
    duration: float | None
    audio: AudioInfo | None
    video: VideoInfo | None

    @property
    def offset(self) -> float | None:
        """Seconds by which the sound starts after the picture; None unless the file has both."""
        if self.audio is None or self.video is None:
            return None
        return self.audio.start_time - self.video.start_time


def orientation(frame: Any) -> tuple[int, bool]:
    """Return how the file wants a frame shown: mirrored left to right first or not, then turned.

    Returns
    -------
    rotation : int
        Counter-clockwise turn, rounded to 0, 90, 180 or 270 degrees.
    mirrored : bool
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 0, False
    a, b, _, c, d = struct.unpack("<5i", bytes(matrix)[:20])
    # A mirror makes the determinant negative; undone, it leaves a turn. An angle of (a, b) alone would take
    # a mirrored selfie for one that stands on its head.
    mirrored = a * d < b * c
    angle = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    return round(-angle / 90) % 4 * 90, mirrored


def square_size(stream: Any, width: int, height: int) -> tuple[int, int]:
    """Return the size at which a picture, not yet turned, has square pixels; no side gets shorter."""
    ratio = float(stream.sample_aspect_ratio or 1)
    if not 1 / _MAX_RATIO <= ratio <= _MAX_RATIO:
        return width, height
    wide, high = round(width * max(1.0, ratio)), round(height * max(1.0, 1 / ratio))
    return (wide, high) if wide * high <= MAX_PIXELS else (width, height)


def _first_frame(container: Any, stream: Any) -> Any:
    import av

    try:
        return next(iter(container.decode(stream)), None)
    except (av.FFmpegError, EOFError):
        return None


def _start(stream: Any, zero: float) -> float:
    return 0.0 if stream.start_time is None else float(stream.start_time * stream.time_base) - zero


def probe(path: MediaLike) -> MediaInfo:
    """Describe the container and the audio and video streams that are read of it.

    At most one frame is decoded (for its rotation). A file that does not declare how long it is (aac, ac3,
    amr, some mp3, recordings of browsers) is read through, undecoded, to measure it. Times count from the
    earliest sample or frame of the file, which is the zero of `iter_video` and `load_audio` too.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Any file that FFmpeg can read, other than playlists and still images.

    Returns
    -------
    MediaInfo
        Streams, rates, sizes and durations.

    Raises
    ------
    MediaError
        If the file does not exist, is empty, is no media, or has neither sound nor pictures.

    See Also
    --------
    list_media : Find the media files below a folder.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np, soundfile
    >>> wav = pathlib.Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(wav, np.zeros(8000), 16000)
    >>> info = probe(wav)
    >>> info.duration, info.audio.sample_rate, info.video is None
    (0.5, 16000, True)
    """
    file = check_source(path)
    if isinstance(file, Recording):
        return _recording_info(file)
    with open_plain(file) as plain:
        if plain is not None:
            return _plain_info(file, plain)
    first, *others = (_span_info(file, span) for span in spans_of(file))
    return _chained(first, others) if others else first


def _recording_info(recording: Recording) -> MediaInfo:
    audio = video = None
    if recording.sound is not None:
        y, rate = recording.sound
        audio = AudioInfo(
            codec="array", sample_rate=rate, channels=y.size // y.shape[-1],
            duration=recording.sound_seconds, start_time=0.0,
        )  # fmt: skip
    if recording.frames is not None:
        n_frames, height, width = recording.frames.shape[:3]
        video = VideoInfo(
            codec="array", width=width, height=height, fps=recording.fps or 0.0,
            duration=recording.frames_seconds, start_time=0.0, n_frames=n_frames, rotation=0,
        )  # fmt: skip
    longest = max(one.duration or 0.0 for one in (audio, video) if one is not None)
    return MediaInfo(path=Path(str(recording)), format="array", duration=longest, audio=audio, video=video)


def _plain_info(file: Path, plain: Plain) -> MediaInfo:
    seconds = plain.source.frames / plain.source.samplerate
    audio = AudioInfo(
        codec=plain.codec,
        sample_rate=int(plain.source.samplerate),
        channels=int(plain.source.channels),
        duration=seconds or None,
        start_time=0.0,
    )
    return MediaInfo(path=file, format=plain.header.form, duration=seconds or None, audio=audio, video=None)


def _chained(first: MediaInfo, others: list[MediaInfo]) -> MediaInfo:
    """Join the links of a chained file: they are played one after the other."""

    def total(seconds: list[float | None]) -> float | None:
        return math.fsum(one or 0.0 for one in seconds) or None

    links = [first, *others]
    audio = first.audio and replace(
        first.audio, duration=total([link.audio.duration for link in links if link.audio])
    )
    video = first.video and replace(
        first.video, duration=total([link.video.duration for link in links if link.video]), n_frames=None
    )
    return replace(first, duration=total([link.duration for link in links]), audio=audio, video=video)


def _span_info(file: Path, span: Span) -> MediaInfo:
    with open_container(file, span) as container:
        zero = media_zero(container)
        audio = video = None
        lengths = measured_seconds(file, span) if is_guessed(container, file) else {}

        def seconds_of(stream: Any) -> float | None:
            return lengths.get(stream.index) if lengths else stream_seconds(container, stream)

        try:
            stream = stream_of(container, "audio", file)
        except MediaError:
            pass
        else:
            context = stream.codec_context
            audio = AudioInfo(
                codec=context.codec.name,
                sample_rate=int(context.sample_rate),
                channels=int(context.channels),
                duration=seconds_of(stream),
                start_time=_start(stream, zero),
            )
        if any(True for _ in container.streams.video):
            video = _video_info(container, file, zero, seconds_of, required=audio is None)
        if audio is None and video is None:
            raise MediaError(
                f"{file} must have an audio or a video stream, and has neither; give the recording itself, "
                "not a picture or subtitles"
            )
        whole = lengths.get(WHOLE) if lengths else whole_seconds(container)
        if has_other_tracks(container) and not lengths:  # it may end with its subtitles
            whole = max(one.duration or 0.0 for one in (audio, video) if one is not None) or None
        return MediaInfo(path=file, format=container.format.name, duration=whole, audio=audio, video=video)


def _video_info(
    container: Any,
    file: Path,
    zero: float,
    seconds_of: Callable[[Any], float | None],
    *,
    required: bool,
) -> VideoInfo | None:
    try:
        stream = stream_of(container, "video", file)
    except MediaError:
        if required:
            raise
        return None
    fps = stream_fps(container, stream)
    frame = _first_frame(container, stream)
    rotation = 0 if frame is None else orientation(frame)[0]
    width, height = square_size(stream, stream.codec_context.width, stream.codec_context.height)
    if rotation % 180:
        width, height = height, width
    return VideoInfo(
        codec=stream.codec_context.codec.name,
        width=int(width),
        height=int(height),
        fps=fps,
        duration=seconds_of(stream),
        start_time=_start(stream, zero),
        n_frames=int(stream.frames) or None,
        rotation=rotation,
    )
