"""Pulses, jitter, shimmer, cepstral peak and formants: Praat's values, definitions by hand, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from oracles import audio as oracle

if TYPE_CHECKING:
    from pathlib import Path

SR = 16000


def vowel(periods: np.ndarray, amplitudes: np.ndarray, sr: int = SR) -> np.ndarray:
    """Pulses through four resonances and hiss: a held vowel of given periods (in samples) and amplitudes."""
    from scipy.signal import lfilter

    places = np.cumsum(periods)
    source = np.zeros(int(places[-1]) + 2)
    for place, amplitude in zip(places, amplitudes, strict=True):
        whole = int(place)
        source[whole] += amplitude * (whole + 1 - place)
        source[whole + 1] += amplitude * (place - whole)
    y = source
    for f, b in ((500, 80), (1500, 100), (2500, 140), (3500, 200)):
        r = np.exp(-np.pi * b / sr)
        y = lfilter([1], [1, -2 * r * np.cos(2 * np.pi * f / sr), r * r], y)
    hiss = 3e-4 * np.random.default_rng(3).standard_normal(len(y))
    return (0.3 * y / np.abs(y).max() + hiss).astype(np.float32)


@pytest.fixture(scope="module")
def unsteady() -> np.ndarray:
    rng = np.random.default_rng(11)
    periods = SR / 120 * (1 + 0.01 * rng.standard_normal(180))
    return vowel(periods, 1 + 0.05 * rng.standard_normal(180))


def praat(y: np.ndarray, sr: int) -> dict[str, float]:
    parselmouth: Any = pytest.importorskip("parselmouth")
    call = parselmouth.praat.call
    sound = parselmouth.Sound(y.astype(float), sr)
    pulses = call(sound, "To PointProcess (periodic, cc)", 75, 500)
    limits = (0, 0, 1e-4, 0.02, 1.3)
    found = {
        f"jitter_{name}": call(pulses, f"Get jitter ({name})", *limits) for name in ("local", "rap", "ppq5")
    }
    for name, theirs in (("local", "local"), ("local_db", "local_dB"), ("apq3", "apq3"), ("apq11", "apq11")):
        found[f"shimmer_{name}"] = call([sound, pulses], f"Get shimmer ({theirs})", *limits, 1.6)
    found["hnr"] = call(call(sound, "To Harmonicity (ac)", 0.01, 75, 0.1, 4.5), "Get mean", 0, 0)
    cepstra = call(sound, "To PowerCepstrogram", 60, 0.002, 5000, 50)
    options = ("no", 0.02, 0.0005, 60, 330, 0.05, "Parabolic", 0.001, 0.05, "Straight", "Least squares")
    found["cpps"] = call(cepstra, "Get CPPS", *options)
    found["n_pulses"] = call(pulses, "Get number of points")
    return found


def test_quality_of_a_held_vowel_is_praats(unsteady: np.ndarray) -> None:
    found, theirs = stcorner.voice_quality(unsteady, sr=SR), praat(unsteady, SR)
    for name in ("jitter_local", "jitter_rap", "jitter_ppq5"):
        assert found[name] == pytest.approx(theirs[name], rel=0.05), name
    for name in ("shimmer_local", "shimmer_local_db", "shimmer_apq3", "shimmer_apq11"):
        assert found[name] == pytest.approx(theirs[name], rel=0.1), name
    assert found["hnr"] == pytest.approx(theirs["hnr"], abs=1.0)
    assert found["cpps"] == pytest.approx(theirs["cpps"], rel=0.1)
    assert abs(found["n_pulses"] - theirs["n_pulses"]) <= 2


def test_quality_of_running_speech_follows_praats(real_data: Path) -> None:
    import soundfile

    ours, theirs = [], []
    for path in sorted((real_data / "pitch" / "fda").glob("*.wav"))[::8]:
        y, sr = soundfile.read(path, dtype="float32")
        ours.append(stcorner.voice_quality(y, sr=sr))
        theirs.append(praat(y, sr))
    for name in theirs[0]:
        a, b = (np.array([row[name] for row in rows]) for rows in (ours, theirs))
        assert np.median(np.abs(a - b)) < (1.5 if name == "hnr" else 0.1 * np.median(b)), name


def test_jitter_and_shimmer_by_hand() -> None:
    periods = np.array([10, 11, 10, 12, 10, 11, 10]) / 1000
    found = stcorner.jitter(np.append(0, np.cumsum(periods)))
    assert found["local"] == pytest.approx(np.abs(np.diff(periods)).mean() / periods.mean())
    three = [abs(periods[i] - periods[i - 1 : i + 2].mean()) for i in range(1, 6)]
    assert found["rap"] == pytest.approx(np.mean(three) / periods.mean())
    five = [abs(periods[i] - periods[i - 2 : i + 3].mean()) for i in range(2, 5)]
    assert found["ppq5"] == pytest.approx(np.mean(five) / periods.mean())
    # A period beyond 20 ms, and its neighbours' differences, do not count.
    gap = stcorner.jitter(np.append(0, np.cumsum([0.01, 0.011, 0.05, 0.01, 0.011])))
    assert gap["local"] == pytest.approx(0.001 / np.mean([0.01, 0.011, 0.01, 0.011]))
    assert np.isnan(stcorner.jitter([0.0, 0.01])["local"])

    tone = np.sin(2 * np.pi * 100 * np.arange(SR) / SR) * np.where(np.arange(SR) // 160 % 2, 1.0, 0.8)
    steps = stcorner.shimmer(tone, 0.0025 + 0.01 * np.arange(90), sr=SR)
    assert steps["local"] == pytest.approx(0.2 / 0.9, rel=0.01)
    assert steps["local_db"] == pytest.approx(20 * np.log10(1.25), rel=0.01)
    assert steps["apq3"] == pytest.approx(2 / 3 * 0.2 / 0.9, rel=0.01)


def test_pulses_are_where_they_were_made(unsteady: np.ndarray) -> None:
    rng = np.random.default_rng(11)
    made = np.cumsum(SR / 120 * (1 + 0.01 * rng.standard_normal(180))) / SR
    found = stcorner.glottal_pulses(unsteady, sr=SR)
    inside = found[(found > 0.1) & (found < made[-1] - 0.1)]
    nearest = np.abs(inside[:, None] - made).min(axis=1)
    assert np.ptp(inside[:, None] - made[np.abs(inside[:, None] - made).argmin(axis=1)][:, None]) < 4e-4
    assert (nearest < 2e-3).all()
    assert len(stcorner.glottal_pulses(np.zeros(SR), sr=SR)) == 0


@pytest.mark.parametrize("sr", [16000, 22050, 44100])
def test_formants_are_the_resonances(sr: int) -> None:
    y = vowel(np.full(100, sr / 110), np.ones(100), sr)
    frequencies, bandwidths = stcorner.formants(y, sr=sr, max_formant=4000.0, order=8, pre_emphasis_from=0.0)
    middle = slice(20, 70)
    np.testing.assert_allclose(np.median(frequencies[middle, :3], axis=0), [500, 1500, 2500], rtol=0.02)
    np.testing.assert_allclose(np.median(bandwidths[middle, :3], axis=0), [80, 100, 140], rtol=0.5)


def test_formants_are_praats(real_data: Path) -> None:
    parselmouth: Any = pytest.importorskip("parselmouth")
    import soundfile

    for path in sorted((real_data / "pitch" / "fda").glob("*.wav"))[::20]:
        y, sr = soundfile.read(path, dtype="float32")
        frequencies, bandwidths = stcorner.formants(y, sr=sr)
        voiced = stcorner.pitch_autocorrelation(y, sr=sr)[1]
        theirs = parselmouth.Sound(y.astype(float), sr).to_formant_burg(
            time_step=0.002, max_number_of_formants=5, maximum_formant=5500
        )
        times = np.arange(len(voiced)) * round(0.01 * sr) / sr
        for k in range(4):
            f = np.array([theirs.get_value_at_time(k + 1, t) for t in times])
            b = np.array([theirs.get_bandwidth_at_time(k + 1, t) for t in times])
            both = voiced & np.isfinite(f) & np.isfinite(frequencies[:, k])
            assert both.sum() > 50
            off = np.abs(frequencies[both, k] / f[both] - 1)
            assert np.median(off) < 0.01
            assert (off < 0.05).mean() > 0.8
            assert np.median(np.abs(bandwidths[both, k] / b[both] - 1)) < 0.06


def test_formants_do_not_depend_on_threads_or_blocks(rng: np.random.Generator) -> None:
    y = rng.standard_normal(SR).astype(np.float32)
    once = stcorner.formants(y, sr=SR, n_threads=1)
    np.testing.assert_array_equal(once, stcorner.formants(y, sr=SR, n_threads=3))
    frame = y[8000 - 400 : 8400].astype(float)
    frequency, bandwidth = oracle.formants(frame, SR, 5500, 10, 4)
    np.testing.assert_allclose(once[0][50], frequency, rtol=1e-4)
    np.testing.assert_allclose(once[1][50], bandwidth, rtol=1e-3)


@pytest.mark.parametrize("y", [np.zeros(3000), np.r_[np.zeros(2999), 1.0], 1e-20 * np.ones(3000), np.ones(1)])
def test_hostile_sound_is_nan_not_wrong(y: np.ndarray) -> None:
    found = stcorner.voice_quality(y, sr=SR)
    assert found["n_pulses"] == 0
    assert np.isnan(found["jitter_local"])
    frequencies, bandwidths = stcorner.formants(y, sr=SR)
    assert (np.isnan(frequencies) == np.isnan(bandwidths)).all()
    assert not np.isinf(frequencies).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stcorner.formants(np.zeros((2, 9)), sr=SR), r"y must have shape \(n,\), got \(2, 9\)"),
        (lambda: stcorner.formants(np.zeros(99), sr=SR, order=1), "order must be >= 2 and <= 64, got 1"),
        (lambda: stcorner.formants(np.zeros(99), sr=SR, n_formants=6), "n_formants must be >= 1 and <= 5"),
        (lambda: stcorner.formants(np.zeros(99), sr=SR, frame_length=8), "must hold more than 10 samples"),
        (lambda: stcorner.jitter([0.0, 0.02, 0.01]), "pulses must be in ascending order"),
        (lambda: stcorner.cepstral_peak_prominence(np.zeros(99), sr=SR), "at least 1600 samples"),
        (lambda: stcorner.cepstral_peak_prominence(np.zeros(9999), sr=8000), "sr must be .* 10000"),
        (lambda: stcorner.glottal_pulses([], sr=SR), "y must not be empty"),
    ],
)
def test_refusals(call: Any, message: str) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        call()
