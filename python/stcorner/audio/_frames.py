"""What every framewise function of the room checks, and where its frames lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import (
    check_array,
    check_flag,
    check_integer,
    check_real,
    refuse_mask,
    refuse_samples_first,
)
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "check_hop",
    "check_one_channel",
    "check_pitch_range",
    "check_rate",
    "check_signal",
    "decimation",
    "frame_layout",
]

# The power of a frame of any length that fits into memory still fits into float32.
LARGEST_SAMPLE = 1e12
# In samples: a frame holds three periods of the lowest pitch, and memory that many.
_LONGEST_PERIOD = 1e6
# In the tracker's own samples: what it prepares takes time with the square of this.
_LONGEST_TRACKED = 10_000
# Of a frame, unless the signal itself is longer: transforms of more take gigabytes, mostly of zeros.
_LONGEST_FRAME = 1 << 22
_HIGHEST_RATE = 1e7  # Hz; far above it a frame fills the memory and resamplers do not come back


def check_signal(y: ArrayLike, *, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return `y` as a contiguous, finite array (..., n) of `dtype`; integers are refused.

    Samples of integer files have another scale (32767 instead of 1), on which levels, thresholds and
    decibels would be silently wrong.
    """
    refuse_mask("y", y)
    array = np.asarray(y)
    if array.dtype.kind in "biu":
        raise ParameterError(
            f"y must be floating point with full scale 1.0, got dtype {array.dtype} (divide int16 by 32768)"
        )
    if array.ndim == 0:
        raise ParameterError("y must have at least 1 dimension(s), got 0 (shape ())")
    refuse_samples_first("y", array)
    # What is not finite, or too large, anywhere shows in the dot product; that costs a tenth of looking at
    # each sample.
    sound = array.dtype == dtype and array.flags.c_contiguous and array.size > 0
    if sound:
        flat = array.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            sound = bool(np.dot(flat, flat) <= LARGEST_SAMPLE**2)
    checked = check_array("y", array, dtype=dtype, finite=not sound)
    if not sound and (largest := np.abs(checked).max()) > LARGEST_SAMPLE:
        raise ParameterError(
            f"y must be of magnitude <= {LARGEST_SAMPLE:g} (full scale is 1.0), got {largest:g}"
        )
    return checked


def check_one_channel(y: ArrayLike) -> NDArray[np.float32]:
    """Return `y` as `check_signal` does; more than one channel is refused."""
    signal: NDArray[np.float32] = check_signal(y)
    if signal.ndim != 1:
        raise ParameterError(f"y must have shape (n,), got {signal.shape}")
    return signal


def check_rate(sr: Any) -> float:
    """Return the sample rate in Hz."""
    return check_real("sr", sr, low=0.0, high=_HIGHEST_RATE, open_low=True)


def check_hop(rate: float, hop_length: Any) -> int:
    """Return the samples between frames; None is 10 ms."""
    if hop_length is None:
        return max(1, round(0.01 * rate))
    return check_integer("hop_length", hop_length, low=1)


def decimation(rate: float) -> int:
    """Return the number of samples per sample of the pitch tracker, as in the core."""
    return max(1, int(rate / 16000.0))


def check_pitch_range(rate: float, fmin: Any, fmax: Any) -> tuple[float, float]:
    """Return the lowest and the highest pitch in Hz: four samples of the tracker hold a period."""
    low = check_real("fmin", fmin, low=0.0, open_low=True)
    high = check_real("fmax", fmax, low=0.0, open_low=True)
    share = 4 * decimation(rate)
    if not low < high <= rate / share:
        raise ParameterError(
            f"fmax must be > fmin ({low:g} Hz) and <= sr / {share} ({rate / share:g} Hz), got {high:g}"
        )
    least = max(rate / _LONGEST_PERIOD, rate / decimation(rate) / _LONGEST_TRACKED)
    if low < least:
        raise ParameterError(f"fmin must be at least {least:g} Hz for an sr of {rate:g} Hz, got {low:g}")
    return low, high


def frame_layout(
    n_samples: int, frame_length: Any, hop_length: Any, center: Any
) -> tuple[int, int, int, int]:
    """Return frame length, hop, first sample of the first frame and number of frames.

    Centred frames start half a frame before the signal, as in librosa; others lie inside it.
    """
    length = check_integer("frame_length", frame_length, low=1, high=max(_LONGEST_FRAME, 2 * n_samples))
    hop = check_integer("hop_length", hop_length, low=1)
    if check_flag("center", center):
        half = length // 2
        return length, hop, -half, 1 + (n_samples + 2 * half - length) // hop
    if length > n_samples:
        raise ParameterError(
            f"frame_length must be <= the {n_samples} samples of y where center=False, got {length}: give "
            "a shorter frame, or center=True"
        )
    return length, hop, 0, 1 + (n_samples - length) // hop
