"""Sound whose stamps run slower or faster than its samples: two clocks made one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drift"]

# Containers that stamp sound by a clock of their own; elsewhere the stamps count the samples.
_STAMPED = frozenset({"matroska", "mov", "flv", "live_flv", "mpegts", "mpeg", "asf"})
# Seconds by which stamps and samples may differ, and how long before anything is done: stamps jitter.
_TOLERANCE, _PATIENCE = 0.010, 1.0
# Crystals differ by less; what differs by more are stamps that mean nothing.
_LARGEST = 0.05
# Seconds in which a difference is taken back, and over which it is averaged.
_RETURN, _SMOOTHING = 1.0, 0.25
_LEARNING = 20.0


class Drift:
    """Stretches sound by the little by which its own clock runs beside that of the stamps.

    As long as both agree within 10 ms nothing is changed, so that sound without drift keeps its bits.
    """

    def __init__(self, container: Any) -> None:
        self._active = container.format.name.split(",")[0] in _STAMPED
        self._last: NDArray[np.float32] | None = None
        self.restart()

    def restart(self) -> None:
        """Begin anew: behind a hole in the sound."""
        self._seconds = 0.0
        self._beside = 0.0  # for how long the difference has been on one side
        self._mean = 0.0
        self._slope: float | None = None
        self._owed = 0.0
        self._last = None

    def correct(self, data: NDArray[np.float32], late: float, rate: int) -> NDArray[np.float32]:
        """Return a block (channels, n) that its stamp puts `late` seconds behind the samples before it."""
        if not self._active:
            return data
        length = data.shape[1] / rate
        if self._slope is None:
            same_side = abs(late) > _TOLERANCE and late * self._mean >= 0
            self._beside = self._beside + length if same_side else 0.0
            self._mean = late
            self._seconds += length
            if self._beside < _PATIENCE or abs(late) > _LARGEST * self._seconds:
                self._last = data[:, -1:]
                return data
            self._slope = late / self._seconds
        self._mean += (late - self._mean) * min(1.0, length / _SMOOTHING)
        pull = self._mean / _RETURN
        self._slope += pull * length / _LEARNING
        self._owed += data.shape[1] * float(np.clip(self._slope + pull, -_LARGEST, _LARGEST))
        extra = round(self._owed)
        self._owed -= extra
        before = data[:, :1] if self._last is None else self._last
        self._last = data[:, -1:]
        return _stretched(before, data, data.shape[1] + extra) if extra else data


def _stretched(before: NDArray[np.float32], data: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return a block as `n` samples, drawn through its own and the sample before them."""
    whole = np.concatenate([before, data], axis=1)
    place = np.arange(1, n + 1) * (data.shape[1] / n)
    return np.stack([np.interp(place, np.arange(whole.shape[1]), one) for one in whole]).astype(np.float32)
