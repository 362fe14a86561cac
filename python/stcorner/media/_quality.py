"""How much a face in a frame can tell: one number from score, size, sharpness, turn and light."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["face_quality"]

# Side in pixels at which sharpness is measured; faces of fewer pixels than the second are worth less.
_SIDE, _SMALLEST = 64, 48
# Confidence that is as good as certainty: Haar's reaches it with 12 overlapping hits.
_SURE = 0.8
# Spread of the Laplacian over the spread of the picture: blurred by 3 pixels, and sharp.
_BLURRED, _SHARP = 0.1, 0.5
# Gray values: spread of a well-lit face, and values beyond which nothing is drawn any more.
_CONTRAST, _BLACK, _WHITE = 20.0, 8, 247


def face_quality(
    gray: NDArray[np.uint8], x: float, y: float, size: float, angle: float, confidence: float
) -> float:
    """Return 0 to 1: the square root of the product of six shares.

    Confidence over 0.8; side over 48 pixels; sharpness; cosine of the turn; light (spread of the gray values
    over 20, less the share that is black or white); share of the box within the picture.
    """
    import cv2

    left, top = max(0, math.floor(x - size / 2)), max(0, math.floor(y - size / 2))
    right, bottom = min(gray.shape[1], math.ceil(x + size / 2)), min(gray.shape[0], math.ceil(y + size / 2))
    if right - left < 4 or bottom - top < 4:
        return 0.0
    factor = min(1.0, _SIDE / size)
    face = cv2.resize(
        gray[top:bottom, left:right],
        (max(4, round((right - left) * factor)), max(4, round((bottom - top) * factor))),
        interpolation=cv2.INTER_AREA,
    )
    spread = float(face.std())
    detail = float(cv2.Laplacian(face, cv2.CV_32F).std()) / max(1.0, spread)
    clipped = float(((face < _BLACK) | (face > _WHITE)).mean())
    shares = (
        confidence / _SURE,
        size / _SMALLEST,
        (detail - _BLURRED) / (_SHARP - _BLURRED),
        math.cos(angle),
        min(1.0, spread / _CONTRAST) * (1.0 - clipped),
        (right - left) * (bottom - top) / size**2,
    )
    return math.sqrt(math.prod(min(1.0, max(0.01, share)) for share in shares))
