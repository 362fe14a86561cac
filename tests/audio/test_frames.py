"""The frame table, the stream that yields the same frames, and where speech is."""

from __future__ import annotations

import numpy as np
import pytest

import stcorner
from oracles import audio as oracle


def clip(sr: int, rng: np.random.Generator, seconds: float = 0.7) -> np.ndarray:
    n = int(sr * seconds)
    f0 = 130 + 60 * np.sin(np.arange(n) / n * 9)
    y = oracle.harmonic_tone(f0, sr, seconds)[:n] * (np.arange(n) % (n // 3) > n // 12)
    return (y + 1e-3 * rng.standard_normal(n)).astype(np.float32)


def test_columns_are_those_of_the_functions(rng: np.random.Generator) -> None:
    y = clip(16000, rng)
    table = stcorner.frame_table(y, sr=16000)
    assert list(table)[:6] == ["time", "zcr", "rms", "f0", "voiced", "strength"]
    f0, voiced, strength = stcorner.pitch_autocorrelation(y, sr=16000)
    np.testing.assert_array_equal(table["f0"], f0)
    np.testing.assert_array_equal(table["voiced"], voiced)
    np.testing.assert_array_equal(table["strength"], strength)
    zcr, rms = stcorner.zcr_and_rms(y, frame_length=400, hop_length=160)
    np.testing.assert_array_equal(table["zcr"], zcr)
    np.testing.assert_array_equal(table["rms"], rms)
    # Power is relative to the loudest frame, over the sum of the window, and not below -50 dB.
    mel = stcorner.melspectrogram(
        y / rms.max(), sr=16000, n_fft=512, win_length=400, hop_length=160, n_mels=40, fmin=50.0, fmax=8000.0,
        htk=True, norm=None,
    )  # fmt: skip
    expected = stcorner.mfcc(S=mel / 200 + np.float32(1e-5), n_mfcc=14, top_db=None)
    got = np.stack([table[f"mfcc_{i}"] for i in range(1, 14)])
    np.testing.assert_allclose(got, expected[1:], atol=1e-3)
    np.testing.assert_allclose(table["time"], 0.01 * np.arange(71), atol=1e-12)


def test_table_as_pandas(rng: np.random.Generator) -> None:
    pytest.importorskip("pandas")
    table = stcorner.frame_table(clip(16000, rng), sr=16000, as_pandas=True, n_mfcc=2)
    assert list(table.columns)[-1] == "mfcc_2"


@pytest.mark.parametrize(
    ("sr", "block"),
    [(16000, 1), (16000, 160), (48000, 777), (8000, 777), (22050, 777), (44100, 1601), (48000, 100_000)],
)
def test_stream_equals_batch(rng: np.random.Generator, sr: int, block: int) -> None:
    y = clip(sr, rng, 0.15 if block == 1 else 0.5)
    y = y[:-3] if block == 777 else y
    expected = stcorner.frame_table(y, sr=sr, tracker="peak", reference_level=0.5)
    stream = stcorner.AudioStream(sr=sr, reference_level=0.5)
    for _ in range(2):
        parts = [stream.push(y[at : at + block]) for at in range(0, len(y), block)] + [stream.flush()]
        for name, column in expected.items():
            got = np.concatenate([part[name] for part in parts])
            if name == "time":
                np.testing.assert_allclose(got, column, atol=1e-12)
            else:
                np.testing.assert_array_equal(got, column, err_msg=name)
        stream.reset()


@pytest.mark.parametrize(("sr", "hop"), [(16000, 16000), (8000, 1000), (48000, 5000), (44100, 1)])
def test_stream_equals_batch_for_every_hop(rng: np.random.Generator, sr: int, hop: int) -> None:
    """Also for one far longer than a frame, where samples that no frame needs have yet to come."""
    y = clip(sr, rng, 0.01 if hop == 1 else 2.7)
    expected = stcorner.frame_table(y, sr=sr, hop_length=hop, tracker="peak", reference_level=1.0)
    stream = stcorner.AudioStream(sr=sr, hop_length=hop)
    parts, at = [], 0
    while at < len(y):
        count = int(rng.integers(0, 1 + len(y) // 6))
        parts.append(stream.push(y[at : at + count]))
        at += count
    parts.append(stream.flush())
    for name, column in expected.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), column, err_msg=name)


def test_stream_comes_in_time_and_forgets(rng: np.random.Generator) -> None:
    stream = stcorner.AudioStream(sr=16000)
    frames = 0
    for _ in range(200):
        frames += len(stream.push(rng.standard_normal(1600).astype(np.float32))["time"])
    assert frames >= (200 * 1600 - stream.latency) // 160
    assert stream.latency < 0.04 * 16000
    assert len(stream._signal) < 4000


def test_stream_refusals() -> None:
    stream = stcorner.AudioStream(sr=16000)
    with pytest.raises(ValueError, match="y must be finite, got 1 NaN"):
        stream.push([np.nan])
    with pytest.raises(ValueError, match=r"samples must have shape \(m,\), got \(2, 3\)"):
        stream.push(np.zeros((2, 3)))
    assert len(stream.push([])["time"]) == 0
    assert len(stream.flush()["time"]) == 0
    with pytest.raises(ValueError, match=r"samples must not come after flush"):
        stream.push([0.0])
    with pytest.raises(ValueError, match="n_mfcc must be >= 1 and <= 20, got 40"):
        stcorner.AudioStream(sr=16000, n_mfcc=40)
    with pytest.raises(ValueError, match="fmax must be"):
        stcorner.frame_table(np.zeros(100), sr=1000)
    with pytest.raises(ValueError, match=r"y must have shape \(n,\), got \(1, 5\)"):
        stcorner.frame_table(np.zeros((1, 5)), sr=16000)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_activity_finds_the_speech(rng: np.random.Generator, noise: float) -> None:
    tone = oracle.harmonic_tone(150.0, 16000, 0.8)
    y = np.concatenate([np.zeros(12000), tone, np.zeros(1600), tone, np.zeros(9600)])
    y += noise * rng.standard_normal(len(y))
    active = stcorner.voice_activity(y, sr=16000)
    inside = np.flatnonzero(active)
    assert abs(inside[0] - 75) <= 3
    assert abs(inside[-1] - 245) <= 3
    assert active[inside[0] : inside[-1]].all()  # the pause of 0.1 s is closed
    part, (start, end) = stcorner.trim_silence(y, sr=16000, margin=0.0)
    np.testing.assert_array_equal(part, y[start:end].astype(np.float32))
    assert abs(start - 12000) < 600
    assert abs(end - 39200) < 600


def test_noise_and_silence_hold_no_speech(rng: np.random.Generator) -> None:
    assert not stcorner.voice_activity(np.zeros(16000), sr=16000).any()
    assert stcorner.voice_activity(0.1 * rng.standard_normal(32000), sr=16000).mean() < 0.02
    part, interval = stcorner.trim_silence(np.zeros(500), sr=16000)
    assert len(part) == 0
    assert interval == (0, 0)


def test_activity_refusals() -> None:
    with pytest.raises(ValueError, match=r"y must have shape \(n,\), got \(2, 9\)"):
        stcorner.voice_activity(np.zeros((2, 9)), sr=16000)
    with pytest.raises(ValueError, match=r"range_db must be finite and > 0, got 0"):
        stcorner.voice_activity(np.zeros(9), sr=16000, range_db=0)
    with pytest.raises(stcorner.ParameterError, match=r"min_pause must be finite .* got 1e"):
        stcorner.voice_activity(np.zeros(9), sr=16000, min_pause=1e307)
    with pytest.raises(ValueError, match=r"margin must be finite and >= 0, got -1"):
        stcorner.trim_silence(np.zeros(9), sr=16000, margin=-1)
