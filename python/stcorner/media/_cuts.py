"""Cuts of an edited video: where one shot ends and the next begins."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

__all__ = ["CutFinder", "ShotFrame", "goes_straight_on"]

# Side of the small pictures that are compared, the pixels by which they may be shifted, and about the number
# of pixels that are picked from a frame's longer side before it is reduced to them.
_SMALL, _SHIFT, _PICKED = 32, 4, 160
# Two frames differ by 1 - correlation: below the first value never a cut, and a cut is so many times larger
# than what the frames around it differ by.
_LEAST, _RATIO = 0.01, 4.0
# Frames whose differences tell what is usual, and frames behind that tell a flash from a cut.
_USUAL, _AHEAD = 8, 2
# A small picture of less contrast than this, in gray values, shows nothing: black, white, faded out.
_FLAT = 2.0
# Pixels of a face, room around it in face sides, and the likeness of one face in neighbouring frames: between
# neighbouring frames of one person 0.97 was the least, of two people in the same place 0.88 the most.
_FACE, _REACH, _SAME = 24, 0.35, 0.93


class ShotFrame(NamedTuple):
    """A frame, its time, and how far it differs from the one before: 0 where it does not jump."""

    gray: Picture
    time: float
    jump: float


class CutFinder:
    """Say of each frame whether the picture jumps there.

    A jump is larger than what moves before and after, so that fast motion is none; light and contrast do not
    count, and where the picture soon looks as before it was a flash. Frames come out at once, but for those
    that may be a jump: they wait for the two that follow.
    """

    def __init__(self) -> None:
        self._held: deque[tuple[Picture, float, NDArray[np.float32]]] = deque()
        self._before: NDArray[np.float32] | None = None
        self._usual: deque[float] = deque(maxlen=_USUAL)

    def push(self, gray: Picture, time: float) -> list[ShotFrame]:
        """Take a frame; return those that are certain."""
        self._held.append((gray, time, _reduced(gray)))
        return self._certain(last=False)

    def flush(self) -> list[ShotFrame]:
        """Return the frames that are left."""
        return self._certain(last=True)

    def _certain(self, *, last: bool) -> list[ShotFrame]:
        ready: list[ShotFrame] = []
        while self._held:
            gray, time, small = self._held[0]
            flat = float(small.std()) < _FLAT
            jump = 0.0
            if self._before is not None and not flat:
                change = _change(self._before, small)
                if change > self._bound:
                    if len(self._held) <= _AHEAD and not last:
                        return ready
                    if returned := self._returned():
                        ready += [ShotFrame(*self._held.popleft()[:2], 0.0) for _ in range(returned)]
                        continue
                    jump = change if change > _RATIO * self._motion_behind() else 0.0
                self._usual.append(0.0 if jump else change)
            self._held.popleft()
            if not flat:
                self._before = small
            ready.append(ShotFrame(gray, time, jump))
        return ready

    @property
    def _bound(self) -> float:
        """Change that cannot be motion; the largest one of late does not count, it may be a hiccup."""
        usual = sorted(self._usual)[-2] if len(self._usual) > 1 else 0.0
        return max(_LEAST, _RATIO * usual)

    def _returned(self) -> int:
        """Frames until the picture looks as before again; 0 where it does not."""
        for n in range(1, len(self._held)):
            if self._before is not None and _change(self._before, self._held[n][2]) <= self._bound:
                return n
        return 0

    def _motion_behind(self) -> float:
        """Least change between neighbours from the first frame held on."""
        small = [one[2] for one in self._held]
        changes = [_change(one, two) for one, two in pairwise(small)]
        return min(changes, default=0.0)


def goes_straight_on(before: Picture, after: Picture, face: NDArray[np.float64]) -> bool:
    """Whether the face at (x, y, size) of one frame is in the next one too, in about the same place."""
    import cv2

    x, y, size = (float(value) for value in face[:3])
    half = (0.5 + _REACH) * size
    left, top = max(0, math.floor(x - half)), max(0, math.floor(y - half))
    right, bottom = min(before.shape[1], math.ceil(x + half)), min(before.shape[0], math.ceil(y + half))
    factor = _FACE / size
    width, height = round((right - left) * factor), round((bottom - top) * factor)
    if min(width, height) < _FACE or before.shape != after.shape:
        return False
    # Both are reduced on the same grid: on two grids the same face is unlike itself by some hundredths.
    one, two = (
        np.asarray(
            cv2.resize(gray[top:bottom, left:right], (width, height), interpolation=cv2.INTER_AREA),
            dtype=np.float32,
        )
        for gray in (before, after)
    )
    column = min(max(0, round((x - size / 2 - left) * factor)), width - _FACE)
    row = min(max(0, round((y - size / 2 - top) * factor)), height - _FACE)
    pattern = np.ascontiguousarray(one[row : row + _FACE, column : column + _FACE])
    if float(pattern.std()) < _FLAT:
        return False
    likeness = np.asarray(cv2.matchTemplate(two, pattern, cv2.TM_CCOEFF_NORMED))
    return bool(_SAME <= float(likeness.max()) <= 1.001)  # flat areas give nonsense


def _reduced(gray: Picture) -> NDArray[np.float32]:
    """Small picture of a frame. Pixels are picked first: an average over all takes 2 ms at 1280 x 720."""
    import cv2

    step = max(1, max(gray.shape) // _PICKED)
    picked = np.ascontiguousarray(gray[step // 2 :: step, step // 2 :: step])
    small = cv2.resize(picked, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def _change(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """1 - correlation of two small pictures, at the shift where it is least if they are far apart."""
    import cv2

    a, b = one - one.mean(), two - two.mean()
    norm = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    if norm <= 0.0:
        return 0.0 if not a.any() and not b.any() else 1.0
    change = 1.0 - float((a * b).sum()) / norm
    if change <= _LEAST:
        return max(0.0, change)
    inner = slice(_SHIFT, -_SHIFT)
    for area, part in ((one, two), (two, one)):
        likeness = np.asarray(
            cv2.matchTemplate(area, np.ascontiguousarray(part[inner, inner]), cv2.TM_CCOEFF_NORMED)
        )
        best = float(likeness.max())
        if best <= 1.001:
            change = min(change, 1.0 - best)
    return max(0.0, change)
