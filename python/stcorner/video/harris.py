"""Space-time structure tensor and Harris response, for whole clips and for streams."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_array, check_choice, check_integer, core_errors
from stcorner.errors import ParameterError
from stcorner.video._source import call_length, check_video, harris_options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from numpy.typing import ArrayLike, NDArray

    Normalize = Literal["trace", "max"] | None

__all__ = ["HarrisStream", "corner_harris_3d"]


def _is_dask(video: object) -> bool:
    return type(video).__module__.split(".")[0] == "dask"


def _run_all(engine: _core.HarrisEngine, video: NDArray[Any], out: NDArray[np.float32]) -> None:
    n = len(video)
    with core_errors():
        step = call_length((video.shape[1], video.shape[2]))
        for start in range(0, n, step):  # Python between the calls: Ctrl-C works
            stop = min(start + step, n)
            engine.run(video[start:stop], out, first=0, drain=False, finish=stop == n)


def corner_harris_3d(
    video: ArrayLike,
    *,
    sigma: float = 2.0,
    tau: float = 1.5,
    s: float = 2.0,
    k: float = 0.005,
    scale_normalize: bool = True,
    normalize: Normalize = None,
    eps: float = 1e-12,
    mode: Literal["reflect", "nearest"] = "reflect",
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    r"""Compute the space-time Harris response of a clip.

    Parameters
    ----------
    video : array_like of shape (t, y, x), or dask array
        Gray values: uint8, uint16, float32 or float64 (other numbers are converted to float64), in
        any unit, within +-1e5. A dask array gives a dask array, computed chunk by chunk with the exact
        halo; its ``normalize`` cannot be ``"max"``.
    sigma : float, default=2.0
        Standard deviation of the smoothing in space, in pixels, 0.1 to 64.
    tau : float, default=1.5
        Standard deviation of the smoothing in time, in frames, 0.1 to 64.
    s : float, default=2.0
        Variance of the integration window over that of the smoothing, 0.1 to 100.
    k : float, default=0.005
        Weight of the trace. Between 0 and 1/27, above which no response can be positive.
    scale_normalize : bool, default=True
        Multiply gradients by `sigma` and `tau`, so that responses compare between scales.
    normalize : {None, "trace", "max"}
        None gives :math:`H`. ``"trace"`` gives :math:`H / (\mathrm{trace} + \epsilon)^3`, between
        ``-k`` and ``1/27 - k``, which does not depend on brightness and contrast. ``"max"`` divides by
        the largest response of the clip (which stays as it is where none is positive).
    eps : float, default=1e-12
        Added to the trace for ``normalize="trace"``, in squared gray values: still regions give 0.
    mode : {"reflect", "nearest"}
        Border on all three axes: mirrored about the edge of the outermost voxel
        (``d c b a | a b c d``), or the outermost voxel repeated.
    n_threads : int, optional
        Threads; None is the process's default, -1 all cores. The result does not depend on it.

    Returns
    -------
    ndarray of shape (t, y, x), float32
        The response. Positive at space-time corners; negative where the structure is one- or
        two-dimensional, such as an edge that moves steadily.

    Raises
    ------
    ParameterError
        A ValueError that names the parameter: wrong number of dimensions, an empty clip, NaN or
        infinity, or a parameter out of its range.

    See Also
    --------
    HarrisStream : The same numbers, frame by frame.
    detect_stips : Interest points of a clip or file, without storing the response.
    structure_tensor_3d : The tensor that the response is made of.

    Notes
    -----
    :math:`L = g(\sigma^2, \tau^2) * f`;
    :math:`\mu = g(s\sigma^2, s\tau^2) * (\nabla L \nabla L^T)`;
    :math:`H = \det\mu - k\,\mathrm{trace}^3\mu`. Gaussians are sampled, cut at four standard deviations
    and sum to 1; gradients are central differences, multiplied by `sigma` and `tau`. The paper prints
    variances and loses the cube of the trace in eq. 8.

    All of it is float32. The response is a sixth power of the contrast, so that one below 1e-5 loses digits
    and one below 1e-6 gives 0: scale such videos up. Brightness takes digits too: a mean of 100 times the
    contrast leaves the response 1e-4 of its largest value, one of 1000 times 2e-3: subtract it first.

    References
    ----------
    I. Laptev, "On space-time interest points", Int. J. Computer Vision 64 (2005) 107-123.

    Examples
    --------
    A ball that appears for some frames is a corner in space and time; a still picture has none.

    >>> import numpy as np
    >>> video = np.zeros((25, 32, 32), np.float32)
    >>> video[10:15, 14:18, 14:18] = 1.0
    >>> response = corner_harris_3d(video)
    >>> bool(response.max() > 0)
    True
    >>> corner_harris_3d(np.tile(video[12], (25, 1, 1))).max() <= 0
    np.True_
    """
    kind = check_choice("normalize", normalize, (None, "trace", "max"))
    common: dict[str, Any] = {"s": s, "k": k, "scale_normalize": scale_normalize, "eps": eps, "mode": mode}
    if _is_dask(video):
        from stcorner.video._dask import harris_of_dask

        lazy: NDArray[np.float32] = harris_of_dask(
            corner_harris_3d, video, sigma=sigma, tau=tau, normalize=kind, n_threads=n_threads, **common
        )
        return lazy
    frames = check_video("video", video)
    options = harris_options(
        frames.shape[1:], scales=[(sigma, tau)], normalize=kind == "trace", n_threads=n_threads, **common
    )
    out = np.empty((1, *frames.shape), np.float32)
    _run_all(_core.HarrisEngine(options), frames, out)
    response: NDArray[np.float32] = out[0]
    if kind == "max":
        largest = response.max()
        if largest > 0:
            response /= largest
    return response


class HarrisStream:
    """Space-time Harris response of a stream of frames.

    Frames go in as they come; the response of a frame comes out when the frames that it depends on
    have been seen. Pushing a clip in any blocks and flushing gives the bits of `corner_harris_3d`.
    Memory is bounded by the frame size and the scales, not by the length of the stream. Threads that
    push into one stream wait for one another; a handler of signals that would interrupt a push of its
    own thread is refused. A stream can be neither copied nor pickled.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the frames.
    sigma : float, default=2.0
        Standard deviation of the smoothing in space, in pixels, 0.1 to 64.
    tau : float, default=1.5
        Standard deviation of the smoothing in time, in frames, 0.1 to 64.
    s : float, default=2.0
        Variance of the integration window over that of the smoothing, 0.1 to 100.
    k : float, default=0.005
        Weight of the trace. Between 0 and 1/27, above which no response can be positive.
    scale_normalize : bool, default=True
        Multiply gradients by `sigma` and `tau`, so that responses compare between scales.
    normalize : {None, "trace"}
        See `corner_harris_3d`; ``"max"`` would need the whole clip.
    eps : float, default=1e-12
        Added to the trace for ``normalize="trace"``, in squared gray values: still regions give 0.
    mode : {"reflect", "nearest"}
        Border on all three axes: mirrored about the edge of the outermost voxel
        (``d c b a | a b c d``), or the outermost voxel repeated.
    n_threads : int, optional
        Threads; None is the process's default, -1 all cores. The result does not depend on it.

    Attributes
    ----------
    latency : int
        Frames that must follow a frame before its response is final:
        ``ceil(4 tau) + ceil(4 sqrt(s) tau) + 1``, 16 with the defaults.

    See Also
    --------
    corner_harris_3d : The response of a whole video.

    Examples
    --------
    >>> import numpy as np
    >>> clip = np.random.default_rng(0).random((40, 24, 32), dtype=np.float32)
    >>> stream = HarrisStream(shape=(24, 32))
    >>> stream.latency
    16
    >>> parts = [stream.push(frame[None]) for frame in clip] + [stream.flush()]
    >>> bool((np.concatenate(parts) == corner_harris_3d(clip)).all())
    True
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        sigma: float = 2.0,
        tau: float = 1.5,
        s: float = 2.0,
        k: float = 0.005,
        scale_normalize: bool = True,
        normalize: Literal["trace"] | None = None,
        eps: float = 1e-12,
        mode: Literal["reflect", "nearest"] = "reflect",
        n_threads: int | None = None,
    ) -> None:
        try:
            height, width = shape
        except (TypeError, ValueError):
            raise ParameterError(f"shape must be (height, width), got {shape!r}") from None
        self.shape = (check_integer("shape", height, low=1), check_integer("shape", width, low=1))
        kind = check_choice("normalize", normalize, (None, "trace"))
        options = harris_options(
            self.shape, scales=[(sigma, tau)], s=s, k=k, scale_normalize=scale_normalize,
            normalize=kind == "trace", eps=eps, mode=mode, n_threads=n_threads,
        )  # fmt: skip
        self._engine = _core.HarrisEngine(options)
        self._closed = False
        self._lock = threading.RLock()  # the core works on the stream without the interpreter's
        self._working = False
        self.latency = self._engine.latency

    def push(self, frames: ArrayLike) -> NDArray[np.float32]:
        """Take frames and return the responses that became final.

        Parameters
        ----------
        frames : array_like of shape (n, y, x) or (y, x)
            The next frames, or one frame.

        Returns
        -------
        ndarray of shape (m, y, x), float32
            Responses of the next m frames of the stream; m may be 0.

        Raises
        ------
        ParameterError
            If the frames have another size, hold NaN or infinity, or the stream was flushed. A stream
            that has met NaN or infinity, or was interrupted, cannot go on.
        """
        array = check_array(
            "frames", frames, dtype="f8", allowed_dtypes=("uint8", "uint16", "float32", "float64"),
            ndim=(2, 3), finite=False,
        )  # fmt: skip
        block = array[None] if array.ndim == 2 else array
        if block.shape[1:] != self.shape:
            raise ParameterError(
                f"frames must have shape (n, {self.shape[0]}, {self.shape[1]}), got {block.shape}"
            )
        with self._turn():
            if self._closed:
                raise ParameterError(
                    "frames must not follow flush(), got a push on a closed stream: make a new HarrisStream"
                )
            until = max(0, self._engine.frames_in + len(block) - self.latency)
            return self._advance(block, until, finish=False)

    def flush(self) -> NDArray[np.float32]:
        """End the stream and return the responses that are left.

        Returns
        -------
        ndarray of shape (m, y, x), float32
            Responses of the last frames; a second call returns none.
        """
        with self._turn():
            if self._closed:
                return np.empty((0, *self.shape), np.float32)
            self._closed = True
            return self._advance(np.empty((0, *self.shape), np.uint8), self._engine.frames_in, finish=True)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for other threads; refuse this one's own handler of signals, which would wait for itself."""
        with self._lock:
            if self._working:
                raise RuntimeError(
                    "push and flush must not be called by a handler that interrupted one of them: call them "
                    "after it has returned"
                )
            self._working = True
            try:
                yield
            finally:
                self._working = False

    def __reduce__(self) -> NoReturn:
        """Refuse to be taken apart: a copy would share the core's frames."""
        raise TypeError(
            "HarrisStream cannot be copied or pickled, as its frames live in the core: make a new one in "
            "each process"
        )

    def _advance(self, block: NDArray[Any], until: int, *, finish: bool) -> NDArray[np.float32]:
        first = self._engine.frames_out
        out = np.empty((1, max(0, until - first), *self.shape), np.float32)
        try:
            step = call_length(self.shape)
            with core_errors():
                for start in range(0, max(1, len(block)), step):  # Python between the calls: Ctrl-C works
                    last = start + step >= len(block)
                    self._engine.run(
                        block[start : start + step], out, first=first, drain=last, finish=finish and last
                    )
        except BaseException:  # some of the frames are in, their responses are lost
            self._closed = True
            raise
        responses: NDArray[np.float32] = out[0]
        return responses
