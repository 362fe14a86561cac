"""The table of faces holds what `crop_face`, `face_expressions` and the response say, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from media_files import write_media
from stcorner.media import crop_face, load_video
from stcorner.video import corner_harris_3d, face_expression_names, face_table
from stcorner.video.expression_summary import ZOOM
from stcorner.video.expressions import expression_log_probabilities
from stcorner.video.facetable import FACE_COLUMNS, REGIONS

if TYPE_CHECKING:
    from pathlib import Path

LEFT, RIGHT = (20, 30, 60, 60, 1.0), (130, 30, 50, 50, 1.0)


class Marked:
    """Finds a face where the picture has a white mark in a corner: left, right, or both."""

    def detect(self, gray: np.ndarray) -> np.ndarray:
        boxes = [box for box, corner in ((LEFT, gray[:8, :8]), (RIGHT, gray[:8, -8:])) if corner.mean() > 128]
        return np.array(boxes, np.float32).reshape(-1, 5)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds: noise that moves; the right face is gone in the second half."""
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 160, (30, 75)).repeat(4, 0).repeat(4, 1)
    frames = np.stack([texture[:, 2 * t : 2 * t + 200] for t in range(50)]).astype(np.uint8)
    frames[:, :10, :10] = frames[:25, :10, -10:] = 255
    frames[25:, :10, -10:] = 0
    frames[25:, 30:80, 130:180] = 90
    path = tmp_path_factory.mktemp("faces") / "film.mp4"
    return write_media(path, frames, options={"crf": "4"})


def test_rows_are_what_the_parts_say(film: Path) -> None:
    table = face_table(film, detector=Marked())
    assert tuple(table) == FACE_COLUMNS
    clips = crop_face(film, rule="all", detector=Marked())
    assert len(clips) == 2
    assert sum(int(clip.success.sum()) for clip in clips) == len(table["time"])
    for clip in clips:
        rows = table["face_id"] == clip.face_id
        seen = clip.success
        np.testing.assert_array_equal(table["time"][rows], clip.times[seen])
        np.testing.assert_array_equal(table["frame"][rows], np.rint(clip.times[seen] * 25))
        box = np.stack([table[name][rows] for name in ("x", "y", "width", "height")], axis=1)
        np.testing.assert_array_equal(box, clip.boxes[seen])
        np.testing.assert_array_equal(table["quality"][rows], clip.face_quality[seen])
        np.testing.assert_array_equal(table["confidence"][rows], clip.confidence[seen])
        shares = np.stack([table[f"expression_{name}"][rows] for name in face_expression_names()], axis=1)
        logs = expression_log_probabilities(clip.frames[seen], zoom=ZOOM)
        np.testing.assert_allclose(shares, np.exp(logs), rtol=0, atol=2e-6)
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        stretches = [corner_harris_3d(clip.frames[part]) for part in clip.segments()]
        positive = np.maximum(np.concatenate(stretches), 0).astype(np.float64)
        top, bottom, left, right = (round(96 * share) for share in REGIONS["mouth"])
        energy = positive[:, top:bottom, left:right].mean(axis=(1, 2)) ** (1 / 6)
        np.testing.assert_allclose(table["corners_mouth"][rows], energy, rtol=1e-5)
        assert energy.max() > 1


def test_rows_are_ordered_and_the_largest_is_one_of_all(film: Path) -> None:
    everyone, one = face_table(film, detector=Marked()), face_table(film, detector=Marked(), rule="largest")
    order = np.lexsort((everyone["face_id"], everyone["time"]))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    kept = everyone["face_id"] == one["face_id"][0]
    assert one["width"].min() > 55
    by_id = face_table(film, detector=Marked(), rule=int(one["face_id"][0]))
    for name in FACE_COLUMNS:
        np.testing.assert_array_equal(one[name], everyone[name][kept])
        np.testing.assert_allclose(by_id[name], one[name], rtol=1e-5)


def test_every_frame_or_as_many_as_asked(film: Path) -> None:
    each = face_table(film, detector=Marked(), rule="largest", fps=None)
    np.testing.assert_array_equal(each["frame"], np.arange(50))
    np.testing.assert_allclose(each["time"], np.arange(50) / load_video(film)[1], atol=1e-3)
    few = face_table(film, detector=Marked(), rule="largest", fps=5, start=0.5, end=1.5)
    np.testing.assert_allclose(few["time"], [0.6, 0.8, 1.0, 1.2, 1.4])
    np.testing.assert_array_equal(few["frame"], [15, 20, 25, 30, 35])


def test_nobody_gives_columns_without_rows(film: Path) -> None:
    class Blind:
        def detect(self, gray: np.ndarray) -> np.ndarray:
            return np.zeros((0, 5), np.float32)

    table = face_table(film, detector=Blind(), as_pandas=True)
    assert list(table.columns) == list(FACE_COLUMNS)
    assert len(table) == 0


def test_parts_of_a_face_lie_in_it_from_top_to_bottom() -> None:
    for top, bottom, left, right in REGIONS.values():
        assert 0 < top < bottom < 1
        assert 0 < left < right < 1
        assert left + right == 1, "of both sides as much"
    assert REGIONS["brows"][1] == REGIONS["eyes"][0] < REGIONS["eyes"][1] < REGIONS["mouth"][0]
