"""Frames in, rows of face crops on an even time grid out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stcorner.media.patches import crop, reduction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from stcorner.media.tracking import FaceTracker, TrackedFrame

__all__ = ["Crop", "Cropper", "FaceRows", "Row"]

# Seconds over which the largest face is chosen, from the first face on.
_DECIDE = 2.0
_NO_PICTURE = np.zeros((0, 0), np.uint8)
# A grid point farther than this from any frame shows nobody.
_HOLD = 0.5


class Crop(NamedTuple):
    """One face at one grid point."""

    picture: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    confidence: float
    aligned: bool
    visible: float


class Row(NamedTuple):
    """All faces at one grid point."""

    time: float
    crops: dict[int, Crop]


@dataclass
class Cropper:
    """Resample tracked frames in time and cut out the faces that the rule asks for, from `start` to `end`.

    What happens outside decides whose face counts, and which grid, as if the whole were asked for.
    """

    size: int
    fps: float
    rule: str | int
    margin: float
    start: float = 0.0
    end: float = math.inf

    def __post_init__(self) -> None:
        self._chosen: int | None = self.rule if isinstance(self.rule, int) else None
        self._before: TrackedFrame | None = None
        self._zero = 0.0
        self._count = 0
        self._steps: dict[int, int] = {}
        self._undecided: list[Row] = []
        self._areas: dict[int, float] = {}
        self._decide_at: float | None = None

    def push(self, frame: TrackedFrame) -> list[Row]:
        """Take the next frame; return the rows that are certain."""
        if self._before is None:
            self._before, self._zero = frame, frame.time
        rows = []
        while (time := self._next) <= frame.time + 1e-9:
            nearer = self._before if time - self._before.time <= frame.time - time else frame
            rows.append(self._row(time, nearer))
            self._count += 1
        self._before = frame
        return self._inside(self._decided(rows))

    def flush(self) -> list[Row]:
        """Return the rows that waited for a decision."""
        self._decide()
        return self._inside(self._decided([]))

    @property
    def done(self) -> bool:
        """Whether nothing that comes later can add a row."""
        return self._before is not None and self._next >= self.end and not self._undecided

    @property
    def _next(self) -> float:
        return self._zero + self._count / self.fps

    def _inside(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if self.start <= row.time < self.end]

    def _row(self, time: float, frame: TrackedFrame) -> Row:
        if abs(time - frame.time) > _HOLD:
            return Row(time, {})
        wanted = frame.faces if self._chosen is None else {self._chosen} & frame.faces.keys()
        shown = self.start <= time < self.end
        return Row(time, {face_id: self._crop(face_id, frame, shown=shown) for face_id in wanted})

    def _crop(self, face_id: int, frame: TrackedFrame, *, shown: bool) -> Crop:
        pose = frame.faces[face_id]
        side = pose.size * (1 + self.margin)
        step = self._steps[face_id] = reduction(side, self.size, self._steps.get(face_id))
        picture = _NO_PICTURE
        if shown:
            picture = crop(frame.gray, pose.x, pose.y, side, pose.angle, self.size, step)
        half = pose.size / 2
        left, top, right, bottom = pose.x - half, pose.y - half, pose.x + half, pose.y + half
        height, width = frame.gray.shape
        inside = max(0.0, min(right, width) - max(left, 0.0)) * max(0.0, min(bottom, height) - max(top, 0.0))
        box = (left, top, pose.size, pose.size)
        return Crop(picture, box, pose.confidence, pose.eyes, inside / pose.size**2)

    def _decided(self, rows: list[Row]) -> list[Row]:
        """Hold rows back until it is clear whose face is the largest."""
        if self._chosen is not None or self.rule == "all":
            ready, self._undecided = self._undecided + rows, []
            return ready
        for row in rows:
            self._undecided.append(row)
            for face_id, one in row.crops.items():
                self._areas[face_id] = self._areas.get(face_id, 0.0) + one.box[2] * one.box[3]
                if self._decide_at is None:
                    self._decide_at = row.time + _DECIDE
        if self._decide_at is None:  # nobody yet: nothing to decide about
            ready, self._undecided = self._undecided, []
            return ready
        if self._undecided[-1].time >= self._decide_at:
            self._decide()
            return self._decided([])
        return []

    def _decide(self) -> None:
        if self._chosen is None and self._areas:
            self._chosen = max(sorted(self._areas), key=lambda face_id: self._areas[face_id])
            chosen = self._chosen
            self._undecided = [
                Row(row.time, {key: one for key, one in row.crops.items() if key == chosen})
                for row in self._undecided
            ]


@dataclass
class FaceRows:
    """Follow faces and cut them out of frames that are pushed one by one."""

    tracker: FaceTracker
    cropper: Cropper

    def push(self, gray: NDArray[np.uint8], time: float) -> list[Row]:
        """Take a frame, which is kept for a while and must not change; return the rows that are certain."""
        return self._cut(self.tracker.push(gray, time))

    def flush(self) -> list[Row]:
        """Return the rows that are left."""
        return [*self._cut(self.tracker.flush()), *self.cropper.flush()]

    def _cut(self, frames: Iterable[TrackedFrame]) -> list[Row]:
        return [row for frame in frames for row in self.cropper.push(frame)]
