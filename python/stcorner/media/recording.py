"""Sound and pictures in arrays instead of a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_array, check_integer, check_real, refuse_samples_first
from stcorner.errors import MediaError, ParameterError
from stcorner.media._container import check_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

__all__ = ["MediaLike", "Recording", "Source", "check_source"]

# Float sound beyond so many times full scale is integers that somebody cast; files hold a little over 1.
_MOST_SCALES = 16.0
# Sound and pictures of one recording rarely end together; a wrong fps makes one a fifth longer.
_SHARE, _SECONDS = 0.1, 1.0
_HIGHEST_RATE = 10_000_000
_SAMPLES_PER_READ = 1 << 16


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Sound, pictures or both as arrays, to use instead of a media file.

    Readers, face functions and recognisers take a recording where they take the path of a file, and give the
    same numbers as for a file that holds its samples and frames. Functions of sound or of a video alone take
    its arrays.

    Parameters
    ----------
    sound : (array_like, int), optional
        Samples of shape (n,) or (channels, n), and samples per second. Floats have a full scale of 1.0, as
        `load_audio` returns them; integers of 16 or 32 bits are read as a wav file's are.
    frames : array_like of shape (t, y, x) or (t, y, x, 3), uint8, optional
        Luma, or RGB, 0 to 255, as `load_video` returns them: upright, with square pixels.
    fps : float, optional
        Frames per second, which must come with `frames`: frame ``i`` is shown at ``i / fps`` seconds, and
        sample ``j`` sounds at ``j / sr``.
    name : str, default="recording"
        What messages and tables call it.

    Raises
    ------
    ValueError
        If there is neither sound nor frames, an array has another shape, type or range, or one stream is more
        than a tenth, and more than a second, longer than the other.

    See Also
    --------
    Clip : A clip in a file.

    Examples
    --------
    >>> recording = Recording(sound=(np.zeros(16000, np.float32), 16000),
    ...                       frames=np.zeros((25, 48, 64), np.uint8), fps=25)
    >>> recording
    Recording('recording', 1.00 s of sound at 16000 Hz, 25 frames of 64 x 48 at 25 fps)
    """

    sound: Any = None
    frames: Any = None
    fps: float | None = None
    name: str = "recording"

    def __post_init__(self) -> None:
        """Check the arrays and bring them to the form that readers return."""
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise ParameterError(f"name must be a non-empty string, got {self.name!r}")
        if self.sound is None and self.frames is None:
            raise ParameterError(
                "sound or frames must be given, got neither: write Recording(sound=(y, sr)) or "
                "Recording(frames=frames, fps=25)"
            )
        if (self.frames is None) != (self.fps is None):
            raise ParameterError("frames and fps must come together, got one of them: give both")
        if self.sound is not None:
            object.__setattr__(self, "sound", _checked_sound(self.sound))
        if self.frames is not None:
            fps = check_real("fps", self.fps, low=0.0, high=1000.0, open_low=True)
            object.__setattr__(self, "fps", fps)
            object.__setattr__(self, "frames", _checked_frames(self.frames))
        lengths = [seconds for seconds in (self.sound_seconds, self.frames_seconds) if seconds is not None]
        if max(lengths) - min(lengths) > max(_SECONDS, _SHARE * max(lengths)):
            raise ParameterError(
                f"sound and frames must last equally long, got {lengths[0]:.2f} s of sound and "
                f"{lengths[1]:.2f} s of frames at {self.fps:g} fps: check sr and fps"
            )

    def __str__(self) -> str:
        """Return the name, which stands in messages where a file's path would."""
        return self.name

    def __repr__(self) -> str:
        """Return what it holds; the arrays are attributes."""
        parts = [repr(self.name)]
        if self.sound is not None:
            parts.append(f"{self.sound_seconds:.2f} s of sound at {self.sound[1]} Hz")
        if self.frames is not None:
            height, width = self.frames.shape[1:3]
            parts.append(f"{len(self.frames)} frames of {width} x {height} at {self.fps:g} fps")
        return f"Recording({', '.join(parts)})"

    @property
    def sound_seconds(self) -> float | None:
        """Length of the sound; None without."""
        return None if self.sound is None else self.sound[0].shape[-1] / self.sound[1]

    @property
    def frames_seconds(self) -> float | None:
        """Length of the pictures; None without."""
        return None if self.frames is None or self.fps is None else len(self.frames) / self.fps

    def sound_blocks(self) -> Iterator[tuple[NDArray[np.float32], int, int]]:
        """Yield (channels, n) samples, the rate, and the number of the block's first sample.

        Yields
        ------
        samples : ndarray of shape (channels, n), float32
            The next block.
        sr : int
            Samples per second.
        start : int
            Number of the block's first sample.

        Raises
        ------
        MediaError
            If there is no sound.
        """
        if self.sound is None:
            raise MediaError(f"{self.name} has no audio stream")
        y, rate = self.sound
        y = y.reshape(-1, y.shape[-1])
        for at in range(0, y.shape[1], _SAMPLES_PER_READ):
            yield y[:, at : at + _SAMPLES_PER_READ], rate, at

    def pictures(self, *, gray: bool) -> Iterator[tuple[NDArray[np.uint8], float]]:
        """Yield each frame, as luma or RGB, and its time.

        Parameters
        ----------
        gray : bool
            Luma in place of RGB.

        Yields
        ------
        frame : ndarray of shape (y, x) or (y, x, 3), uint8
            The next frame.
        time : float
            Its time in seconds.

        Raises
        ------
        MediaError
            If there are no frames.
        """
        if self.frames is None or self.fps is None:
            raise MediaError(f"{self.name} has no video stream")
        convert = _luma() if gray and self.frames.ndim == 4 else None
        for number, frame in enumerate(self.frames):
            picture = frame if convert is None else convert(frame)
            if not gray and picture.ndim == 2:
                picture = np.repeat(picture[..., None], 3, axis=2)
            yield picture, number / self.fps


MediaLike = str | os.PathLike[str] | Recording
"""What names media: a path, or a recording in arrays."""

Source = Path | Recording
"""A file that was looked at, or a recording."""


def check_source(path: MediaLike) -> Source:
    """Return a recording as it is, and a path as `check_path` does."""
    return path if isinstance(path, Recording) else check_path(path)


def _checked_sound(given: Any) -> tuple[NDArray[np.float32], int]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ParameterError(f"sound must be a pair (y, sr), as load_audio returns, got {_kind(given)}")
    sr = check_integer("sr", given[1], low=1, high=_HIGHEST_RATE)
    refuse_samples_first("sound", given[0])
    y = check_array("sound", given[0], ndim=(1, 2))
    if y.dtype.kind == "f":
        peak = float(np.abs(y).max())
        if peak > _MOST_SCALES:
            raise ParameterError(
                f"sound must have a full scale of 1.0, got samples up to {peak:.6g}: give integers as int16 "
                "or int32, or divide them by 32768"
            )
        return np.ascontiguousarray(y, np.float32), sr
    if y.dtype not in (np.int16, np.int32):
        raise ParameterError(f"sound must be floats, int16 or int32, got {y.dtype}")
    return np.ascontiguousarray(y / np.float64(-int(np.iinfo(y.dtype).min)), np.float32), sr


def _checked_frames(given: ArrayLike) -> NDArray[np.uint8]:
    frames = check_array("frames", given, ndim=(3, 4))
    if frames.dtype != np.uint8:
        advice = ": multiply values of 0 to 1 by 255 and round" if frames.dtype.kind == "f" else ""
        raise ParameterError(f"frames must be uint8, 0 to 255, got {frames.dtype}{advice}")
    if frames.ndim == 4 and frames.shape[3] != 3:
        raise ParameterError(
            f"frames must have shape (t, y, x) or (t, y, x, 3), got {frames.shape}: swap its axes"
        )
    return frames


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {shape}" if shape is not None else "")


def _luma() -> Any:
    """Return what makes luma of RGB as the reader of files does, to the bit."""
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()

    def convert(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        source = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        gray: Any = reformatter.reformat(source, format="gray", dst_color_range=2)
        luma: NDArray[np.uint8] = gray.to_ndarray()
        return luma

    return convert
