"""Change along time of framewise descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_array, check_choice, check_integer
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["delta"]


def delta(
    data: ArrayLike, *, width: int = 9, order: int = 1, axis: int = -1, mode: str = "interp"
) -> NDArray[Any]:
    """Estimate the derivative along time by local polynomials (Savitzky-Golay).

    Parameters
    ----------
    data : array_like
        Features, time along `axis`; with ``mode="interp"`` at least `width` frames.
    width : int
        Odd number of frames per polynomial, at least 3.
    order : int
        Order of the derivative and of the polynomial, below `width`; 1 for ``mode="nearest"``.
    axis : int
        Axis of time.
    mode : {"interp", "nearest"}
        At the ends the polynomials of the last `width` frames go on (librosa), or the last frame is
        repeated (HTK).

    Returns
    -------
    ndarray of the shape of `data`
        Change per frame (to the power `order`).

    Raises
    ------
    ValueError
        If `width` is even, below 3 or above the number of frames, or `order` does not fit.

    See Also
    --------
    mfcc : Coefficients to differentiate.

    Examples
    --------
    >>> delta([0.0, 2.0, 4.0, 6.0, 8.0], width=3).round(6)
    array([2., 2., 2., 2., 2.])
    """
    values = check_array("data", data)
    if values.dtype == np.float16:  # differences of its large values are infinite in it
        values = values.astype(np.float32)
    elif values.dtype == np.longdouble:  # scipy takes none, and some of its values are infinite in float64
        values = check_array("data", values, dtype=np.float64)
    if values.ndim == 0 or not -values.ndim <= check_integer("axis", axis) < values.ndim:
        raise ParameterError(f"axis must lie within the {values.ndim} dimension(s) of data, got {axis}")
    repeat = check_choice("mode", mode, ("interp", "nearest")) == "nearest"
    frames = values.shape[axis]
    span = check_integer("width", width, low=3)
    if span % 2 == 0 or (span > frames and not repeat):
        raise ParameterError(
            f"width must be odd and <= the {frames} frames of data, got {span}: give a smaller width, or "
            "mode='nearest'"
        )
    degree = check_integer("order", order, low=1, high=1 if repeat else span - 1)
    if repeat:
        return np.moveaxis(_regression(np.moveaxis(values, axis, 0), span // 2), 0, axis)
    from scipy.signal import savgol_filter

    return np.asarray(savgol_filter(values, span, polyorder=degree, deriv=degree, axis=axis, mode="interp"))


def _regression(values: NDArray[Any], reach: int) -> NDArray[Any]:
    """Slope along the first axis over `reach` neighbours on either side; ends are repeated."""
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    padded = np.pad(values, ((reach, reach), *[(0, 0)] * (values.ndim - 1)), mode="edge")
    n = len(values)
    total = np.zeros_like(values)
    for k in range(1, reach + 1):
        later, earlier = padded[reach + k : reach + k + n], padded[reach - k : reach - k + n]
        total += values.dtype.type(k) * (later - earlier)
    return np.asarray(total / values.dtype.type(2 * sum(k * k for k in range(1, reach + 1))))
