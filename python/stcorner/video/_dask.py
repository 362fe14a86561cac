"""The response of a dask array, chunk by chunk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import MissingExtraError, ParameterError
from stcorner.video._source import harris_options, radius

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["harris_of_dask"]


def _halo(sigma: float, tau: float, s: float) -> tuple[int, int, int]:
    """Voxels along (t, y, x) on each side that a response depends on."""
    space = radius(sigma) + radius(sigma * s**0.5) + 1
    return radius(tau) + radius(tau * s**0.5) + 1, space, space


def harris_of_dask(
    response: Callable[..., NDArray[np.float32]],
    video: Any,
    *,
    normalize: str | None,
    n_threads: int | None,
    **options: Any,
) -> Any:
    """`corner_harris_3d` (`response`) over a dask array; workers run in parallel, each call on one thread."""
    try:
        import dask.array as da
    except ImportError:
        raise MissingExtraError("corner_harris_3d of a dask array", "dask", "cluster") from None
    if video.ndim != 3:
        raise ParameterError(f"video must have 3 dimension(s), got {video.ndim} (shape {video.shape})")
    if 0 in video.shape:
        raise ParameterError(f"video must not be empty, got shape {video.shape}")
    if normalize == "max":
        raise ParameterError("normalize must be None or 'trace' for a dask array, got 'max'")
    checked = dict(options)
    scale = (checked.pop("sigma"), checked.pop("tau"))
    harris_options((1, 1), scales=[scale], **checked)  # refuse bad values now, not in a worker
    # dask refuses a halo longer than an axis: such an axis becomes one chunk, which needs none.
    halo = _halo(*scale, options["s"])
    depth = tuple(0 if n <= far else far for n, far in zip(video.shape, halo, strict=True))
    video = video.rechunk({axis: -1 for axis, far in enumerate(depth) if far == 0})
    # No boundary of dask's own: the faces of the whole video keep the border rule of the core.
    map_overlap: Any = da.map_overlap
    return map_overlap(
        partial(response, normalize=normalize, n_threads=n_threads or 1, **options),
        video,
        depth=depth,
        boundary="none",
        dtype=np.float32,
        meta=np.empty((0, 0, 0), np.float32),
    )
