"""The registry of frame descriptors: name, meaning, unit, range, source and function of each.

`frame_table`, `AudioStream`, the recipes and the codebook read it. A new descriptor is one function here,
under `descriptor`, and its twin in the tests' oracles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.audio._measure import N_MFCC, POWER_FLOOR
from stcorner.audio.derivative import delta
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from stcorner.audio._measure import Frames

__all__ = ["DESCRIPTORS", "Descriptor", "descriptor", "measured", "select"]

_INFINITE = float("inf")


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """One quantity of a voice, a value or a row of values per frame.

    Attributes
    ----------
    name : str
        Of the column, or of the family of columns.
    meaning : str
        One sentence.
    unit : str
        Empty where there is none.
    range : (float, float)
        Smallest and largest value that can occur.
    source : str
        Where it is defined.
    function : callable
        Takes the frames, returns (t,) or (t, len(columns)).
    columns : tuple of str
        Names of the columns; `name` alone unless the function returns rows.
    look_back, look_ahead : int
        Frames before and after that enter a value.
    window : float
        Seconds of sound about the frame's centre that enter, where they are more than pitch needs.
    band : float
        Highest frequency in Hz that it needs; at rates that do not reach it values are NaN.
    """

    name: str
    meaning: str
    unit: str
    range: tuple[float, float]
    source: str
    function: Callable[[Frames], NDArray[Any]]
    columns: tuple[str, ...]
    look_back: int = 0
    look_ahead: int = 0
    window: float = 0.0
    band: float = 0.0


DESCRIPTORS: dict[str, Descriptor] = {}
"""All descriptors by name, in the order of their definition."""


def descriptor(
    name: str,
    meaning: str,
    *,
    unit: str = "",
    low: float = -_INFINITE,
    high: float = _INFINITE,
    source: str,
    columns: Iterable[str] | None = None,
    look_back: int = 0,
    look_ahead: int = 0,
    window: float = 0.0,
    band: float = 0.0,
) -> Callable[[Callable[[Frames], NDArray[Any]]], Callable[[Frames], NDArray[Any]]]:
    """Enter the decorated function into the registry; parameters are the attributes of `Descriptor`."""

    def enter(function: Callable[[Frames], NDArray[Any]]) -> Callable[[Frames], NDArray[Any]]:
        DESCRIPTORS[name] = Descriptor(
            name=name, meaning=meaning, unit=unit, range=(low, high), source=source, function=function,
            columns=(name,) if columns is None else tuple(columns), look_back=look_back,
            look_ahead=look_ahead, window=window, band=band,
        )  # fmt: skip
        return function

    return enter


def select(names: Iterable[str] | str | None, default: Iterable[str]) -> tuple[Descriptor, ...]:
    """Return the descriptors with these names; None are those of `default`, "all" is all."""
    if names is None:
        names = default
    elif isinstance(names, str):
        names = DESCRIPTORS if names == "all" else (names,)
    try:
        chosen = tuple(dict.fromkeys(names))
    except TypeError:
        raise ParameterError(f"descriptors must be 'all' or names, got {names!r}") from None
    unknown = [str(name) for name in chosen if name not in DESCRIPTORS]
    if unknown or not chosen:
        told, known = ", ".join(unknown) or "none", ", ".join(DESCRIPTORS)
        raise ParameterError(f"descriptors must be 'all' or some of {known}, got {told}")
    return tuple(DESCRIPTORS[name] for name in chosen)


def measured(found: Descriptor, frames: Frames) -> NDArray[Any]:
    """Return a descriptor's values (t,) or (t, columns); NaN where the rate does not reach its band."""
    if found.band > frames.layout.sr / 2:
        shape = (len(frames),) if len(found.columns) == 1 else (len(frames), len(found.columns))
        return np.full(shape, np.nan, np.float32)
    return found.function(frames)


_PAPER = "Srinivas & Mishra, eq. {}"
_PEETERS = "Peeters 2004, CUIDADO report, section 6"
_GEMAPS = "Eyben et al. 2016, GeMAPS, section 3"
_BURG = "Burg 1967; Markel & Gray 1976, Linear Prediction of Speech"
_BOERSMA = "Boersma 1993, IFA Proceedings 17, 97-110"


@descriptor("zcr", "Share of neighbouring samples between which the sign changes.", low=0.0, high=1.0,
            source=_PAPER.format("9"))  # fmt: skip
def _zcr(frames: Frames) -> NDArray[Any]:
    return frames.zcr


@descriptor("rms", "Root mean square of the samples.", unit="units of the signal", low=0.0,
            source=_PAPER.format("14"))  # fmt: skip
def _rms(frames: Frames) -> NDArray[Any]:
    return frames.rms


@descriptor("f0", "Fundamental frequency by the least-cost path; NaN where unvoiced.", unit="Hz", low=0.0,
            source=_BOERSMA)  # fmt: skip
def _f0(frames: Frames) -> NDArray[Any]:
    return frames.pitch[0]


@descriptor("voiced", "Whether the frame has a fundamental frequency.", low=0.0, high=1.0, source=_BOERSMA)
def _voiced(frames: Frames) -> NDArray[Any]:
    return ~np.isnan(frames.pitch[0])


@descriptor("strength", "Normalised autocorrelation at the period of f0, or the largest where unvoiced.",
            low=0.0, high=1.0, source=_BOERSMA)  # fmt: skip
def _strength(frames: Frames) -> NDArray[Any]:
    return frames.pitch[1]


@descriptor("mfcc", "Cepstral coefficient {} of 40 mel bands from 50 Hz to 8 kHz (HTK's scale) in decibels.",
            unit="dB", source="Davis & Mermelstein 1980, IEEE TASSP 28, 357-366",
            columns=(f"mfcc_{i}" for i in range(1, N_MFCC + 1)))  # fmt: skip
def _mfcc(frames: Frames) -> NDArray[Any]:
    return frames.mfcc


@descriptor("delta_mfcc", "Slope of mfcc_{} over three frames on either side.", unit="dB per frame",
            source="Furui 1986, IEEE TASSP 34, 52-59", look_back=3, look_ahead=3,
            columns=(f"delta_mfcc_{i}" for i in range(1, N_MFCC + 1)))  # fmt: skip
def _delta_mfcc(frames: Frames) -> NDArray[Any]:
    return delta(frames.mfcc, width=7, axis=0, mode="nearest")


@descriptor("energy_db", "Energy of the frame.", unit="dB relative to the loudest frame", low=-90.0,
            source=_PAPER.format("14"))  # fmt: skip
def _energy_db(frames: Frames) -> NDArray[Any]:
    return frames.energy


@descriptor("centroid", "Mean frequency under the magnitude spectrum.", unit="Hz", low=0.0, source=_PEETERS)
def _centroid(frames: Frames) -> NDArray[Any]:
    return frames.centroid_spread[0]


@descriptor("spread", "Standard deviation of frequency under the magnitude spectrum.", unit="Hz", low=0.0,
            source=_PEETERS)  # fmt: skip
def _spread(frames: Frames) -> NDArray[Any]:
    return frames.centroid_spread[1]


def _roll_off(share: float) -> Callable[[Frames], NDArray[Any]]:
    def below(frames: Frames) -> NDArray[Any]:
        n_fft = frames.layout.n_fft
        bins = (frames.cumulated < (share * frames.total)[:, None]).sum(axis=1)
        return np.asarray(np.minimum(bins, n_fft // 2) * (frames.layout.sr / n_fft))

    return below


for _percent in (25, 50, 75, 90):
    descriptor(f"rolloff{_percent}", f"Frequency below which {_percent} % of the power lie.", unit="Hz",
               low=0.0, source=_PEETERS)(_roll_off(_percent / 100))  # fmt: skip

# Both entropy and flatness need the logarithm that the decibels already hold.
_TO_NATURAL = np.float32(np.log(10.0) / 10.0)


@descriptor("entropy", "Entropy of the power spectrum taken as a distribution over its bins.", unit="nat",
            source="Misra et al. 2004, ICASSP, 193-196")  # fmt: skip
def _entropy(frames: Frames) -> NDArray[Any]:
    weighted = np.einsum("tf,tf->t", frames.power, frames.log_power)
    return np.asarray(np.log(frames.total) - _TO_NATURAL * weighted / frames.total)


@descriptor("flatness", "Natural logarithm of the geometric over the arithmetic mean of the power spectrum.",
            high=1e-3, source=_PEETERS)  # fmt: skip
def _flatness(frames: Frames) -> NDArray[Any]:
    geometric = _TO_NATURAL * frames.log_power.mean(axis=1)
    return np.asarray(geometric - np.log(frames.power.mean(axis=1) + POWER_FLOOR))


@descriptor("flux", "Distance of the magnitude spectrum, of sum 100, from that of the frame before.",
            low=0.0, high=142.0, source=_PEETERS, look_back=1)  # fmt: skip
def _flux(frames: Frames) -> NDArray[Any]:
    change = np.diff(frames.shape, axis=0)
    flux = np.zeros(len(frames), np.float32)
    flux[1:] = 100.0 * np.sqrt(np.einsum("tf,tf->t", change, change))
    return flux


@descriptor("alpha_ratio", "Level of 1-5 kHz less that of 50-1000 Hz.", unit="dB", source=_GEMAPS,
            band=5000.0)  # fmt: skip
def _alpha_ratio(frames: Frames) -> NDArray[Any]:
    return frames.bands[:, 1] - frames.bands[:, 0]


@descriptor("hammarberg", "Level of the strongest bin below 2 kHz less that of the strongest in 2-5 kHz.",
            unit="dB", source="Hammarberg et al. 1980, Acta Otolaryngologica 90, 441-451",
            band=5000.0)  # fmt: skip
def _hammarberg(frames: Frames) -> NDArray[Any]:
    edge = frames.bin(2000)
    return frames.peak(0, edge) - frames.peak(edge, frames.bin(5000))


def _tilt(row: int) -> Callable[[Frames], NDArray[Any]]:
    return lambda frames: frames.tilts[:, row]


for _row, (_low, _high) in enumerate([(50, 500), (500, 1500), (1500, 6000)]):
    descriptor(f"slope_{_low}_{_high}", f"Slope of the spectrum in decibels from {_low} to {_high} Hz.",
               unit="dB per kHz", source=_GEMAPS, band=float(_high))(_tilt(_row))  # fmt: skip


@descriptor("periodicity", "Normalised autocorrelation at the period of f0_semitones.", low=0.0, high=1.0,
            source=_BOERSMA)  # fmt: skip
def _periodicity(frames: Frames) -> NDArray[Any]:
    return frames.contour[1]


@descriptor("hnr", "Harmonics-to-noise ratio that follows from the periodicity.", unit="dB", low=-30.0,
            high=40.0, source=_BOERSMA)  # fmt: skip
def _hnr(frames: Frames) -> NDArray[Any]:
    ratio = np.clip(frames.contour[1], 1e-3, 0.9999)
    return 10.0 * np.log10(ratio / (1.0 - ratio))


@descriptor("h1_h2", "Level of the first harmonic less that of the second.", unit="dB",
            source="Hillenbrand & Houde 1996, JSHR 39, 311-321", band=1300.0)  # fmt: skip
def _h1_h2(frames: Frames) -> NDArray[Any]:
    return frames.harmonic(1) - frames.harmonic(2)


@descriptor("h1_a3", "Level of the first harmonic less that of the strongest bin in 2-3.5 kHz.", unit="dB",
            source="Hanson & Chuang 1999, JASA 106, 1064-1077", band=3500.0)  # fmt: skip
def _h1_a3(frames: Frames) -> NDArray[Any]:
    return frames.harmonic(1) - frames.peak(frames.bin(2000, above=True), frames.bin(3500))


@descriptor("f0_semitones", "Fundamental frequency of every frame, voiced or not, above 55 Hz.",
            unit="semitones", source=_BOERSMA)  # fmt: skip
def _f0_semitones(frames: Frames) -> NDArray[Any]:
    return np.asarray(12.0 * np.log2(frames.contour[0] / 55.0), dtype=np.float32)


@descriptor("loudness", "Sum over 26 auditory bands of their power to 0.33, weighted by equal loudness.",
            low=0.0, source="Hermansky 1990, JASA 87, 1738-1752; " + _GEMAPS)  # fmt: skip
def _loudness(frames: Frames) -> NDArray[Any]:
    return frames.loudness


@descriptor("formant", "Frequency of formant {} by linear prediction up to 5.5 kHz; NaN where there is none.",
            unit="Hz", low=0.0, high=5500.0, source=_BURG,
            columns=(f"formant_{i}" for i in range(1, 5)))  # fmt: skip
def _formant(frames: Frames) -> NDArray[Any]:
    return frames.formants[0].astype(np.float32)


@descriptor("formant_bandwidth", "Bandwidth of formant {}; NaN where there is none.", unit="Hz", low=0.0,
            source=_BURG, columns=(f"formant_bandwidth_{i}" for i in range(1, 5)))  # fmt: skip
def _formant_bandwidth(frames: Frames) -> NDArray[Any]:
    return frames.formants[1].astype(np.float32)


@descriptor("jitter_local", "Mean difference of successive periods within 60 ms over the mean period.",
            low=0.0, source="Boersma & Weenink, Praat's manual, Voice 2", window=0.13)  # fmt: skip
def _jitter_local(frames: Frames) -> NDArray[Any]:
    return frames.perturbation[0]


@descriptor("shimmer_local_db", "Mean ratio of the amplitudes of successive periods within 60 ms.", unit="dB",
            low=0.0, source="Boersma & Weenink, Praat's manual, Voice 3", window=0.13)  # fmt: skip
def _shimmer_local_db(frames: Frames) -> NDArray[Any]:
    return frames.perturbation[1]


@descriptor("cpp", "Height of the cepstral peak between 60 and 330 Hz over the line of least squares.",
            unit="dB", source="Hillenbrand & Houde 1996, JSHR 39, 311-321", window=0.1,
            band=5000.0)  # fmt: skip
def _cpp(frames: Frames) -> NDArray[Any]:
    return frames.cepstral_peak.astype(np.float32)
