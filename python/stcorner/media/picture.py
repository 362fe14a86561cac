"""Pictures out of any video file, on the container's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_flag, check_integer
from stcorner.errors import MediaError
from stcorner.media._container import (
    MAX_BYTES,
    Clock,
    Damage,
    media_zero,
    open_container,
    packets,
    stream_of,
)
from stcorner.media._declared import declared_end, declared_fps, mean_fps, whole_seconds
from stcorner.media._growing import Growing
from stcorner.media._parts import spans_of
from stcorner.media.info import orientation, square_size
from stcorner.media.recording import Recording, check_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from stcorner.media.recording import MediaLike, Source

__all__ = ["VideoBlock", "iter_video", "load_video"]

# Planar or semi-planar 8-bit formats whose first plane is the luma.
_LUMA_FIRST = frozenset(
    [f"yuv{layout}p" for layout in (410, 411, 420, 422, 440, 444)]
    + [f"yuvj{layout}p" for layout in (411, 420, 422, 440, 444)]
    + [f"yuva{layout}p" for layout in (420, 422, 444)]
    + ["nv12", "nv16", "nv21", "nv24", "nv42"]
)
_STUDIO_RANGE, _FULL_RANGE = 1, 2  # AVCOL_RANGE_MPEG and _JPEG
# By their standards a stream that says nothing of its range is of studio range, a gray one too.
_STUDIO_CODECS = frozenset({"h264", "hevc", "vvc"})
# Studio luma, 16 to 235, to 0 to 255; footroom and headroom are cut.
_EXPAND = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_DEFAULT_STEP = 1 / 25
# Of one block: a block of large pictures has fewer of them.
_BLOCK_BYTES = 64 * 2**20
# Beyond so many pixels the threads share each picture: one picture for each thread would fill the memory.
_SHARED_PIXELS = 2560 * 1600


@dataclass(frozen=True)
class VideoBlock:
    """Frames that follow each other.

    Attributes
    ----------
    frames : ndarray of shape (t, y, x) or (t, y, x, 3), uint8
        Luma, 0 to 255, or RGB.
    times : ndarray of shape (t,), float64
        Presentation times in seconds from the file's zero, strictly increasing.

    See Also
    --------
    iter_video : Yields them.
    """

    frames: NDArray[np.uint8]
    times: NDArray[np.float64]


def load_video(path: MediaLike, *, gray: bool = True) -> tuple[NDArray[np.uint8], float]:
    """Read all frames of a video.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Any video file that FFmpeg can read.
    gray : bool, default=True
        Luma only. With False the frames are RGB.

    Returns
    -------
    video : ndarray of shape (t, y, x) or (t, y, x, 3), uint8
        Full range, 0 to 255 (studio range is expanded), with square pixels, mirrored and turned upright as
        the file asks.
    fps : float
        Mean frames per second: as declared, else as measured from the presentation times. Recordings of
        browsers and phones give each picture its time; there the first minute is measured.

    Raises
    ------
    MediaError
        If the file is missing, damaged, has no video stream, or would take more than 4 GiB
        (read it with `iter_video` then).

    See Also
    --------
    iter_video : The same frames by blocks, with their times.
    load_audio : Read the sound of a file.
    """
    check_flag("gray", gray)
    file = check_source(path)
    grown, times = Growing(), []
    fps = file.fps if isinstance(file, Recording) else mean_fps(file, spans_of(file)[0])
    for block in _blocks(file, 32, gray=gray):
        grown.add(block.frames)
        times.append(block.times)
        if grown.nbytes > MAX_BYTES:
            raise MediaError(
                f"{file} holds more pictures than {MAX_BYTES} bytes: read it by blocks with iter_video"
            )
    stamps = np.concatenate(times)
    if not fps:
        fps = (len(stamps) - 1) / (stamps[-1] - stamps[0]) if len(stamps) > 1 else 1 / _DEFAULT_STEP
    return grown.result(), float(fps)


def iter_video(path: MediaLike, *, block_length: int = 32, gray: bool = True) -> Iterator[VideoBlock]:
    """Read a video block by block, in constant memory.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Any video file that FFmpeg can read.
    block_length : int, default=32
        Frames in each block but the last, >= 1; fewer if they would take more than 64 MB.
    gray : bool, default=True
        Luma only, taken from the decoder without a detour over RGB. With False the frames are RGB.

    Yields
    ------
    VideoBlock
        The next frames and their times in seconds.

    Raises
    ------
    ParameterError
        If a parameter is out of range (at the call).
    MediaError
        If the file is missing, damaged or has no video stream. Frames before the damage come first.

    See Also
    --------
    load_video : Read the whole video at once.
    HarrisStream : Response of a stream of such blocks.

    Notes
    -----
    Studio range (16 to 235) is expanded to 0 to 255, so that gray equals the luma of the RGB frames. A frame
    of another size than the first is scaled to the first. Missing, repeated and backward presentation times
    are continued by one frame length. Pixels that are not square (of DV, HDV and discs) are stretched until
    they are: a face squeezed to two thirds has other corners. Interlaced pictures are left as they are.
    """
    check_flag("gray", gray)
    length = check_integer("block_length", block_length, low=1)
    return _blocks(check_source(path), length, gray=gray)


def _blocks(file: Source, length: int, *, gray: bool) -> Iterator[VideoBlock]:
    frames: NDArray[np.uint8] | None = None
    times: list[float] = []
    for picture, time in decoded_frames(file, gray=gray):
        if frames is None:
            fitting = max(1, min(length, _BLOCK_BYTES // picture.nbytes))
            frames = np.empty((fitting, *picture.shape), np.uint8)
        frames[len(times)] = picture
        times.append(time)
        if len(times) == len(frames):
            yield VideoBlock(frames, np.array(times))
            frames, times = None, []
    if frames is not None:
        yield VideoBlock(frames[: len(times)].copy(), np.array(times))


def decoded_frames(file: Source, *, gray: bool) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield each frame and its time. The array may be a view of the decoder's: read it, do not write."""
    if isinstance(file, Recording):
        yield from file.pictures(gray=gray)
        return
    convert: _Converter | None = None
    zero = 0.0
    for span in spans_of(file):
        with open_container(file, span) as container:
            stream = stream_of(container, "video", file)
            context = stream.codec_context
            # Theora's empty packets repeat the picture before: threads by pictures would not have it yet.
            alone = context.name == "theora" or context.width * context.height > _SHARED_PIXELS
            stream.thread_type = "SLICE" if alone else "AUTO"
            # The processes of a pool run one kernel thread each; the decoder keeps to the same number.
            context.thread_count = _core.effective_threads(0, 16)
            fps = declared_fps(container, stream)
            clock = Clock(media_zero(container), 1 / fps if fps else _DEFAULT_STEP)
            damage = Damage(file, "video")
            stamps = _Stamps(avi=container.format.name == "avi")
            for decoded in packets(container, stream, damage):
                for frame in decoded:
                    time = zero + clock.time(stamps(frame))
                    if convert is None:
                        convert = _Converter(stream, frame, gray=gray)
                    yield convert(frame), time
            if convert is None:
                raise MediaError(
                    f"{file}: no picture could be decoded{f' ({damage.reason})' if damage.reason else ''}; "
                    "if a player plays it, convert it with ffmpeg -i FILE new.mp4"
                )
            damage.judge(*declared_end(container, file, stream))
            zero += whole_seconds(container) or 0.0


class _Stamps:
    """Presentation time of each frame in seconds, None where it has none.

    An avi has no presentation times: FFmpeg hands on those of decoding, which B-frames put out of order.
    There the decoding times of the packets that set frames free count, less the decoder's delay.
    """

    def __init__(self, *, avi: bool) -> None:
        self._avi = avi
        self._delay: int | None = None

    def __call__(self, frame: Any) -> float | None:
        stamp = frame.pts
        if self._avi and stamp is not None:
            if self._delay is None:
                self._delay = (frame.dts or stamp) - stamp
            stamp = None if frame.dts is None else frame.dts - self._delay
        return None if stamp is None else float(stamp * frame.time_base)


class _Converter:
    """Decoded frame to upright uint8 array of the first frame's size, with square pixels."""

    def __init__(self, stream: Any, frame: Any, *, gray: bool) -> None:
        from av.video.reformatter import VideoReformatter

        self._gray = gray
        self._codec = stream.codec_context.codec.canonical_name
        self._size = square_size(stream, frame.width, frame.height)
        rotation, self._mirrored = orientation(frame)
        self._turns = rotation // 90
        self._reformatter = VideoReformatter()

    def __call__(self, frame: Any) -> NDArray[np.uint8]:
        if frame.format.name.startswith("gray"):
            picture = self._monochrome(frame)
        else:
            picture = self._luma(frame) if self._gray else self._scaled(frame, "rgb24")
        if self._mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, self._turns) if self._turns else picture

    def _luma(self, frame: Any) -> NDArray[np.uint8]:
        name = frame.format.name
        if name not in _LUMA_FIRST or (frame.width, frame.height) != self._size:
            return self._scaled(frame, "gray")
        full = frame.color_range == _FULL_RANGE or name.startswith("yuvj")
        return _plane(frame) if full else _expanded(_plane(frame))

    def _monochrome(self, frame: Any) -> NDArray[np.uint8]:
        """Convert gray without colour planes, which FFmpeg takes for full range, whatever the stream says."""
        plain = frame.format.name == "gray" and (frame.width, frame.height) == self._size
        luma = _plane(frame) if plain else self._scaled(frame, "gray", from_range=_FULL_RANGE)
        unsaid = frame.color_range not in (_STUDIO_RANGE, _FULL_RANGE)
        if frame.color_range == _STUDIO_RANGE or (unsaid and self._codec in _STUDIO_CODECS):
            luma = _expanded(luma)
        return luma if self._gray else np.repeat(luma[..., None], 3, axis=2)

    def _scaled(self, frame: Any, form: str, from_range: int | None = None) -> NDArray[np.uint8]:
        width, height = self._size
        out: Any = self._reformatter.reformat(
            frame, width, height, form, src_color_range=from_range, dst_color_range=_FULL_RANGE
        )
        picture: NDArray[np.uint8] = out.to_ndarray()
        return picture


def _plane(frame: Any) -> NDArray[np.uint8]:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def _expanded(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    expanded: NDArray[Any] = cv2.LUT(luma, _EXPAND)
    return expanded
