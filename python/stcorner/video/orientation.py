"""Histograms of space-time orientations over cells: a dense descriptor of how a face looks and moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_integer, check_real, core_errors
from stcorner.errors import ParameterError
from stcorner.video._source import FrameSource, check_grid, gray_span, harris_options, of_known_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stcorner.video._source import VideoLike

__all__ = ["orientation_histogram", "orientation_histogram_names"]

_GRADIENTS = ("steady", "brighter", "darker")
_PARTS = (*_GRADIENTS, "axis", "motion")


def _check_layout(grid: tuple[int, int], segments: int, bins: int) -> tuple[int, int, int, int]:
    rows, columns = check_grid(grid)
    return (
        rows,
        columns,
        check_integer("segments", segments, low=1, high=1000),
        check_integer("bins", bins, low=3, high=64),
    )


def orientation_histogram(
    video: VideoLike,
    *,
    grid: tuple[int, int] = (8, 8),
    segments: int = 3,
    bins: int = 8,
    sigma: float = 1.0,
    tau: float = 1.0,
    s: float = 2.0,
    eps: float | None = None,
    mode: Literal["reflect", "nearest"] = "reflect",
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    r"""Describe a face crop by histograms of its orientations in space and time.

    Parameters
    ----------
    video : array_like of shape (t, y, x), path, or iterable of arrays of shape (n, y, x)
        Gray values, as for `corner_harris_3d`. A path is read as a stream; an iterable is read whole.
        The defaults suit faces of about 100 pixels: enlarge smaller ones.
    grid : (int, int), default=(8, 8)
        Rows and columns of cells, 1 to 64 each and at most one per pixel.
    segments : int, default=3
        Equal parts of the clip's length; the clip must have as many frames. For a picture: 1.
    bins : int, default=8
        Directions, 3 to 64.
    sigma : float, default=2.0
        Standard deviation of the smoothing in space, in pixels, 0.1 to 64.
    tau : float, default=1.5
        Standard deviation of the smoothing in time, in frames, 0.1 to 64.
    s : float, default=2.0
        Variance of the integration window over that of the smoothing, 0.1 to 100.
    eps : float, optional
        Added to the sum by which a cell is divided, in gray values: a contrast far below it counts as
        none. Default: a hundredth of the dtype's range (255, 65535, or 1 for floats).
    mode : {"reflect", "nearest"}
        Border on all three axes: mirrored about the edge of the outermost voxel
        (``d c b a | a b c d``), or the outermost voxel repeated.
    n_threads : int, optional
        Threads; None is the process's default, -1 all cores. The result does not depend on it.

    Returns
    -------
    ndarray of shape (n_features,), float32
        ``segments * rows * columns * 5 * bins`` values, 0 to 2. Order: segment, row, column, part,
        direction; see `orientation_histogram_names`.

    Raises
    ------
    ParameterError
        As `corner_harris_3d`; also a grid or a number of segments that leaves a cell empty.

    See Also
    --------
    orientation_histogram_names : Names of the values.
    face_expressions : Seven expressions, frame by frame.

    Notes
    -----
    Every voxel votes in five parts. Its gradient in space, of the smoothed video, votes for its direction
    (from dark to bright) with its length; the vote belongs to *steady* where nothing changes, to
    *brighter* or *darker* where the gradient in time is as steep as that in space, and is shared in between.
    The tensor's first axis in space votes for its direction modulo 180 degrees (*axis*), and
    :math:`-(\mu_{tx}, \mu_{ty})`, the direction in which the picture moves, for itself (*motion*), each with
    the square root of its strength. Directions are counted from x towards y, that is clockwise on the
    screen. A vote is shared by the nearest two directions, rows and columns.

    Mean votes of a cell are divided by those of its surroundings, the 3 x 3 cells with weights 1, 2, 1 on
    each side: gradients by the votes of all gradients, axis and motion by the votes of the axis. So light
    and contrast hardly matter, and a still face stays still. Then square roots are taken.

    References
    ----------
    N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
    A. Klaeser, M. Marszalek, C. Schmid, "A spatio-temporal descriptor based on 3D-gradients", BMVC 2008.

    Examples
    --------
    A ramp that grows brighter to the right has one direction, and nothing that changes.

    >>> import numpy as np
    >>> ramp = np.tile(np.arange(32, dtype=np.float32) / 32, (6, 32, 1))
    >>> cell = orientation_histogram(ramp, grid=(1, 1), segments=1).reshape(5, 8)
    >>> np.argwhere(cell > 0.1).tolist()
    [[0, 0], [3, 0]]
    """
    rows, columns, parts, n_bins = _check_layout(grid, segments, bins)
    floor = None if eps is None else check_real("eps", eps, low=0.0)

    def add_up(source: FrameSource, n_frames: int) -> tuple[NDArray[np.float64], float]:
        if rows > source.shape[0] or columns > source.shape[1]:
            raise ParameterError(f"grid must have at most one cell per pixel of {source.shape}, got {grid}")
        options = harris_options(
            source.shape, scales=[(sigma, tau)], s=s, k=0.0, tensor=True, mode=mode, n_threads=n_threads
        )
        with core_errors():
            cells = _core.OrientationMap(
                options, rows=rows, columns=columns, segments=min(parts, n_frames), n_frames=n_frames,
                bins=n_bins,
            )  # fmt: skip
        span = 1.0
        for block in source:
            span = gray_span(block)
            with core_errors():
                cells.push(block, drain=False)
        with core_errors():
            cells.finish()
        source.check_segments(parts)
        frames = np.diff([source.n_frames * i // parts for i in range(parts + 1)])
        voxels = frames * (source.shape[0] * source.shape[1] / (rows * columns))
        sums = cells.sums().reshape(-1, rows, columns, len(_PARTS), n_bins)
        return sums / (voxels[: len(sums)].reshape(-1, 1, 1, 1, 1)), span

    votes, span = of_known_length(video, add_up)
    return _normalised(votes, 1e-2 * span if floor is None else floor).astype(np.float32).ravel()


def _normalised(votes: NDArray[np.float64], eps: float) -> NDArray[np.float64]:
    """Square roots of the votes over those of their surroundings; shape (segment, row, column, part, bin)."""
    n = len(_GRADIENTS)
    strength = np.stack([votes[..., :n, :].sum(axis=(3, 4)), votes[..., n, :].sum(axis=3)], axis=-1)
    for axis in (1, 2):
        first, last = np.take(strength, [0], axis), np.take(strength, [-1], axis)
        padded = np.concatenate([first, strength, last], axis)
        size = strength.shape[axis]
        before, after = np.take(padded, range(size), axis), np.take(padded, range(2, size + 2), axis)
        strength = 0.25 * before + 0.5 * strength + 0.25 * after
    around = np.repeat(strength, (n, len(_PARTS) - n), axis=-1)[..., None] + eps
    shares: NDArray[np.float64] = np.sqrt(
        np.divide(votes, around, out=np.zeros_like(votes), where=around > 0)
    )
    return shares


def orientation_histogram_names(
    *, grid: tuple[int, int] = (8, 8), segments: int = 3, bins: int = 8
) -> list[str]:
    """Name the values of `orientation_histogram` with the same arguments.

    Parameters
    ----------
    grid : (int, int), default=(8, 8)
        Rows and columns of cells, 1 to 64 each and at most one per pixel.
    segments : int, default=3
        Equal parts of the clip's length; the clip must have as many frames. For a picture: 1.
    bins : int, default=8
        Directions, 3 to 64.

    Returns
    -------
    list of str
        ``orientation_t<segment>_y<row>_x<column>_<part><degrees>``, counted from 0.

    See Also
    --------
    orientation_histogram : Gives these values.

    Examples
    --------
    >>> names = orientation_histogram_names()
    >>> len(names), names[1], names[-1]
    (7680, 'orientation_t0_y0_x0_steady45', 'orientation_t2_y7_x7_motion315')
    """
    rows, columns, parts, n_bins = _check_layout(grid, segments, bins)
    turn = {part: 180 if part == "axis" else 360 for part in _PARTS}
    return [
        f"orientation_t{t}_y{y}_x{x}_{part}{turn[part] * b / n_bins:g}"
        for t in range(parts)
        for y in range(rows)
        for x in range(columns)
        for part in _PARTS
        for b in range(n_bins)
    ]
