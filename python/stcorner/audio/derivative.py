"""Change along time of framewise descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_array, check_integer
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["delta"]


def delta(data: ArrayLike, *, width: int = 9, order: int = 1, axis: int = -1) -> NDArray[Any]:
    """Estimate the derivative along time by local polynomials (Savitzky-Golay).

    Parameters
    ----------
    data : array_like
        Features, time along `axis`; at least `width` frames.
    width : int
        Odd number of frames per polynomial, at least 3.
    order : int
        Order of the derivative and of the polynomial, below `width`.
    axis : int
        Axis of time.

    Returns
    -------
    ndarray of the shape of `data`
        Change per frame (to the power `order`).

    Raises
    ------
    ValueError
        If `width` is even, below 3 or above the number of frames.

    Examples
    --------
    >>> delta([0.0, 2.0, 4.0, 6.0, 8.0], width=3).round(6)
    array([2., 2., 2., 2., 2.])
    """
    from scipy.signal import savgol_filter

    values = check_array("data", data)
    if values.ndim == 0 or not -values.ndim <= check_integer("axis", axis) < values.ndim:
        raise ParameterError(f"axis must lie within the {values.ndim} dimension(s) of data, got {axis}")
    frames = values.shape[axis]
    span = check_integer("width", width, low=3)
    if span % 2 == 0 or span > frames:
        raise ParameterError(f"width must be odd and <= the {frames} frames of data, got {span}")
    degree = check_integer("order", order, low=1, high=span - 1)
    return np.asarray(savgol_filter(values, span, polyorder=degree, deriv=degree, axis=axis, mode="interp"))
