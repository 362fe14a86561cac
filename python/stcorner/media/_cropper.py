"""Tracked frames in, rows of crops on an even time grid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stcorner.media.patches import crop, reduction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stcorner.media.tracking import TrackedFrame

__all__ = ["Crop", "Cropper", "Row"]

# Seconds over which the largest face is chosen, from the first face on.
_DECIDE = 2.0
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
    """Resample tracked frames in time and cut out the faces that the rule asks for."""

    size: int
    fps: float
    rule: str | int
    margin: float

    def __post_init__(self) -> None:
        self._chosen: int | None = self.rule if isinstance(self.rule, int) else None
        self._before: TrackedFrame | None = None
        self._start = 0.0
        self._count = 0
        self._steps: dict[int, int] = {}
        self._undecided: list[Row] = []
        self._areas: dict[int, float] = {}
        self._decide_at: float | None = None

    def push(self, frame: TrackedFrame) -> list[Row]:
        """Take the next frame; return the rows that are certain."""
        if self._before is None:
            self._before, self._start = frame, frame.time
        rows = []
        while (time := self._start + self._count / self.fps) <= frame.time + 1e-9:
            nearer = self._before if time - self._before.time <= frame.time - time else frame
            rows.append(self._row(time, nearer))
            self._count += 1
        self._before = frame
        return self._decided(rows)

    def flush(self) -> list[Row]:
        """Return the rows that waited for a decision."""
        self._decide()
        return self._decided([])

    def _row(self, time: float, frame: TrackedFrame) -> Row:
        if abs(time - frame.time) > _HOLD:
            return Row(time, {})
        wanted = frame.faces if self._chosen is None else {self._chosen} & frame.faces.keys()
        return Row(time, {face_id: self._crop(face_id, frame) for face_id in wanted})

    def _crop(self, face_id: int, frame: TrackedFrame) -> Crop:
        pose = frame.faces[face_id]
        side = pose.size * (1 + self.margin)
        step = self._steps[face_id] = reduction(side, self.size, self._steps.get(face_id))
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
