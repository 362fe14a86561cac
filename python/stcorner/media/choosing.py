"""Which detector of faces is used where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stcorner.errors import ParameterError
from stcorner.media.blazeface import BlazeFaceDetector, has_blazeface
from stcorner.media.detectors import HaarDetector

if TYPE_CHECKING:
    from stcorner.media.detectors import FaceDetector

__all__ = ["choose_detector"]


def choose_detector(detector: FaceDetector | str | None) -> FaceDetector:
    """Return the detector of this name, or the one given; "auto" or None: the best one that is installed."""
    if detector is None or (isinstance(detector, str) and detector == "auto"):
        return BlazeFaceDetector() if has_blazeface() else HaarDetector()
    if isinstance(detector, str):
        kinds: dict[str, type[HaarDetector | BlazeFaceDetector]] = {
            "haar": HaarDetector,
            "blazeface": BlazeFaceDetector,
        }
        if detector not in kinds:
            raise ParameterError(
                f"detector must be 'auto', 'haar', 'blazeface' or have a method detect, got {detector!r}"
            )
        return kinds[detector]()
    if not callable(getattr(detector, "detect", None)):
        raise ParameterError(f"detector must have a method detect(gray), got {type(detector).__name__}")
    return detector
