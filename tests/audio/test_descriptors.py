"""The registry of frame descriptors: each against its oracle, in tables, streams and the codebook alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import stcorner
from oracles import audio as oracle
from stcorner.audio import DESCRIPTORS, RECIPES
from stcorner.audio.columns import present_names
from stcorner.audio.descriptors import descriptor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stcorner.audio._measure import Frames


def speech(sr: int) -> np.ndarray:
    """0.8 s of a gliding voice with three formants' worth of overtones, a pause and hiss."""
    rng = np.random.default_rng(5)
    f0 = 160 + 60 * np.sin(np.arange(int(0.8 * sr)) / sr * 7)
    y = oracle.harmonic_tone(f0, sr, 0.8, n_harmonics=30)
    t = np.arange(len(y)) / sr
    y *= 0.6 + 0.4 * np.sin(2 * np.pi * 3 * t)
    y *= np.abs(t - 0.45) > 0.06
    # Loud enough that pitch is tracked as in noise: below a low-pass it has other numbers, and its own tests.
    return (y + 1e-2 * rng.standard_normal(len(y))).astype(np.float32)


# Of the largest magnitude; the path's frequencies come from interpolated lags.
TOLERANCES = {
    "f0": 2e-3,
    "f0_semitones": 2e-3,
    "strength": 5e-3,
    "periodicity": 5e-3,
    "hnr": 2e-2,
    "cpp": 5e-3,
}
# Where a bin on the edge or the path's rounding decides, some frames may differ.
SHARES = {
    "rolloff": 0.97,
    "h1_": 0.9,
    "f0": 0.9,
    "strength": 0.85,
    "voiced": 0.95,
    "periodicity": 0.9,
    "hnr": 0.9,
    "jitter_local": 0.95, "shimmer_local_db": 0.95,
}  # fmt: skip


@pytest.fixture(scope="module", params=[16000, 22050])
def measured(request: pytest.FixtureRequest) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    sr = request.param
    y = speech(sr)
    return stcorner.frame_table(y, sr=sr, descriptors="all", n_mfcc=20), oracle.descriptors(y, sr)


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_descriptor_equals_its_oracle(
    measured: tuple[dict[str, np.ndarray], dict[str, np.ndarray]], name: str
) -> None:
    table, twins = measured
    columns = DESCRIPTORS[name].columns
    found = np.stack([table[column] for column in columns], axis=1).astype(float)
    twin = np.asarray(twins[name], dtype=float).reshape(len(found), -1)
    tolerance = TOLERANCES.get(name, 1e-3) * np.nanmax(np.abs(twin))
    inner = slice(3, -3)  # frames that reach beyond the ends have fewer samples for the path
    close = np.isclose(found[inner], twin[inner], rtol=0, atol=tolerance, equal_nan=True)
    least = next((share for prefix, share in SHARES.items() if name.startswith(prefix)), 1.0)
    assert close.mean() >= least, np.abs(found - twin)[inner][~close][:9]


def test_every_descriptor_has_an_oracle() -> None:
    assert set(oracle.descriptors(speech(16000), 16000)) == set(DESCRIPTORS)


def test_a_clip_vector_summarises_the_frames() -> None:
    y = speech(16000)
    y = (y - y.mean(dtype=np.float64)).astype(np.float32)
    table = stcorner.frame_table(y, sr=16000, descriptors="all", n_mfcc=20)
    energy = table["energy_db"]
    active = np.flatnonzero(energy > np.quantile(energy, 0.97) - 32)
    region = slice(active[0], active[-1] + 1)
    values = dict(zip(stcorner.feature_names(), stcorner.clip_features(y, sr=16000), strict=True))
    for name in (
        "centroid",
        "flux",
        "hnr",
        "h1_a3",
        "slope_1500_6000",
        "mfcc_7",
        "energy_db",
        "delta_mfcc_2",
    ):
        assert values[f"{name}_mean"] == pytest.approx(table[name][region].mean(), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("sr", [16000, 44100])
def test_stream_gives_every_descriptor(sr: int) -> None:
    y = speech(sr)
    options = {"sr": sr, "descriptors": "all", "reference_level": 0.3}
    expected = stcorner.frame_table(y, tracker="peak", **options)
    stream = stcorner.AudioStream(**options)
    rng = np.random.default_rng(1)
    parts, at = [], 0
    while at < len(y):
        step = int(rng.integers(1, 3000))
        parts.append(stream.push(y[at : at + step]))
        at += step
    early = sum(len(part["time"]) for part in parts)
    parts.append(stream.flush())
    assert early >= (len(y) - stream.latency) // round(0.01 * sr)
    for name, column in expected.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), column, err_msg=name)


def test_values_lie_in_their_range(rng: np.random.Generator) -> None:
    sounds = [speech(16000), np.zeros(4000), rng.standard_normal(4000), np.r_[np.zeros(3999), 1.0]]
    for y in sounds:
        table = stcorner.frame_table(y, sr=16000, descriptors="all", n_mfcc=20)
        for name, column in table.items():
            low, high = stcorner.describe_column(name, "frames").range
            values = column[~np.isnan(column)] if column.dtype.kind == "f" else column
            assert ((values >= low) & (values <= high)).all(), name


@pytest.mark.parametrize(
    ("bin_", "name", "inside"),
    [
        (64, "h1_a3", False), (65, "h1_a3", True), (111, "h1_a3", True), (112, "h1_a3", False),
        (63, "hammarberg", True), (64, "hammarberg", False), (159, "hammarberg", False),
        (160, "hammarberg", None), (1, "alpha_ratio", None), (2, "alpha_ratio", False),
        (31, "alpha_ratio", False), (32, "alpha_ratio", True), (159, "alpha_ratio", True),
        (160, "alpha_ratio", None),
    ],
)  # fmt: skip
def test_bands_begin_and_end_at_their_bins(bin_: int, name: str, inside: bool | None) -> None:
    """One bin of a silent spectrum is loud: 2000 Hz is bin 64, 3500 Hz 112, 5000 Hz 160."""
    from stcorner.audio._measure import Frames, Layout

    frames = Frames(Layout.checked(16000, None, 60.0, 500.0), np.zeros(160, np.float32), range(1))
    frames.__dict__["power"] = np.zeros((1, 257), np.float32)
    frames.power[0, bin_] = 10.0
    frames.__dict__["contour"] = (np.full(1, 100.0, np.float32), np.ones(1, np.float32))
    value = float(DESCRIPTORS[name].function(frames)[0])
    sign = {"h1_a3": -1, "hammarberg": 1, "alpha_ratio": 1}[name]
    expected = (
        0.0 if inside is None or (name == "h1_a3" and not inside) else (60.0 if inside else -60.0) * sign
    )
    assert value == pytest.approx(expected, abs=0.01)


def test_a_rate_that_does_not_reach_the_band_gives_nan() -> None:
    table = stcorner.frame_table(speech(8000), sr=8000, descriptors=["alpha_ratio", "slope_500_1500"])
    assert np.isnan(table["alpha_ratio"]).all()
    assert np.isfinite(table["slope_500_1500"]).all()


def test_columns_stand_in_the_order_of_the_names() -> None:
    table = stcorner.frame_table(speech(16000), sr=16000, descriptors=("flux", "delta_mfcc"), n_mfcc=2)
    assert list(table) == ["time", "flux", "delta_mfcc_1", "delta_mfcc_2"]
    with pytest.raises(
        stcorner.ParameterError, match=r"descriptors must be 'all' or some of zcr, .* got loud"
    ):
        stcorner.frame_table(speech(16000), sr=16000, descriptors=["flux", "loud"])
    with pytest.raises(stcorner.ParameterError, match="got none"):
        stcorner.AudioStream(sr=16000, descriptors=[])


def test_every_column_is_described() -> None:
    for recipe in RECIPES:
        for name in stcorner.feature_names(recipe):
            found = stcorner.describe_column(name, recipe)
            assert found.meaning.endswith(".")
            assert found.source
            assert found.range[0] < found.range[1]
    assert stcorner.describe_column("f0_semitones_mean").unit == "semitones above 55 Hz"
    assert stcorner.describe_column("mfcc_3_mean").meaning.count("coefficient 3 of 40 mel bands") == 1
    assert stcorner.describe_column("mfcc_3_mean", "notebook162").meaning.count("of 128 mel bands") == 1
    with pytest.raises(stcorner.ParameterError, match=r"name must be a column of frames, .* got 'pitch'"):
        stcorner.describe_column("pitch")


@pytest.mark.parametrize("recipe", ["rich", "paper162"])
def test_names_of_earlier_models_are_understood(recipe: str) -> None:
    old = [
        name.replace("f0_semitones_acceleration", "f0_jitter").replace("f0_semitones", "f0")
        .replace("energy_db", "energy").replace("periodicity", "strength")
        for name in stcorner.feature_names(recipe)
    ]  # fmt: skip
    assert old != stcorner.feature_names(recipe)
    assert present_names(old) == stcorner.feature_names(recipe)
    assert present_names(stcorner.feature_names(recipe)) == stcorner.feature_names(recipe)


@pytest.fixture
def loudest() -> Iterator[str]:
    """A descriptor that a stranger adds: one function under `descriptor`."""

    @descriptor("loudest_bin", "Frequency of the strongest bin.", unit="Hz", low=0.0, source="this test")
    def _loudest(frames: Frames) -> np.ndarray:
        return frames.power.argmax(axis=1) * np.float32(frames.layout.sr / frames.layout.n_fft)

    yield "loudest_bin"
    del DESCRIPTORS["loudest_bin"]


def test_a_new_descriptor_needs_its_entry_alone(loudest: str) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000)
    table = stcorner.frame_table(tone, sr=16000, descriptors=[loudest])
    np.testing.assert_array_equal(table[loudest][2:-2], 1000.0)
    stream = stcorner.AudioStream(sr=16000, descriptors=[loudest])
    parts = [stream.push(tone)[loudest], stream.flush()[loudest]]
    np.testing.assert_array_equal(np.concatenate(parts), table[loudest])
    from stcorner.audio import columns

    columns.described_columns.cache_clear()
    assert stcorner.describe_column(loudest).unit == "Hz"
    columns.described_columns.cache_clear()
