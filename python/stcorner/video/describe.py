"""Descriptors of interest points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from stcorner import _core
from stcorner._base.validation import (
    check_choice,
    core_errors,
)
from stcorner.errors import ParameterError
from stcorner.video._source import FrameSource, harris_options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stcorner.video._source import VideoLike
    from stcorner.video.points import Stips

__all__ = ["describe_stips"]

# Values of a point: 3 x 3 x 2 cells with 4 bins of orientation, then with 5 bins of flow.
_PARTS = {"hog": slice(0, 72), "hof": slice(72, 162), "hoghof": slice(0, 162)}
# Neighbourhood on each side, in standard deviations of the point's scale.
_SPACE_EXTENT, _TIME_EXTENT = 9.0, 4.0
_STILL = 0.2  # pixels a frame


def describe_stips(
    video: VideoLike,
    stips: Stips,
    *,
    descriptor: Literal["hog", "hof", "hoghof"] = "hoghof",
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    r"""Describe the neighbourhood of each interest point by histograms of gradients and of flow.

    Parameters
    ----------
    video : array_like of shape (t, y, x), path, or iterable of arrays of shape (n, y, x)
        The video that the points were found in; read once, in constant memory.
    stips : Stips
        Points of `detect_stips`.
    descriptor : {"hoghof", "hog", "hof"}
        Which histograms.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (n_points, 162 | 72 | 90), float32
        HOG then HOF, each of Euclidean length 1 (or all 0 where the picture is even). Order within
        each: 2 cells along t, 3 along y, 3 along x, then bins.

    Raises
    ------
    ParameterError
        If the video has another shape than `stips.shape`, or as `corner_harris_3d`.

    See Also
    --------
    detect_stips : Find the points.
    StipBagOfWords : One vector per clip from descriptors.

    Notes
    -----
    The neighbourhood reaches 9 sigma in space and 4 tau in time to each side. Gradients and flow come
    from a structure tensor with ``sigma = tau = 1``: HOG bins are the orientation modulo 180 degrees at
    0, 45, 90 and 135, weighted by the gradient's magnitude; HOF bins are the directions right, down, left
    and up of the Lucas-Kanade flow, and one for less than 0.2 pixels a frame. Votes are shared by the
    two nearest directions.

    References
    ----------
    I. Laptev, M. Marszalek, C. Schmid, B. Rozenfeld, "Learning realistic human actions from movies",
    CVPR 2008.

    Examples
    --------
    >>> import numpy as np
    >>> video = np.zeros((25, 33, 33), np.float32)
    >>> video[11:14, 15:18, 15:18] = 1.0
    >>> points = detect_stips(video, sigmas=2.0, taus=1.5, num_peaks=1)
    >>> describe_stips(video, points).shape
    (1, 162)
    """
    part = _PARTS[check_choice("descriptor", descriptor, tuple(_PARTS))]
    half_t = np.maximum(_TIME_EXTENT * stips.tau, 1.0)
    half_x = np.maximum(_SPACE_EXTENT * stips.sigma, 1.5)
    source = FrameSource(video)
    if source.shape != stips.shape[1:]:
        raise ParameterError(
            f"video must have frames of {stips.shape[1:]} as stips, got {source.shape}: give the video in "
            "which the points were found"
        )
    options = harris_options(
        source.shape,
        scales=[(1.0, 1.0)],
        s=2.0,
        k=0.0,
        scale_normalize=False,
        tensor=True,
        n_threads=n_threads,
    )
    around = np.column_stack([stips.coordinates, half_t, half_x, half_x])
    with core_errors():
        describer = _core.StipDescriber(options, points=around, still=_STILL)
    for block in source:
        with core_errors():
            describer.push(block, drain=False)
    with core_errors():
        describer.finish()
    if source.n_frames != stips.shape[0]:
        raise ParameterError(
            f"video must have {stips.shape[0]} frames as stips, got {source.n_frames}: give the video in "
            "which the points were found"
        )
    return np.ascontiguousarray(describer.describe()[:, part])
