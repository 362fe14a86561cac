"""The recipe `egemaps`: values known by construction, spectra against the oracle, openSMILE on real clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import stcorner
from oracles import audio as oracle

if TYPE_CHECKING:
    from pathlib import Path

SR = 16000
NAMES = stcorner.feature_names("egemaps")


def values(y: np.ndarray) -> dict[str, float]:
    found = stcorner.clip_features(y.astype(np.float32), sr=SR, recipe="egemaps")
    return dict(zip(NAMES, found.tolist(), strict=True))


@pytest.fixture(scope="module")
def stretches() -> np.ndarray:
    """Three voiced stretches of 0.4 s at 220 Hz between hiss."""
    y = oracle.harmonic_tone(220.0, SR, 2.4, n_harmonics=20)
    rng = np.random.default_rng(2)
    return y * (np.arange(len(y)) % 12800 < 6400) + 2e-3 * rng.standard_normal(len(y))


def test_stretches_of_a_known_voice(stretches: np.ndarray) -> None:
    found = values(stretches)
    semitones = 12 * np.log2(220 / 27.5)
    for name in ("amean", "percentile20.0", "percentile50.0", "percentile80.0"):
        assert found[f"F0semitoneFrom27.5Hz_sma3nz_{name}"] == pytest.approx(semitones, abs=0.05)
    assert found["F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2"] == pytest.approx(0, abs=0.05)
    assert found["VoicedSegmentsPerSec"] == pytest.approx(3 / 2.4, rel=0.02)
    assert found["MeanVoicedSegmentLengthSec"] == pytest.approx(0.4, abs=0.05)
    assert found["StddevVoicedSegmentLengthSec"] < 0.03
    assert found["MeanUnvoicedSegmentLength"] == pytest.approx(0.4, abs=0.05)
    assert found["loudnessPeaksPerSec"] <= 3 / 2.4 + 0.01
    assert found["jitterLocal_sma3nz_amean"] < 0.005
    assert found["equivalentSoundLevel_dBp"] == pytest.approx(10 * np.log10((stretches**2).mean()), abs=1e-3)


def test_louder_by_a_factor_is_louder_by_its_power(stretches: np.ndarray) -> None:
    soft, loud = values(stretches), values(2 * stretches)
    assert loud["loudness_sma3_amean"] / soft["loudness_sma3_amean"] == pytest.approx(2**0.66, rel=1e-3)
    assert loud["equivalentSoundLevel_dBp"] - soft["equivalentSoundLevel_dBp"] == pytest.approx(
        6.02, abs=0.01
    )
    assert loud["HNRdBACF_sma3nz_amean"] == pytest.approx(soft["HNRdBACF_sma3nz_amean"], rel=0.02)
    assert loud["alphaRatioV_sma3nz_amean"] == pytest.approx(soft["alphaRatioV_sma3nz_amean"], rel=0.02)


def test_spectral_means_equal_the_oracle() -> None:
    noise = 0.05 * np.random.default_rng(4).standard_normal(SR)
    noise = np.convolve(noise, [1.0, 0.7, 0.3], "same")
    found = values(noise)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(320) / 319)
    power = np.abs(np.fft.rfft(oracle.frames(noise, 320, 160, center=False) * window, 512, axis=1)) ** 2
    f = np.arange(257) * SR / 512

    def band(low: float, high: float) -> np.ndarray:
        return power[:, (f >= low) & (f < high)]

    def mean(track: np.ndarray) -> float:
        three = np.ones(3)  # at the ends there are two
        return float(
            (np.convolve(track, three, "same") / np.convolve(np.ones(len(track)), three, "same")).mean()
        )

    alpha = 10 * np.log10(band(1000, 5000).sum(axis=1) / band(50, 1000).sum(axis=1))
    assert found["alphaRatioUV_sma3nz_amean"] == pytest.approx(mean(alpha), abs=0.02)
    index = 10 * np.log10(band(0, 2000).max(axis=1) / band(2000, 5000).max(axis=1))
    assert found["hammarbergIndexUV_sma3nz_amean"] == pytest.approx(mean(index), abs=0.02)
    for low, high in ((0, 500), (500, 1500)):
        inside = (f >= low) & (f <= high)
        slope = np.polyfit(f[inside], 10 * np.log10(power[:, inside]).T, 1)[0]
        assert found[f"slopeUV{low}-{high}_sma3nz_amean"] == pytest.approx(mean(slope), rel=0.01, abs=1e-6)
    magnitude = np.sqrt(band(0, 5000))
    flux = np.append(0, np.sqrt((np.diff(magnitude, axis=0) ** 2).mean(axis=1)))
    assert found["spectralFlux_sma3_amean"] == pytest.approx(mean(flux), rel=0.01)
    loud = oracle.loudness(power, SR, 512)
    assert found["loudness_sma3_amean"] == pytest.approx(mean(loud), rel=1e-3)
    assert found["MeanVoicedSegmentLengthSec"] == 0.0


def test_contour_turns_where_it_moves_by_a_tenth_of_its_range() -> None:
    from stcorner.audio._egemaps import _slopes

    contour = np.array([0.0, 5.0, 10.0, 9.5, 10.0, 4.0, 0.0, 6.0, 6.5, 0.0])
    slopes, peaks = _slopes(contour)
    rises, falls = np.array([10 / 2, 6.5 / 2]) * 100, np.array([10 / 4, 6.5]) * 100
    assert slopes == pytest.approx([rises.mean(), rises.std(), falls.mean(), falls.std()])
    assert peaks == 2
    assert _slopes(np.ones(5)) == ([0.0, 0.0, 0.0, 0.0], 0)


def test_values_follow_opensmile(real_data: Path) -> None:
    opensmile = pytest.importorskip("opensmile")
    engine = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
    ours, theirs = [], []
    for path in sorted((real_data / "ravdess" / "audio_speech").glob("Actor_*/*.flac"))[5::75]:
        y, sr = stcorner.load_audio(path, sr=SR)
        ours.append(stcorner.clip_features(y, sr=sr, recipe="egemaps"))
        table = engine.process_signal(y, sr)
        theirs.append(table.iloc[0].to_numpy())
    assert list(table.columns) == NAMES
    a, b = np.array(ours, float), np.array(theirs, float)
    r = np.array([np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(len(NAMES))])
    close = [name for name, value in zip(NAMES, r, strict=True) if value > 0.9]
    assert len(close) >= 35
    certain = (
        "loudness_sma3_amean", "F0semitoneFrom27.5Hz_sma3nz_percentile50.0", "mfcc1_sma3_amean",
        "alphaRatioV_sma3nz_amean", "spectralFluxV_sma3nz_amean", "HNRdBACF_sma3nz_amean",
    )  # fmt: skip
    assert set(certain) <= set(close)
