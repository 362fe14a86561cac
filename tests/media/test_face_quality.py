"""How much a face can tell, frame by frame; tracks and clips printed and compared."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from media_files import write_media
from stcorner.media import FaceClip, FaceTrack, crop_face, load_video, track_faces
from stcorner.media._quality import face_quality

if TYPE_CHECKING:
    from pathlib import Path

ONE = "video/single_face.mp4"
PLACE = (320.0, 164.0, 199.0)


@pytest.fixture(scope="module")
def picture(real_data: Path) -> np.ndarray:
    return load_video(real_data / ONE)[0][10]


def test_a_good_face_is_worth_one(picture: np.ndarray) -> None:
    assert 0.85 < face_quality(picture, *PLACE, 0.0, 0.9) <= 1.0


def test_each_fault_costs(picture: np.ndarray) -> None:
    x, y, size = PLACE

    def blurred(sigma: float) -> float:
        return face_quality(cv2.GaussianBlur(picture, (0, 0), sigma), *PLACE, 0.0, 0.9)

    def lit(gain: float) -> float:
        return face_quality((picture * gain).clip(0, 255).astype(np.uint8), *PLACE, 0.0, 0.9)

    def reduced(factor: float) -> float:
        part = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return face_quality(part, x * factor, y * factor, size * factor, 0.0, 0.9)

    def turned(angle: float) -> float:
        return face_quality(picture, *PLACE, math.radians(angle), 0.9)

    for fault, values in (
        (blurred, (1.0, 3.0, 6.0, 9.0)),
        (lit, (1.0, 0.2, 0.1, 0.05)),
        (lit, (1.0, 2.0, 4.0, 16.0)),
        (reduced, (1.0, 0.15, 0.1, 0.05)),
        (turned, (0.0, 30.0, 60.0, 90.0)),
    ):
        worth = [fault(value) for value in values]
        assert worth == sorted(worth, reverse=True)
        assert worth[-1] < 0.6 * worth[0]
    assert face_quality(picture, *PLACE, 0.0, 0.4) < 0.9 * face_quality(picture, *PLACE, 0.0, 0.8)
    assert face_quality(picture, -40.0, y, size, 0.0, 0.9) < 0.9 * face_quality(picture, *PLACE, 0.0, 0.9)
    assert face_quality(picture, -400.0, y, size, 0.0, 0.9) == 0.0
    assert face_quality(np.full((99, 99), 128, np.uint8), 50, 50, 60, 0.0, 0.9) < 0.1


def test_quality_stands_in_tracks_and_clips(tmp_path: Path, real_data: Path) -> None:
    """A film that is out of focus in its middle."""
    film = load_video(real_data / ONE)[0].copy()
    film = np.concatenate([film, film[::-1]])
    for k in range(50, 100):
        film[k] = cv2.GaussianBlur(film[k], (0, 0), 8)
    path = write_media(tmp_path / "a.mp4", film, fps=30, options={"crf": "12"})
    (track,) = track_faces(path)
    assert track.face_quality.dtype == np.float32
    assert track.face_quality.shape == track.confidence.shape
    middle = (track.frames >= 60) & (track.frames < 90)
    ends = (track.frames < 40) | (track.frames >= 110)
    assert track.face_quality[ends].min() > 0.7
    assert track.face_quality[middle].max() < 0.45
    clip = crop_face(path, fps=30.0, rule=0)
    nearest = np.abs(track.times[:, None] - clip.times).argmin(axis=0)
    np.testing.assert_array_equal(clip.face_quality, track.face_quality[nearest])


def test_quality_is_nothing_where_nobody_is(real_data: Path) -> None:
    clip = crop_face(real_data / "video/face_noface.mov", size=32)
    assert (clip.face_quality[clip.success] > 0.5).all()
    assert not clip.face_quality[~clip.success].any()


def test_clips_and_tracks_are_compared_and_printed(real_data: Path) -> None:
    one = crop_face(real_data / "video/face_noface.mov", size=32)
    assert one == replace(one, frames=one.frames.copy())
    assert one != replace(one, frames=one.frames + np.uint8(1))
    assert one != replace(one, fps=26.0)
    assert one != replace(one, frames=one.frames[1:])
    assert one != 3
    assert repr(one).startswith("FaceClip(face_id=0, status='partial', frames ")
    assert len(repr(one)) < 120
    track = track_faces(real_data / "video/face_noface.mov")[0]
    assert track == replace(track, boxes=track.boxes.copy())
    assert track != replace(track, boxes=track.boxes + 1)
    assert track != one
    assert repr(track).startswith("FaceTrack(face_id=0, ")
    assert len(repr(track)) < 120
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_what_has_no_quality_is_printed_too() -> None:
    empty = FaceTrack(0, np.zeros(0, np.int64), *(np.zeros(0) for _ in range(4)))
    assert repr(empty) == "FaceTrack(face_id=0, 0 frames)"
    clip = FaceClip(np.zeros((4, 8, 8), np.uint8), np.arange(4) / 25, np.zeros((4, 4), np.float32),
                    np.array([True, False, True, True]), "partial", 0, 25.0)  # fmt: skip
    assert repr(clip) == (
        "FaceClip(face_id=0, status='partial', frames 4 x 8 x 8 at 25 Hz, 3 with the face, quality unknown)"
    )
