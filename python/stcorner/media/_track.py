"""One face through time: where it was found, where it goes, how it is smoothed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ANGLE",
    "CONF",
    "EX",
    "EY",
    "EYES",
    "FOUND",
    "INTERVAL",
    "MAX_GAP",
    "QUALITY",
    "REACH",
    "Pose",
    "S",
    "T",
    "Track",
    "X",
    "Y",
    "as_row",
    "box_of",
    "likeness",
]  # fmt: skip

# Seconds between looks at the faces that are followed.
INTERVAL = 0.2
# Seconds of the Gaussian that smooths, and beyond which nothing counts.
_SIGMA = 0.25
REACH = 0.65
# Longest hole, in seconds, that is bridged.
MAX_GAP = 0.5
# Columns of a track's rows: time, centre, side, turn, shift that puts the eyes in place, eyes seen,
# confidence, found by the detector (1) or by texture (0), quality.
T, X, Y, S, ANGLE, EX, EY, EYES, CONF, FOUND, QUALITY = range(11)


class Pose(NamedTuple):
    """One face in one frame: square box by centre and side (pixels), turn (radians), and its source."""

    x: float
    y: float
    size: float
    angle: float
    confidence: float
    detected: bool
    eyes: bool
    quality: float


class Track:
    """A face: a row for each look that found it, and its texture."""

    def __init__(self, row: NDArray[np.float64], patch: NDArray[np.float32]) -> None:
        self.face_id: int | None = None
        self.rows: list[NDArray[np.float64]] = [row]
        self.patch = patch
        self.found = 1
        self.evidence = float(row[CONF])
        self.eyes_at = -math.inf
        self._smooth: dict[float, NDArray[np.float64]] = {}

    @property
    def last(self) -> NDArray[np.float64]:
        """The latest row."""
        return self.rows[-1]

    def coasting(self) -> float:
        """Seconds since the detector last saw the face."""
        seen = [row[T] for row in self.rows if row[FOUND]]
        return float(self.last[T] - seen[-1]) if seen else math.inf

    def predict(self, time: float) -> NDArray[np.float64]:
        """Centre and side expected at `time`: straight on for a second, then at rest."""
        rows = np.array(self.rows[-4:])
        centre, gap = rows[-1, [X, Y]], min(1.0, time - rows[-1, T])
        span = rows[-1, T] - rows[0, T]
        if span > 0:
            t = rows[:, T] - rows[:, T].mean()
            speed = (t @ (rows[:, [X, Y]] - rows[:, [X, Y]].mean(axis=0))) / (t @ t)
            centre = centre + np.clip(speed, -2 * rows[-1, S], 2 * rows[-1, S]) * gap
        return np.array([centre[0], centre[1], rows[-1, S]])

    def smooth(self, index: int) -> NDArray[np.float64]:
        """Row `index` averaged with its neighbours; the centre by a local line, so that it does not lag."""
        row = self.rows[index]
        if row[T] in self._smooth:
            return self._smooth[row[T]]
        low = high = index
        while low > 0 and self.rows[low][T] - self.rows[low - 1][T] <= MAX_GAP:
            low -= 1
        while high + 1 < len(self.rows) and self.rows[high + 1][T] - self.rows[high][T] <= MAX_GAP:
            high += 1
        near = np.array([r for r in self.rows[low : high + 1] if abs(r[T] - row[T]) <= REACH])
        t = near[:, T] - row[T]
        weight = np.exp(-0.5 * (t / _SIGMA) ** 2) * (0.5 + 0.5 * near[:, FOUND])
        weight /= weight.sum()
        result = row.copy()
        result[S : EY + 1] = weight @ near[:, S : EY + 1]
        mean_t = weight @ t
        spread = weight @ (t - mean_t) ** 2
        centre = near[:, [X, Y]]
        mean = weight @ centre
        slope = (weight * (t - mean_t)) @ centre / spread if spread > 0 else np.zeros(2)
        result[[X, Y]] = mean - slope * mean_t
        return self._smooth.setdefault(row[T], result)

    def pose(self, time: float) -> Pose | None:
        """Return the smoothed face at `time`, None outside what was seen and in holes too long to bridge."""
        times = [row[T] for row in self.rows]
        right = int(np.searchsorted(times, time))
        if right < len(times) and times[right] == time:
            return _as_pose(self.smooth(right))
        if right == 0 or right == len(times) or times[right] - times[right - 1] > MAX_GAP:
            return None
        one, two = self.smooth(right - 1), self.smooth(right)
        share = (time - one[T]) / (two[T] - one[T])
        return _as_pose(one + share * (two - one))

    def forget(self, before: float) -> None:
        """Drop rows that no frame needs any more, but for the last few."""
        while len(self.rows) > 8 and self.rows[1][T] < before:
            self._smooth.pop(self.rows.pop(0)[T], None)


def _as_pose(row: NDArray[np.float64]) -> Pose:
    return Pose(
        x=float(row[X] + row[EX] * row[S]),
        y=float(row[Y] + row[EY] * row[S]),
        size=float(row[S]),
        angle=float(row[ANGLE]),
        confidence=float(row[CONF]),
        detected=bool(row[FOUND] >= 1.0),
        eyes=bool(row[EYES] > 0.0),
        quality=float(row[QUALITY]),
    )


def as_row(face: NDArray[np.float64], time: float) -> NDArray[np.float64]:
    """Return what a detector found as a row of a track."""
    row = np.zeros(11)
    row[T], row[S] = time, math.sqrt(face[2] * face[3])
    row[X], row[Y] = face[0] + face[2] / 2, face[1] + face[3] / 2
    row[CONF], row[FOUND] = face[4], 1.0
    return row


def box_of(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Box of a row: x, y, width, height."""
    return np.array([row[X] - row[S] / 2, row[Y] - row[S] / 2, row[S], row[S]])


def likeness(track: Track, row: NDArray[np.float64], patch: NDArray[np.float32]) -> float:
    """Likeness of a face to a track, up to 1; after a gap, looks count for more than place."""
    gap = row[T] - track.last[T]
    expected = track.predict(row[T])
    size = max(expected[2], row[S])
    distance = math.hypot(expected[0] - row[X], expected[1] - row[Y]) / size
    looks = float((track.patch * patch).sum() / max(1e-9, np.linalg.norm(track.patch)))
    place = math.exp(-0.5 * (distance / 0.4) ** 2)
    weight = 0.6 * math.exp(-max(0.0, gap - INTERVAL) / 1.5)
    return weight * place + (1 - weight) * looks - 0.5 * abs(math.log(row[S] / expected[2]))
