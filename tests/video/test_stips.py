"""Peaks, interest points, their table and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stcorner
from oracles import video as oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def clip(shape: tuple[int, int, int] = (40, 48, 64), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def popping(shape: tuple[int, int, int], at: np.ndarray) -> np.ndarray:
    """A square that appears at a voxel and vanishes."""
    video = np.zeros(shape, np.float32)
    t, y, x = at
    video[t - 1 : t + 2, y - 1 : y + 2, x - 1 : x + 2] = 1.0
    return video


@pytest.mark.parametrize("exclude_border", [True, False])
def test_peaks_equal_oracle(isa: str, n_threads: int, exclude_border: bool) -> None:
    # Few levels: plateaus and ties on purpose.
    response = np.random.default_rng(3).integers(-2, 9, (9, 12, 37)).astype(np.float32)
    actual = stcorner.corner_peaks_3d(response, exclude_border=exclude_border, n_threads=n_threads)
    wanted = oracle.peaks(response, threshold=0.08, exclude_border=exclude_border)
    assert actual.tolist() == wanted


def test_peaks_are_kept_apart() -> None:
    response = np.random.default_rng(4).random((12, 20, 20)).astype(np.float32)
    for distance in (2, 5):
        peaks = stcorner.corner_peaks_3d(response, min_distance=distance)
        assert peaks.tolist() == oracle.keep_apart(stcorner.corner_peaks_3d(response).tolist(), distance)
    assert len(stcorner.corner_peaks_3d(response, num_peaks=3)) == 3
    strict = stcorner.corner_peaks_3d(response, threshold_abs=0.95)
    assert (response[tuple(strict.T)] > 0.95).all()


def test_no_peaks_where_nothing_is_positive() -> None:
    assert stcorner.corner_peaks_3d(np.full((4, 4, 4), -1.0)).shape == (0, 3)
    assert stcorner.corner_peaks_3d(np.zeros((2, 2, 2))).shape == (0, 3)


@pytest.mark.parametrize("exclude_border", [True, False])
def test_detection_equals_response_and_peaks(isa: str, n_threads: int, exclude_border: bool) -> None:
    video = clip()
    points = stcorner.detect_stips(
        video, sigmas=2.0, taus=1.5, exclude_border=exclude_border, n_threads=n_threads
    )
    response = stcorner.corner_harris_3d(video)
    peaks = stcorner.corner_peaks_3d(response, exclude_border=exclude_border)
    assert len(points) == len(peaks) > 5
    assert np.abs(points.coordinates - peaks).max() <= 0.5
    np.testing.assert_array_equal(points.response, response[tuple(peaks.T)])


def test_each_scale_is_that_of_a_call_of_its_own() -> None:
    video = clip()
    together = stcorner.detect_stips(video)
    for sigma in (2.0, 2.83):
        for tau in (1.41, 2.0):
            mine = together[(together.sigma == sigma) & (together.tau == tau)]
            alone = stcorner.detect_stips(video, sigmas=sigma, taus=tau)
            np.testing.assert_array_equal(mine.coordinates, alone.coordinates)


def test_streams_and_threads_do_not_matter(n_threads: int) -> None:
    video = clip()
    wanted = stcorner.detect_stips(video, scale_selection=True)
    for length in (1, 7, 40):
        blocks = (video[i : i + length] for i in range(0, len(video), length))
        points = stcorner.detect_stips(blocks, scale_selection=True, n_threads=n_threads)
        np.testing.assert_array_equal(points.coordinates, wanted.coordinates)
        np.testing.assert_array_equal(points.response, wanted.response)


def test_scale_selection_equals_oracle() -> None:
    video = clip((30, 40, 44))
    everything = stcorner.detect_stips(video)
    selected = stcorner.detect_stips(video, scale_selection=True)
    keep = oracle.best_scales(
        video, everything.coordinates, everything.sigma, everything.tau, (2.0, 2.83), (1.41, 2.0)
    )
    np.testing.assert_array_equal(selected.coordinates, everything.coordinates[keep])
    assert 0 < len(selected) < len(everything)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.integers(-4, 4), st.integers(-6, 6), st.integers(-6, 6))
def test_a_shifted_video_has_shifted_points(dt: int, dy: int, dx: int) -> None:
    shape, at = (44, 60, 60), np.array([22, 30, 30])
    base = stcorner.detect_stips(popping(shape, at), num_peaks=1)
    moved = stcorner.detect_stips(popping(shape, at + np.array([dt, dy, dx])), num_peaks=1)
    np.testing.assert_allclose(moved.coordinates - base.coordinates, [[dt, dy, dx]], atol=1e-4)


def test_sub_voxel_position() -> None:
    # A blob between two pixels and two frames.
    t, y, x = np.ogrid[:40, :40, :40]
    video = np.exp(-((t - 19.3) ** 2) / 8 - ((y - 20.4) ** 2 + (x - 18.75) ** 2) / 18)
    points = stcorner.detect_stips(video, sigmas=2.0, taus=1.5, num_peaks=1)
    np.testing.assert_allclose(points.coordinates[0], [19.3, 20.4, 18.75], atol=0.1)


def test_strongest_first_and_limits() -> None:
    points = stcorner.detect_stips(clip())
    assert (np.diff(points.response) <= 0).all()
    few = stcorner.detect_stips(clip(), num_peaks=4)
    np.testing.assert_array_equal(few.coordinates, points.coordinates[:4])
    apart = stcorner.detect_stips(clip(), sigmas=2.0, taus=1.5, min_distance=8)
    distance = np.abs(apart.coordinates[:, None] - apart.coordinates[None]).max(axis=2)
    assert (distance[~np.eye(len(apart), dtype=bool)] > 7).all()


def test_table_and_files(tmp_path: Path) -> None:
    points = stcorner.detect_stips(clip())
    table = points.to_pandas()
    assert list(table.columns) == ["t", "y", "x", "sigma", "tau", "response"]
    for name, tolerance in (("points.npz", 0), ("points.txt", 1e-4)):
        points.save(tmp_path / name)
        back = stcorner.Stips.load(tmp_path / name)
        assert back.shape == points.shape
        np.testing.assert_allclose(back.coordinates, points.coordinates, atol=tolerance)
        np.testing.assert_allclose(back.response, points.response, rtol=1e-6)
        np.testing.assert_allclose(back.tau, points.tau, rtol=1e-6)
    assert not list(tmp_path.glob(".*"))


def test_laptev_columns(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    file.write_text("# point-type x y t sigma2 tau2 confidence\n4 11 21 31 4 2 0.5\n")
    point = stcorner.Stips.load(file)
    assert point.coordinates.tolist() == [[30.0, 20.0, 10.0]]
    assert (point.sigma[0], point.tau[0], point.response[0]) == (2.0, 2**0.5, 0.5)
    file.write_text("4 11 21\n")
    with pytest.raises(ValueError, match="path must hold 7 numbers a line"):
        stcorner.Stips.load(file)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match="path must be a whole stips file"):
        stcorner.Stips.load(broken)


def three_points(**changed: Any) -> stcorner.Stips:
    columns: dict[str, Any] = {
        "coordinates": [[0, 1, 2], [3, 4, 5], [6, 7, 8]], "response": [3.0, 2.0, 1.0], "sigma": [2.0] * 3,
        "tau": [1.5] * 3, "shape": (9, 10, 11), "seconds": [0.0, 0.12, 0.24],
    }  # fmt: skip
    return stcorner.Stips(**{**columns, **changed})


def test_the_clock_of_a_file_goes_along(tmp_path: Path) -> None:
    points = three_points()
    assert points.to_pandas()["seconds"].tolist() == [0.0, 0.12, 0.24]
    points.save(tmp_path / "p.npz")
    back = stcorner.Stips.load(tmp_path / "p.npz")
    assert back.seconds is not None
    assert back.seconds.tolist() == [0.0, 0.12, 0.24]
    picked = points[[2, 0]]
    assert picked.seconds is not None
    assert (picked.coordinates[:, 0].tolist(), picked.seconds.tolist()) == ([6.0, 0.0], [0.24, 0.0])
    assert len(three_points(coordinates=[], response=[], sigma=[], tau=[], seconds=None)) == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"coordinates": [[0, 1], [2, 3], [4, 5]]}, r"coordinates must have shape \(n, 3\), got \(3, 2\)"),
        ({"shape": (9, 10)}, r"shape must be \(t, y, x\), got \(9, 10\)"),
        ({"seconds": [0.0]}, r"seconds must have one row per point \(3\), got 1"),
    ],
)
def test_columns_that_do_not_fit(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        three_points(**changed)
    with pytest.raises(stcorner.ParameterError, match="index must be a slice, a mask or an array"):
        three_points()[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"4 1 1 1 4 two 0.5\n", "path must hold 7 numbers a line .* in line 1 of"),
        (b"4 1 1 1 4 nan 0.5\n", "path must hold finite numbers up to 1e15"),
        (b"4 1 1 1 4 -2 0.5\n", "path must hold variances > 0, got -2"),
        (b"4 1 1 1 4 \xff 0.5\n", "path must hold text"),
    ],
)
def test_texts_that_are_not_points(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "p.txt").write_bytes(content)
    with pytest.raises(stcorner.ParameterError, match=message):
        stcorner.Stips.load(tmp_path / "p.txt")
    with pytest.raises(stcorner.ParameterError, match=r"format must be one of .*npz.*, got 'csv'"):
        stcorner.Stips.load(tmp_path / "p.txt", format="csv")


def test_files_of_another_format(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", format=np.int64(99))
    with pytest.raises(stcorner.ParameterError, match="path must be a stips file of format 1"):
        stcorner.Stips.load(tmp_path / "p.npz")
    with (tmp_path / "p.npz").open("wb") as file:
        file.truncate(1 << 40)  # a hole, no bytes on the disk
    with pytest.raises(
        stcorner.ParameterError, match=r"path must be a stips file, got .* of 1099511627776 bytes"
    ):
        stcorner.Stips.load(tmp_path / "p.npz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigmas": ()}, "sigmas must not be empty"),
        ({"sigmas": (2.0, 2.0)}, "sigmas must not repeat a value"),
        ({"taus": (1.0, -1.0)}, "taus must be finite and >= 0.1"),
        ({"threshold_rel": 1.5}, "threshold_rel must be finite and >= 0 and <= 1, got 1.5"),
        ({"threshold_abs": -1.0}, "threshold_abs must be finite and >= 0, got -1"),
        ({"num_peaks": 0}, "num_peaks must be >= 1, got 0"),
        ({"min_distance": 1.5}, "min_distance must be an integer, got 1.5"),
        (
            {"scale_selection": True, "sigmas": 2.0, "taus": 1.5},
            "scale_selection must be False with one scale",
        ),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        stcorner.detect_stips(clip((5, 6, 7)), **options)


def test_refused_videos(tmp_path: Path) -> None:
    for video, message in (
        (np.zeros((4, 4)), r"video must have 3 dimension\(s\)"),
        (iter([]), "video must hold at least one frame"),
        (
            iter([np.zeros((2, 4, 4)), np.zeros((2, 4, 5))]),
            r"video must keep its frame size \(4, 4\), got \(4, 5\)",
        ),
        (7, "video must be an array, a path or an iterable of blocks, got int"),
        (np.full((3, 3, 3), np.inf), "video must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            stcorner.detect_stips(video)
    with pytest.raises(stcorner.MediaError):
        stcorner.detect_stips(tmp_path / "missing.mp4")


def test_kth_points_lie_on_the_moving_arms(real_data: Path) -> None:
    from stcorner.media import load_video

    path = real_data / "video" / "kth_person01_boxing_d1.avi"
    points = stcorner.detect_stips(path, num_peaks=60)
    video, _ = load_video(path)
    np.testing.assert_array_equal(stcorner.detect_stips(video, num_peaks=60).coordinates, points.coordinates)
    assert points.seconds is not None
    # Energy of the frame difference around each point, against that of all pixels of the same frames.
    energy = np.abs(np.diff(video.astype(np.float32), axis=0))
    t, y, x = np.rint(points.coordinates).astype(int).T
    ranks = []
    for at, row, column in zip(np.clip(t, 2, len(energy) - 3), y, x, strict=True):
        motion = energy[at - 2 : at + 3].mean(axis=0)
        near = motion[max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5].mean()
        ranks.append((motion < near).mean())
    assert np.median(ranks) > 0.97
    assert np.mean(np.array(ranks) > 0.9) > 0.95
    # The boxer stands at the side: arms move in the band of the shoulders.
    assert np.percentile(y, 90) - np.percentile(y, 10) < 40


@pytest.mark.parametrize("function", [stcorner.detect_stips, stcorner.texture_map_histogram])
def test_an_error_of_the_source_stays_what_it_is(function: Callable[..., Any]) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield np.zeros((4, 8, 8), np.float32)
        raise stcorner.DatasetError("no more")

    with pytest.raises(stcorner.DatasetError, match="no more"):
        function(frames())


@pytest.mark.parametrize("select", [False, True])
@pytest.mark.parametrize("border", [False, True])
def test_strips_find_the_same_points(monkeypatch: pytest.MonkeyPatch, select: bool, border: bool) -> None:
    from stcorner.video import stips

    video = np.random.default_rng(3).integers(0, 256, (40, 170, 48), dtype=np.uint8)
    video[:, 60:90] //= 2
    options: dict[str, Any] = {"scale_selection": select, "exclude_border": border, "threshold_rel": 0.02}
    wanted = stcorner.detect_stips(video, **options)
    monkeypatch.setattr(stips, "_PASS_BYTES", 48 * 94 * 388)
    from stcorner.video._source import FrameSource

    passes = stips._strips(FrameSource(video), [(2.0, 1.41), (2.83, 2.0)], 2.0)
    assert [(a, b) for a, b, _, _ in passes] == [(0, 43), (43, 86), (86, 129), (129, 170)]
    found = stcorner.detect_stips(video, **options)
    np.testing.assert_array_equal(found.coordinates, wanted.coordinates)
    np.testing.assert_array_equal(found.response, wanted.response)
    blocks = (video[i : i + 7] for i in range(0, 40, 7))  # which can be read only once
    np.testing.assert_array_equal(stcorner.detect_stips(blocks, **options).coordinates, wanted.coordinates)
