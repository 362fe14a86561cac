"""The adapter of YuNet, on a file with the network's outputs whose faces are known."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

from media_files import write_media
from stcorner.media import FaceDetector, YuNetDetector, crop_face, track_faces
from yunet_file import write_yunet

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_yunet(tmp_path_factory.mktemp("yunet") / "face_detection_yunet.onnx")


def spots(shape: tuple[int, int], *places: tuple[int, int], size: int = 8, value: int = 255) -> np.ndarray:
    picture = np.zeros(shape, np.uint8)
    for x, y in places:
        picture[y : y + size, x : x + size] = value
    return picture


@pytest.mark.parametrize("shape", [(240, 320), (250, 333), (64, 96)])
def test_boxes_eyes_and_confidence(model: Path, shape: tuple[int, int]) -> None:
    detector = YuNetDetector(model)
    assert isinstance(detector, FaceDetector)
    faces = detector.detect(spots(shape, (40, 24), (72, 48)))
    assert faces.dtype == np.float32
    # Box around (44, 28): 40 pixels wide; eyes at the left and the right of the picture, at its height - 4.
    np.testing.assert_allclose(
        faces[faces[:, 0].argsort()][:, :5], [[24, 8, 40, 40, 1], [56, 32, 40, 40, 1]], atol=1e-2
    )
    np.testing.assert_allclose(
        faces[faces[:, 0].argsort()][:, 5:], [[36, 24, 52, 24], [68, 48, 84, 48]], atol=1e-2
    )


def test_large_pictures_are_reduced_and_boxes_are_not(model: Path) -> None:
    """At half the size, a spot of 16 pixels is one of 8, its box one of 80 in the picture."""
    faces = YuNetDetector(model, max_side=320).detect(spots((480, 640), (160, 96), size=16))
    np.testing.assert_allclose(faces, [[128, 64, 80, 80, 1, 152, 96, 184, 96]], atol=2e-2)


def test_confidence_is_brightness_here(model: Path) -> None:
    picture = spots((240, 320), (40, 24), value=204)
    np.testing.assert_allclose(YuNetDetector(model).detect(picture)[:, 4], [0.8], atol=1e-2)
    assert len(YuNetDetector(model, min_confidence=0.9).detect(picture)) == 0
    assert YuNetDetector(model).detect(np.zeros((240, 320), np.uint8)).shape == (0, 9)


def test_it_travels_and_sizes_change(model: Path) -> None:
    detector = YuNetDetector(model)
    first = detector.detect(spots((240, 320), (40, 24)))
    copy = pickle.loads(pickle.dumps(detector))
    assert len(copy.detect(spots((96, 128), (40, 24)))) == 1
    np.testing.assert_array_equal(copy.detect(spots((240, 320), (40, 24))), first)


def test_faces_are_followed_with_it(model: Path, tmp_path: Path) -> None:
    """A spot that wanders is one face; its eyes are level, so that the crop is not turned."""
    texture = np.random.default_rng(0).integers(60, 120, (40, 40)).astype(np.uint8)
    pictures = np.full((50, 160, 240), 90, np.uint8)
    for k, picture in enumerate(pictures):
        x, y = 64 + 8 * (k // 10), 64
        picture[y - 16 : y + 24, x - 16 : x + 24] = texture
        picture[y : y + 8, x : x + 8] = 255
    path = write_media(tmp_path / "a.mp4", pictures, options={"crf": "8"})
    detector = YuNetDetector(model)
    (track,) = track_faces(path, detector=detector)
    assert len(track.frames) == 50
    np.testing.assert_allclose(track.angles, 0.0, atol=1e-3)
    clip = crop_face(path, detector=detector)
    assert (clip.status, clip.face_id) == ("ok", 0)
    assert clip.aligned.all()
