"""Faces found, followed, named, cropped: on real clips, and on nothing at all."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from stcorner.errors import MediaError
from stcorner.media import HaarDetector, YuNetDetector, crop_face, iter_faces, track_faces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE = "video/single_face.mp4"
LEAVES = "video/face_noface.mov"
NONE = "video/no_face.mp4"


class Fixed:
    """A detector that always sees the same boxes."""

    def __init__(self, *boxes: list[int]) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 5)

    def detect(self, gray: np.ndarray) -> np.ndarray:
        return self.boxes


def test_one_face_is_cropped_in_every_frame(real_data: Path) -> None:
    clip = crop_face(real_data / ONE, size=64, fps=25.0)
    assert clip.status == "ok"
    assert clip.face_id == 0
    assert clip.frames.shape == (len(clip.times), 64, 64)
    assert clip.success.all()
    assert clip.quality == ()
    np.testing.assert_allclose(np.diff(clip.times), 0.04)
    assert 0 < clip.detection_share < 1
    # Smoothed: the box moves by less than a hundredth of its side from frame to frame.
    assert np.abs(np.diff(clip.boxes, axis=0)).max() < 0.02 * clip.boxes[:, 2].min()


def test_a_face_that_leaves_is_partial(real_data: Path) -> None:
    clip = crop_face(real_data / LEAVES)
    assert clip.status == "partial"
    assert "gaps" in clip.quality
    assert clip.success[:40].all()
    assert not clip.success[-80:].any()
    assert not clip.frames[~clip.success].any()
    assert np.isnan(clip.boxes[~clip.success]).all()
    assert [part.stop - part.start for part in clip.segments()] == [clip.success.sum()]


def test_no_face_is_a_state(real_data: Path) -> None:
    clip = crop_face(real_data / NONE, size=48)
    assert (clip.status, clip.face_id, clip.frames.shape) == ("no_face", None, (0, 48, 48))
    assert crop_face(real_data / NONE, rule="all", end=1.0) == []
    assert track_faces(real_data / NONE) == []


@pytest.mark.parametrize("block_length", [1, 7, 250])
def test_blocks_equal_the_whole(real_data: Path, block_length: int) -> None:
    clip = real_data / LEAVES
    whole = crop_face(clip, size=48, detector="haar", end=3.2)
    blocks = list(iter_faces(clip, size=48, block_length=block_length, detector="haar", end=3.2))
    assert whole.status == "partial"
    for name in ("frames", "times", "boxes", "success", "confidence"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(b, name) for b in blocks]), getattr(whole, name)
        )


def test_a_driver_is_followed_throughout(real_data: Path) -> None:
    clip = crop_face(real_data / "video/carphone.mp4", detector="haar")
    assert clip.status == "ok"
    assert clip.face_id == 0
    assert clip.success.all()


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.5), (1.0, 2.2), (3.0, None), (0.4, 0.41), (500.0, None)])
def test_a_part_is_cut_as_in_the_whole(
    real_data: Path, monkeypatch: pytest.MonkeyPatch, start: float, end: float | None
) -> None:
    """Nothing behind the part is decoded, but what is needed to choose the face."""
    from stcorner.media import faces, picture

    clip = real_data / "video/carphone.mp4"
    whole = crop_face(clip)
    inside = (whole.times >= start) & (whole.times < (np.inf if end is None else end))
    decoded: list[Any] = []
    frames = picture.decoded_frames

    def counted(*args: Path, **kwargs: Any) -> Iterator[tuple[np.ndarray, float]]:
        for frame, time in frames(*args, **kwargs):
            decoded.append(time)
            yield frame, time

    monkeypatch.setattr(faces, "decoded_frames", counted)
    part = crop_face(clip, start=start, end=end)
    if not whole.success[inside].any():
        assert part.status == "no_face"
        return
    assert len(part.times) == inside.sum()
    for name in ("frames", "times", "boxes", "success", "confidence", "aligned", "visible"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[inside])
    assert (decoded[-1] < (end or 0.0) + 3.5) or end is None
    blocks = list(iter_faces(clip, start=start, end=end, block_length=9))
    assert sum(len(block.times) for block in blocks) == inside.sum()


def test_tracks_hold_the_crop(real_data: Path) -> None:
    (track,) = track_faces(real_data / ONE)
    clip = crop_face(real_data / ONE, rule=0)
    assert track.face_id == 0
    assert len(track.frames) == 72
    nearest = np.abs(track.times[:, None] - clip.times).argmin(axis=0)
    np.testing.assert_array_equal(clip.boxes, track.boxes[nearest])
    assert crop_face(real_data / ONE, rule=7).status == "no_face"


def test_the_margin_cuts_and_adds(real_data: Path) -> None:
    """With -0.2 a tenth of the box is cut off each side; the scale changes, nothing else."""
    import cv2

    tight, wide = (
        crop_face(real_data / ONE, size=120, margin=margin, detector="haar", end=0.4)
        for margin in (-0.2, 0.2)
    )
    np.testing.assert_array_equal(tight.boxes, wide.boxes)
    inner = np.stack([cv2.resize(one[20:100, 20:100], (120, 120)) for one in wide.frames])
    away = np.abs(tight.frames.astype(float) - inner)[:, 4:-4, 4:-4]
    assert away.mean() < 3.0


def test_the_detector_can_be_plugged_in(real_data: Path) -> None:
    clips = crop_face(
        real_data / ONE, detector=Fixed([10, 20, 40, 40, 1], [200, 90, 100, 100, 1]), rule="all"
    )
    assert [clip.face_id for clip in clips] == [0, 1]
    largest = crop_face(real_data / ONE, detector=Fixed([10, 20, 40, 40, 1], [200, 90, 100, 100, 1]))
    assert np.median(largest.boxes[:, 2]) == pytest.approx(100)


def test_a_bad_detector_is_named(real_data: Path) -> None:
    class Bad:
        def detect(self, gray: np.ndarray) -> np.ndarray:
            return np.zeros((1, 3))

    with pytest.raises(ValueError, match=r"detector must return .* got \(1, 3\) from Bad"):
        crop_face(real_data / ONE, detector=Bad())
    with pytest.raises(ValueError, match="detector must have a method detect"):
        crop_face(real_data / ONE, detector=cast("Any", object()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 4}, "size must be >= 8 and <= 1024, got 4"),
        ({"fps": 0.0}, "fps must be finite and > 0 .* got 0.0"),
        ({"rule": "best"}, "rule must be 'largest', 'all' or the id of a face .* got 'best'"),
        ({"margin": -1.0}, "margin must be finite and >= -0.6 and <= 2"),
        ({"start": -1.0}, "start must be finite and >= 0"),
        ({"start": 2.0, "end": 2.0}, "end must be finite and > 2"),
    ],
)
def test_refused_parameters(real_data: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        crop_face(real_data / ONE, **arguments)


def test_no_video_is_an_error(real_data: Path) -> None:
    with pytest.raises(MediaError, match="has no video stream"):
        crop_face(next((real_data / "crema-d/AudioMP3").glob("*.mp3")))


def test_haar_is_deterministic_and_can_travel(real_data: Path) -> None:
    import cv2

    picture = cv2.imread(str(real_data / "video/multi_face.jpg"), cv2.IMREAD_GRAYSCALE)
    detector = HaarDetector()
    first = detector.detect(picture)
    assert len(first) >= 4
    assert (np.diff(first[:, 2] * first[:, 3]) <= 0).all()
    for _ in range(3):
        np.testing.assert_array_equal(detector.detect(picture), first)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(detector)).detect(picture), first)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (19, 19), (23, 33)])
def test_tiny_pictures_hold_no_face(shape: tuple[int, int]) -> None:
    assert HaarDetector().detect(np.full(shape, 128, np.uint8)).shape == (0, 5)


def test_bad_yunet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"missing\.onnx does not exist"):
        YuNetDetector(tmp_path / "missing.onnx")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"not a network")
    with pytest.raises(MediaError, match=r"bad\.onnx is not a YuNet model"):
        YuNetDetector(bad)


@pytest.mark.parametrize(("x", "y", "angle"), [(100.0, 90.0, 0.8), (17.5, 150.25, 0.0), (188.0, 12.0, -2.3)])
def test_a_reduced_crop_is_that_of_the_reduced_picture(x: float, y: float, angle: float) -> None:
    import cv2

    from stcorner.media.patches import crop

    gray = np.random.default_rng(3).integers(0, 256, (180, 200), dtype=np.uint8)
    reduced = cv2.resize(gray, (50, 45), interpolation=cv2.INTER_AREA)
    wanted = crop(reduced, x / 4, y / 4, 16, angle, 12, 1)
    np.testing.assert_array_equal(crop(gray, x, y, 64, angle, 12, 4), wanted)
