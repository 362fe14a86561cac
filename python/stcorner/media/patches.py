"""Small pictures around a face: close view for the detector, texture to follow it by, eyes, crop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.media.detectors import cascade

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

__all__ = ["EyeFinder", "appearance", "close_view", "crop", "reduction", "search"]

_PATCH = 32
# The close view spans this many face widths, and has this many pixels.
_VIEW, _VIEW_PIXELS = 1.8, 96
_SEARCH_PIXELS = 24
_SEARCH_REACH = 0.6
# Where the eyes of a face stand in its box: below the top, in box heights.
_EYE_HEIGHT = 0.38
_EYE_FACE = 96


@dataclass(frozen=True)
class View:
    """A part of the picture, reduced, and the way back."""

    picture: Picture
    left: int
    top: int
    across: float
    down: float

    def to_picture(self, face: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a face row of this view in pixels of the whole picture."""
        row = face.copy()
        row[[0, 2, *range(5, len(row), 2)]] *= self.across
        row[[1, 3, *range(6, len(row), 2)]] *= self.down
        row[[0, *range(5, len(row), 2)]] += self.left
        row[[1, *range(6, len(row), 2)]] += self.top
        return row


def _part(gray: Picture, x: float, y: float, half: float) -> tuple[int, int, int, int]:
    """Corners of the square around (x, y), cut to the picture."""
    left, top = max(0, math.floor(x - half)), max(0, math.floor(y - half))
    right, bottom = min(gray.shape[1], math.ceil(x + half)), min(gray.shape[0], math.ceil(y + half))
    return left, top, right, bottom


def _resize(picture: Picture, width: int, height: int) -> Picture:
    import cv2

    smaller = width < picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    out: Picture = np.asarray(
        cv2.resize(picture, (max(1, width), max(1, height)), interpolation=how), dtype=np.uint8
    )
    return out


def close_view(gray: Picture, face: NDArray[np.float64]) -> View | None:
    """Return the surroundings of a face (x, y, size) at the detector's scale; None outside the picture."""
    left, top, right, bottom = _part(gray, face[0], face[1], _VIEW / 2 * face[2])
    if right - left < 8 or bottom - top < 8:
        return None
    factor = min(1.0, _VIEW_PIXELS / (_VIEW * face[2]))
    part = gray[top:bottom, left:right]
    small = (
        part if factor == 1.0 else _resize(part, round(part.shape[1] * factor), round(part.shape[0] * factor))
    )
    return View(
        np.ascontiguousarray(small), left, top, part.shape[1] / small.shape[1], part.shape[0] / small.shape[0]
    )


def appearance(gray: Picture, x: float, y: float, size: float) -> NDArray[np.float32]:
    """Texture of a face: 32 x 32 values of mean 0 and length 1, free of light and contrast."""
    left, top, right, bottom = _part(gray, x, y, size / 2)
    if right - left < 2 or bottom - top < 2:
        return np.zeros((_PATCH, _PATCH), np.float32)
    patch = _resize(gray[top:bottom, left:right], _PATCH, _PATCH).astype(np.float32)
    patch -= patch.mean()
    norm = float(np.linalg.norm(patch))
    return patch / np.float32(norm) if norm > 0 else patch


def search(
    gray: Picture, face: NDArray[np.float64], patch: NDArray[np.float32], accept: float
) -> tuple[float, float, float] | None:
    """Find a texture near (x, y, size): centre and likeness, or None where nothing is as like as `accept`."""
    import cv2

    x, y, size = (float(value) for value in face[:3])
    left, top, right, bottom = _part(gray, x, y, (0.5 + _SEARCH_REACH) * size)
    factor = _SEARCH_PIXELS / size
    width, height = round((right - left) * factor), round((bottom - top) * factor)
    if width < _SEARCH_PIXELS or height < _SEARCH_PIXELS:
        return None
    area = _resize(gray[top:bottom, left:right], width, height).astype(np.float32)
    small = cv2.resize(patch, (_SEARCH_PIXELS, _SEARCH_PIXELS), interpolation=cv2.INTER_AREA)
    likeness = np.asarray(cv2.matchTemplate(area, small, cv2.TM_CCOEFF_NORMED))
    row, column = np.unravel_index(int(likeness.argmax()), likeness.shape)
    best = float(likeness[row, column])
    if not accept <= best <= 1.001:  # flat areas give NaN or nonsense
        return None
    down = row + _vertex(likeness[:, column], int(row))
    across = column + _vertex(likeness[row], int(column))
    half = _SEARCH_PIXELS / 2
    return (
        left + (across + half) * (right - left) / width,
        top + (down + half) * (bottom - top) / height,
        min(1.0, best),
    )


def _vertex(values: NDArray[Any], at: int) -> float:
    """Offset of the parabola's top through a peak and its neighbours."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


class EyeFinder:
    """Turn and shift that bring a face's eyes to their place, from the detector's eyes or a Haar cascade."""

    def __init__(self) -> None:
        self._cascades: dict[str, Any] = {}

    def find(
        self, gray: Picture, x: float, y: float, size: float, face: NDArray[np.float64]
    ) -> tuple[float, float, float] | None:
        """Return (angle in radians, shift right, shift down in box sides), or None."""
        if len(face) >= 9:
            return _hung(face[5:9].reshape(2, 2), x, y, size)
        eyes = self._by_cascade(gray, x, y, size)
        if eyes is None:
            return None
        across, down = eyes[1] - eyes[0]
        if not 0.25 * size < across < 0.7 * size or abs(down) > 0.45 * across:
            return None
        middle = eyes.mean(axis=0)
        right = (middle[0] - x) / size
        below = (middle[1] - y) / size + 0.5 - _EYE_HEIGHT
        return math.atan2(down, across), float(np.clip(right, -0.1, 0.1)), float(np.clip(below, -0.1, 0.1))

    def _by_cascade(self, gray: Picture, x: float, y: float, size: float) -> NDArray[np.float64] | None:
        left, top = round(x - size / 2), round(y - 0.32 * size)
        right, bottom = round(x + size / 2), round(y + 0.08 * size)
        if left < 0 or top < 0 or right > gray.shape[1] or bottom > gray.shape[0] or size < 40:
            return None
        band = _resize(
            gray[top:bottom, left:right], _EYE_FACE, round(_EYE_FACE * (bottom - top) / (right - left))
        )
        middle = _EYE_FACE // 2
        eyes = []
        for start in (0, middle):
            half = np.ascontiguousarray(band[:, start : start + middle])
            boxes, counts = cascade(self._cascades, "haarcascade_eye").detectMultiScale2(
                half, scaleFactor=1.15, minNeighbors=3, minSize=(20, 20), maxSize=(36, 36)
            )
            if not len(boxes):
                return None
            ranked = zip(np.asarray(counts).ravel().tolist(), np.asarray(boxes).tolist(), strict=True)
            x0, y0, w, h = max(ranked)[1]
            eyes.append((start + x0 + w / 2, y0 + h / 2))
        placed: NDArray[np.float64] = np.array(eyes) * (size / _EYE_FACE) + np.array([left, top])
        return placed


def _hung(eyes: NDArray[np.float64], x: float, y: float, size: float) -> tuple[float, float, float] | None:
    """Turn and shift of a box that hangs from the eyes, whatever way up."""
    across, down = (float(value) for value in eyes[1] - eyes[0])
    distance = math.hypot(across, down)
    if not 0.1 * size < distance < 0.7 * size:
        return None
    middle = eyes.mean(axis=0)
    below = (0.5 - _EYE_HEIGHT) * size / distance
    right = (middle[0] - below * down - x) / size
    lower = (middle[1] + below * across - y) / size
    return math.atan2(down, across), float(np.clip(right, -0.2, 0.2)), float(np.clip(lower, -0.2, 0.2))


def reduction(side: float, size: int, before: int | None) -> int:
    """Whole-pixel reduction for a crop; it stays while it fits, for a change of it looks like motion."""
    ratio = side / size
    if before is not None and 0.85 * before <= ratio < 2.2 * before:
        return before
    return max(1, int(ratio))


def crop(gray: Picture, x: float, y: float, side: float, angle: float, size: int, step: int) -> Picture:
    """Square of `side` pixels around (x, y), turned upright by `angle`, as size x size pixels.

    Beyond the picture its border is repeated. The picture is reduced by `step` whole pixels first, on a grid
    that does not move with the face: picking every n-th pixel would shimmer, and corners in time would be
    found in the shimmer.
    """
    import cv2

    if step > 1:
        left, top, right, bottom = _part(gray, x, y, 0.75 * side + step)
        left, top = left - left % step, top - top % step
        width, height = (right - left) // step, (bottom - top) // step
        if width < 1 or height < 1:
            step = 1
        else:
            gray = _resize(gray[top : top + height * step, left : left + width * step], width, height)
            x, y = (x - left) / step, (y - top) / step
    scale = side / step / size
    cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
    # Boxes count from the edges of pixels, OpenCV from their centres.
    middle = (size - 1) / 2
    matrix = np.array(
        [
            [cosine, -sine, x - 0.5 - (cosine - sine) * middle],
            [sine, cosine, y - 0.5 - (sine + cosine) * middle],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out: Picture = np.asarray(
        cv2.warpAffine(gray, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )
    return out
