"""Digital silence is not silence after a resampler: it rings at magnitudes whose squares leave float32."""

from __future__ import annotations

import numpy as np
import pytest

import stcorner


@pytest.mark.parametrize("exponent", range(-45, -5, 2))
def test_pitch_of_faint_sound_is_defined(rng: np.random.Generator, exponent: int) -> None:
    faint = (rng.standard_normal(8000) * 10.0**exponent).astype(np.float32)
    y = np.concatenate([np.sin(np.arange(8000, dtype=np.float32) * 0.05), faint])
    f0, voiced, strength = stcorner.pitch_autocorrelation(y, sr=16000)
    assert not voiced[60:].any()
    assert np.isfinite(strength).all()
    assert np.isfinite(f0[voiced]).all()
