"""Several faces: each keeps its id, also when it passes behind another or comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from media_files import write_media
from stcorner.media import crop_face, load_video, track_faces

if TYPE_CHECKING:
    from pathlib import Path

    import stcorner

PEOPLE = ("video/grid_bbaf2n.mpg", "video/grid_lbax4n.mpg", "video/grid_pwij3p.mpg")
WIDTH = 240  # of a person's panel: the middle of a GRID picture


def panels(real_data: Path, names: tuple[str, str], n: int) -> list[np.ndarray]:
    """Pictures of each person, forth and back, so that they never jump."""
    people = []
    for name in names:
        video, _ = load_video(real_data / name)
        middle = video[:, :, 60 : 60 + WIDTH]
        forth_and_back = np.concatenate([middle, middle[-2:0:-1]])
        people.append(forth_and_back[np.arange(n) % len(forth_and_back)])
    return people


def compose(people: list[np.ndarray], lefts: np.ndarray, width: int) -> np.ndarray:
    """Put the panels side by side at `lefts` (n, people); later ones lie above."""
    n, height = people[0].shape[:2]
    canvas = np.full((n, height, width), 90, np.uint8)
    for person, places in zip(people, np.asarray(lefts).T, strict=True):
        for frame, picture, left in zip(canvas, person, places, strict=True):
            start, stop = max(0, left), min(width, left + WIDTH)
            if start < stop:
                frame[:, start:stop] = picture[:, start - left : stop - left]
    return canvas


def who(tracks: list[stcorner.FaceTrack], centres: np.ndarray) -> list[np.ndarray]:
    """Ids found nearest to each person's centre (n, people), where people are well apart, by person."""
    seen: list[list[Any]] = [[] for _ in range(centres.shape[1])]
    for track in tracks:
        for frame, box in zip(track.frames, track.boxes, strict=True):
            away = np.abs(centres[frame] - (box[0] + box[2] / 2))
            order = np.argsort(away)
            if away[order[0]] < 60 and away[order[1]] > 120:
                seen[order[0]].append((int(frame), track.face_id))
    return [np.array(sorted(one)) for one in seen]


@pytest.mark.parametrize(
    ("back", "front"),
    [(0, 1), pytest.param(1, 2, marks=pytest.mark.slow), pytest.param(2, 0, marks=pytest.mark.slow)],
)
def test_crossing_people_keep_their_ids(tmp_path: Path, real_data: Path, back: int, front: int) -> None:
    n, width = 120, 720
    people = panels(real_data, (PEOPLE[back], PEOPLE[front]), n)
    share = np.clip((np.arange(n) - 15) / (n - 30), 0, 1)
    lefts = np.rint(np.stack([share * (width - WIDTH), (1 - share) * (width - WIDTH)], axis=1)).astype(int)
    path = write_media(tmp_path / "a.mp4", compose(people, lefts, width), options={"crf": "12"})
    tracks = track_faces(path)
    first, second = who(tracks, lefts + WIDTH / 2)
    assert len(set(first[:, 1])) == len(set(second[:, 1])) == 1
    assert first[0, 1] != second[0, 1]
    # Each is seen at both ends, and nearly all the time that they are apart.
    for one in (first, second):
        assert one[0, 0] <= 10
        assert one[-1, 0] >= n - 10
    assert len(tracks) == 2


@pytest.mark.slow
def test_a_face_that_returns_gets_its_id_back(tmp_path: Path, real_data: Path) -> None:
    n, width = 190, 480
    stays, leaves = panels(real_data, PEOPLE[:2], n)
    out = np.clip(np.minimum(np.arange(n) - 30, 130 - np.arange(n)) * 12, 0, 260)
    lefts = np.stack([np.zeros(n), WIDTH + out], axis=1).astype(int)
    path = write_media(tmp_path / "a.mp4", compose([stays, leaves], lefts, width), options={"crf": "12"})
    tracks = track_faces(path)
    assert len(tracks) == 2
    one, two = tracks if tracks[0].boxes[0, 0] < WIDTH else tracks[::-1]
    assert len(one.frames) >= n - 5
    assert two.frames[0] <= 10
    assert two.frames[-1] >= n - 10
    assert np.diff(two.frames).max() > 40


def test_rules_choose_between_faces(tmp_path: Path, real_data: Path) -> None:
    import cv2

    n = 50
    small, large = panels(real_data, PEOPLE[:2], n)
    small = np.stack(
        [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in small]
    )
    canvas = np.full((n, 288, 480), 90, np.uint8)
    canvas[:, 72:216, 20:140] = small
    canvas[:, :, 200:440] = large
    path = write_media(tmp_path / "a.mp4", canvas, options={"crf": "12"})
    clip = crop_face(path)
    assert clip.status == "ok"
    assert np.median(clip.boxes[:, 0]) > 180
    clips = crop_face(path, rule="all")
    assert [one.face_id for one in clips] == [0, 1]
    for one in clips:
        same = crop_face(path, rule=one.face_id)
        np.testing.assert_array_equal(same.frames, one.frames)
