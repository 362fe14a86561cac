"""The cascades' second look: dark, backlit, half covered and turned faces, and no more wrong boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from stcorner.media import HaarDetector, load_video, track_faces

if TYPE_CHECKING:
    from pathlib import Path

ONE = "video/grid_bbaf2n.mpg"


@pytest.fixture(scope="module")
def picture(real_data: Path) -> np.ndarray:
    return load_video(real_data / ONE)[0][10]


@pytest.fixture(scope="module")
def face(picture: np.ndarray) -> np.ndarray:
    """Centre and side of the face as it is."""
    (box,) = HaarDetector().detect(picture)
    assert box.shape == (5,)
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2, box[2]])


def the_face(found: np.ndarray, face: np.ndarray) -> np.ndarray:
    (box,) = found
    np.testing.assert_allclose(box[:2] + box[2:4] / 2, face[:2], atol=0.15 * face[2])
    assert box[2] == pytest.approx(face[2], rel=0.35)
    return box


@pytest.mark.parametrize("gain", [0.15, 0.05])
def test_a_dark_face_is_found(picture: np.ndarray, face: np.ndarray, gain: float) -> None:
    noise = np.random.default_rng(0).normal(0, 1, picture.shape)
    the_face(HaarDetector().detect(np.clip(picture * gain + noise, 0, 255).astype(np.uint8)), face)


def test_a_face_before_a_window_is_found(picture: np.ndarray, face: np.ndarray) -> None:
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    near = np.exp(-(((x - face[0]) ** 2 + (y - face[1]) ** 2) / face[2] ** 2))
    the_face(HaarDetector().detect(np.clip(picture * (1.7 - 1.5 * near), 0, 255).astype(np.uint8)), face)


@pytest.mark.parametrize("degrees", [-45, 30, 45])
def test_a_turned_face_is_found_with_its_lean(picture: np.ndarray, face: np.ndarray, degrees: int) -> None:
    matrix = cv2.getRotationMatrix2D((float(face[0]), float(face[1])), degrees, 1.0)
    turned = cv2.warpAffine(picture, matrix, picture.shape[::-1], borderMode=cv2.BORDER_REFLECT_101)
    box = the_face(HaarDetector().detect(turned), face)
    assert box.shape == (9,)
    left, right = box[5:7], box[7:9]
    assert np.degrees(np.arctan2(*(right - left)[::-1])) == pytest.approx(-degrees, abs=6)
    assert np.hypot(*(right - left)) == pytest.approx(0.37 * box[2], rel=1e-3)
    down = np.array([-(right - left)[1], (right - left)[0]]) / np.hypot(*(right - left))
    middle = box[:2] + box[2:4] / 2
    np.testing.assert_allclose((left + right) / 2 + 0.095 * box[2] * down, middle, atol=0.05)


def test_nobody_is_nobody(real_data: Path) -> None:
    """Lawns, letters and noise were faces to the cascades that see a turned picture."""
    assert [track.face_id for track in track_faces(real_data / "video/face_noface.mov", detector="haar")] == [
        0
    ]
    detector = HaarDetector()
    noise = np.random.default_rng(0).integers(0, 256, (120, 160)).astype(np.uint8)
    assert detector.detect(noise).shape == (0, 5)
    assert detector.detect(np.full((120, 160), 9, np.uint8)).shape == (0, 5)
    assert detector.detect(np.tile(np.arange(160, dtype=np.uint8), (120, 1))).shape[0] == 0
