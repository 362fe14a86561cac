"""Texture maps, descriptors, bags of words, overlay."""

from __future__ import annotations

import itertools
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import stcorner
from oracles import video as oracle
from peak_memory import PEAK_KIB
from stcorner import _core
from stcorner.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path


def clip(shape: tuple[int, int, int] = (20, 36, 42), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def test_texture_map_equals_oracle(isa: str, n_threads: int) -> None:
    video = clip((19, 25, 31))
    options = {"grid": (3, 2), "segments": 3, "bins": 8}
    actual = stcorner.texture_map_histogram(
        video, scales=[(2.0, 1.5)], eps=1e-5, n_threads=n_threads, **options
    )
    wanted = oracle.texture_map(video, sigma=2.0, tau=1.5, eps=1e-5, **options)
    assert len(actual) == len(stcorner.texture_map_names(**options)) == 3 * 3 * 2 * 8
    # A voxel on the edge of a bin may fall to either side.
    assert np.abs(actual - wanted).sum() * (19 * 25 * 31) / 18 < 4


def test_texture_map_of_a_stream_and_a_file(real_data: Path) -> None:
    video = clip()
    wanted = stcorner.texture_map_histogram(video)
    np.testing.assert_array_equal(
        stcorner.texture_map_histogram(video[i : i + 3] for i in range(0, 20, 3)), wanted
    )
    np.testing.assert_allclose(wanted.reshape(-1, 16).sum(axis=1), 1, atol=1e-6)
    path = real_data / "video" / "kth_person01_boxing_d1.avi"
    from stcorner.media import load_video

    np.testing.assert_array_equal(
        stcorner.texture_map_histogram(path), stcorner.texture_map_histogram(load_video(path)[0])
    )


def test_texture_map_of_blocks_that_do_not_fit() -> None:
    with pytest.raises(stcorner.ParameterError, match="video must hold at least one frame, got none"):
        stcorner.texture_map_histogram(iter([]))
    with pytest.raises(
        stcorner.ParameterError, match=r"video must keep its frame size, got \[\(36, 41\), \(36, 42\)"
    ):
        stcorner.texture_map_histogram(iter([clip(), clip((20, 36, 41))]))
    listed = [
        frame.tolist() for frame in clip((6, 12, 13))
    ]  # an array in all but name: no iterable of blocks
    np.testing.assert_array_equal(
        stcorner.texture_map_histogram(listed, grid=(2, 2)),
        stcorner.texture_map_histogram(np.asarray(listed), grid=(2, 2)),
    )
    blocks = clip((6, 12, 13)).reshape(3, 2, 12, 13)
    np.testing.assert_array_equal(
        stcorner.texture_map_histogram(iter(blocks), grid=(2, 2)),
        stcorner.texture_map_histogram(blocks.reshape(6, 12, 13), grid=(2, 2)),
    )


def test_texture_map_does_not_see_contrast() -> None:
    video = clip()
    wanted = stcorner.texture_map_histogram(video, eps=0.0)
    changed = stcorner.texture_map_histogram(video * 0.5 + 0.25, eps=0.0)
    assert np.abs(changed - wanted).sum() / len(wanted) < 1e-4


def test_even_pictures_fall_into_the_first_bin() -> None:
    features = stcorner.texture_map_histogram(np.full((9, 12, 12), 7, np.uint8), grid=(2, 2)).reshape(-1, 16)
    assert (features[:, 0] == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": 6}, r"grid must be \(rows, columns\), got 6"),
        ({"grid": (40, 2)}, r"grid must have at most one block per pixel of \(36, 42\), got \(40, 2\)"),
        ({"grid": (0, 2)}, "grid must be >= 1 and <= 64, got 0"),
        ({"segments": 21}, r"segments must be <= the number of frames \(20\), got 21"),
        ({"bins": 1}, "bins must be >= 2 and <= 256, got 1"),
        ({"scales": ()}, "scales must not be empty"),
        ({"scales": [2.0]}, r"scales must be pairs \(sigma, tau\)"),
    ],
)
def test_texture_map_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        stcorner.texture_map_histogram(clip(), **options)


def moving_square(direction: tuple[int, int], n: int = 40) -> np.ndarray:
    """Texture that glides one pixel a frame; direction is (dy, dx)."""
    texture = np.random.default_rng(0).random((200, 200)).astype(np.float32)
    texture = oracle.smooth(texture[None], 1.5, 0.3, "reflect")[0]
    frames = [
        texture[80 - dy * i : 144 - dy * i, 80 - dx * i : 144 - dx * i]
        for i in range(n)
        for dy, dx in [direction]
    ]
    return np.ascontiguousarray(frames, dtype=np.float32)


@pytest.mark.parametrize(("direction", "bin_"), [((0, 1), 0), ((1, 0), 1), ((0, -1), 2), ((-1, 0), 3)])
def test_flow_histogram_points_where_the_texture_goes(direction: tuple[int, int], bin_: int) -> None:
    video = moving_square(direction)
    point = stcorner.Stips(
        coordinates=[[20, 32, 32]], response=[1], sigma=[2.0], tau=[2.0], shape=video.shape
    )
    hof = stcorner.describe_stips(video, point, descriptor="hof").reshape(18, 5).sum(axis=0)
    assert hof.argmax() == bin_
    assert hof[bin_] > 0.8 * hof.sum()


def test_still_video_has_no_flow() -> None:
    video = np.tile(moving_square((0, 0), 1), (20, 1, 1))
    point = stcorner.Stips(
        coordinates=[[10, 32, 32]], response=[1], sigma=[2.0], tau=[2.0], shape=video.shape
    )
    hof = stcorner.describe_stips(video, point, descriptor="hof").reshape(18, 5)
    assert (hof[:, 4] > 0).all()
    assert (hof[:, :4] == 0).all()


@pytest.mark.parametrize(("angle", "bin_"), [(0, 0), (45, 1), (90, 2), (135, 3)])
def test_gradient_histogram_knows_the_angle(angle: int, bin_: int) -> None:
    y, x = np.mgrid[:64, :64]
    wave = np.sin((np.cos(np.radians(angle)) * x + np.sin(np.radians(angle)) * y) / 3)
    video = np.tile(wave.astype(np.float32), (20, 1, 1))
    point = stcorner.Stips(
        coordinates=[[10, 32, 32]], response=[1], sigma=[2.0], tau=[2.0], shape=video.shape
    )
    hog = stcorner.describe_stips(video, point, descriptor="hog").reshape(18, 4).sum(axis=0)
    assert hog.argmax() == bin_
    assert hog[bin_] > 0.9 * hog.sum()


def test_descriptors_do_not_depend_on_blocks_or_threads(n_threads: int) -> None:
    video = clip((60, 48, 52))
    points = stcorner.detect_stips(video)
    wanted = stcorner.describe_stips(video, points)
    assert wanted.shape == (len(points), 162)
    np.testing.assert_allclose(np.linalg.norm(wanted[:, :72], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(wanted[:, 72:], axis=1), 1, atol=1e-5)
    for length in (1, 13):
        blocks = (video[i : i + length] for i in range(0, 60, length))
        np.testing.assert_array_equal(stcorner.describe_stips(blocks, points, n_threads=n_threads), wanted)
    assert stcorner.describe_stips(video, points[:0]).shape == (0, 162)


@pytest.mark.parametrize("width", [5, 31, 63, 64, 65, 130])
def test_descriptors_equal_the_oracle(isa: str, n_threads: int, width: int) -> None:
    video = clip((13, 17, width))
    video[:, :, : width // 3] = 0.5
    centres = [[0.0, 0.0, 0.0], [6.3, 8.0, width / 2], [12.0, 16.0, width - 1.0], [5.0, 9.5, 0.7 * width]]
    points = stcorner.Stips(
        coordinates=centres,
        response=[1] * 4,
        sigma=[1.0, 0.6, 3.0, 0.5],
        tau=[1.0, 0.8, 2.0, 0.1],
        shape=video.shape,
    )
    half = np.column_stack([np.maximum(4 * points.tau, 1), *[np.maximum(9 * points.sigma, 1.5)] * 2])
    wanted = oracle.descriptors(video, np.hstack([points.coordinates, half]))
    actual = stcorner.describe_stips(video, points, n_threads=n_threads)
    # A voxel whose flow is as fast as the limit of "still" may fall to either side.
    np.testing.assert_allclose(actual, wanted, atol=2e-3)
    assert np.abs(actual - wanted).mean() < 2e-5


def test_points_that_are_no_numbers_are_refused_by_the_core() -> None:
    options = _core.HarrisOptions(
        height=9, width=9, scales=[(1.0, 1.0, 1.0)], s=2.0, k=0.0, scale_normalize=False, normalize=False,
        eps=0.0, reflect=True, tensor=True, n_threads=1, tile_width=0, tile_height=0,
    )  # fmt: skip
    for column, value in itertools.product(range(6), (np.nan, np.inf, -np.inf, 1e300)):
        points = np.ones((2, 6))
        points[1, column] = value
        with pytest.raises(ValueError, match="must be finite"):
            _core.StipDescriber(options, points=points, still=0.2)


def test_descriptor_refusals() -> None:
    video = clip()
    points = stcorner.detect_stips(video)
    with pytest.raises(ValueError, match="descriptor must be one of 'hog', 'hof', 'hoghof', got 'sift'"):
        stcorner.describe_stips(video, points, descriptor="sift")
    with pytest.raises(ValueError, match=r"video must have frames of \(36, 42\) as stips"):
        stcorner.describe_stips(video[:, :30], points)
    with pytest.raises(ValueError, match="video must have 20 frames as stips, got 19"):
        stcorner.describe_stips(video[:19], points)


def test_bag_of_words_and_its_state(rng: np.random.Generator) -> None:
    clips = [rng.normal(centre, 0.1, (20, 3)) for centre in (0, 5, 9)]
    bag = stcorner.StipBagOfWords(n_words=3).fit(clips)
    words = bag.transform([*clips, np.empty((0, 3))])
    assert sorted(words[:3].argmax(axis=1).tolist()) == [0, 1, 2]
    np.testing.assert_allclose(words.sum(axis=1), [1, 1, 1, 0])
    again = pickle.loads(pickle.dumps(bag))
    np.testing.assert_array_equal(again.transform(clips), words[:3])
    with pytest.raises(ValueError, match=r"n_words must be <= the number of descriptors \(60\), got 256"):
        stcorner.StipBagOfWords().fit(clips)
    with pytest.raises(ValueError, match="descriptors must all have the same length"):
        bag.transform([np.zeros((2, 4))])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        stcorner.StipBagOfWords().transform(clips)


@pytest.mark.parametrize("response", [True, False])
def test_overlay_film(tmp_path: Path, response: bool) -> None:
    from stcorner.media import load_video

    video = (clip((24, 36, 42)) * 255).astype(np.uint8)
    points = stcorner.detect_stips(video)
    film = stcorner.overlay(video, points, tmp_path / "film.mp4", response=response, fps=10, min_height=64)
    frames, fps = load_video(film, gray=False)
    assert frames.shape == (24, 72, 84, 3)
    assert fps == 10


def test_overlay_strip_draws_the_points(tmp_path: Path) -> None:
    import cv2

    video = np.zeros((25, 33, 33), np.uint8)
    video[11:14, 15:18, 15:18] = 255
    points = stcorner.detect_stips(video, sigmas=2.0, taus=1.5)
    strip = stcorner.overlay(iter([video]), points, tmp_path / "strip.png", n_frames=3, min_height=33)
    picture = cv2.imread(str(strip))[..., ::-1].astype(int)
    assert picture.shape == (33, 3 * 33 + 2 * 4, 3)
    frames = [picture[:, i * 37 : i * 37 + 33] for i in range(3)]
    ring = np.array([(frame[..., 1] > frame[..., 0] + 60) for frame in frames])
    assert ring.any(axis=(1, 2)).any()
    # The ring of the one point: its centre and its radius, 2 sigma.
    _, y, x = np.nonzero(ring)
    assert abs(y.mean() - 16) < 0.5
    assert abs(x.mean() - 16) < 0.5
    assert abs(np.hypot(y - 16, x - 16).mean() - 4) < 0.7
    with pytest.raises(ValueError, match=r"out must end in .mp4 or .png"):
        stcorner.overlay(video, points, tmp_path / "strip.gif")
    with pytest.raises(ValueError, match="out must lie in an existing folder"):
        stcorner.overlay(video, points, tmp_path / "no" / "strip.png")


def test_a_film_is_written_to_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    video = clip((6, 20, 22))
    points = stcorner.detect_stips(video)
    monkeypatch.chdir(tmp_path)
    name = "http:film.mp4" if os.name == "posix" else "film.mp4"
    stcorner.overlay(video, points, name, min_height=20)
    assert len(stcorner.load_video(name)[0]) == 6

    def refused(*arguments: object, **named: object) -> None:
        raise av.PermissionError(13, "Permission denied")

    monkeypatch.setattr(av, "open", refused)
    with pytest.raises(OutputError, match=r"film\.mp4 cannot be written: Permission denied"):
        stcorner.overlay(video, points, name)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_stream(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = PEAK_KIB + (
        "import sys, numpy as np, stcorner\n"
        "def blocks(n):\n"
        "    base = np.random.default_rng(0).integers(0, 255, (16, 240, 320), np.uint8)\n"
        "    for i in range(n): yield np.roll(base, i, axis=2)\n"
        "stcorner.detect_stips(blocks(int(sys.argv[1])), threshold_rel=0.5)\n"
        "print(peak_kib())"
    )
    peaks = []
    for n in (8, 40):
        run = subprocess.run([sys.executable, "-c", code, str(n)], capture_output=True, text=True, check=True)
        peaks.append(int(run.stdout) / 1024)
    assert peaks[1] - peaks[0] < 20, peaks
    assert peaks[1] < 500, peaks


def test_every_public_name_is_at_the_top() -> None:
    for name in itertools.chain(__import__("stcorner.video", fromlist=["x"]).__all__):
        assert hasattr(stcorner, name)


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (iter([]), "video must hold at least one frame, got none"),
        (iter([np.zeros((4, 8, 8)), np.zeros((4, 8, 9))]), "video must keep its frame size"),
        ([[1, 2], [3]], "video must be a rectangular array"),
    ],
)
def test_texture_refuses_sources_by_our_own_errors(video: Any, message: str) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        stcorner.texture_map_histogram(video)
