"""Zero crossings, energy, autocorrelation against plain numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stcorner
from oracles import audio as oracle

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33]


@pytest.mark.parametrize("frame_length", SIZES)
@pytest.mark.parametrize("hop_length", [1, 3, 16, 40])
@pytest.mark.parametrize("center", [True, False])
def test_zcr_and_rms_equal_the_oracle(
    rng: np.random.Generator, isa: str, n_threads: int, frame_length: int, hop_length: int, center: bool
) -> None:
    y = rng.standard_normal(1500).astype(np.float32)
    y[200:260] = 0.0
    options = {"frame_length": frame_length, "hop_length": hop_length, "center": center}
    zcr, level = stcorner.zcr_and_rms(y, **options, n_threads=n_threads)
    np.testing.assert_array_equal(zcr, oracle.zero_crossing_rate(y, frame_length, hop_length, center=center))
    np.testing.assert_allclose(level, oracle.rms(y, frame_length, hop_length, center=center), rtol=1e-6)
    np.testing.assert_array_equal(zcr, stcorner.zero_crossing_rate(y, **options))
    np.testing.assert_array_equal(level, stcorner.rms(y, **options))


@pytest.mark.parametrize("n_samples", SIZES)
def test_short_signals(rng: np.random.Generator, isa: str, n_samples: int) -> None:
    y = rng.standard_normal(n_samples).astype(np.float32)
    zcr, level = stcorner.zcr_and_rms(y, frame_length=64, hop_length=16)
    np.testing.assert_array_equal(zcr, oracle.zero_crossing_rate(y, 64, 16))
    np.testing.assert_allclose(level, oracle.rms(y, 64, 16), rtol=1e-6)


def test_values_are_those_of_librosa(rng: np.random.Generator) -> None:
    import librosa

    y = rng.standard_normal(9000).astype(np.float32)
    zcr, level = stcorner.zcr_and_rms(y, frame_length=2048, hop_length=512)
    np.testing.assert_allclose(zcr, librosa.feature.zero_crossing_rate(y)[0], atol=1e-12)
    np.testing.assert_allclose(level, librosa.feature.rms(y=y)[0], rtol=1e-6)


def test_leading_axes_are_channels(rng: np.random.Generator) -> None:
    y = rng.standard_normal((2, 3, 900))
    zcr, level = stcorner.zcr_and_rms(y, frame_length=100, hop_length=50)
    r = stcorner.autocorrelate(y, frame_length=100, hop_length=50, max_lag=20)
    assert zcr.shape == level.shape == (2, 3, 19)
    assert r.shape == (2, 3, 17, 21)
    np.testing.assert_array_equal(level[1, 2], stcorner.rms(y[1, 2], frame_length=100, hop_length=50))
    np.testing.assert_array_equal(
        r[1, 0], stcorner.autocorrelate(y[1, 0], frame_length=100, hop_length=50, max_lag=20)
    )


@pytest.mark.parametrize("frame_length", [2, 3, 7, 16, 33, 400])
@pytest.mark.parametrize("unbiased", [True, False])
def test_autocorrelation_equals_the_oracle(
    rng: np.random.Generator, isa: str, n_threads: int, frame_length: int, unbiased: bool
) -> None:
    y = rng.standard_normal(4000)
    lag = frame_length // 2
    window = rng.uniform(0.1, 1.0, frame_length)
    expected = oracle.autocorrelation(y, frame_length, 37, lag, window, unbiased=unbiased)
    got = stcorner.autocorrelate(
        y, frame_length=frame_length, hop_length=37, window=window, unbiased=unbiased, n_threads=n_threads
    )
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())


def test_autocorrelation_of_a_centred_rectangle(rng: np.random.Generator) -> None:
    y = rng.standard_normal(500)
    expected = oracle.autocorrelation(y, 64, 16, 63, np.ones(64), unbiased=False, center=True)
    options = {"frame_length": 64, "hop_length": 16, "max_lag": 63, "window": None}
    got = stcorner.autocorrelate(y, **options, unbiased=False, center=True)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    half = stcorner.autocorrelate(y.astype(np.float32), **options, unbiased=False, center=True)
    assert half.dtype == np.float32


@settings(derandomize=True, deadline=None, max_examples=20)
@given(scale=st.floats(1e-3, 1e3), shift=st.integers(0, 200))
def test_scale_and_delay(scale: float, shift: int) -> None:
    y = np.sin(np.arange(2000) * 0.1) + 0.01
    zcr, level = stcorner.zcr_and_rms(y, frame_length=100, hop_length=50, center=False)
    zcr2, level2 = stcorner.zcr_and_rms(
        np.concatenate([np.zeros(50 * shift), scale * y]), frame_length=100, hop_length=50, center=False
    )
    np.testing.assert_array_equal(zcr2[shift:], zcr)
    np.testing.assert_allclose(level2[shift:], scale * level, rtol=2e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame_length": 0}, "frame_length must be >= 1 and <= 4194304, got 0"),
        ({"frame_length": 2.5}, r"frame_length must be an integer, got 2\.5"),
        ({"hop_length": 0}, "hop_length must be >= 1, got 0"),
        ({"center": "yes"}, "center must be True or False, got 'yes'"),
        ({"center": False, "frame_length": 2000}, "frame_length must be <= the 1000 samples .* got 2000"),
        ({"n_threads": 0}, "n_threads .* got 0"),
        ({"y": np.array([])}, r"y must not be empty, got shape \(0,\)"),
        ({"y": np.array([0.0, np.nan])}, "y must be finite, got 1 NaN"),
        ({"y": np.array([0.0, np.inf, -np.inf], np.float32)}, "y must be finite, got 2 NaN"),
        ({"y": np.zeros(10, np.int16)}, "y must be floating point .* got dtype int16"),
        ({"y": np.float64(3.0)}, "y must have at least 1"),
        ({"y": np.array([1j])}, "y must hold real numbers"),
    ],
)
@pytest.mark.parametrize("function", [stcorner.zero_crossing_rate, stcorner.rms, stcorner.zcr_and_rms])
def test_refusals(function: Callable[..., Any], change: dict[str, Any], message: str) -> None:
    arguments = {"y": np.zeros(1000), "frame_length": 100, "hop_length": 10, **change}
    with pytest.raises(ValueError, match=message):
        function(arguments.pop("y"), **arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_lag": 100}, r"max_lag must be < frame_length \(100\), got 100"),
        ({"max_lag": -1}, "max_lag must be >= 0, got -1"),
        ({"window": "nonsense"}, "window must be a name that scipy knows, got 'nonsense'"),
        ({"window": np.ones(3)}, "window must have 100 samples, got 3"),
        ({"window": np.zeros(100)}, "window must have a sample that is not zero"),
        ({"max_lag": 99}, "max_lag must be a lag at which the window overlaps itself, got 99"),
        ({"unbiased": 1}, "unbiased must be True or False, got 1"),
    ],
)
def test_autocorrelation_refusals(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stcorner.autocorrelate(np.zeros(1000), **{"frame_length": 100, "hop_length": 10, **change})


def test_squares_beyond_float32_are_refused() -> None:
    with pytest.raises(ValueError, match=r"y must be of magnitude <= 1e\+12"):
        stcorner.rms(np.full(2000, 1e30))
