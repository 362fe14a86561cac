"""Checks at the door: each returns the value in canonical form or raises `ParameterError`."""

from __future__ import annotations

import math
import numbers
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "check_array",
    "check_categories",
    "check_choice",
    "check_flag",
    "check_integer",
    "check_real",
    "check_seed",
    "core_errors",
    "refuse_mask",
    "refuse_samples_first",
    "resolve_n_jobs",
    "resolve_n_threads",
]

T = TypeVar("T")

# No recording that people bring has more channels, and no batch of sound has signals so short.
_MOST_CHANNELS = 32
# What a float64 still holds exactly; the core adds such numbers without fear of overflow.
_LARGEST_INTEGER = 2**53


def _bounds(low: float | None, high: float | None, *, open_low: bool, open_high: bool) -> str:
    def shown(bound: float) -> str:
        return str(bound) if isinstance(bound, int) else f"{bound:g}"

    parts = []
    if low is not None:
        parts.append(f"{'>' if open_low else '>='} {shown(low)}")
    if high is not None:
        parts.append(f"{'<' if open_high else '<='} {shown(high)}")
    return " and ".join(parts)


def check_real(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return `value` as a finite float within the bounds."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise ParameterError(f"{name} must be a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise ParameterError(f"{name} must be finite, got an integer beyond float64") from None
    too_low = low is not None and (number <= low if open_low else number < low)
    too_high = high is not None and (number >= high if open_high else number > high)
    if not math.isfinite(number) or too_low or too_high:
        bounds = _bounds(low, high, open_low=open_low, open_high=open_high)
        raise ParameterError(f"{name} must be finite{' and ' + bounds if bounds else ''}, got {value!r}")
    return number


def check_integer(name: str, value: Any, *, low: int | None = None, high: int | None = None) -> int:
    """Return `value` as an int within the bounds; a float or a bool is refused, not rounded."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise ParameterError(f"{name} must be an integer, got {value!r}")
    number = int(value)
    if abs(number) > _LARGEST_INTEGER:  # its decimal digits may be millions: not shown
        raise ParameterError(
            f"{name} must be of magnitude <= 2**53, got an integer of {number.bit_length()} bits"
        )
    if (low is not None and number < low) or (high is not None and number > high):
        raise ParameterError(
            f"{name} must be {_bounds(low, high, open_low=False, open_high=False)}, got {value!r}"
        )
    return number


def check_seed(name: str, value: Any) -> int:
    """Return `value` as an integer of 0 to 2**64 - 1: also what `clip_seed` makes of a name."""
    if isinstance(value, numbers.Integral) and _LARGEST_INTEGER < int(value) < 2**64:
        return int(value)
    return check_integer(name, value, low=0)


def check_choice(name: str, value: T, allowed: Collection[T]) -> T:
    """Return `value` if it is one of `allowed`."""
    try:
        known = value in allowed
    except TypeError:  # unhashable
        known = False
    if not known:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def check_flag(name: str, value: Any) -> bool:
    """Return `value` as a bool; anything but True and False is refused."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def refuse_mask(name: str, value: Any) -> None:
    """Refuse masked entries, whose values would be taken for data."""
    mask = getattr(value, "mask", None) if isinstance(value, np.ndarray) else None
    if mask is not None and np.any(mask):
        raise ParameterError(
            f"{name} must not be masked, got {int(np.sum(mask))} masked value(s): fill or drop them first"
        )


def refuse_samples_first(name: str, value: ArrayLike) -> None:
    """Refuse sound of shape (samples, channels), as soundfile and scipy return it.

    Each pair of samples would be taken for a sound of its own, and the results would be finite and wrong.
    """
    try:
        shape = np.shape(value)
    except ValueError:  # no rectangular array, which is another fault
        return
    if len(shape) >= 2 and shape[-1] <= _MOST_CHANNELS and shape[-2] > 8 * shape[-1] > 0:
        raise ParameterError(
            f"{name} must have its samples along the last axis, (n,) or (channels, n), got shape {shape}, "
            f"which looks like (samples, channels): give {name}.T, or their mean by {name}.mean(axis=-1)"
        )


def check_array(
    name: str,
    value: ArrayLike,
    *,
    dtype: DTypeLike | None = None,
    allowed_dtypes: Collection[str] = (),
    ndim: int | tuple[int, ...] | None = None,
    allow_empty: bool = False,
    finite: bool = True,
) -> NDArray[Any]:
    """Return `value` as a C-contiguous, native, aligned numeric array.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    value : array_like
        What the caller gave. Complex, object, string and masked arrays are refused.
    dtype : dtype, optional
        The result is cast to it. Default: the input's own.
    allowed_dtypes : collection of str
        Where given, an input whose dtype is none of these is cast to `dtype` (or to float64).
    ndim : int or tuple of int, optional
        Allowed numbers of dimensions.
    allow_empty : bool
        Whether a zero-size array is accepted.
    finite : bool
        Whether NaN and infinity are refused.
    """
    refuse_mask(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ParameterError(f"{name} must be a rectangular array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise ParameterError(
            f"{name} must hold real numbers, got dtype {array.dtype}: convert it with {name}.astype(float)"
        )
    if ndim is not None:
        wanted = (ndim,) if isinstance(ndim, int) else ndim
        if array.ndim not in wanted:
            allowed = " or ".join(map(str, wanted))
            raise ParameterError(
                f"{name} must have {allowed} dimension(s), got {array.ndim} (shape {array.shape})"
            )
    if array.size == 0 and not allow_empty:
        raise ParameterError(f"{name} must not be empty, got shape {array.shape}: give at least one value")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise ParameterError(
            f"{name} must be finite, got {bad} NaN or infinite value(s): drop or fill them first"
        )
    target = array.dtype.newbyteorder("=") if dtype is None else np.dtype(dtype)
    if allowed_dtypes:
        native = array.dtype.newbyteorder("=")
        target = native if native.name in allowed_dtypes else np.dtype(dtype if dtype is not None else "f8")
    try:
        result = np.require(array, dtype=target, requirements=["C", "A"])
    except ValueError as error:  # a view of strides 0, larger than any memory
        raise ParameterError(f"{name} must fit into memory, got shape {array.shape}: {error}") from None
    narrowed = result.dtype.kind == "f" and result.dtype.itemsize < array.dtype.itemsize
    # A finite float64 beyond float32's range becomes infinite by the cast.
    if finite and narrowed and not np.isfinite(result).all():
        raise ParameterError(f"{name} must fit into {target.name}, got magnitude {np.abs(array).max():g}")
    return result


def check_categories(name: str, value: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Return one value for each row, of a kind that can be sorted, none of them missing."""
    try:
        given = np.asarray(value)
    except ValueError as error:
        raise ParameterError(f"{name} must hold one value for each row: {error}") from None
    if given.shape != (n_rows,):
        raise ParameterError(f"{name} must have one entry per row of X ({n_rows}), got shape {given.shape}")
    # A list of text and NaN comes from numpy as text, with a category called "nan".
    members = value if isinstance(value, list | tuple) else given.tolist()
    if any(one is None or one is np.ma.masked or _unequal(one) for one in members):
        raise ParameterError(f"{name} must not hold NaN, None or infinity: give every row a value")
    try:
        np.unique(given)
    except TypeError:
        kinds = sorted({type(one).__name__ for one in members})
        raise ParameterError(
            f"{name} must hold values of one kind that can be sorted, got {', '.join(kinds)}"
        ) from None
    return given


def _unequal(value: Any) -> bool:
    return isinstance(value, float | np.floating) and not math.isfinite(value)


@contextmanager
def core_errors() -> Iterator[None]:
    """Give errors of the core their place in stcorner's family."""
    try:
        yield
    except ParameterError:
        raise
    except ValueError as error:
        raise ParameterError(str(error)) from None


def resolve_n_threads(n_threads: int | None) -> int:
    """Return the number of threads for the core: 0 stands for OpenMP's present maximum.

    None is the process default, -1 all cores that this process may use, -2 all but one, and so on
    (scikit-learn's rule for ``n_jobs``).
    """
    return 0 if n_threads is None else _resolve_count("n_threads", n_threads)


def resolve_n_jobs(n_jobs: int | None) -> int:
    """Return the number of processes: None is one, negative numbers count cores as for threads."""
    return 1 if n_jobs is None else _resolve_count("n_jobs", n_jobs)


def _resolve_count(name: str, value: int) -> int:
    number = check_integer(name, value)
    if number == 0:
        raise ParameterError(f"{name} must be None, > 0, or negative (-1: all cores), got 0")
    if number < 0:
        import os

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
        return max(1, cores + 1 + number)
    return min(number, 2**15)  # fits into the core's int; it takes fewer anyway
