"""Tensor and response against their numpy twins, on every instruction set, thread count and tile size."""

from __future__ import annotations

import copy
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stcorner
from oracles import video as oracle
from stcorner import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike

SIZES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33]
SCALE = {"sigma": 2.0, "tau": 2**0.5}


def clip(shape: tuple[int, int, int], seed: int = 0, dtype: DTypeLike = np.float32) -> np.ndarray:
    values = np.random.default_rng(seed).random(shape)
    return (values * 255).astype(dtype) if np.dtype(dtype).kind == "u" else (values - 0.5).astype(dtype)


def close(actual: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5) -> None:
    limit = tolerance * max(np.abs(wanted).max(), 1e-30)
    assert np.abs(actual - wanted).max() <= limit


def run(
    video: np.ndarray,
    *,
    tile: tuple[int, int] = (0, 0),
    block: int | None = None,
    n_threads: int = 1,
    tensor: bool = False,
    reflect: bool = True,
    scale: tuple[float, float] = (2.0, 2**0.5),
) -> np.ndarray:
    """The engine itself, with a tile size of the caller's choice."""
    options = _core.HarrisOptions(
        height=video.shape[1], width=video.shape[2], scales=[(scale[1], scale[0], scale[0])], s=2.0, k=0.005,
        scale_normalize=True,
        normalize=False, eps=0.0, reflect=reflect, tensor=tensor, n_threads=n_threads,
        tile_width=tile[1], tile_height=tile[0],
    )  # fmt: skip
    engine = _core.HarrisEngine(options)
    out = np.empty((6 if tensor else 1, *video.shape), np.float32)
    step = block or len(video)
    for i in range(0, len(video), step):
        engine.run(video[i : i + step], out, first=0, drain=block is not None, finish=i + step >= len(video))
    return out


@pytest.mark.parametrize("mode", ["reflect", "nearest"])
@pytest.mark.parametrize("n", SIZES)
def test_response_equals_oracle_at_odd_sizes(isa: str, n: int, mode: str) -> None:
    for shape in ((n, 9, 18), (11, n, 17), (10, 16, n)):
        video = clip(shape)
        wanted = oracle.harris(video, mode=mode, **SCALE)
        close(stcorner.corner_harris_3d(video, mode=mode, **SCALE), wanted)


@pytest.mark.parametrize("mode", ["reflect", "nearest"])
def test_tensor_equals_oracle(isa: str, mode: str) -> None:
    video = clip((20, 37, 41))
    wanted = oracle.structure_tensor(video, mode=mode, **SCALE)
    close(stcorner.structure_tensor_3d(video, mode=mode, **SCALE), wanted)


@pytest.mark.parametrize(
    ("sigma", "tau", "s"), [(0.4, 0.5, 1.0), (1.0, 3.0, 2.0), (3.3, 1.2, 2.5), (5.0, 4.5, 2.0)]
)
def test_any_radius(isa: str, sigma: float, tau: float, s: float) -> None:
    video = clip((14, 40, 45))
    wanted = oracle.harris(video, sigma=sigma, tau=tau, s=s)
    close(stcorner.corner_harris_3d(video, sigma=sigma, tau=tau, s=s), wanted)


@pytest.mark.parametrize(
    "options", [{"k": 0.0}, {"scale_normalize": False}, {"normalize": "max"}, {"k": 0.02}]
)
def test_options_equal_oracle(options: dict[str, Any]) -> None:
    video = clip((18, 30, 33))
    close(stcorner.corner_harris_3d(video, **SCALE, **options), oracle.harris(video, **SCALE, **options))


def test_trace_normalised_equals_oracle(isa: str) -> None:
    video = clip((18, 30, 33))
    wanted = oracle.harris(video, normalize="trace", eps=1e-3, **SCALE)
    actual = stcorner.corner_harris_3d(video, normalize="trace", eps=1e-3, **SCALE)
    close(actual, wanted)
    assert actual.min() >= -0.005 - 1e-6
    assert actual.max() <= 1 / 27


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.int32, np.float16])
def test_dtypes(isa: str, dtype: type[float] | type[int]) -> None:
    video = (clip((15, 20, 21), dtype=np.uint8) // 2).astype(dtype)
    close(stcorner.corner_harris_3d(video, **SCALE), oracle.harris(video, **SCALE))


def test_instruction_sets_agree() -> None:
    video = clip((20, 33, 50))
    results = []
    for name in stcorner.available_isas():
        stcorner.set_isa(name)
        results.append(stcorner.corner_harris_3d(video))
    stcorner.set_isa("auto")
    for other in results[1:]:
        close(other, results[0])


@pytest.mark.parametrize("shape", [(21, 33, 70), (9, 16, 48), (17, 7, 33)])
def test_threads_tiles_and_blocks_give_the_same_bits(
    isa: str, n_threads: int, shape: tuple[int, int, int]
) -> None:
    video = clip(shape)
    wanted = run(video)
    for tile, block in (((8, 16), 5), ((16, 32), None), ((0, 16), 1), ((24, 0), 8)):
        np.testing.assert_array_equal(run(video, tile=tile, block=block, n_threads=n_threads), wanted)
    tensor = run(video, tensor=True)
    np.testing.assert_array_equal(run(video, tile=(8, 16), tensor=True, n_threads=n_threads, block=3), tensor)


@pytest.mark.parametrize("scale", [(0.5, 0.4), (3.3, 3.2), (2.0, 4.5), (5.0, 1.5)])
def test_other_radii_give_the_same_bits_too(isa: str, scale: tuple[float, float]) -> None:
    # Beyond radius 16 the loops have run-time bounds, which compilers treat otherwise.
    video = clip((40, 33, 49))
    wanted = run(video, scale=scale)
    for tile, block in (((8, 16), 1), ((16, 32), 5), ((0, 0), 7)):
        np.testing.assert_array_equal(run(video, tile=tile, block=block, scale=scale), wanted)


def test_views_and_byte_orders_are_read_right() -> None:
    video = clip((12, 20, 24))
    wanted = stcorner.corner_harris_3d(video)
    doubled = np.repeat(video, 2, axis=2)[:, :, ::2]
    np.testing.assert_array_equal(stcorner.corner_harris_3d(doubled), wanted)
    np.testing.assert_array_equal(stcorner.corner_harris_3d(video.astype(">f4")), wanted)


def test_streaming_equals_batch_for_every_block_length() -> None:
    video = clip((31, 12, 19))
    wanted = stcorner.corner_harris_3d(video)
    for block in range(1, len(video) + 1):
        stream = stcorner.HarrisStream(shape=(12, 19))
        parts = [stream.push(video[i : i + block]) for i in range(0, len(video), block)]
        parts.append(stream.flush())
        np.testing.assert_array_equal(np.concatenate(parts), wanted)


def test_latency_is_exact() -> None:
    stream = stcorner.HarrisStream(shape=(9, 10), tau=1.0)
    assert stream.latency == 4 + 6 + 1
    counts = [len(stream.push(frame)) for frame in clip((20, 9, 10))]
    assert counts == [0] * stream.latency + [1] * (20 - stream.latency)
    assert len(stream.flush()) == stream.latency
    assert len(stream.flush()) == 0


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.floats(0.25, 4.0), st.floats(-2.0, 2.0))
def test_contrast_and_brightness(gain: float, offset: float) -> None:
    video = clip((16, 20, 22)).astype(np.float64)
    changed = gain * video + offset
    plain = stcorner.corner_harris_3d(video)
    close(stcorner.corner_harris_3d(changed) / gain**6, plain, 1e-4)
    relative = stcorner.corner_harris_3d(video, normalize="trace")
    assert np.abs(stcorner.corner_harris_3d(changed, normalize="trace") - relative).max() < 1e-5


def test_still_video_never_responds() -> None:
    still = np.tile(clip((1, 40, 40), dtype=np.uint8), (20, 1, 1))
    assert stcorner.corner_harris_3d(still).max() <= 0
    assert len(stcorner.detect_stips(still)) == 0


def test_dask_equals_memory() -> None:
    da = pytest.importorskip("dask.array")
    video = clip((50, 60, 70))
    lazy: Any = stcorner.corner_harris_3d(da.from_array(video, chunks=(25, 45, 40)))
    np.testing.assert_array_equal(lazy.compute(scheduler="synchronous"), stcorner.corner_harris_3d(video))
    for shape, chunks in [((5, 6, 7), 3), ((50, 9, 40), 10), ((20, 30, 21), (7, 11, 21))]:
        small = clip(shape)  # some axes are shorter than what a response depends on
        lazy = stcorner.corner_harris_3d(da.from_array(small, chunks=chunks))
        np.testing.assert_array_equal(lazy.compute(scheduler="synchronous"), stcorner.corner_harris_3d(small))
    with pytest.raises(ValueError, match="normalize must be None or 'trace' for a dask array"):
        stcorner.corner_harris_3d(da.from_array(video), normalize="max")


VIDEO = clip((5, 6, 7))
WITH_NAN = VIDEO.copy()
WITH_NAN[3, 2, 1] = np.nan


@pytest.mark.parametrize("function", [stcorner.corner_harris_3d, stcorner.structure_tensor_3d])
@pytest.mark.parametrize(
    ("video", "options", "message"),
    [
        (VIDEO[0], {}, r"video must have 3 dimension\(s\), got 2"),
        (VIDEO[:0], {}, r"video must not be empty, got shape \(0, 6, 7\)"),
        (WITH_NAN, {}, "video must be finite and of magnitude .*, got other values in frame 3"),
        (np.full((3, 3, 3), 1e300), {}, "video must be finite"),
        (np.full((3, 3, 3), "a"), {}, "video must hold real numbers"),
        (np.ma.masked_invalid(WITH_NAN), {}, r"video must not be masked, got 1 masked value\(s\)"),
        (VIDEO.astype(complex), {}, "video must hold real numbers, got dtype complex128"),
        (VIDEO, {"sigma": 0}, "sigma must be finite and >= 0.1 and <= 64, got 0"),
        (VIDEO, {"tau": -1.0}, "tau must be finite and >= 0.1 and <= 64, got -1"),
        (VIDEO, {"sigma": np.inf}, "sigma must be finite .*, got inf"),
        (VIDEO, {"s": 0.0}, "s must be finite"),
        (VIDEO, {"mode": "wrap"}, "mode must be one of 'reflect', 'nearest', got 'wrap'"),
        (VIDEO, {"n_threads": 0}, "n_threads must be .* got 0"),
        (VIDEO, {"scale_normalize": 1}, "scale_normalize must be True or False, got 1"),
    ],
)
def test_refusals(
    function: Callable[..., Any], video: np.ndarray, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        function(video, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0.04}, "k must be finite and >= 0 and < 0.037"),
        ({"normalize": "sum"}, "normalize must be one of None, 'trace', 'max'"),
        ({"eps": -1.0}, "eps must be finite and >= 0, got -1"),
    ],
)
def test_refusals_of_the_response(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stcorner.corner_harris_3d(VIDEO, **options)


def test_refusals_of_the_stream() -> None:
    with pytest.raises(ValueError, match=r"shape must be \(height, width\), got 5"):
        stcorner.HarrisStream(shape=5)
    with pytest.raises(ValueError, match="shape must be >= 1, got 0"):
        stcorner.HarrisStream(shape=(0, 5))
    with pytest.raises(ValueError, match="normalize must be one of None, 'trace', got 'max'"):
        stcorner.HarrisStream(shape=(6, 7), normalize="max")
    stream = stcorner.HarrisStream(shape=(6, 7))
    with pytest.raises(ValueError, match=r"frames must have shape \(n, 6, 7\), got \(5, 7, 7\)"):
        stream.push(np.zeros((5, 7, 7)))
    with pytest.raises(ValueError, match="video must be finite"):
        stream.push(WITH_NAN)
    with pytest.raises(ValueError, match="frames must not follow flush"):
        stream.push(VIDEO)


def test_refusals_of_sizes_beyond_memory() -> None:
    with pytest.raises(stcorner.ParameterError, match=r"at most 1048576 pixels .* 8589934592\)"):
        stcorner.HarrisStream(shape=(1, 2**33))


def test_refusal_names_the_first_bad_frame() -> None:
    video = np.zeros((16, 70, 9), np.float32)
    video[3:, 1] = np.nan
    for _ in range(20):
        with pytest.raises(stcorner.ParameterError, match=r"got other values in frame 3$"):
            stcorner.corner_harris_3d(video, n_threads=3)


@pytest.mark.parametrize("eps", [0.0, 1e-45, 1e-40, 1e300])
def test_still_regions_have_no_response_whatever_eps(isa: str, eps: float) -> None:
    video = np.zeros((9, 12, 20), np.float32)
    assert (stcorner.corner_harris_3d(video, normalize="trace", eps=eps) == 0).all()


def test_threads_that_push_into_one_stream_lose_nothing() -> None:
    frame = np.random.default_rng(4).random((1, 40, 33), dtype=np.float32)
    expected = stcorner.corner_harris_3d(frame)[0]
    stream = stcorner.HarrisStream(shape=(40, 33))
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda n: stream.push(np.repeat(frame, n, axis=0)), [1, 2, 3, 9] * 20))
    responses = np.concatenate([*parts, stream.flush()])
    assert len(responses) == 15 * 20
    assert (responses == expected).all()  # the picture is still, so that its frames may come in any order


def test_an_interrupted_stream_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        frames_in = frames_out = 0

        def run(self, *args: object, **options: object) -> None:
            raise KeyboardInterrupt

    stream = stcorner.HarrisStream(shape=VIDEO.shape[1:])
    monkeypatch.setattr(stream, "_engine", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        stream.push(VIDEO)
    with pytest.raises(stcorner.ParameterError, match="closed stream"):
        stream.push(VIDEO)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer of signals here")
def test_a_handler_that_interrupts_a_push_is_refused() -> None:
    stream = stcorner.HarrisStream(shape=(64, 64), n_threads=1)
    frames = np.zeros((4096, 64, 64), np.uint8)
    refused: list[str] = []

    def handler(*_: object) -> None:
        try:
            stream.push(frames[:1])
        except RuntimeError as error:
            refused.append(str(error))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        done = len(stream.push(frames))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert refused == [
        "push and flush must not be called by a handler that interrupted one of them: call them after it has "
        "returned"
    ]
    assert done + len(stream.flush()) == 4096


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_stream_is_neither_pickled_nor_copied(protocol: int) -> None:
    stream = stcorner.HarrisStream(shape=(6, 7))
    for kept in (stream, stream._engine):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            pickle.dumps(kept, protocol)
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            copy.copy(kept)


def test_a_second_call_on_a_core_object_is_refused() -> None:
    engine = stcorner.HarrisStream(shape=(256, 256), n_threads=1)._engine
    frames, out = np.zeros((400, 256, 256), np.uint8), np.empty((1, 400, 256, 256), np.float32)
    refusals: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(engine.run, frames, out, first=0, drain=True, finish=False)
        while not long.done():
            try:
                engine.run(frames[:0], out, first=0, drain=False, finish=False)
            except ValueError as error:
                refusals.append(str(error))
        long.result()
    assert set(refusals) == {"one call at a time: the object is at work in another"}
    assert engine.frames_in == 400


def test_eps_is_so_small_by_default(rng: np.random.Generator) -> None:
    video = rng.random((6, 7, 8))
    found = stcorner.corner_harris_3d(video, normalize="trace")
    np.testing.assert_array_equal(stcorner.corner_harris_3d(video, normalize="trace", eps=1e-12), found)
    assert np.abs(found).max() > 1e-3
