"""Frames in, rows of face crops on an even time grid out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stcorner.media.patches import crop, reduction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from stcorner.media.tracking import FaceTracker, TrackedFrame

__all__ = ["Crop", "Cropper", "FaceRows", "Row"]

# Seconds over which the largest face is chosen while frames come in, from the first face on, and without it
# until another is chosen.
_DECIDE, _GONE = 2.0, 2.0
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
    quality: float


class Row(NamedTuple):
    """All faces at one grid point, and the number of the video's frame that shows them."""

    time: float
    crops: dict[int, Crop]
    frame: int


@dataclass
class Cropper:
    """Resample tracked frames in time and cut out the faces that the rule asks for, from `start` to `end`.

    The grid is that of the whole, or the frames themselves where `fps` is infinite. With the rule "largest"
    the face is chosen as the frames come in: the one with the largest area summed over the first two seconds
    that show a face. It is kept until a cut, or until it has been gone for two seconds; then the next is
    chosen, behind a row that shows nobody. `areas` sums up who was how large for how long, for those who can
    wait for the end. Without `pictures` nothing is cut out.
    """

    size: int
    fps: float
    rule: str | int
    margin: float
    start: float = 0.0
    end: float = math.inf
    pictures: bool = True
    areas: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chosen: int | None = self.rule if isinstance(self.rule, int) else None
        self._before: TrackedFrame | None = None
        self._zero = 0.0
        self._count = 0
        self._steps: dict[int, int] = {}
        self._undecided: list[Row] = []
        self._recent: dict[int, float] = {}
        self._decide_at: float | None = None
        self._shot = 0
        self._seen_at = 0.0

    def push(self, frame: TrackedFrame) -> list[Row]:
        """Take the next frame; return the rows that are certain."""
        if self._before is None:
            self._before, self._zero, self._shot = frame, frame.time, frame.shot
        rows: list[Row] = []
        for time in self._grid(frame.time):
            nearer = self._before if time - self._before.time <= frame.time - time else frame
            rows += self._chosen_rows(time, nearer) if self.rule == "largest" else [self._row(time, nearer)]
        self._before = frame
        return self._inside(rows)

    def flush(self) -> list[Row]:
        """Return the rows that waited for a decision."""
        return self._inside(self._decide())

    @property
    def done(self) -> bool:
        """Whether nothing that comes later can add a row."""
        return self._before is not None and self._next >= self.end and not self._undecided

    @property
    def largest(self) -> int | None:
        """Face with the largest area summed over the time so far."""
        return _largest(self.areas)

    @property
    def _next(self) -> float:
        return self._zero + self._count / self.fps

    def _grid(self, until: float) -> Iterator[float]:
        if math.isinf(self.fps):
            self._zero = until
            yield until
            return
        while (time := self._next) <= until + 1e-9:
            yield time
            self._count += 1

    def _inside(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if self.start <= row.time < self.end]

    def _row(self, time: float, frame: TrackedFrame) -> Row:
        if abs(time - frame.time) > _HOLD:
            return Row(time, {}, frame.number)
        wanted = frame.faces if self._chosen is None else {self._chosen} & frame.faces.keys()
        shown = self.start <= time < self.end
        crops = {face_id: self._crop(face_id, frame, shown=shown and self.pictures) for face_id in wanted}
        if shown:
            _add_areas(self.areas, crops)
        return Row(time, crops, frame.number)

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
        return Crop(picture, box, pose.confidence, pose.eyes, inside / pose.size**2, pose.quality)

    def _chosen_rows(self, time: float, frame: TrackedFrame) -> list[Row]:
        """Hold rows back until it is clear whose face is the largest."""
        gone = self._chosen is not None and time - self._seen_at > _GONE and bool(frame.faces)
        if frame.shot != self._shot or (gone and self._chosen not in frame.faces):
            ready = self._decide()
            self._chosen, self._decide_at, self._shot = None, None, frame.shot
            self._recent.clear()
            return [*ready, Row(time, {}, frame.number)]
        row = self._row(time, frame)
        if self._chosen is not None:
            if row.crops:
                self._seen_at = time
            return [row]
        _add_areas(self._recent, row.crops)
        if row.crops and self._decide_at is None:
            self._decide_at = time + _DECIDE
        self._undecided.append(row)
        # Before the first face there is nothing to decide about.
        return self._decide() if self._decide_at is None or time >= self._decide_at else []

    def _decide(self) -> list[Row]:
        """Choose the largest face if there is one; return the rows that waited, with it alone."""
        rows, self._undecided = self._undecided, []
        if self._chosen is None:
            self._chosen = _largest(self._recent)
        chosen = self._chosen
        rows = [
            row._replace(crops={key: one for key, one in row.crops.items() if key == chosen}) for row in rows
        ]
        self._seen_at = max((row.time for row in rows if row.crops), default=self._seen_at)
        return rows


def _add_areas(areas: dict[int, float], crops: dict[int, Crop]) -> None:
    for face_id, one in crops.items():
        areas[face_id] = areas.get(face_id, 0.0) + one.box[2] * one.box[3]


def _largest(areas: dict[int, float]) -> int | None:
    return max(sorted(areas), key=lambda face_id: areas[face_id], default=None)


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
