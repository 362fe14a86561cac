"""The smoothed structure tensor of a clip or a volume, and what its eigenvalues tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_choice, core_errors, resolve_n_threads
from stcorner.errors import ParameterError
from stcorner.video._source import FrameSource, check_video, harris_options, is_sliceable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["structure_tensor_3d"]

_PLANES = {"tensor": 6, "eigenvalues": 3, "eigen": 12, "anisotropy": 4}
_MOST_HELD = 1 << 28  # bytes of results that wait for a whole chunk of `out`
_TAU = 1.5


def structure_tensor_3d(
    video: ArrayLike,
    *,
    sigma: float | tuple[float, float] | tuple[float, float, float] = 2.0,
    tau: float | None = None,
    s: float = 2.0,
    scale_normalize: bool = True,
    mode: Literal["reflect", "nearest"] = "reflect",
    output: Literal["tensor", "eigenvalues", "eigen", "anisotropy"] = "tensor",
    out: Any = None,
    n_threads: int | None = None,
) -> Any:
    r"""Compute the smoothed structure tensor of a clip or of a 3-D image, or its eigenvalues.

    Parameters
    ----------
    video : array_like of shape (t, y, x)
        Gray values, as for `corner_harris_3d`; for a 3-D image the first axis is depth. A memory map, a Zarr
        array, an HDF5 data set, a dask array or anything else that has ``shape``, ``dtype`` and slices is
        read block by block.
    sigma : float, (y, x) or (t, y, x), default=2.0
        Standard deviation of the smoothing in pixels, 0.1 to 64; one value for both axes of a frame, or one
        for each axis. Three values set `tau` too.
    tau : float, optional
        That along the first axis. Default: 1.5, or the first of three `sigma`. For a 3-D image with
        cubic voxels make it equal to `sigma`.
    s : float, default=2.0
        Variance of the integration window over that of the smoothing, 0.1 to 100.
    scale_normalize : bool, default=True
        Multiply gradients by `sigma` and `tau`, so that responses compare between scales.
    mode : {"reflect", "nearest"}
        Border on all three axes: mirrored about the edge of the outermost voxel
        (``d c b a | a b c d``), or the outermost voxel repeated.
    output : {"tensor", "eigenvalues", "eigen", "anisotropy"}
        What the planes of the result are; see Returns.
    out : array, optional
        Where the result goes: of shape (planes, t, y, x), float32, assigned block by block, so a Zarr array
        or an HDF5 data set will do. Memory then does not grow with the length of the first axis.
    n_threads : int, optional
        Threads; None is the process's default, -1 all cores. The result does not depend on it.

    Returns
    -------
    ndarray of shape (planes, t, y, x), float32; or `out`
        * ``"tensor"``, 6 planes: products of gradients ``tt, ty, tx, yy, yx, xx``, smoothed with variances
          ``s * sigma**2`` and ``s * tau**2``; in squared gray values.
        * ``"eigenvalues"``, 3: :math:`a \ge b \ge c \ge 0`.
        * ``"eigen"``, 12: a, b, c, then the unit vector (t, y, x) of each; its largest component is
          positive. That of c runs along a fibre, that of a stands upright on a sheet.
        * ``"anisotropy"``, 4: linear :math:`(b - c) / a`, planar :math:`(a - b) / a` and spherical
          :math:`c / a`, which sum to 1 (to 0 where nothing is), and the coherence, from 0 (the same in all
          directions) to 1 (a single direction): the fractional anisotropy.

    Raises
    ------
    ParameterError
        As `corner_harris_3d`; also an `out` of another shape.

    See Also
    --------
    corner_harris_3d : Corner response of this tensor.

    Notes
    -----
    Blocks overlap inside the core as far as the filters reach: the result has no seams, and is the same to
    the bit whether the input lies in memory or is streamed. Eigenvalues are computed in closed form from the
    float32 tensor, to 1e-7 of the largest.

    Examples
    --------
    A ramp of slope 3 along x has one gradient only: its square, times sigma squared, in ``xx``.

    >>> import numpy as np
    >>> ramp = np.tile(3.0 * np.arange(64, dtype=np.float32), (9, 9, 1))
    >>> tensor = structure_tensor_3d(ramp, sigma=1.0, tau=1.0)
    >>> [round(float(plane[4, 4, 32]), 3) for plane in tensor]
    [0.0, 0.0, 0.0, 0.0, 0.0, 9.0]
    >>> shares = structure_tensor_3d(ramp, sigma=(1.0, 1.0, 1.0), output="anisotropy")
    >>> [abs(round(float(plane[4, 4, 32]), 3)) for plane in shares]  # a sheet upright on x
    [0.0, 1.0, 0.0, 1.0]
    """
    kind = check_choice("output", output, tuple(_PLANES))
    in_frame, along = _check_sigma(sigma, tau)
    volume: Any = video if is_sliceable(video) else check_video("video", video)
    source = FrameSource(volume)
    shape = (_PLANES[kind], volume.shape[0], *source.shape)
    threads = resolve_n_threads(n_threads)
    options = harris_options(
        source.shape, scales=[(in_frame, along)], s=s, k=0.0, scale_normalize=scale_normalize, mode=mode,
        tensor=True, n_threads=n_threads,
    )  # fmt: skip
    result = np.empty(shape, np.float32) if out is None else out
    _check_out(result, shape)
    engine = _core.HarrisEngine(options)
    writer = _Writer(result)
    in_place = kind == "tensor" and isinstance(result, np.ndarray) and result.flags.c_contiguous
    in_place = in_place and result.dtype == np.float32

    def run(block: NDArray[Any], until: int, *, finish: bool) -> None:
        if in_place:
            with core_errors():
                engine.run(block, result, first=0, drain=False, finish=finish)
            return
        first = engine.frames_out
        planes = np.empty((6, max(0, until - first), *source.shape), np.float32)
        with core_errors():
            engine.run(block, planes, first=first, drain=True, finish=finish)
        if kind != "tensor" and planes.size:
            made = np.empty((shape[0], *planes.shape[1:]), np.float32)
            _core.describe_tensor(planes, made, output=kind, n_threads=threads)
            planes = made
        writer.add(planes, ended=finish)

    for block in source:
        run(block, engine.frames_in + len(block) - engine.latency, finish=False)
    run(np.empty((0, *source.shape), np.uint8), engine.frames_in, finish=True)
    return result


def _check_out(out: Any, shape: tuple[int, ...]) -> None:
    found = getattr(out, "shape", None)
    if found is None or tuple(found) != shape:
        raise ParameterError(f"out must have shape {shape}, got {found or type(out).__name__}")
    if not np.issubdtype(getattr(out, "dtype", np.float32), np.floating):
        raise ParameterError(f"out must hold floating-point numbers, got {out.dtype}")
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise ParameterError("out must be writable, got a read-only array: open the array for writing")


def _check_sigma(sigma: Any, tau: float | None) -> tuple[tuple[float, float], float]:
    """Return the standard deviations of a frame's axes, and that of the first axis."""
    values = tuple(np.ravel(np.asarray(sigma, dtype=object)))
    if len(values) not in (1, 2, 3):
        raise ParameterError(f"sigma must be one value, (y, x) or (t, y, x), got {sigma!r}")
    if len(values) == 3:
        if tau is not None and tau != values[0]:
            raise ParameterError(f"tau must be left out where sigma has three values, got {tau!r}")
        return (values[1], values[2]), values[0]
    return (values[0], values[-1]), _TAU if tau is None else tau


class _Writer:
    """Assigns blocks of frames to an array; to one on disk by whole chunks, as each is written once."""

    def __init__(self, out: Any) -> None:
        self.out = out
        self.held: list[NDArray[np.float32]] = []
        self.start = self.n_held = 0
        chunks = getattr(out, "chunks", None)
        frame = 4 * int(np.prod(out.shape)) // max(1, out.shape[1])
        self.step = min(chunks[1], max(1, _MOST_HELD // max(1, frame))) if chunks else 1

    def add(self, planes: NDArray[np.float32], *, ended: bool) -> None:
        if planes.shape[1]:
            self.held.append(planes)
            self.n_held += planes.shape[1]
        length = self.n_held if ended else self.n_held // self.step * self.step
        if not length:
            return
        block = self.held[0] if len(self.held) == 1 else np.concatenate(self.held, axis=1)
        self.out[:, self.start : self.start + length] = block[:, :length]
        self.start += length
        self.n_held -= length
        self.held = [block[:, length:].copy()] if self.n_held else []
