"""The recipe `egemaps`: 88 values after the extended Geneva minimalistic acoustic parameter set.

Written from the published definitions (Eyben et al. 2016): 25 descriptors of 16 kHz speech, a row per 10 ms,
each smoothed over three frames, and their functionals.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stcorner import _core
from stcorner.audio._filters import auditory_filters, cosine_basis, mel_filters
from stcorner.audio._functionals import quantiles, runs
from stcorner.audio.pitch import track
from stcorner.audio.transform import decibels, project
from stcorner.audio.voice import cut, frame_formants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["NAMES", "SAMPLE_RATE", "egemaps", "meaning"]

SAMPLE_RATE = 16000
_HOP, _STEP = 160, 0.01
_SHORT, _SHORT_FFT = 320, 512  # 20 ms
_LONG, _LONG_FFT = 960, 1024  # 60 ms
_FORMANT_FRAME = 800  # 50 ms under a Gaussian window, of which half counts
_TURN = 0.1  # of a contour's range: smaller ups and downs are no peaks
_FLOOR = np.float32(1e-12)
# In a voiced frame the mean subharmonic sum is this share below the largest, and the level is at least this.
_CLEAR, _LEAST_RMS = 0.67, 0.002

# Names are those that the field knows from openSMILE's table of the set.
_SPECTRAL = (
    "loudness", "alphaRatio", "hammarbergIndex", "slope0-500", "slope500-1500", "spectralFlux", "mfcc1",
    "mfcc2", "mfcc3", "mfcc4",
)  # fmt: skip
_OF_VOICE = (
    "jitterLocal", "shimmerLocaldB", "HNRdBACF", "logRelF0-H1-H2", "logRelF0-H1-A3",
    *(f"F{i}{what}" for i in (1, 2, 3) for what in ("frequency", "bandwidth", "amplitudeLogRelF0")),
)  # fmt: skip
_F0 = "F0semitoneFrom27.5Hz"
_MOMENTS = ("amean", "stddevNorm")
_CONTOUR = (
    *_MOMENTS, "percentile20.0", "percentile50.0", "percentile80.0", "pctlrange0-2", "meanRisingSlope",
    "stddevRisingSlope", "meanFallingSlope", "stddevFallingSlope",
)  # fmt: skip
_TIMES = (
    "loudnessPeaksPerSec", "VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec",
    "StddevVoicedSegmentLengthSec", "MeanUnvoicedSegmentLength", "StddevUnvoicedSegmentLength",
    "equivalentSoundLevel_dBp",
)  # fmt: skip


def _within(track: str, voiced: str) -> str:
    """Name of a track over voiced (V) or unvoiced (UV) frames alone."""
    stem = "slope" if track.startswith("slope") else track
    return f"{stem}{voiced}{track[len(stem) :]}_sma3nz"


NAMES = (
    *(f"{_F0}_sma3nz_{name}" for name in _CONTOUR),
    *(f"loudness_sma3_{name}" for name in _CONTOUR),
    *(f"{track}_sma3_{name}" for track in _SPECTRAL[5:] for name in _MOMENTS),
    *(f"{track}_sma3nz_{name}" for track in _OF_VOICE for name in _MOMENTS),
    *(f"{_within(track, 'V')}_{name}" for track in _SPECTRAL[1:] for name in _MOMENTS),
    *(f"{_within(track, 'UV')}_amean" for track in _SPECTRAL[1:6]),
    *_TIMES,
)


class _Constants(NamedTuple):
    short: NDArray[np.float32]
    long: NDArray[np.float32]
    sums: NDArray[np.float32]
    slopes: NDArray[np.float32]
    mel: NDArray[np.float32]
    lifted: NDArray[np.float32]


@functools.cache
def _constants() -> _Constants:
    hamming = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_SHORT) / (_SHORT - 1))
    place = np.linspace(-1.0, 1.0, _LONG)
    frequency = np.arange(_SHORT_FFT // 2 + 1) * (SAMPLE_RATE / _SHORT_FFT)
    sums = [(frequency >= low) & (frequency < high) for low, high in ((50, 1000), (1000, 5000))]
    slopes = np.zeros((2, len(frequency)))
    for row, (low, high) in enumerate([(0, 500), (500, 1500)]):
        inside = (frequency >= low) & (frequency <= high)
        centred = frequency[inside] - frequency[inside].mean()
        slopes[row, inside] = centred / (centred @ centred)
    # Cepstra are weighted by a lifter of 22, as HTK's.
    lifter = 1.0 + 11.0 * np.sin(np.pi * np.arange(1, 5) / 22.0)
    bases = (
        hamming,
        np.exp(-0.5 * (place / 0.4) ** 2),
        sums,
        slopes,
        mel_filters(SAMPLE_RATE, _SHORT_FFT, n_mels=26, fmin=20.0, fmax=8000.0, htk=True, norm=None),
        cosine_basis(26, 5)[1:] * lifter[:, None],
    )
    return _Constants(*(np.ascontiguousarray(each, dtype=np.float32) for each in bases))


def _bins(low: float, high: float, n_fft: int) -> slice:
    """Bins from `low` to below `high` Hz."""
    return slice(*(int(np.ceil(edge * n_fft / SAMPLE_RATE)) for edge in (low, high)))


def _spectral(y: NDArray[np.float32], n_frames: int) -> dict[str, Floats]:
    """Descriptors of 20 ms frames."""
    window, _, sums, slopes, mel, lifted = _constants()
    power = _core.power_spectra(y, window, _SHORT_FFT, _HOP, 0, n_frames, 1)
    level = decibels(power + _FLOOR)
    band = decibels(project(power, sums, 1) + _FLOOR)
    tilt = project(level, slopes, 1)
    low, high = (
        level[:, _bins(*edges, _SHORT_FFT)].max(axis=1) for edges in ((0.0, 2000.0), (2000.0, 5000.0))
    )
    magnitude = np.sqrt(power[:, _bins(0.0, 5000.0, _SHORT_FFT)])
    change = np.diff(magnitude, axis=0)
    flux = np.sqrt(np.einsum("tf,tf->t", change, change) / magnitude.shape[1])
    auditory = project(power, auditory_filters(float(SAMPLE_RATE), _SHORT_FFT), 1)
    # The scale of 16-bit samples, of which a band holds at least one.
    cepstra = project(
        np.log(np.maximum(project(power, mel, 1) * np.float32(2.0**30), np.float32(1.0))), lifted, 1
    )
    found: dict[str, NDArray[Any]] = {
        "loudness": (auditory ** np.float32(0.33)).sum(axis=1),
        "alphaRatio": band[:, 1] - band[:, 0],
        "hammarbergIndex": low - high,
        "slope0-500": tilt[:, 0],
        "slope500-1500": tilt[:, 1],
        "spectralFlux": np.concatenate([np.zeros(1), flux]),
        **{f"mfcc{i + 1}": cepstra[:, i] for i in range(4)},
    }
    return dict(zip(found, _smooth(np.array(list(found.values()), dtype=np.float64)), strict=True))


def _smooth(tracks: Floats) -> Floats:
    """Mean of tracks (k, t) over a frame and its neighbours that are not NaN; NaN stays."""
    known = ~np.isnan(tracks)
    filled, count = np.where(known, tracks, 0.0), known.astype(np.float64)
    total, number = filled.copy(), count.copy()
    for sum_of, part in ((total, filled), (number, count)):
        sum_of[:, 1:] += part[:, :-1]
        sum_of[:, :-1] += part[:, 1:]
    return np.where(known, total / np.maximum(number, 1.0), np.nan)


@functools.cache
def _subharmonics() -> NDArray[np.float32]:
    """Rows that sum a spectrum's harmonics for each f0 from 55 to 620 Hz, and the mean over all of its range.

    The spectrum is smoothed, brought to an octave scale from 25 Hz on, and weighted as the ear does; the
    harmonic of number n counts 0.85^(n - 1).
    """
    bins = np.arange(_LONG_FFT // 2 + 1)
    octave = np.linspace(np.log2(25.0), np.log2(SAMPLE_RATE / 2), 256)
    place = 2.0**octave * _LONG_FFT / SAMPLE_RATE
    scale = np.maximum(0.0, 1.0 - np.abs(place[:, None] - bins))
    smooth = 0.5 * scale
    smooth[:, 1:] += 0.25 * scale[:, :-1]
    smooth[:, :-1] += 0.25 * scale[:, 1:]
    smooth *= (0.5 + np.arctan(3.0 * (octave - np.log2(200.0))) / np.pi)[:, None]
    sums = np.zeros_like(smooth)
    for number in range(1, 16):
        shift = round(np.log2(number) / (octave[1] - octave[0]))
        sums[: len(octave) - shift] += 0.85 ** (number - 1) * smooth[shift:]
    voice = (octave >= np.log2(55.0)) & (octave <= np.log2(620.0))
    return np.concatenate([sums[voice], sums.mean(axis=0)[None]]).astype(np.float32)


def _voiced(y: NDArray[np.float32], power: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether 60 ms frames hold a voice, by subharmonic summation (Hermes 1988)."""
    magnitude = np.sqrt(power)
    top = np.zeros(magnitude.shape, bool)
    inner = magnitude[:, 1:-1]
    top[:, 1:-1] = (inner > magnitude[:, :-2]) & (inner >= magnitude[:, 2:])
    near = top.copy()
    for reach in (1, 2):
        near[:, reach:] |= top[:, :-reach]
        near[:, :-reach] |= top[:, reach:]
    sums = project(magnitude * near, _subharmonics(), 1)
    peak = sums[:, :-1].max(axis=1)
    clear = (peak > 0) & (1.0 - sums[:, -1] / np.maximum(peak, 1e-12) > _CLEAR)
    _, level = _core.zcr_rms(y, _LONG, _HOP, 0, len(power), 0.0, False, True, 1)
    marked = np.pad(clear & (level > _LEAST_RMS), 2).astype(np.intp)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(marked, 5).sum(axis=1) >= 3)


def _of_voice(y: NDArray[np.float32], n_frames: int) -> tuple[Floats, dict[str, Floats]]:
    """f0 in semitones above 27.5 Hz and descriptors of 60 ms frames, NaN where unvoiced."""
    power = _core.power_spectra(y, _constants().long, _LONG_FFT, _HOP, 0, n_frames, 1)
    voiced = np.flatnonzero(_voiced(y, power))
    f0, strength = track(
        np.pad(y, (0, _LONG)), sr=float(SAMPLE_RATE), frame_length=_LONG, hop_length=_HOP, center=False,
        n_threads=1, fmin=55.0, fmax=620.0, voicing_threshold=0.0, silence_threshold=0.0, octave_cost=0.02,
        octave_jump_cost=0.35, voiced_unvoiced_cost=0.0, max_candidates=6, always_voiced=True,
        reference_level=1.0,
    )  # fmt: skip
    tracks = np.full((1 + len(_OF_VOICE), n_frames), np.nan)
    if len(voiced):
        hertz = np.where(np.isnan(f0), np.float32(100.0), f0)[:n_frames]
        tracks[0, voiced] = 12.0 * np.log2(hertz[voiced] / 27.5)
        tracks[1:, voiced] = _voiced_frames(y, hertz, strength[:n_frames], power, voiced)
    smooth = _smooth(tracks)
    return smooth[0], dict(zip(_OF_VOICE, smooth[1:], strict=True))


def _voiced_frames(
    y: NDArray[np.float32],
    f0: NDArray[np.float32],
    strength: NDArray[np.float32],
    power: NDArray[np.float32],
    voiced: NDArray[np.intp],
) -> Floats:
    """Rows of `_OF_VOICE` for the voiced frames alone; frame i begins at sample i * hop."""
    middle = _LONG // 2
    jitter, shimmer = _perturbation(y[middle:], f0, voiced)
    hertz = f0[voiced].astype(np.float64)
    # The window's own autocorrelation makes the estimate that of the biased function.
    lag = 1.0 / hertz / (0.4 * 0.03)
    ratio = np.clip(strength[voiced] * np.exp(-0.25 * lag**2), 1e-4, 1.0 - 1e-4)
    level = decibels(power[voiced] + _FLOOR)
    rows = np.arange(len(voiced))

    def harmonic(frequency: Floats) -> Floats:
        known = np.where(np.isnan(frequency), 0.0, frequency)
        centre = np.clip(np.round(known * _LONG_FFT / SAMPLE_RATE).astype(np.intp), 1, _LONG_FFT // 2 - 1)
        near = np.stack([level[rows, centre + i] for i in (-1, 0, 1)]).max(axis=0)
        return np.where(np.isnan(frequency), np.nan, near)

    frames = cut(y, middle - _FORMANT_FRAME // 2, _HOP, len(f0), _FORMANT_FRAME)[voiced]
    formants, bandwidths = frame_formants(
        frames, float(SAMPLE_RATE), count=3, top=5500.0, order=10, pre_emphasis_from=50.0, n_threads=1
    )
    first = harmonic(hertz)
    found = [jitter, shimmer, 10.0 * np.log10(ratio / (1.0 - ratio))]
    found += [first - harmonic(2.0 * hertz), first - _highest(level, formants[:, 2])]
    for i in range(3):
        nearest = np.maximum(1.0, np.round(formants[:, i] / hertz)) * hertz
        found += [formants[:, i], bandwidths[:, i], harmonic(nearest) - first]
    return np.stack([np.asarray(each, dtype=np.float64) for each in found])


def _perturbation(
    y: NDArray[np.float32], f0: NDArray[np.float32], voiced: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return jitter, and shimmer in dB, of the periods within 30 ms of the centres, i * hop, of frames."""
    shares = np.full(len(f0), np.nan)
    shares[voiced] = f0[voiced] / SAMPLE_RATE
    pulses = _core.glottal_pulses(y, shares, _HOP)
    pulses = pulses[pulses < len(y) - 1]
    if len(pulses) < 3:
        return np.full(len(voiced), np.nan), np.full(len(voiced), np.nan)
    periods = np.diff(pulses)
    places = pulses.astype(np.intp)
    reach = np.maximum.reduceat(y, places) - np.minimum.reduceat(y, places)
    ratio = np.maximum(reach[1:-1], 1e-9) / np.maximum(reach[:-2], 1e-9)
    # Neighbours of one voiced stretch alone: what lies between two stretches is no period.
    near = (periods[1:] < 1.5 * periods[:-1]) & (periods[:-1] < 1.5 * periods[1:])
    sums = [
        np.concatenate([[0.0], np.cumsum(np.where(near, each, 0.0))])
        for each in (
            np.abs(np.diff(periods)),
            periods[1:],
            np.abs(20.0 * np.log10(ratio)),
            np.ones(len(near)),
        )
    ]
    first = np.searchsorted(pulses, voiced * _HOP - 0.03 * SAMPLE_RATE)
    last = np.maximum(first, np.searchsorted(pulses, voiced * _HOP + 0.03 * SAMPLE_RATE, side="right") - 2)
    change, length, decibel, count = (
        each[np.minimum(last, len(near))] - each[np.minimum(first, len(near))] for each in sums
    )
    known = count > 0
    return (
        np.where(known, change / np.where(known, length, 1.0), np.nan),
        np.where(known, decibel / np.maximum(count, 1.0), np.nan),
    )


def _highest(level: NDArray[np.float32], formant: Floats) -> Floats:
    """Level of the strongest bin within a fifth of a formant."""
    result = np.full(len(formant), np.nan)
    for i in np.flatnonzero(~np.isnan(formant)):
        result[i] = level[i, _bins(0.8 * formant[i], 1.2 * formant[i], _LONG_FFT)].max()
    return result


def _mean_cv(values: Floats) -> list[float]:
    """Mean, and standard deviation over mean; 0 where there is nothing."""
    if not len(values):
        return [0.0, 0.0]
    mean = float(values.mean())
    return [mean, float(values.std()) / mean if abs(mean) > 1e-9 else 0.0]


def _turns(values: Floats) -> list[int]:
    """Frames at which a contour turns, peaks and valleys in turn, each a tenth of the range from the last."""
    least = _TURN * float(np.ptp(values))
    x: list[float] = values.tolist()
    low = high = 0
    turns: list[int] = []
    rising: bool | None = None  # unknown until the contour has moved by that much
    for i, value in enumerate(x):
        high = i if value > x[high] else high
        low = i if value < x[low] else low
        if rising is not True and value - x[low] > least:
            turns.append(low)
            rising, high = True, i
        elif rising is not False and x[high] - value > least:
            turns.append(high)
            rising, low = False, i
    if turns:
        turns.append(high if rising else low)
    return turns


def _slopes(values: Floats) -> tuple[list[float], int]:
    """Mean and deviation of the slopes of rising and falling parts, per second, and the number of peaks."""
    turns = _turns(values) if len(values) > 1 else []
    change, frames = np.diff(values[turns]), np.diff(turns)
    slope = change / np.maximum(frames, 1) / _STEP
    up, down = slope[slope > 0], -slope[slope < 0]
    peaks = int(((slope[:-1] > 0) & (slope[1:] < 0)).sum())
    moments = [(float(part.mean()), float(part.std())) if len(part) else (0.0, 0.0) for part in (up, down)]
    return [*moments[0], *moments[1]], peaks


def _contour(values: Floats) -> tuple[list[float], int]:
    """All functionals of a contour."""
    low, middle, high = quantiles(values, (0.2, 0.5, 0.8)) if len(values) else (0.0, 0.0, 0.0)
    slopes, peaks = _slopes(values)
    return [*_mean_cv(values), float(low), float(middle), float(high), float(high - low), *slopes], peaks


def egemaps(y: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Return the 88 values of 16 kHz speech (n,), named `NAMES`, and the number of voiced frames."""
    if len(y) < _SHORT:
        y = np.pad(y, (0, _SHORT - len(y)))
    n = 1 + (len(y) - _SHORT) // _HOP
    spectral = _spectral(y, n)
    f0, of_voice = _of_voice(y, n)
    voiced = ~np.isnan(f0)
    contour, _ = _contour(f0[voiced])
    loudness, peaks = _contour(spectral["loudness"])
    values = [*contour, *loudness]
    for name in _SPECTRAL[5:]:
        values += _mean_cv(spectral[name])
    for track_of in of_voice.values():
        values += _mean_cv(track_of[~np.isnan(track_of)])
    for name in _SPECTRAL[1:]:
        values += _mean_cv(spectral[name][voiced])
    for name in _SPECTRAL[1:6]:
        values += _mean_cv(spectral[name][~voiced])[:1]
    seconds = n * _STEP
    lengths, gaps = runs(voiced) * _STEP, runs(~voiced) * _STEP
    values += [peaks / seconds, len(lengths) / seconds]
    for each in (lengths, gaps):
        values += [float(each.mean()), float(each.std())] if len(each) else [0.0, 0.0]
    values.append(10.0 * np.log10(float(np.mean(np.square(y, dtype=np.float64))) + 1e-12))
    return np.array(values, dtype=np.float32), int(voiced.sum())


_UNITS = {
    "loudness": "", "alphaRatio": "dB", "hammarbergIndex": "dB", "slope": "dB per Hz", "spectralFlux": "",
    "mfcc": "", "jitterLocal": "", "shimmerLocaldB": "dB", "HNRdBACF": "dB", "logRelF0-H1-H2": "dB",
    "logRelF0-H1-A3": "dB", "frequency": "Hz", "bandwidth": "Hz", "amplitudeLogRelF0": "dB",
    _F0: "semitones above 27.5 Hz",
}  # fmt: skip
_MEANINGS = {
    "loudness": "loudness, the sum over 26 auditory bands of their power to 0.33",
    "alphaRatio": "alpha ratio, level of 1-5 kHz less that of 50-1000 Hz",
    "hammarbergIndex": "Hammarberg index, strongest bin below 2 kHz less strongest in 2-5 kHz",
    "slope0-500": "slope of the spectrum in decibels from 0 to 500 Hz",
    "slope500-1500": "slope of the spectrum in decibels from 500 to 1500 Hz",
    "spectralFlux": "distance of neighbouring magnitude spectra up to 5 kHz",
    **{f"mfcc{i}": f"cepstral coefficient {i} of 26 mel bands, liftered" for i in range(1, 5)},
    "jitterLocal": "jitter, mean difference of successive periods over the mean period",
    "shimmerLocaldB": "shimmer, mean ratio of the amplitudes of successive periods",
    "HNRdBACF": "harmonics-to-noise ratio from the autocorrelation",
    "logRelF0-H1-H2": "level of the first harmonic less that of the second",
    "logRelF0-H1-A3": "level of the first harmonic less that of the strongest bin about formant 3",
    **{f"F{i}frequency": f"frequency of formant {i}" for i in (1, 2, 3)},
    **{f"F{i}bandwidth": f"bandwidth of formant {i}" for i in (1, 2, 3)},
    **{
        f"F{i}amplitudeLogRelF0": f"level of the harmonic nearest formant {i} less the first's"
        for i in (1, 2, 3)
    },
    _F0: "fundamental frequency",
}
_FUNCTIONALS = {
    "amean": "Mean", "stddevNorm": "Standard deviation over the mean", "percentile20.0": "20th percentile",
    "percentile50.0": "Median", "percentile80.0": "80th percentile",
    "pctlrange0-2": "Distance from the 20th to the 80th percentile",
    "meanRisingSlope": "Mean slope of rising parts",
    "stddevRisingSlope": "Deviation of the slope of rising parts",
    "meanFallingSlope": "Mean slope of falling parts",
    "stddevFallingSlope": "Deviation of the slope of falling parts",
}  # fmt: skip
_OF_TIME = {
    "loudnessPeaksPerSec": ("Peaks of loudness per second", "1/s"),
    "VoicedSegmentsPerSec": ("Voiced stretches per second", "1/s"),
    "MeanVoicedSegmentLengthSec": ("Mean length of voiced stretches", "s"),
    "StddevVoicedSegmentLengthSec": ("Standard deviation of the length of voiced stretches", "s"),
    "MeanUnvoicedSegmentLength": ("Mean length of unvoiced stretches", "s"),
    "StddevUnvoicedSegmentLength": ("Standard deviation of the length of unvoiced stretches", "s"),
    "equivalentSoundLevel_dBp": ("Level of the mean power", "dB"),
}


def meaning(name: str) -> tuple[str, str]:
    """Return what a value is, and its unit."""
    if name in _OF_TIME:
        return _OF_TIME[name][0] + ".", _OF_TIME[name][1]
    track_name, _, functional = name.rpartition("_")
    stem, _, smoothing = track_name.rpartition("_")
    where = "all frames" if smoothing == "sma3" else "voiced frames"
    if stem not in _MEANINGS:
        voiced = "UV" if "UV" in stem else "V"
        where = "unvoiced frames" if voiced == "UV" else "voiced frames"
        stem = stem.replace(voiced, "", 1)
    unit = next(unit for key, unit in _UNITS.items() if key in stem)
    if "Slope" in functional and _F0 in stem:
        unit = "semitones per s"
    if functional == "stddevNorm":
        unit = ""
    return f"{_FUNCTIONALS[functional]} over {where} of: {_MEANINGS[stem]}.", unit
