"""Arrays of any shape, dtype, byte order, stride, alignment: a right answer or a `ParameterError`.

The right answer is that of a plain, contiguous, native copy of the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fuzz.source import DTYPES, LAYOUTS, laid_out
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stcorner

if TYPE_CHECKING:
    from collections.abc import Callable


@st.composite
def arrays(draw: st.DrawFn, ndim: int) -> Any:
    """An array of mostly `ndim` dimensions, made in one of the ways in which users make them."""
    dims = draw(st.sampled_from([ndim] * 6 + [0, 1, 2, 3, 4]))
    shape = tuple(draw(st.integers(0, 9)) for _ in range(dims))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    values = rng.integers(0, 100, shape)
    array = values.astype(dtype) if dtype.kind != "O" else values.astype(object)
    if dtype.kind == "f" and array.size and draw(st.integers(0, 7)) == 0:
        array.flat[rng.integers(array.size)] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 6e4]))
    return laid_out(array, draw(st.sampled_from([kind for kind in LAYOUTS if kind != "huge"])))


LABELS = np.array(["happy", "sad"])

CALLS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "corner_harris_3d": (3, lambda x: stcorner.corner_harris_3d(x)),
    "structure_tensor_3d": (3, lambda x: stcorner.structure_tensor_3d(x)),
    "corner_peaks_3d": (3, lambda x: stcorner.corner_peaks_3d(x)),
    "detect_stips": (3, lambda x: stcorner.detect_stips(x).coordinates),
    "orientation_histogram": (3, lambda x: stcorner.orientation_histogram(x, grid=(2, 2), segments=1)),
    "texture_map_histogram": (3, lambda x: stcorner.texture_map_histogram(x, grid=(2, 2), segments=1)),
    "zero_crossing_rate": (1, lambda x: stcorner.zero_crossing_rate(x, frame_length=4, hop_length=2)),
    "rms": (1, lambda x: stcorner.rms(x, frame_length=4, hop_length=2)),
    "autocorrelate": (1, lambda x: stcorner.autocorrelate(x, frame_length=8, hop_length=4, max_lag=3)),
    "melspectrogram": (1, lambda x: stcorner.melspectrogram(x, sr=8000, n_fft=8, hop_length=4, n_mels=2)),
    "intrinsic_graph": (2, lambda x: stcorner.intrinsic_graph(x, LABELS[np.arange(len(x)) % 2]).toarray()),
    "penalty_graph": (2, lambda x: stcorner.penalty_graph(x, LABELS[np.arange(len(x)) % 2]).toarray()),
}


@pytest.mark.parametrize("name", CALLS)
def test_any_array(name: str) -> None:
    ndim, call = CALLS[name]

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(arrays(ndim))
    def check(value: Any) -> None:
        before = np.array(value, copy=True) if isinstance(value, np.ndarray) else None
        plain = np.array(value)
        if plain.dtype.kind in "biuf":
            plain = np.ascontiguousarray(plain, plain.dtype.newbyteorder("=")).reshape(plain.shape)
        try:
            found = call(value)
        except stcorner.ParameterError:
            with pytest.raises((stcorner.ParameterError, TypeError)):
                call(plain)
            return
        except TypeError:
            assert np.ndim(value) == 0  # `len` of a scalar, here in the test
            return
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found, call(plain))
        if before is not None:
            np.testing.assert_array_equal(value, before)

    check()


@pytest.mark.parametrize("name", CALLS)
def test_a_view_of_huge_strides(name: str) -> None:
    # One value seen as a large array by strides of zero: 2 ** 40 voxels must be refused, not allocated.
    ndim, call = CALLS[name]
    if name in {"intrinsic_graph", "penalty_graph"}:
        pytest.skip("needs a label for each row")
    side = {1: 2**46, 3: 2**15}[ndim]
    huge = np.broadcast_to(np.float32(0.5), (side,) * ndim)
    with pytest.raises((stcorner.ParameterError, MemoryError)):
        call(huge)
