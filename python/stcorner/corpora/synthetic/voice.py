"""Speech by source and filter: a pulse train with a breath of noise, through four resonances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stcorner.corpora.synthetic.factors import Actor

__all__ = ["SAMPLE_RATE", "STATEMENTS", "Syllable", "speak", "syllable_times"]

SAMPLE_RATE = 16000
# Consonant and vowel of each syllable: "kids are talking by the door" and "dogs are sitting by the door".
STATEMENTS = (
    (("k", "i"), ("", "a"), ("t", "o"), ("k", "i"), ("b", "a"), ("z", "e"), ("d", "o")),
    (("d", "o"), ("", "a"), ("s", "i"), ("t", "i"), ("b", "a"), ("z", "e"), ("d", "o")),
)
_FORMANTS = {
    "i": (320, 2150, 2800, 3600),
    "e": (500, 1750, 2500, 3500),
    "a": (740, 1250, 2500, 3500),
    "o": (480, 880, 2450, 3400),
}
_BANDWIDTHS = (70, 100, 150, 220)
_HISS = {"s": 1.0, "z": 0.5, "t": 0.7, "k": 0.6, "d": 0.25, "b": 0.15, "": 0.0}
_BLOCK = 128
_PAUSE = 0.12

Syllable = tuple[float, float, str, str]


def syllable_times(statement: int, tempo: float, rng: np.random.Generator) -> list[Syllable]:
    """Return (start, end, onset, vowel) of each syllable in seconds, after a short silence."""
    length = 0.155 * np.exp(-0.16 * tempo)
    start = _PAUSE
    syllables = []
    for at, (onset, vowel) in enumerate(STATEMENTS[statement]):
        last = at == len(STATEMENTS[statement]) - 1
        end = start + length * (1.35 if last else 1.0) * np.exp(rng.normal(0, 0.06))
        syllables.append((float(start), float(end), onset, vowel))
        start = end
    return syllables


def speak(
    actor: Actor,
    channels: dict[str, float],
    syllables: Sequence[Syllable],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the utterance at `SAMPLE_RATE`, with the silence before it and a like one after it."""
    n = int((syllables[-1][1] + _PAUSE) * SAMPLE_RATE)
    time = np.arange(n) / SAMPLE_RATE
    envelope, hiss = _envelopes(time, syllables)
    f0 = _pitch_contour(time, actor, channels, syllables, rng)
    phase = np.cumsum(f0) / SAMPLE_RATE
    # Skewed pulses: fast closure at the end of each period makes the upper harmonics.
    pulse = (phase % 1.0) ** 2 * (1 - phase % 1.0) * 6.75
    source = np.diff(pulse, prepend=0.0) * 6
    breath = 0.02 * np.exp(0.8 * (actor.breath + channels["breath"]))
    noise = rng.standard_normal(n)
    voiced = envelope * (source + breath * noise * (0.3 + pulse))
    filtered = _resonate(voiced, syllables, actor.tract)
    shaped = _tilt(filtered, actor.brightness + channels["brightness"])
    loudness = np.sqrt(np.mean(shaped**2)) + 1e-9
    speech = shaped / loudness + 0.5 * hiss * np.diff(noise, prepend=0.0)
    amplitude = 0.05 * 10 ** (0.2 * np.clip(channels["level"], -2.5, 2.5))
    room = 3e-4 * rng.standard_normal(n)
    wave: NDArray[np.float32] = np.clip(amplitude * speech + room, -0.98, 0.98).astype(np.float32)
    return wave


def _envelopes(
    time: NDArray[np.float64], syllables: Sequence[Syllable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    envelope, hiss = np.zeros(len(time)), np.zeros(len(time))
    for start, end, onset, _ in syllables:
        closure = start + 0.25 * (end - start)
        inside = np.clip((time - closure) / (end - closure), 0, 1)
        envelope += np.sin(np.pi * inside) ** 0.6
        burst = np.clip((time - start) / (closure - start), 0, 1)
        hiss += _HISS[onset] * np.sin(np.pi * burst) ** 2
    return envelope, hiss


def _pitch_contour(
    time: NDArray[np.float64],
    actor: Actor,
    channels: dict[str, float],
    syllables: Sequence[Syllable],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return f0 in Hz: declination, an accent per syllable, an ending, a tremor and a little jitter."""
    first, last = syllables[0][0], syllables[-1][1]
    course = np.clip((time - first) / (last - first), 0, 1)
    span = np.exp(0.45 * channels["range"])
    semitones = 2.6 * channels["pitch"] + span * (1.5 - 3.0 * course)
    for start, end, _, _ in syllables:
        middle = 0.5 * (start + end)
        accent = span * rng.uniform(0.5, 2.2)
        semitones += accent * np.exp(-0.5 * ((time - middle) / (0.35 * (end - start))) ** 2)
    semitones += 3.0 * channels["ending"] * np.clip((course - 0.75) / 0.25, 0, 1)
    tremor = 0.35 * np.exp(0.8 * channels["tremor"])
    semitones += tremor * np.sin(2 * np.pi * (5.8 * time + rng.uniform()))
    jitter = np.interp(time, time[::160], rng.normal(0, 0.12, len(time[::160])))
    return np.asarray(np.clip(actor.pitch * 2 ** ((semitones + jitter) / 12), 60, 480))


def _resonate(
    source: NDArray[np.float64], syllables: Sequence[Syllable], tract: float
) -> NDArray[np.float64]:
    """Filter by four resonances in cascade whose places move from vowel to vowel."""
    from scipy.signal import sosfilt

    centres = np.array([0.5 * (start + end) for start, end, _, _ in syllables])
    targets = np.array([_FORMANTS[vowel] for *_, vowel in syllables], dtype=float) * tract
    starts = np.arange(0, len(source), _BLOCK)
    times = (starts + _BLOCK / 2) / SAMPLE_RATE
    tracks = np.stack([np.interp(times, centres, target) for target in targets.T], axis=1)
    radius = np.exp(-np.pi * np.array(_BANDWIDTHS) / SAMPLE_RATE)
    sections = np.zeros((len(starts), 4, 6))
    sections[:, :, 3] = 1
    sections[:, :, 4] = -2 * radius * np.cos(2 * np.pi * tracks / SAMPLE_RATE)
    sections[:, :, 5] = radius**2
    sections[:, :, 0] = 1 + sections[:, :, 4] + sections[:, :, 5]
    out = np.empty_like(source)
    state = np.zeros((4, 2))
    for at, sos in zip(starts, sections, strict=True):
        out[at : at + _BLOCK], state = sosfilt(sos, source[at : at + _BLOCK], zi=state)
    return out


def _tilt(signal: NDArray[np.float64], brightness: float) -> NDArray[np.float64]:
    """Weaken what lies above 1 kHz (brightness < 0) or lift it: a first-order shelf."""
    from scipy.signal import lfilter

    pole = np.exp(-2 * np.pi * 1000 / SAMPLE_RATE)
    low = lfilter([1 - pole], [1, -pole], signal)
    gain = np.exp(0.55 * np.clip(brightness, -3, 3)) * 0.9
    return np.asarray(low + gain * (signal - low))
