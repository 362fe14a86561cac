"""Dense histograms of space-time orientations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from oracles import video as oracle
from stcorner import _core

if TYPE_CHECKING:
    from pathlib import Path


def clip(shape: tuple[int, int, int] = (14, 25, 31), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(14, 25, 31), (5, 8, 33), (3, 3, 2), (9, 64, 17)])
def test_equals_the_oracle(isa: str, n_threads: int, shape: tuple[int, int, int]) -> None:
    video = clip(shape)
    options: dict[str, Any] = {
        "grid": (3, 2),
        "segments": 3,
        "bins": 6,
        "sigma": 1.2,
        "tau": 0.8,
        "eps": 1e-3,
    }
    actual = stcorner.orientation_histogram(video, n_threads=n_threads, **options)
    names = stcorner.orientation_histogram_names(grid=(3, 2), segments=3, bins=6)
    assert len(actual) == len(set(names)) == 3 * 3 * 2 * 5 * 6
    np.testing.assert_allclose(actual, oracle.orientation_histogram(video, **options), atol=2e-4)


@pytest.mark.parametrize("length", [1, 3, 11])
def test_blocks_and_threads_change_no_bit(n_threads: int, length: int) -> None:
    video = clip((20, 30, 37))

    def sums(step: int, threads: int) -> np.ndarray:
        options = _core.HarrisOptions(
            height=30, width=37, scales=[(1.0, 1.0, 1.0)], s=2.0, k=0.0, scale_normalize=True,
            normalize=False, eps=0.0, reflect=True, tensor=True, n_threads=threads,
            tile_width=0, tile_height=0,
        )  # fmt: skip
        cells = _core.OrientationMap(options, rows=4, columns=3, segments=3, n_frames=20, bins=8)
        for start in range(0, 20, step):
            cells.push(video[start : start + step], drain=True)
        cells.finish()
        return cells.sums()

    np.testing.assert_array_equal(sums(length, n_threads), sums(20, 1))


def test_an_iterable_and_a_file_give_the_array_s_values(real_data: Path) -> None:
    video = clip()
    wanted = stcorner.orientation_histogram(video)
    blocks = (video[i : i + 4] for i in range(0, len(video), 4))
    np.testing.assert_array_equal(stcorner.orientation_histogram(blocks), wanted)
    path = real_data / "video" / "kth_person01_boxing_d1.avi"
    np.testing.assert_array_equal(
        stcorner.orientation_histogram(path), stcorner.orientation_histogram(stcorner.load_video(path)[0])
    )


@pytest.mark.parametrize(("degrees", "bin_"), [(0, 0), (90, 2), (180, 4), (315, 7)])
def test_a_ramp_has_its_direction_and_its_axis(degrees: int, bin_: int) -> None:
    y, x = np.mgrid[:40, :40]
    angle = np.radians(degrees)
    ramp = (np.cos(angle) * x + np.sin(angle) * y) / 40
    video = np.tile(ramp.astype(np.float32), (6, 1, 1))
    cells = stcorner.orientation_histogram(video, grid=(4, 4), segments=1).reshape(4, 4, 5, 8)[1:3, 1:3]
    assert (cells[..., 0, :].argmax(axis=-1) == bin_).all()
    # Modulo 180 degrees in 8 steps: 0, 90, 0 and 135 degrees.
    assert (cells[..., 3, :].argmax(axis=-1) == {0: 0, 90: 4, 180: 0, 315: 6}[degrees]).all()
    np.testing.assert_allclose(cells[..., [1, 2, 4], :], 0, atol=2e-3)


@pytest.mark.parametrize(("direction", "bin_"), [((0, 1), 0), ((1, 0), 2), ((0, -1), 4), ((-1, -1), 5)])
def test_motion_points_where_the_picture_goes(direction: tuple[int, int], bin_: int) -> None:
    texture = oracle.smooth(clip((1, 160, 160)), 1.5, 0.3, "reflect")[0]
    dy, dx = direction
    frames = [texture[60 - dy * i : 100 - dy * i, 60 - dx * i : 100 - dx * i] for i in range(12)]
    video = np.ascontiguousarray(frames, np.float32)
    motion = stcorner.orientation_histogram(video, grid=(2, 2), segments=1).reshape(4, 5, 8)[:, 4]
    assert (motion.argmax(axis=1) == bin_).all()


def test_light_and_contrast_leave_it_as_it_is() -> None:
    video = clip()
    wanted = stcorner.orientation_histogram(video, eps=0.0)
    np.testing.assert_allclose(stcorner.orientation_histogram(video * 0.5 + 0.25, eps=0.0), wanted, atol=1e-4)
    even = np.full((5, 16, 16), 9, np.uint8)
    assert (stcorner.orientation_histogram(even) == 0).all()


def test_a_picture_is_a_clip_of_one_frame() -> None:
    picture = clip((1, 24, 24))
    one = stcorner.orientation_histogram(picture, segments=1).reshape(8, 8, 5, 8)
    np.testing.assert_allclose(
        stcorner.orientation_histogram(np.tile(picture, (7, 1, 1)), segments=1).reshape(8, 8, 5, 8),
        one,
        atol=1e-5,
    )
    assert one[..., [0, 3], :].min() >= 0
    assert (one[..., [1, 2, 4], :] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": 6}, r"grid must be \(rows, columns\), got 6"),
        ({"grid": (30, 2)}, r"grid must have at most one cell per pixel of \(25, 31\), got \(30, 2\)"),
        ({"segments": 15}, r"segments must be <= the number of frames \(14\), got 15"),
        ({"bins": 2}, "bins must be >= 3 and <= 64, got 2"),
        ({"eps": -1.0}, "eps must be finite and >= 0"),
        ({"sigma": 0.0}, "sigma must be finite and >= 0.1"),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        stcorner.orientation_histogram(clip(), **options)
