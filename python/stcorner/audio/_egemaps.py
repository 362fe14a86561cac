"""The recipe `egemaps`: 88 values after the extended Geneva minimalistic acoustic parameter set.

Written from the published definitions (Eyben et al. 2016) and, where these leave a choice, from what the
set's values show: 25 descriptors of 16 kHz speech, a row per 10 ms, each smoothed over three frames, and
their functionals. So its columns can be compared with what the field has published; some choices are not what
one would take afresh. Harmonics count from the second on, in "H1" already. "Formants" are poles of a
polynomial that is not the inverse filter's but has all its signs swapped, over the first 14 ms of a frame
and up to 3.4 kHz: they do not follow the vocal tract as `stcorner.formants` does.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stcorner import _core
from stcorner.audio._filters import cosine_basis, hz_to_mel, mel_to_hz
from stcorner.audio._functionals import runs
from stcorner.audio.transform import project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Singles = NDArray[np.float32]

__all__ = ["NAMES", "SAMPLE_RATE", "egemaps", "meaning"]

SAMPLE_RATE = 16000
_HOP, _STEP = 160, 0.01
_SHORT, _SHORT_FFT = 320, 512  # 20 ms
_LONG, _LONG_FFT = 960, 1024  # 60 ms
_LEAST_RMS = 0.001  # of a windowed frame that can be voiced
_NEAR = 5  # frames from a loud one at which f0 is sought
_LEAST_RUN = 3  # frames of a stretch that counts
_UNVOICED_LEVEL = -201.0  # dB, what counts as the amplitude of formants in unvoiced frames
_FULL_SCALE = 32767.0  # of 16-bit samples
# Formants: the band to 5.5 kHz at 11 kHz, of which the first 220 samples and the bins to 3.4 kHz enter.
_POLE_RATE, _POLE_SAMPLES = 11000, 220
_POLE_BINS, _POLES, _POLE_MARGIN = 110, 11, 50.0
_POLE_FFT = _SHORT_FFT * _POLE_RATE // SAMPLE_RATE
_POLE_LEAD = (_SHORT_FFT - _SHORT) // 2  # zeros before the frame

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
    short: Singles
    long: Singles
    bands: Singles
    slopes: Singles
    ear: Singles
    lifted: Singles
    poles: Singles


@functools.cache
def _constants() -> _Constants:
    hamming = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_SHORT) / (_SHORT - 1))
    frequency = np.arange(_SHORT_FFT // 2 + 1) * (SAMPLE_RATE / _SHORT_FFT)
    sums = np.array([frequency < 1000, (frequency >= 1000) & (frequency <= 5000)])
    slopes = np.zeros((2, 49))
    for row, (low, high) in enumerate([(0, 16), (16, 48)]):
        # One bin fewer than are summed: so the slope grows with the level too.
        f, n = frequency[low : high + 1], high - low
        slopes[row, low : high + 1] = (n * f - f.sum()) / (n * (f @ f) - f.sum() ** 2)
    # Triangles on the mel scale itself.
    edges = np.linspace(hz_to_mel(20.0, htk=True), hz_to_mel(8000.0, htk=True), 28)
    place = (hz_to_mel(frequency, htk=True) - edges[:-1, None]) / np.diff(edges)[:, None]
    mel = np.maximum(0.0, np.minimum(place[:-1], 1.0 - place[1:]))
    mel[:, :2] = 0.0
    centre = mel_to_hz(edges[1:-1], htk=True)
    square = (2.0 * np.pi * centre) ** 2
    ear = (square + 56.8e6) * square**2 / ((square + 6.3e6) ** 2 * (square + 0.38e9))
    ear /= 0.17 * (1.0 + (centre / 4606.0) ** 7)
    lifter = 1.0 + 11.0 * np.sin(np.pi * np.arange(1, 5) / 22.0)
    bases = (
        hamming,
        np.exp(-0.5 * (np.linspace(-1.0, 1.0, _LONG) / 0.4) ** 2),
        np.concatenate([sums, mel]),
        slopes,
        np.log(ear),
        cosine_basis(26, 5)[1:] * lifter[:, None],
        np.concatenate([np.zeros(_POLE_LEAD), hamming]),
    )
    return _Constants(*(np.ascontiguousarray(each, dtype=np.float32) for each in bases))


def _spectral(y: Singles, n_frames: int) -> Floats:
    """Rows of `_SPECTRAL` for 20 ms frames."""
    window, _, bases, slopes, ear, lifted, _ = _constants()
    power = _core.power_spectra(y, window, _HOP * np.arange(n_frames), _SHORT_FFT, 1)
    return _core.describe_spectra(power, bases, slopes, ear, lifted)


def _of_voice(y: Singles, n_frames: int) -> Floats:
    """f0 in semitones above 27.5 Hz and the rows of `_OF_VOICE`, of 60 ms frames; 0 is unknown."""
    _, window, *_, poles = _constants()
    parts = _LONG // _HOP
    square = np.square(y[: (n_frames + parts - 1) * _HOP]).reshape(-1, _HOP)
    energy = project(square, np.square(window.reshape(parts, _HOP)), 1)
    energy = np.sum([energy[i : i + n_frames, i] for i in range(parts)], axis=0)
    quiet = energy <= _LONG * _LEAST_RMS**2
    # The path is led by what lies near: frames further from a loud one are not looked at.
    near = np.convolve(np.where(quiet, 0, 1), np.ones(2 * _NEAR + 1, int))[_NEAR : _NEAR + n_frames]
    loud = np.flatnonzero(near)
    power = _core.power_spectra(y, window, _HOP * loud, _LONG_FFT, 1)
    f0 = _core.subharmonic_pitch(power, loud, n_frames, float(SAMPLE_RATE), 1)
    f0[quiet] = np.nan
    voiced = np.flatnonzero(f0 > 0)
    tracks = np.zeros((1 + len(_OF_VOICE), n_frames))
    tracks[-1:-9:-3] = _UNVOICED_LEVEL
    tracks[1:3] = _core.period_perturbation(y, f0 / np.float32(SAMPLE_RATE), _HOP)
    if len(voiced):
        tracks[0, voiced] = 12.0 * np.log2(f0[voiced] / 27.5)
        rows = _core.resample_frames(
            y, poles, voiced * _HOP - _POLE_LEAD, _SHORT_FFT, _POLE_BINS, _POLE_FFT, _POLE_SAMPLES, 1
        )
        found = _core.swapped_poles(rows, _POLES, _POLE_MARGIN / _POLE_RATE, 3, 1)
        places, widths = (each * np.float32(_POLE_RATE) for each in found)
        power = power[np.searchsorted(loud, voiced)]
        levels = _core.harmonic_levels(power, float(SAMPLE_RATE), f0[voiced], places, 1)
        tracks[3:6, voiced] = levels[:, :3].T
        for i in range(3):
            tracks[6 + 3 * i : 9 + 3 * i, voiced] = places[:, i], widths[:, i], levels[:, 3 + i]
    return tracks


def _lengths(mask: NDArray[np.bool_]) -> Floats:
    """Seconds from the first to the last frame of each stretch that counts."""
    frames = runs(mask)
    if len(frames) and mask[-1]:
        frames[-1] -= 1
        counted = frames + (np.arange(len(frames)) == len(frames) - 1) >= _LEAST_RUN
    else:
        counted = frames >= _LEAST_RUN
    return np.asarray((frames[counted] - 1) * _STEP)


def egemaps(y: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Return the 88 values of 16 kHz speech (n,), named `NAMES`, and the number of voiced frames."""
    if len(y) < _LONG:
        y = np.pad(y, (0, _LONG - len(y)))
    # The set is defined on 16-bit samples; what lies below one of their steps is silence to it.
    y = y * np.float32(32768.0)
    np.trunc(y, out=y)
    np.clip(y, -32768.0, _FULL_SCALE, out=y)
    y /= np.float32(_FULL_SCALE)
    spectral = _spectral(y, 1 + (len(y) - _SHORT) // _HOP)
    of_voice = _of_voice(y, 1 + (len(y) - _LONG) // _HOP)
    n = of_voice.shape[1]
    voiced = of_voice[0] != 0.0
    smooth, all_moments = _core.smooth_tracks(spectral[[0, *range(5, 10)]], False)
    known, moments = _core.smooth_tracks(np.concatenate([
        of_voice, np.where(voiced, spectral[1:, :n], 0.0), np.where(voiced, 0.0, spectral[1:6, :n]),
    ]), True)  # fmt: skip
    *contour, _ = _core.contour(known[0, voiced], _STEP)
    *loudness, peaks = _core.contour(smooth[0], _STEP)
    lengths, gaps = _lengths(voiced), _lengths(~voiced)
    values = [*contour, *loudness, *all_moments[1:].ravel(), *moments[1:-5].ravel(), *moments[-5:, 0]]
    values += [peaks / (spectral.shape[1] * _STEP), len(lengths) / (max(n - 1, 1) * _STEP)]
    for each in (lengths, gaps):
        values += [float(each.mean()), float(each.std())] if len(each) else [0.0, 0.0]
    values.append(10.0 * np.log10(float(np.square(y).mean()) + 1e-12))
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
    "logRelF0-H1-H2": "level of the second harmonic less that of the third",
    "logRelF0-H1-A3": "level of the second harmonic less that of the strongest near formant 3",
    **{f"F{i}frequency": f"frequency of formant {i}" for i in (1, 2, 3)},
    **{f"F{i}bandwidth": f"bandwidth of formant {i}" for i in (1, 2, 3)},
    **{
        f"F{i}amplitudeLogRelF0": f"level of the strongest harmonic near formant {i} less the first's"
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
