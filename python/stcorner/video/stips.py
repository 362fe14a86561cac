"""Space-time interest points: local maxima of the response over one or several scales."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stcorner import _core
from stcorner._base.validation import (
    check_array,
    check_flag,
    check_integer,
    check_real,
    core_errors,
    resolve_n_threads,
)
from stcorner.errors import ParameterError
from stcorner.video._source import FrameSource, check_scales, harris_options, radius
from stcorner.video.points import Stips

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from stcorner.video._source import VideoLike

__all__ = ["corner_peaks_3d", "detect_stips"]

_PASS_BYTES = 1.1e9  # of smoothed frames and responses that one pass over a video may hold
_BLOCK_FRAMES = 20  # of them that a scale holds beside its window: blocks under way, responses to compare


def _strongest_first(response: NDArray[np.float32], voxels: NDArray[np.int64]) -> NDArray[np.intp]:
    """Order by response, largest first, ties by the columns of `voxels` from left to right."""
    keys: list[NDArray[Any]] = [voxels[:, i] for i in range(voxels.shape[1] - 1, -1, -1)]
    return np.lexsort((*keys, -response))


def _keep_apart(voxels: NDArray[np.int64], min_distance: int) -> NDArray[np.bool_]:
    if min_distance == 1 or len(voxels) == 0:  # maxima over 26 neighbours are that far apart already
        return np.ones(len(voxels), bool)
    return _core.suppress_neighbours(np.ascontiguousarray(voxels), min_distance=min_distance).astype(bool)


def _check_thresholds(threshold_rel: float, threshold_abs: float | None) -> tuple[float, float]:
    relative = check_real("threshold_rel", threshold_rel, low=0.0, high=1.0)
    absolute = 0.0 if threshold_abs is None else check_real("threshold_abs", threshold_abs, low=0.0)
    return relative, absolute


def _check_limits(min_distance: int, num_peaks: int | None) -> tuple[int, int | None]:
    distance = check_integer("min_distance", min_distance, low=1)
    return distance, None if num_peaks is None else check_integer("num_peaks", num_peaks, low=1)


def corner_peaks_3d(
    response: ArrayLike,
    *,
    min_distance: int = 1,
    threshold_rel: float = 0.01,
    threshold_abs: float | None = None,
    num_peaks: int | None = None,
    exclude_border: bool = True,
    n_threads: int | None = None,
) -> NDArray[np.int64]:
    """Find the corners of a response: positive maxima over the 26 neighbours.

    Parameters
    ----------
    response : array_like of shape (t, y, x)
        Response of `corner_harris_3d`; converted to float32.
    min_distance : int, default=1
        Of two peaks that are at most this far apart on all three axes, only the stronger stays.
    threshold_rel : float, default=0.01
        Peaks must exceed this share of the largest response, 0 to 1.
    threshold_abs : float, optional
        Peaks must exceed this value as well, >= 0.
    num_peaks : int, optional
        Number of peaks at most; the strongest are kept.
    exclude_border : bool, default=True
        Leave out voxels on the faces of the volume, which lack neighbours.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (n, 3), int64
        Indices (t, y, x), strongest first, ties in memory order. On a plateau the first voxel counts.

    Raises
    ------
    ParameterError
        Wrong number of dimensions, an empty array, NaN or infinity, or a parameter out of its range.

    See Also
    --------
    detect_stips : Response and points of several scales in one call.

    Examples
    --------
    >>> import numpy as np
    >>> response = np.zeros((5, 5, 9), np.float32)
    >>> response[2, 2, 2], response[2, 2, 6] = 1.0, 3.0
    >>> corner_peaks_3d(response).tolist()
    [[2, 2, 6], [2, 2, 2]]
    >>> corner_peaks_3d(response, min_distance=4).tolist()
    [[2, 2, 6]]
    """
    array = check_array("response", response, dtype=np.float32, ndim=3)
    relative, absolute = _check_thresholds(threshold_rel, threshold_abs)
    distance, limit = _check_limits(min_distance, num_peaks)
    margin = 0
    if not check_flag("exclude_border", exclude_border):
        margin = 1
        array = np.pad(array, 1, constant_values=-np.inf)
    threshold = max(0.0, absolute, relative * max(0.0, float(array.max())))
    found, strength, _ = _core.find_maxima(array, threshold=threshold, n_threads=resolve_n_threads(n_threads))
    voxels = found[:, :3] - margin
    order = _strongest_first(strength, voxels)
    voxels = np.ascontiguousarray(voxels[order])
    return voxels[_keep_apart(voxels, distance)][:limit]


def _strips(
    source: FrameSource, scales: Sequence[tuple[float, float]], s: float
) -> list[tuple[int, int, int, int]]:
    """Rows of each pass over the video: first, end, and those of the frame that they depend on.

    One pass does, unless a frame is so large that its scales would fill the memory and the video can be read
    again.
    """
    height, width = source.shape
    times = [(radius(tau), radius(tau * s**0.5)) for _, tau in scales]
    latency = max(inner + outer for inner, outer in times) + 1
    smooth = sum(2 * outer + _BLOCK_FRAMES for _, outer in times)
    raw = max(latency + inner - outer for inner, outer in times) + 7
    halo = max(radius(sigma) + radius(sigma * s**0.5) for sigma, _ in scales) + 2
    rows = int(_PASS_BYTES / (width * (4.0 * smooth + source.itemsize * raw)))
    if rows >= height or not source.again:
        return [(0, height, 0, height)]
    step = max(rows - 2 * halo, 32)
    starts = range(0, height, step)
    return [
        (y, min(y + step, height), max(0, y - halo), min(min(y + step, height) + halo, height))
        for y in starts
    ]


def detect_stips(
    video: VideoLike,
    *,
    sigmas: float | Sequence[float] = (2.0, 2.83),
    taus: float | Sequence[float] = (1.41, 2.0),
    s: float = 2.0,
    k: float = 0.005,
    threshold_rel: float = 0.01,
    threshold_abs: float | None = None,
    num_peaks: int | None = None,
    min_distance: int = 1,
    scale_selection: bool = False,
    exclude_border: bool = True,
    scale_normalize: bool = True,
    mode: Literal["reflect", "nearest"] = "reflect",
    n_threads: int | None = None,
) -> Stips:
    """Detect space-time interest points in a clip, a file or a stream.

    The video is read once; only a few dozen frames are held, whatever its length. Where even these are too
    much, as at 3840 x 2160, a file or an array is read several times, a strip of its frames at a time.

    Parameters
    ----------
    video : array_like of shape (t, y, x), path, or iterable of arrays of shape (n, y, x)
        Gray values, as for `corner_harris_3d`. A path is any file that `stcorner.iter_video` reads.
    sigmas : float or sequence of float
        Spatial scales: standard deviations in pixels, 0.1 to 64.
    taus : float or sequence of float
        Temporal scales: standard deviations in frames, 0.1 to 64. Every pair of a `sigmas` and a
        `taus` value is one scale.
    s : float, default=2.0
        Variance of the integration window over that of the smoothing, 0.1 to 100.
    k : float, default=0.005
        Weight of the trace. Between 0 and 1/27, above which no response can be positive.
    threshold_rel : float, default=0.01
        Points must exceed this share of the largest response of their scale, 0 to 1.
    threshold_abs : float, optional
        Points must exceed this response as well, >= 0.
    num_peaks : int, optional
        Number of points at most, over all scales; the strongest are kept.
    min_distance : int, default=1
        Of two points of one scale that are at most this many voxels apart on all three axes, only the
        stronger stays.
    scale_selection : bool, default=False
        Keep a point only where the scale-normalised space-time Laplacian is at least as large as at the
        neighbouring scales.
    exclude_border : bool, default=True
        Leave out voxels on the border of the frame and the first and last frame.
    scale_normalize : bool, default=True
        Multiply gradients by `sigma` and `tau`, so that responses compare between scales.
    mode : {"reflect", "nearest"}
        Border on all three axes: mirrored about the edge of the outermost voxel
        (``d c b a | a b c d``), or the outermost voxel repeated.
    n_threads : int, optional
        Threads; None is the process's default, -1 all cores. The result does not depend on it.

    Returns
    -------
    Stips
        Sub-voxel coordinates, responses and scales; strongest first, ties by t, y, x, then scale.

    Raises
    ------
    ParameterError
        As `corner_harris_3d`.
    MediaError
        If the file cannot be read.

    See Also
    --------
    corner_harris_3d : The response of one scale.
    describe_stips : Descriptors of the points.
    overlay : Points drawn over the video.

    Notes
    -----
    Memory does not grow with the length of a file that is given by its path, but with its frames: with the
    default scales about 0.7 kB per pixel, and no more than 1.5 GB, as larger frames are searched in strips.
    An iterable can be read only once: it has no such limit.

    References
    ----------
    I. Laptev, "On space-time interest points", Int. J. Computer Vision 64 (2005) 107-123.

    Examples
    --------
    A square that appears and vanishes is found at its centre, frame 12 and position (16, 16).

    >>> import numpy as np
    >>> video = np.zeros((25, 33, 33), np.float32)
    >>> video[11:14, 15:18, 15:18] = 1.0
    >>> points = detect_stips(video, sigmas=2.0, taus=1.5, num_peaks=1)
    >>> points.coordinates.round(3).tolist()
    [[12.0, 16.0, 16.0]]
    """
    sigma_list, tau_list = check_scales("sigmas", sigmas), check_scales("taus", taus)
    scales = list(product(sigma_list, tau_list))
    relative, absolute = _check_thresholds(threshold_rel, threshold_abs)
    distance, limit = _check_limits(min_distance, num_peaks)
    border, select = (
        check_flag("exclude_border", exclude_border),
        check_flag("scale_selection", scale_selection),
    )
    if select and len(scales) == 1:
        raise ParameterError(
            "scale_selection must be False with one scale, got True: give two or more sigmas or taus"
        )
    source = FrameSource(video)
    check: dict[str, Any] = {
        "s": s,
        "k": k,
        "scale_normalize": scale_normalize,
        "mode": mode,
        "n_threads": n_threads,
    }
    harris_options(source.shape, scales=scales, **check)
    found = []
    largest = np.zeros(len(scales))
    for begin, end, low, high in _strips(source, scales, s):
        if low > 0:
            source = FrameSource(video)
        detector = _core.StipDetector(
            harris_options((high - low, source.shape[1]), scales=scales, **check),
            threshold_abs=absolute, threshold_rel=relative,
            exclude_border=border and (begin, end) == (low, high), scale_selection=select,
            n_taus=len(tau_list), row_begin=begin - low, row_end=end - low,
        )  # fmt: skip
        for block in source:
            with core_errors():
                detector.push(np.ascontiguousarray(block[:, low:high]), drain=False)
        with core_errors():
            detector.finish()
        found.append(detector.take())
        found[-1][0][:, 1] += low
        largest = np.maximum(largest, [detector.largest(scale) for scale in range(len(scales))])
    voxels, response, offset = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(found) > 1:
        level = np.maximum(absolute, relative * largest).astype(np.float32)
        keep = response > level[voxels[:, 3]]
        if border:
            last = np.array([source.n_frames, *source.shape]) - 1
            keep &= ((voxels[:, :3] > 0) & (voxels[:, :3] < last)).all(axis=1)
        voxels, response, offset = voxels[keep], response[keep], offset[keep]
    order = _strongest_first(response, voxels)
    voxels, response, offset = voxels[order], response[order], offset[order]
    if distance > 1:
        keep = np.zeros(len(voxels), bool)
        for scale in range(len(scales)):
            mine = np.flatnonzero(voxels[:, 3] == scale)
            keep[mine[_keep_apart(voxels[mine, :3], distance)]] = True
        voxels, response, offset = voxels[keep], response[keep], offset[keep]
    voxels, response, offset = voxels[:limit], response[:limit], offset[:limit]
    coordinates = voxels[:, :3].astype(np.float64) + offset
    table = np.asarray(scales)[voxels[:, 3]].reshape(-1, 2)
    return Stips(
        coordinates=coordinates,
        response=response,
        sigma=table[:, 0],
        tau=table[:, 1],
        shape=(source.n_frames, *source.shape),
        seconds=source.seconds(coordinates[:, 0]),
    )
