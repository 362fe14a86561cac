"""Cuts of a film end every face; flashes, jerks and fades of the light do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from media_files import write_media
from stcorner.media import crop_face, iter_faces, load_video, track_faces
from stcorner.media._cuts import CutFinder, goes_straight_on
from stcorner.media.faces import face_rows

if TYPE_CHECKING:
    from pathlib import Path

MEN = (
    "ravdess/av_speech/Actor_01/01-01-08-01-01-02-01.mp4",
    "ravdess/av_speech/Actor_05/01-01-03-01-01-02-05.mp4",
)
GRID = ("video/grid_bbaf2n.mpg", "video/grid_pwij3p.mpg")


def jumps(frames: np.ndarray | list[np.ndarray]) -> list[int]:
    """Frames at which the picture jumps."""
    finder = CutFinder()
    found = [one for k, frame in enumerate(frames) for one in finder.push(frame, k / 25)] + finder.flush()
    assert [one.time for one in found] == [k / 25 for k in range(len(frames))]
    assert all(np.array_equal(one.gray, frame) for one, frame in zip(found, frames, strict=True))
    return [k for k, one in enumerate(found) if one.jump]


def scene(seed: int, n: int = 20, speed: float = 0.0, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """A landscape that the camera pans over, `speed` pixels a frame."""
    wide = np.random.default_rng(seed).normal(size=(shape[0], shape[1] + 800))
    smooth = cv2.GaussianBlur(wide, (0, 0), 12)
    smooth = 128 + 45 * (smooth - smooth.mean()) / smooth.std()
    lefts = [round(speed * k) for k in range(n)]
    return np.stack([smooth[:, left : left + shape[1]] for left in lefts]).clip(0, 255).astype(np.uint8)


def small(path: Path, width: int, n: int, first: int = 5) -> np.ndarray:
    video, _ = load_video(path)
    return np.stack(
        [
            cv2.resize(
                frame, (width, round(width * frame.shape[0] / frame.shape[1])), interpolation=cv2.INTER_AREA
            )
            for frame in video[first : first + n]
        ]
    )


@pytest.mark.parametrize("speed", [0.0, 0.5, 2.0])
def test_a_cut_is_one_jump(speed: float) -> None:
    film = np.concatenate([scene(1, speed=speed), scene(2, speed=speed), scene(3, 1), scene(4, speed=speed)])
    assert jumps(film) == [20, 40, 41]


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("value", [0, 255])
def test_a_flash_is_none(length: int, value: int) -> None:
    film = scene(1, 30, 0.5)
    film[12 : 12 + length] = value
    film[20] = np.clip(film[20].astype(int) * 3 - 40, 0, 255)
    assert jumps(film) == []


def test_fades_and_steps_of_the_light_are_none() -> None:
    film = scene(1, 40).astype(float)
    light = np.concatenate([np.linspace(1, 0, 15), np.linspace(0, 1, 15), np.full(10, 0.4)])
    assert jumps((film * light[:, None, None]).astype(np.uint8)) == []


@pytest.mark.parametrize("speed", [4.0, 12.0, 40.0])
def test_a_pan_is_none_and_a_jerk_is_none(speed: float) -> None:
    still = scene(1, 12)
    pan = scene(1, 20, speed)
    assert jumps(np.concatenate([still, pan])) == []


def test_black_between_two_shots_is_one_cut() -> None:
    black = np.zeros((5, 120, 160), np.uint8)
    assert jumps(np.concatenate([scene(1), black, scene(2)])) == [25]
    assert jumps(np.concatenate([scene(1), black, scene(1)])) == []
    assert jumps(np.zeros((9, 4, 4), np.uint8)) == []


def test_a_face_goes_straight_on(real_data: Path) -> None:
    one, two = (small(real_data / name, 320, 12) for name in MEN)
    face = np.array([160.0, 80.0, 95.0])
    assert goes_straight_on(one[0], one[1], face)
    assert goes_straight_on(one[0], np.roll(one[1], 9, axis=1), face)
    assert not goes_straight_on(one[0], two[0], face)
    assert not goes_straight_on(np.zeros_like(one[0]), np.zeros_like(one[0]), face)


@pytest.mark.parametrize("names", [MEN, GRID])
def test_an_id_never_crosses_a_cut(tmp_path: Path, real_data: Path, names: tuple[str, str]) -> None:
    """The same background, the same place, and yet another man."""
    n = 33
    one, two = (small(real_data / name, 320, n) for name in names)
    path = write_media(tmp_path / "a.mp4", np.concatenate([one, two, one]), options={"crf": "18"})
    tracks = track_faces(path)
    assert [track.face_id for track in tracks] == [0, 1, 2]
    assert [(track.frames[0], track.frames[-1]) for track in tracks] == [
        (0, n - 1), (n, 2 * n - 1), (2 * n, 3 * n - 1)
    ]  # fmt: skip
    clip = crop_face(path)
    assert clip.success.sum() == n
    assert len(clip.segments()) == 1
    assert sorted(one.face_id or 0 for one in crop_face(path, rule="all")) == [0, 1, 2]


def test_a_flash_and_a_shake_keep_the_id(tmp_path: Path, real_data: Path) -> None:
    film = small(real_data / GRID[0], 320, 60)
    film[20:22] = 255
    for k in range(35, 60):
        film[k] = np.roll(film[k], int(18 * np.sin(k)), axis=1)
    (track,) = track_faces(write_media(tmp_path / "a.mp4", film, options={"crf": "18"}))
    assert len(track.frames) >= 57


@pytest.mark.parametrize("block_length", [1, 11])
def test_the_largest_is_who_is_large_for_long(tmp_path: Path, real_data: Path, block_length: int) -> None:
    """A small face that is there at first, and alone, is not the clip's."""
    n = 110
    large = np.concatenate([part := small(real_data / GRID[0], 320, 65), part[-2:0:-1]])[:n]
    little = np.concatenate([part := small(real_data / GRID[1], 130, 65), part[-2:0:-1]])[:n]
    film = np.full((n, 256, 480), 90, np.uint8)
    film[:70, 60:164, 5:135] = little[:70]
    film[56:, :, 150:470] = large[56:]
    path = write_media(tmp_path / "a.mp4", film, options={"crf": "18"})
    both = crop_face(path, rule="all")
    assert len(both) == 2
    clip = crop_face(path)
    assert clip.face_id == 1
    assert np.nanmedian(clip.boxes[:, 2]) > 80
    assert crop_face(path, end=2.0).face_id == 0
    blocks = list(iter_faces(path, block_length=block_length))
    assert {block.face_id for block in blocks} == {1, None}
    for name in ("frames", "boxes", "success", "face_quality"):
        np.testing.assert_array_equal(np.concatenate([getattr(b, name) for b in blocks]), getattr(clip, name))


def test_while_frames_come_in_the_next_is_chosen_behind_a_cut(real_data: Path) -> None:
    """Rows of two people are parted by one that shows nobody."""
    n = 66
    one, two = (small(real_data / name, 320, n) for name in GRID)
    faces = face_rows(size=32, fps=25.0, rule="largest")
    rows = [row for k, frame in enumerate(np.concatenate([one, two])) for row in faces.push(frame, k / 25)]
    rows += faces.flush()
    ids = [next(iter(row.crops), None) for row in rows]
    assert ids == [0] * n + [None] + [1] * (n - 1)


def test_while_frames_come_in_the_next_is_chosen_when_one_is_gone(real_data: Path) -> None:
    n = 150
    part = small(real_data / GRID[0], 320, 65)
    large = np.concatenate([part, part[-2:0:-1], part])[:n]
    part = small(real_data / GRID[1], 130, 65)
    little = np.concatenate([part, part[-2:0:-1], part])[:n]
    film = np.full((n, 256, 480), 90, np.uint8)
    film[:60, 60:164, 5:135] = little[:60]
    film[56:, :, 150:470] = large[56:]
    faces = face_rows(size=32, fps=25.0, rule="largest")
    rows = [row for k, frame in enumerate(film) for row in faces.push(frame, k / 25)] + faces.flush()
    ids = [next(iter(row.crops), None) for row in rows]
    assert len(ids) == n
    assert set(ids[:50]) == {0}
    assert set(ids[120:]) == {1}
    change = ids.index(1)
    assert ids[change - 1] is None
    assert 0 not in ids[change:]
