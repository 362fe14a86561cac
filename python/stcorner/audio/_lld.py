"""Low-level descriptors of 16 kHz speech: the tracks that `rich` and `paper162` summarise."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stcorner import _core
from stcorner.audio._filters import cosine_basis, mel_filters
from stcorner.audio._functionals import quantile
from stcorner.audio.pitch import track

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HOP", "LLD_NAMES", "SAMPLE_RATE", "Tracks", "tracks"]

SAMPLE_RATE = 16000
HOP = 160  # 10 ms
_WIN, _FFT = 400, 512
_PITCH_FRAME = 800  # 50 ms
_N_MFCC = 20
# 70 dB under the spectral peak of a frame at 0 dB: below it lie file noise and dither, not speech.
_POWER_FLOOR = np.float32(1e-5)

LLD_NAMES = (
    "zcr", "energy", "centroid", "spread", "rolloff25", "rolloff50", "rolloff75", "rolloff90", "entropy",
    "flatness", "flux", "alpha_ratio", "hammarberg", "slope_50_500", "slope_500_1500", "slope_1500_6000",
    "strength", "hnr", "h1_h2", "h1_a3",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Descriptors of one clip, a row per 10 ms frame."""

    lld: NDArray[np.float32]  # (t, 20), columns LLD_NAMES
    mfcc: NDArray[np.float32]  # (t, 20), coefficients 1 to 20
    f0: NDArray[np.float32]  # (t,) semitones above 55 Hz; meaningful where voiced
    energy: NDArray[np.float32]  # (t,) dB
    active: NDArray[np.bool_]  # (t,) loud enough to be speech
    voiced: NDArray[np.bool_]  # (t,)


@functools.cache
def _constants() -> tuple[NDArray[np.float32], ...]:
    """Window, mel filters, cosine basis, moments of frequency, slopes: what never changes."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WIN) / _WIN)
    mel = mel_filters(SAMPLE_RATE, _FFT, n_mels=40, fmin=50, fmax=8000, htk=True, norm=None)
    frequency = np.arange(_FFT // 2 + 1) * (SAMPLE_RATE / _FFT)
    moments = np.stack([np.ones_like(frequency), frequency, frequency**2], axis=1)
    slopes = np.zeros((len(frequency), 3))
    for column, (low, high) in enumerate([(50, 500), (500, 1500), (1500, 6000)]):
        inside = (frequency >= low) & (frequency <= high)
        centred = frequency[inside] - frequency[inside].mean()
        slopes[inside, column] = 1000.0 * centred / (centred @ centred)
    bands = np.stack(
        [(frequency >= 50) & (frequency < 1000), (frequency >= 1000) & (frequency < 5000)], axis=1
    )
    # Spectra are divided by the sum of the window.
    bases = (
        window / np.sqrt(window.sum()),
        mel,
        cosine_basis(40, _N_MFCC + 1)[1:],
        moments.T,
        slopes.T,
        bands.T,
    )
    return tuple(np.ascontiguousarray(each, dtype=np.float32) for each in bases)


def _decibel(power: NDArray[np.float32]) -> NDArray[np.float32]:
    decibel = power + _POWER_FLOOR
    np.log(decibel, out=decibel)
    decibel *= np.float32(10.0 / np.log(10.0))
    return decibel


def _bin(hertz: float) -> int:
    """First bin at or above a frequency."""
    return int(np.ceil(hertz * _FFT / SAMPLE_RATE))


def tracks(y: NDArray[np.float32]) -> Tracks:
    """Compute all tracks of a 16 kHz signal (n,).

    The signal is centred and scaled so that its loudest frame has an energy of 0 dB: a microphone's gain
    changes nothing.
    """
    window, mel_basis, dct, moments, slopes, bands = _constants()
    signal = y - y.mean(dtype=np.float64).astype(np.float32)
    n_frames = 1 + len(signal) // HOP
    zcr, rms = _core.zcr_rms(signal, _WIN, HOP, -(_WIN // 2), n_frames, 0.0, True, True, 1)
    loudest = rms.max()
    if loudest > 0:
        signal = signal / loudest
        rms = rms / loudest
    energy = np.float32(10.0) * np.log10(rms * rms + np.float32(1e-9))

    power = _core.power_spectra(signal, window, _FFT, HOP, -(_WIN // 2), n_frames, 1)
    log_power = _decibel(power)
    mfcc = _core.project(_decibel(_core.project(power, mel_basis, 1)), dct, 1)

    magnitude = np.sqrt(power) + np.float32(1e-7)
    sums = _core.project(magnitude, moments, 1)
    centroid = sums[:, 1] / sums[:, 0]
    spread = np.sqrt(np.maximum(sums[:, 2] / sums[:, 0] - centroid**2, 0.0))
    magnitude /= sums[:, :1]
    flux = np.zeros(n_frames, np.float32)
    change = np.diff(magnitude, axis=0)
    flux[1:] = 100.0 * np.sqrt(np.einsum("tf,tf->t", change, change))

    total = power.sum(axis=1) + np.float32(1e-12)
    cumulated = np.cumsum(power, axis=1)
    rolloff = [
        np.minimum((cumulated < (share * total)[:, None]).sum(axis=1), _FFT // 2) * (SAMPLE_RATE / _FFT)
        for share in (0.25, 0.5, 0.75, 0.9)
    ]
    # Both entropy and flatness need the logarithm that the decibels already hold.
    to_natural = np.float32(np.log(10.0) / 10.0)
    entropy = np.log(total) - to_natural * np.einsum("tf,tf->t", power, log_power) / total
    flatness = to_natural * log_power.mean(axis=1) - np.log(power.mean(axis=1) + _POWER_FLOOR)

    band = _decibel(_core.project(power, bands, 1))
    low = _decibel(power[:, : _bin(2000)].max(axis=1))
    high = _decibel(power[:, _bin(2000) : _bin(5000)].max(axis=1))
    tilt = _core.project(log_power, slopes, 1)

    f0, strength = track(
        signal, sr=SAMPLE_RATE, frame_length=_PITCH_FRAME, hop_length=HOP, n_threads=1, fmin=60.0, fmax=650.0,
        voicing_threshold=0.0, silence_threshold=0.0, octave_cost=0.03, octave_jump_cost=0.35,
        voiced_unvoiced_cost=0.0, max_candidates=6, always_voiced=True, reference_level=1.0,
    )  # fmt: skip
    hertz = np.where(np.isnan(f0), np.float32(100.0), f0)
    ratio = np.clip(strength, 1e-3, 0.9999)
    hnr = 10.0 * np.log10(ratio / (1.0 - ratio))
    first, second = (_harmonic(log_power, hertz * k) for k in (1, 2))
    third_formant = _decibel(power[:, _bin(2000) + 1 : _bin(3500)].max(axis=1))

    loud = quantile(energy, 0.97)
    columns = [
        zcr, energy, centroid, spread, *rolloff, entropy, flatness, flux, band[:, 1] - band[:, 0], low - high,
        *tilt.T, strength, hnr, first - second, first - third_formant,
    ]  # fmt: skip
    return Tracks(
        lld=np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1),
        mfcc=mfcc,
        f0=np.asarray(12.0 * np.log2(hertz / 55.0), dtype=np.float32),
        energy=energy,
        active=energy > loud - 32.0,
        voiced=(strength > 0.5) & (energy > loud - 30.0),
    )


def _harmonic(log_power: NDArray[np.float32], hertz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Level of the strongest of the three bins about a frequency, per frame."""
    centre = np.clip(np.round(hertz * (_FFT / SAMPLE_RATE)).astype(np.intp), 1, _FFT // 2 - 1)
    rows = np.arange(len(log_power))
    return np.maximum(
        np.maximum(log_power[rows, centre - 1], log_power[rows, centre]), log_power[rows, centre + 1]
    )
