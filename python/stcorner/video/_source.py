"""Where frames come from: an array, a file, or an iterable of blocks; and the options of the core."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from stcorner import _core
from stcorner._base.validation import (
    check_array,
    check_choice,
    check_flag,
    check_integer,
    check_real,
    resolve_n_threads,
)
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from numpy.typing import ArrayLike, NDArray

    Frames: TypeAlias = NDArray[Any]
    VideoLike: TypeAlias = ArrayLike | str | os.PathLike[str] | Iterable[ArrayLike]

__all__ = [
    "FrameSource",
    "call_length",
    "check_grid",
    "check_scales",
    "check_video",
    "gray_span",
    "harris_options",
    "of_known_length",
    "radius",
]

Result = TypeVar("Result")

# Voxels per call of the core: full of work, and yet a copy of them costs no memory to speak of.
_CALL_VOXELS = 1 << 20
_CALL_FRAMES = 8  # which the core smooths in time together
_FILE_VOXELS = 1 << 25  # of a media file that are decoded at a time
_SLAB_BYTES = 1 << 27  # of an array on disk that are read at a time
_LONGEST_SIDE = 1 << 20
_PIXELS = ("uint8", "uint16", "float32", "float64")


def call_length(shape: tuple[int, int]) -> int:
    """Frames of that height and width per call of the core."""
    blocks = _CALL_VOXELS // max(1, shape[0] * shape[1] * _CALL_FRAMES)
    return max(1, blocks) * _CALL_FRAMES


def is_sliceable(video: Any) -> bool:
    """Whether this is an array that lies elsewhere and is read by slices: memory map, Zarr, HDF5, dask."""
    if isinstance(video, np.ndarray):
        return isinstance(video, np.memmap)
    if not all(hasattr(video, name) for name in ("shape", "dtype", "__getitem__")):
        return False
    try:
        np.dtype(video.dtype)
    except TypeError:  # a tensor of a framework with dtypes of its own
        return False
    return True


def slabs(volume: Any) -> Iterator[Frames]:
    """Read a sliceable (t, y, x) array by frames, in whole chunks of its own where these are small enough."""
    frame = max(1, volume.shape[1] * volume.shape[2] * np.dtype(volume.dtype).itemsize)
    most = max(1, _SLAB_BYTES // frame)
    chunks = getattr(volume, "chunks", None)
    chunk = chunks[0] if chunks else _CALL_FRAMES
    deep = chunk if isinstance(chunk, int) else max(chunk)  # dask lists every chunk
    step = min(most, max(deep, call_length((volume.shape[1], volume.shape[2])) // deep * deep))
    for start in range(0, volume.shape[0], step):
        yield check_video("video", np.asarray(volume[start : start + step]))


def check_video(name: str, video: ArrayLike) -> Frames:
    """Return a C-contiguous (t, y, x) array of a dtype that the core reads; finiteness is checked there."""
    return check_array(name, video, dtype="f8", allowed_dtypes=_PIXELS, ndim=3, finite=False)


def check_scales(name: str, values: float | Sequence[float]) -> list[float]:
    """Return standard deviations as floats; between 0.1 and 64, none twice."""
    listed = list(np.atleast_1d(np.asarray(values, dtype=object)))
    if not listed:
        raise ParameterError(f"{name} must not be empty, got {values!r}")
    scales = [check_real(name, value, low=0.1, high=64.0) for value in listed]
    if len(set(scales)) != len(scales):
        raise ParameterError(f"{name} must not repeat a value, got {values!r}")
    return scales


def check_grid(grid: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns, 1 to 64 each."""
    try:
        rows, columns = grid
    except (TypeError, ValueError):
        raise ParameterError(f"grid must be (rows, columns), got {grid!r}") from None
    return check_integer("grid", rows, low=1, high=64), check_integer("grid", columns, low=1, high=64)


def gray_span(block: Frames) -> float:
    """Range of gray values that a dtype stands for: 255, 65535, or 1 for floats."""
    return float(np.iinfo(block.dtype).max) if block.dtype.kind == "u" else 1.0


def _check_scale(sigma: float | tuple[float, float], tau: float) -> tuple[float, float, float]:
    """Return the standard deviations along t, y, x."""
    y, x = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    return (
        check_real("tau", tau, low=0.1, high=64.0),
        check_real("sigma", y, low=0.1, high=64.0),
        check_real("sigma", x, low=0.1, high=64.0),
    )


def harris_options(
    shape: tuple[int, int],
    *,
    scales: Sequence[tuple[float | tuple[float, float], float]],
    s: float,
    k: float,
    scale_normalize: bool = True,
    normalize: bool = False,
    eps: float = 0.0,
    mode: str = "reflect",
    tensor: bool = False,
    n_threads: int | None = None,
) -> _core.HarrisOptions:
    """Check the parameters that all functions of the room share."""
    if max(shape) > _LONGEST_SIDE:
        raise ParameterError(f"frames must have at most {_LONGEST_SIDE} pixels a side, got {shape}")
    return _core.HarrisOptions(
        height=shape[0],
        width=shape[1],
        scales=[_check_scale(*scale) for scale in scales],
        s=check_real("s", s, low=0.1, high=100.0),
        k=check_real("k", k, low=0.0, high=1 / 27, open_high=True),
        scale_normalize=check_flag("scale_normalize", scale_normalize),
        normalize=normalize,
        eps=check_real("eps", eps, low=0.0),
        reflect=check_choice("mode", mode, ("reflect", "nearest")) == "reflect",
        tensor=tensor,
        n_threads=resolve_n_threads(n_threads),
        tile_width=0,
        tile_height=0,
    )


class FrameSource:
    """Blocks of frames from an array, a media file or an iterable, read once.

    Attributes
    ----------
    shape : (int, int)
        Height and width of a frame.
    fps : float or None
        Frames per second, where the source knows.
    again : bool
        Whether a second source can read the same video.
    itemsize : int
        Bytes that the core keeps of a pixel.
    times : list of float
        Presentation times in seconds of the frames read so far; empty where the source has no clock.
    """

    def __init__(self, video: Any) -> None:
        self.times: list[float] = []
        self.fps: float | None = None
        self.n_frames = 0
        self.again = True
        self.path = os.fspath(video) if isinstance(video, str | os.PathLike) else None
        if self.path is not None:
            blocks = self._from_file(self.path)
        elif is_sliceable(video):
            if len(video.shape) != 3 or 0 in video.shape:
                check_video("video", np.empty(video.shape, np.uint8))
            blocks = slabs(video)
        elif isinstance(video, np.ndarray) or hasattr(video, "__array__") or isinstance(video, list | tuple):
            array = check_video("video", video)
            blocks = iter([array])
        elif hasattr(video, "__iter__"):
            blocks = (check_video("video", block) for block in video)
            self.again = False
        else:
            raise ParameterError(
                f"video must be an array, a path or an iterable of blocks, got {type(video).__name__}"
            )
        first = next(blocks, None)
        if first is None:
            raise ParameterError("video must hold at least one frame, got none")
        self.shape: tuple[int, int] = (first.shape[1], first.shape[2])
        self.itemsize = min(4, first.dtype.itemsize)
        self._blocks = itertools.chain([first], blocks)

    def __iter__(self) -> Iterator[Frames]:
        """Yield blocks of shape (n, y, x), short enough for one call of the core; once."""
        step = call_length(self.shape)
        for block in self._blocks:
            if block.shape[1:] != self.shape:
                raise ParameterError(f"video must keep its frame size {self.shape}, got {block.shape[1:]}")
            self.n_frames += len(block)
            yield from (block[start : start + step] for start in range(0, len(block), step))

    def _from_file(self, path: str) -> Iterator[Frames]:
        from stcorner.media import iter_video, probe

        info = probe(path).video
        length = max(1, min(32, _FILE_VOXELS // max(1, info.width * info.height))) if info else 32
        for block in iter_video(path, block_length=length, gray=True):
            self.times.extend(float(t) for t in block.times)
            yield block.frames

    def check_segments(self, segments: int) -> None:
        """Refuse more segments of time than the frames that were read."""
        if self.n_frames < segments:
            raise ParameterError(
                f"segments must be <= the number of frames ({self.n_frames}), got {segments}: lower "
                "segments or give a longer clip"
            )

    def seconds(self, frames: NDArray[Any]) -> NDArray[np.float64] | None:
        """Presentation times of fractional frame indices."""
        if not self.times:
            return None
        times: NDArray[np.float64] = np.interp(frames, np.arange(len(self.times)), self.times)
        return times


def of_known_length(video: Any, work: Callable[[FrameSource, int], Result]) -> Result:
    """Call ``work(source, n_frames)`` on a video whose length must be known before its first frame is read.

    A file's header may be wrong about it, which costs a second reading.
    """
    n_frames, again = _count_frames(video)
    while True:
        source = FrameSource(again)
        result = work(source, n_frames)
        if source.n_frames == n_frames:
            return result
        n_frames = source.n_frames


def _count_frames(video: Any) -> tuple[int, Any]:
    if isinstance(video, str | os.PathLike):
        from stcorner.media import probe

        info = probe(video).video
        return max(1, (info.n_frames or 1) if info else 1), video
    if hasattr(video, "__iter__") and not hasattr(video, "__len__") and not hasattr(video, "__array__"):
        blocks = [check_video("video", block) for block in video]
        if not blocks:
            raise ParameterError("video must hold at least one frame, got none")
        if len(sizes := {block.shape[1:] for block in blocks}) > 1:
            raise ParameterError(f"video must keep its frame size, got {sorted(sizes)}")
        video = np.concatenate(blocks)
    array = check_video("video", video)
    return len(array), array


def radius(sd: float) -> int:
    """Radius of the core's Gaussian of that standard deviation."""
    return len(_core.gaussian_taps(sd)) - 1
