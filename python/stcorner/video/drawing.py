"""Interest points and response drawn over the frames."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.files import check_not_input, replacing, write_bytes
from stcorner._base.validation import check_flag, check_integer, check_real
from stcorner.errors import OutputError, ParameterError
from stcorner.video._source import FrameSource
from stcorner.video.harris import HarrisStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from stcorner.video._source import VideoLike
    from stcorner.video.points import Stips

__all__ = ["frames_with_response", "liveliest", "overlay"]

_DOT = (64, 255, 96)  # RGB of a point's circle
_EDGE = (16, 32, 16)
_GAP = 4  # pixels between the frames of a strip
_HEAT = np.array([255.0, 64.0, 0.0])


def overlay(
    video: VideoLike,
    stips: Stips,
    out: str | os.PathLike[str],
    *,
    response: bool = True,
    fps: float | None = None,
    n_frames: int = 6,
    min_height: int = 360,
    n_threads: int | None = None,
) -> Path:
    """Draw points, and the response as a red glow, over the frames of a video.

    Parameters
    ----------
    video : array_like of shape (t, y, x), path, or iterable of arrays of shape (n, y, x)
        The video that the points were found in; read once, in constant memory.
    stips : Stips
        Points of `detect_stips`. A circle of radius 2 sigma is drawn from 2 tau before to 2 tau after.
    out : path
        ``.mp4`` (H.264) for a film, ``.png`` for a strip of the frames with the most response, each with
        its number and, where the source has a clock, its time.
    response : bool, default=True
        Whether to draw the positive response at the finest scale of `stips`.
    fps : float, optional
        Frames per second of the film. Default: as the file's times tell, else 25.
    n_frames : int, default=6
        Frames in a strip, 1 to 64.
    min_height : int, default=360
        Smaller frames are enlarged by a whole factor to at least this height, 16 to 4320.
    n_threads : int, optional
        Threads for the response.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ParameterError
        If `out` has another suffix or is the video, its folder does not exist, or the frames differ from
        `stips.shape`.

    See Also
    --------
    detect_stips : Finds the points that it draws.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> video = np.zeros((25, 33, 33), np.uint8)
    >>> video[11:14, 15:18, 15:18] = 255
    >>> points = detect_stips(video, sigmas=2.0, taus=1.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     strip = overlay(video, points, pathlib.Path(folder) / "points.png")
    ...     strip.stat().st_size > 0
    True
    """
    target = Path(out)
    if target.suffix.lower() not in (".mp4", ".png"):
        raise ParameterError(f"out must end in .mp4 or .png, got {os.fspath(out)!r}")
    if not target.parent.is_dir():
        raise ParameterError(
            f"out must lie in an existing folder, got {os.fspath(out)!r}: make the folder first"
        )
    check_not_input("out", target, Path(video) if isinstance(video, str | os.PathLike) else None)
    glow = check_flag("response", response)
    rate = None if fps is None else check_real("fps", fps, low=0.1, high=1000.0)
    count = check_integer("n_frames", n_frames, low=1, high=64)
    low = check_integer("min_height", min_height, low=16, high=4320)
    source = FrameSource(video)
    if source.shape != stips.shape[1:]:
        raise ParameterError(f"video must have frames of {stips.shape[1:]} as stips, got {source.shape}")
    painter = _Painter(stips, max(1, -(-low // source.shape[0])), glow=glow)
    if target.suffix.lower() == ".png":
        wanted = set(liveliest(stips, count))
        pictures = [
            (each[0], painter.draw(*each))
            for each in _pictures(source, stips, glow, n_threads)
            if each[0] in wanted
        ]
        _write_png(target, painter.strip(pictures, source.times))
    else:
        _write_mp4(target, painter, _pictures(source, stips, glow, n_threads), source, rate)
    return target


def liveliest(stips: Stips, count: int) -> list[int]:
    """Frames with the most response, none within two frames of a better one."""
    total = stips.shape[0]
    weight = np.zeros(total)
    np.add.at(weight, np.clip(stips.frames, 0, total - 1), stips.response)
    chosen: list[int] = []
    for gap in (5, 1):  # a short clip has no room for the larger gap
        for frame in np.argsort(-weight, kind="stable").tolist():
            if len(chosen) < count and all(abs(frame - other) >= gap for other in chosen):
                chosen.append(frame)
    return sorted(chosen)


def _pictures(
    source: FrameSource, stips: Stips, glow: bool, n_threads: int | None
) -> Iterator[tuple[int, NDArray[Any], NDArray[np.float32] | None]]:
    if glow:
        yield from frames_with_response(source, stips, n_threads=n_threads)
    else:
        for index, frame in enumerate(frame for block in source for frame in block):
            yield index, frame, None


def frames_with_response(
    source: FrameSource, stips: Stips, *, n_threads: int | None = None
) -> Iterator[tuple[int, NDArray[Any], NDArray[np.float32]]]:
    """Yield index, picture and response at the finest scale of each frame; read as a stream."""
    sigma, tau = (float(v.min()) if len(stips) else d for v, d in ((stips.sigma, 2.0), (stips.tau, 1.5)))
    stream = HarrisStream(source.shape, sigma=sigma, tau=tau, n_threads=n_threads)
    waiting: deque[NDArray[Any]] = deque()
    index = 0

    def out(responses: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[Any], NDArray[np.float32]]]:
        nonlocal index
        for plane in responses:
            yield index, waiting.popleft(), plane
            index += 1

    for block in source:
        waiting.extend(block)
        yield from out(stream.push(block))
    yield from out(stream.flush())


class _Painter:
    """Turns a frame, its response and its points into an RGB picture."""

    def __init__(self, stips: Stips, scale: int, *, glow: bool) -> None:
        self.stips, self.scale, self.glow = stips, scale, glow
        self.top = float(stips.response.max()) if len(stips) else 0.0
        self.span = 0.0  # largest gray value so far, for frames that are not uint8

    def draw(self, index: int, frame: NDArray[Any], plane: NDArray[np.float32] | None) -> NDArray[np.uint8]:
        import cv2

        if frame.dtype == np.uint8:
            gray = frame.astype(np.float32)
        else:
            self.span = max(self.span, float(frame.max()), 1e-12)
            gray = np.clip(frame.astype(np.float32) * (255.0 / self.span), 0, 255)
        size = (frame.shape[1] * self.scale, frame.shape[0] * self.scale)
        picture = cv2.resize(gray, size, interpolation=cv2.INTER_LINEAR)[..., None].repeat(3, axis=2)
        if plane is not None and self.top > 0:
            # The cube root: the response is of sixth order in the gray values.
            strength = np.cbrt(np.clip(plane / self.top, 0.0, 1.0))
            alpha = 0.7 * cv2.resize(strength, size, interpolation=cv2.INTER_LINEAR)[..., None]
            picture = picture * (1.0 - alpha) + _HEAT * alpha
        canvas: NDArray[np.uint8] = np.ascontiguousarray(picture.round().astype(np.uint8))
        self._rings(canvas, index)
        return canvas

    def _rings(self, canvas: NDArray[np.uint8], index: int) -> None:
        """Rings over a darker, wider line, so that they show on bright and on dark ground."""
        import cv2

        shift = 4  # OpenCV takes positions in sixteenths of a pixel
        width = max(1, round(canvas.shape[0] / 360))
        near = np.abs(self.stips.coordinates[:, 0] - index) <= 2.0 * self.stips.tau
        for colour, line in ((_EDGE, width + 2), (_DOT, width)):
            for (_, y, x), sigma in zip(self.stips.coordinates[near], self.stips.sigma[near], strict=True):
                # A pixel's centre is at + 0.5, except to OpenCV.
                centre = [round(((n + 0.5) * self.scale - 0.5) * 2**shift) for n in (x, y)]
                radius = round(max(2.0, 2.0 * sigma * self.scale) * 2**shift)
                cv2.circle(canvas, centre, radius, colour, line, cv2.LINE_AA, shift)

    def label(self, canvas: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
        """Write into the lower left corner, where the picture is high enough to spare the room."""
        import cv2

        height = canvas.shape[0]
        if height >= 120:
            size = height / 720
            for colour, line in ((_EDGE, 3), ((255, 255, 255), 1)):
                place = (round(height / 60), height - round(height / 60))
                line = max(1, round(line * height / 360))
                cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, line, cv2.LINE_AA)
        return canvas

    def strip(self, pictures: list[tuple[int, NDArray[np.uint8]]], times: list[float]) -> NDArray[np.uint8]:
        """Frames side by side, a gap between them, each with its number and, if known, its time."""
        parts: list[NDArray[np.uint8]] = []
        for index, picture in pictures:
            if parts:
                parts.append(np.full((picture.shape[0], _GAP, 3), 72, np.uint8))
            when = f", {times[index]:.2f} s" if times else ""
            parts.append(self.label(picture, f"frame {index}{when}"))
        return np.concatenate(parts, axis=1)


def _write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    import cv2

    done, data = cv2.imencode(".png", picture[..., ::-1])
    if not done:
        raise ParameterError(f"out must be a picture that OpenCV can encode, got {picture.shape}")
    write_bytes(path, data.tobytes())


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Replace a film, and name it where FFmpeg fails: its errors are not all of the system."""
    import av

    with replacing(path) as beside:
        try:
            yield beside
        except av.FFmpegError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None


def _write_mp4(
    path: Path,
    painter: _Painter,
    frames: Iterator[tuple[int, NDArray[Any], NDArray[np.float32] | None]],
    source: FrameSource,
    fps: float | None,
) -> None:
    from fractions import Fraction

    import av

    height, width = (n * painter.scale // 2 * 2 for n in source.shape)  # H.264 wants even sizes
    height, width = max(2, height), max(2, width)
    # A bare name with a colon would be written to as a protocol.
    with _replacing(path) as part, av.open(f"file:{part}", "w", format="mp4") as container:
        stream: Any = None
        for index, frame, plane in frames:
            if stream is None:
                times = source.times
                if fps is None:
                    spaced = len(times) > 1 and times[-1] > times[0]
                    fps = (len(times) - 1) / (times[-1] - times[0]) if spaced else 25.0
                stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.options = {"crf": "18"}
            picture = painter.draw(index, frame, plane)[:height, :width]
            for packet in stream.encode(
                av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            ):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
