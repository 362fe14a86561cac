"""Histograms of the normalised response: a dense descriptor of how a face moves."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_integer, core_errors
from stcorner.errors import ParameterError
from stcorner.video._source import check_grid, gray_span, harris_options, of_known_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stcorner.video._source import FrameSource, VideoLike

__all__ = ["texture_map_histogram", "texture_map_names"]

SCALES = ((2.0, 1.5),)


def _check_layout(
    grid: tuple[int, int], segments: int, bins: int, scales: Sequence[tuple[float, float]]
) -> tuple[int, int, int, int, list[tuple[float, float]]]:
    rows, columns = check_grid(grid)
    try:
        pairs = [(float(a), float(b)) for a, b in scales]
    except (TypeError, ValueError):
        raise ParameterError(f"scales must be pairs (sigma, tau), got {scales!r}") from None
    if not pairs:
        raise ParameterError("scales must not be empty, got none")
    return (
        rows,
        columns,
        check_integer("segments", segments, low=1, high=1000),
        check_integer("bins", bins, low=2, high=256),
        pairs,
    )


def texture_map_histogram(
    video: VideoLike,
    *,
    grid: tuple[int, int] = (6, 6),
    segments: int = 3,
    bins: int = 16,
    scales: Sequence[tuple[float, float]] = SCALES,
    s: float = 2.0,
    eps: float | None = None,
    mode: Literal["reflect", "nearest"] = "reflect",
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    r"""Describe a face crop by histograms of its normalised space-time Harris response.

    Parameters
    ----------
    video : array_like of shape (t, y, x), path, or iterable of arrays of shape (n, y, x)
        Gray values, as for `corner_harris_3d`. A path is read as a stream; an iterable is read whole.
    grid : (int, int), default=(6, 6)
        Rows and columns of blocks, 1 to 64 each and at most one per pixel.
    segments : int, default=3
        Equal parts of the clip's length; the clip must have as many frames.
    bins : int, default=16
        Bins per histogram, 2 to 256.
    scales : sequence of (sigma, tau)
        Standard deviations in pixels and frames; one set of histograms each.
    s : float, default=2.0
        Variance of the integration window over that of the smoothing, 0.1 to 100.
    eps : float, optional
        Added to the trace, in squared gray values. It keeps noise in even regions out of the upper bins, and
        some of the contrast in the map, which tells more of a new face. Default: 1.5e-3 times the square of
        the dtype's range (255, 65535, or 1 for floats), 98 for bytes.
    mode : {"reflect", "nearest"}
        Border on all three axes: mirrored about the edge of the outermost voxel
        (``d c b a | a b c d``), or the outermost voxel repeated.
    n_threads : int, optional
        Threads; None is the process's default, -1 all cores. The result does not depend on it.
        The weight `k` of the trace has no part in the histograms.

    Returns
    -------
    ndarray of shape (n_features,), float32
        ``len(scales) * segments * rows * columns * bins`` shares; every histogram sums to 1. Order:
        scale, segment, row, column, bin; see `texture_map_names`.

    Raises
    ------
    ParameterError
        As `corner_harris_3d`; also a grid or a number of segments that leaves a block empty.

    See Also
    --------
    texture_map_names : Names of the values.
    orientation_histogram : A description that holds for new faces.

    Notes
    -----
    :math:`q = 27 \det\mu / (\mathrm{trace}\,\mu + \epsilon)^3` lies between 0 and 1 (1: equal structure in
    all directions of space-time). Bins are equal steps of :math:`\sqrt[3]{q}`, because q itself crowds at 0.

    References
    ----------
    S. K. A. Kamarol et al., "Spatiotemporal feature extraction for facial expression recognition",
    IET Image Processing 10 (2016) 534-541.

    Examples
    --------
    A still clip has no structure along time: all voxels are in the first bin of each block.

    >>> import numpy as np
    >>> still = np.tile(np.random.default_rng(0).random((24, 24), dtype=np.float32), (9, 1, 1))
    >>> features = texture_map_histogram(still, grid=(2, 2), segments=1, bins=4)
    >>> features.reshape(4, 4)[:, 0].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    rows, columns, parts, n_bins, pairs = _check_layout(grid, segments, bins, scales)
    counts = of_known_length(
        video,
        lambda source, n: _count(source, n, (rows, columns), parts, n_bins, pairs, s, eps, mode, n_threads),
    )
    histograms = counts.reshape(-1, n_bins)
    shares: NDArray[np.float32] = (histograms / histograms.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares.ravel()


def _count(
    source: FrameSource,
    n_frames: int,
    grid: tuple[int, int],
    segments: int,
    bins: int,
    scales: list[tuple[float, float]],
    s: float,
    eps: float | None,
    mode: str,
    n_threads: int | None,
) -> NDArray[np.int64]:
    if grid[0] > source.shape[0] or grid[1] > source.shape[1]:
        raise ParameterError(f"grid must have at most one block per pixel of {source.shape}, got {grid}")
    blocks = iter(source)
    first = next(blocks)
    if eps is None:
        eps = 1.5e-3 * gray_span(first) ** 2
    options = harris_options(
        source.shape, scales=scales, s=s, k=0.0, normalize=True, eps=eps, mode=mode, n_threads=n_threads
    )
    shares = np.arange(1, bins) / bins
    with core_errors():
        texture = _core.TextureMap(
            options, rows=grid[0], columns=grid[1], segments=min(segments, n_frames), n_frames=n_frames,
            edges=(shares**3 / 27.0).tolist(),
        )  # fmt: skip
    for block in itertools.chain([first], blocks):
        with core_errors():
            texture.push(block, drain=False)
    with core_errors():
        texture.finish()
    source.check_segments(segments)
    counts: NDArray[np.int64] = texture.counts()
    return counts


def texture_map_names(
    *,
    grid: tuple[int, int] = (6, 6),
    segments: int = 3,
    bins: int = 16,
    scales: Sequence[tuple[float, float]] = SCALES,
) -> list[str]:
    """Name the values of `texture_map_histogram` with the same arguments.

    Parameters
    ----------
    grid : (int, int), default=(6, 6)
        Rows and columns of blocks, 1 to 64 each and at most one per pixel.
    segments : int, default=3
        Equal parts of the clip's length; the clip must have as many frames.
    bins : int, default=16
        Bins per histogram, 2 to 256.
    scales : sequence of (sigma, tau)
        Standard deviations in pixels and frames; one set of histograms each.

    Returns
    -------
    list of str
        ``texture_<sigma>_<tau>_t<segment>_y<row>_x<column>_b<bin>``, counted from 0.

    See Also
    --------
    texture_map_histogram : Gives these values.

    Examples
    --------
    >>> names = texture_map_names()
    >>> len(names), names[0]
    (1728, 'texture_2_1.5_t0_y0_x0_b0')
    """
    rows, columns, parts, n_bins, pairs = _check_layout(grid, segments, bins, scales)
    return [
        f"texture_{sigma:g}_{tau:g}_t{t}_y{y}_x{x}_b{b}"
        for sigma, tau in pairs
        for t in range(parts)
        for y in range(rows)
        for x in range(columns)
        for b in range(n_bins)
    ]
