"""Zero crossings, energy and autocorrelation per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_array, check_flag, check_integer, check_real, resolve_n_threads
from stcorner.audio._frames import check_signal, frame_layout
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["autocorrelate", "rms", "zcr_and_rms", "zero_crossing_rate"]


def _zcr_rms(
    y: ArrayLike,
    framing: tuple[int, int, bool],
    *,
    threshold: float,
    n_threads: int | None,
    want: tuple[bool, bool],
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    signal = check_signal(y)
    length, hop, start, n_frames = frame_layout(signal.shape[-1], *framing)
    limit = check_real("threshold", threshold, low=0.0)
    threads = resolve_n_threads(n_threads)
    parts = [
        _core.zcr_rms(row, length, hop, start, n_frames, limit, *want, threads)
        for row in signal.reshape(-1, signal.shape[-1])
    ]
    shape = (*signal.shape[:-1], n_frames)
    zcr = np.stack([part[0] for part in parts]).reshape(shape) if want[0] else np.empty(0)
    level = np.stack([part[1] for part in parts]).reshape(shape) if want[1] else np.empty(0, np.float32)
    if want[1] and not np.isfinite(level).all():
        raise ParameterError(
            "y must have squares that float32 can hold, got magnitudes beyond 1e19: divide y so that its "
            "full scale is 1.0"
        )
    return zcr, level


def zero_crossing_rate(
    y: ArrayLike,
    *,
    frame_length: int = 1024,
    hop_length: int = 256,
    center: bool = True,
    threshold: float = 1e-10,
    n_threads: int | None = None,
) -> NDArray[np.float64]:
    """Compute the share of sign changes in each frame.

    Parameters
    ----------
    y : array_like of shape (..., n)
        Audio, floating point; leading axes are channels.
    frame_length, hop_length : int
        In samples.
    center : bool
        Frame i is centred on sample ``i * hop_length`` (beyond the ends nothing changes); False puts its
        first sample there.
    threshold : float
        Samples above ``-threshold`` count as positive, so that silence has no crossings.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (..., t), float64
        Number of changes between neighbours inside the frame over `frame_length`, 0 to 1.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or of an integer type, or a length is below 1.

    See Also
    --------
    zcr_and_rms : This and `rms` in one pass.

    Notes
    -----
    The paper's equation takes signs from {0, 1} and divides by 2N, which gives half of this; with signs
    from {-1, +1}, as here, its formula counts each change once. Values are librosa's.

    Examples
    --------
    >>> zero_crossing_rate([1.0, -1.0, 1.0, -1.0], frame_length=4, hop_length=4, center=False)
    array([0.75])
    """
    framing = (frame_length, hop_length, center)
    return _zcr_rms(y, framing, threshold=threshold, n_threads=n_threads, want=(True, False))[0]


def rms(
    y: ArrayLike,
    *,
    frame_length: int = 1024,
    hop_length: int = 256,
    center: bool = True,
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    """Compute the root mean square of each frame, the paper's energy.

    Parameters
    ----------
    y : array_like of shape (..., n)
        Audio, floating point; leading axes are channels.
    frame_length, hop_length : int
        In samples.
    center : bool
        Frame i is centred on sample ``i * hop_length`` (zeros beyond the ends); False puts its first
        sample there.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (..., t), float32
        In the units of `y`.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or of an integer type, or a length is below 1.

    See Also
    --------
    zcr_and_rms : This and `zero_crossing_rate` in one pass.

    Examples
    --------
    >>> rms([3.0, -4.0, 0.0, 0.0], frame_length=2, hop_length=2, center=False)
    array([3.535534, 0.      ], dtype=float32)
    """
    framing = (frame_length, hop_length, center)
    return _zcr_rms(y, framing, threshold=0.0, n_threads=n_threads, want=(False, True))[1]


def zcr_and_rms(
    y: ArrayLike,
    *,
    frame_length: int = 1024,
    hop_length: int = 256,
    center: bool = True,
    threshold: float = 1e-10,
    n_threads: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Compute `zero_crossing_rate` and `rms` in one pass over the signal.

    Values are those of the two functions.

    Parameters
    ----------
    y : array_like of shape (..., n)
        Audio, floating point; leading axes are channels.
    frame_length, hop_length : int
        In samples.
    center : bool
        Frame i is centred on sample ``i * hop_length`` (beyond the ends nothing changes); False puts its
        first sample there.
    threshold : float
        Samples above ``-threshold`` count as positive, so that silence has no crossings.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    zcr : ndarray of shape (t,), float64
        Share of sign changes, 0 to 1.
    rms : ndarray of shape (t,), float32
        Root mean square, in units of the signal.

    See Also
    --------
    zero_crossing_rate : The first result alone.
    rms : The second result alone.

    Examples
    --------
    >>> zcr, level = zcr_and_rms([1.0, -1.0, 1.0, -1.0], frame_length=4, hop_length=4, center=False)
    >>> float(zcr[0]), float(level[0])
    (0.75, 1.0)
    """
    framing = (frame_length, hop_length, center)
    return _zcr_rms(y, framing, threshold=threshold, n_threads=n_threads, want=(True, True))


def autocorrelate(
    y: ArrayLike,
    *,
    frame_length: int,
    hop_length: int,
    max_lag: int | None = None,
    window: str | ArrayLike | None = "hann",
    unbiased: bool = True,
    center: bool = False,
    n_threads: int | None = None,
) -> NDArray[Any]:
    """Compute the autocorrelation of each windowed frame.

    Parameters
    ----------
    y : array_like of shape (..., n)
        Audio, floating point; leading axes are channels.
    frame_length, hop_length : int
        In samples.
    max_lag : int, optional
        Largest lag, below `frame_length`. Default: half a frame.
    window : str, array_like of shape (frame_length,) or None
        Name for `scipy.signal.get_window`, the samples themselves, or None for a rectangle.
    unbiased : bool
        Divide each lag by the window's own autocorrelation there (as a share of lag 0), so that the
        peaks of a periodic signal do not fall with the lag (Boersma 1993).
    center : bool
        Frame i is centred on sample ``i * hop_length`` (zeros beyond the ends); False puts its first
        sample there.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (..., t, max_lag + 1)
        Sums of products, computed in float64; of the dtype of `y`.

    Raises
    ------
    ValueError
        If `y` is empty or not finite, a length is below 1, or `max_lag` is not below `frame_length`.

    See Also
    --------
    pitch_autocorrelation : Pitch from the same function.

    References
    ----------
    .. [1] P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
       harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17 (1993) 97-110.

    Examples
    --------
    >>> autocorrelate([1.0, 2.0, 3.0], frame_length=3, hop_length=3, max_lag=2, window=None, unbiased=False)
    array([[14.,  8.,  3.]])
    """
    signal = check_signal(y, dtype=np.float64)
    length, hop, start, n_frames = frame_layout(signal.shape[-1], frame_length, hop_length, center)
    top = length // 2 if max_lag is None else check_integer("max_lag", max_lag, low=0)
    if top >= length:
        raise ParameterError(
            f"max_lag must be < frame_length ({length}), got {top}: lower max_lag or raise frame_length"
        )
    weights = window_samples(window, length)
    divide = check_flag("unbiased", unbiased)
    if divide and not np.dot(weights[: length - top], weights[top:]) > 1e-9 * np.dot(weights, weights):
        raise ParameterError(f"max_lag must be a lag at which the window overlaps itself, got {top}")
    threads = resolve_n_threads(n_threads)
    parts = [
        _core.autocorrelate(row, weights, hop, start, n_frames, top + 1, divide, threads)
        for row in signal.reshape(-1, signal.shape[-1])
    ]
    result = np.stack(parts).reshape(*signal.shape[:-1], n_frames, top + 1)
    return result.astype(np.float32) if np.asarray(y).dtype.type is np.float32 else result


def window_samples(window: str | ArrayLike | None, length: int) -> NDArray[np.float64]:
    """Return the samples of a window given by name, as values, or as None (all ones)."""
    if window is None:
        return np.ones(length)
    if isinstance(window, str):
        if window == "hann":
            return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
        from scipy.signal import get_window

        try:
            return np.asarray(get_window(window, length), dtype=np.float64)
        except ValueError as error:
            raise ParameterError(f"window must be a name that scipy knows, got {window!r}: {error}") from None
    samples = check_array("window", window, dtype=np.float64, ndim=1)
    if len(samples) != length:
        raise ParameterError(
            f"window must have {length} samples, got {len(samples)}: give one sample per sample of the "
            "frame, or a name"
        )
    if not np.any(samples):
        raise ParameterError("window must have a sample that is not zero, got zeros")
    return samples
