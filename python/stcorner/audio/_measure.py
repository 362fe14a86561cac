"""Frames of a voice: what the descriptors of the registry share, each computed once and only if asked for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core
from stcorner.audio._filters import auditory_filters, mel_filters
from stcorner.audio._frames import check_hop, check_pitch_range, check_rate, decimation
from stcorner.audio.framewise import window_samples
from stcorner.audio.pitch import LOW_PASS, NOISE_ADAPTATION, REFINE_PERIODS, clean_length
from stcorner.audio.transform import TINY, cepstrum, decibels, project
from stcorner.audio.voice import cepstra, cut, frame_formants, perturbation, prominence

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Frames", "Layout"]

# 70 dB under the spectral peak of a frame at 0 dB: below it lie file noise and dither, not speech.
POWER_FLOOR = np.float32(1e-5)
N_MFCC = 20
_N_MELS = 40
_LOWEST, _HIGHEST = 60.0, 650.0  # Hz, of the contour
_CONTOUR = {
    "voicing_threshold": 0.0, "silence_threshold": 0.0, "octave_cost": 0.03, "octave_jump_cost": 0.35,
    "voiced_unvoiced_cost": 0.0, "max_candidates": 6, "always_voiced": True, "reference_level": 1.0,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What follows from rate, hop and pitch range; frame i is centred on sample i * hop."""

    sr: float
    hop: int
    fmin: float
    fmax: float

    @classmethod
    def checked(cls, sr: Any, hop_length: Any, fmin: Any, fmax: Any) -> Layout:
        """Return a layout after checking its parts; `hop_length` None is 10 ms."""
        rate = check_rate(sr)
        hop = check_hop(rate, hop_length)
        low, high = check_pitch_range(rate, fmin, fmax)
        return cls(sr=rate, hop=hop, fmin=low, fmax=high)

    @property
    def frame(self) -> int:
        """25 ms, an even number of samples."""
        return max(2, 2 * round(0.0125 * self.sr))

    @property
    def n_fft(self) -> int:
        return max(512, 1 << (self.frame - 1).bit_length())

    @property
    def pitch_frame(self) -> int:
        """Three periods of fmin, an even number of samples."""
        return 2 * int(np.ceil(1.5 * self.sr / self.fmin))

    @property
    def contour_frame(self) -> int:
        """50 ms, an even number of samples."""
        return 2 * int(np.ceil(1.5 * self.sr / _LOWEST))

    def reach(self, window: float) -> int:
        """Return how many samples on either side of a frame's centre enter: `window` seconds, or pitch's."""
        widest = max(self.frame, self.pitch_frame, self.contour_frame, int(np.ceil(window * self.sr)))
        return widest // 2 + 10 * decimation(self.sr)


@dataclass(frozen=True)
class _Bases:
    """What never changes for a rate: rows to project spectra on."""

    window: NDArray[np.float32]
    mel: NDArray[np.float32]
    moments: NDArray[np.float32]
    slopes: NDArray[np.float32]
    bands: NDArray[np.float32]


@functools.lru_cache(maxsize=8)
def _bases(sr: float, frame: int, n_fft: int) -> _Bases:
    window = window_samples("hann", frame)
    frequency = np.arange(n_fft // 2 + 1) * (sr / n_fft)
    slopes = np.zeros((3, len(frequency)))
    for row, (low, high) in enumerate([(50, 500), (500, 1500), (1500, 6000)]):
        inside = (frequency >= low) & (frequency <= high)
        if inside.sum() > 1:
            centred = frequency[inside] - frequency[inside].mean()
            slopes[row, inside] = 1000.0 * centred / (centred @ centred)
    bands = [(frequency >= low) & (frequency < high) for low, high in ((50, 1000), (1000, 5000))]
    highest = min(8000.0, sr / 2)
    return _Bases(*(
        np.ascontiguousarray(each, dtype=np.float32)
        for each in (
            # Spectra are divided by the sum of the window, and are the same at every rate.
            window / np.sqrt(window.sum()) * np.sqrt(16000.0 / sr),
            mel_filters(sr, n_fft, n_mels=_N_MELS, fmin=min(50.0, 0.1 * highest), fmax=highest, htk=True,
                        norm=None),
            [np.ones_like(frequency), frequency, frequency**2],
            slopes,
            bands,
        )
    ))  # fmt: skip


class Frames:
    """The frames with these numbers of a signal whose sample 0 has the number `origin`.

    Levels are relative to `scale`, the root mean square of a frame at 0 dB; None is the loudest frame's. With
    `path` pitch follows the least-cost path; without it each frame is by itself, as a stream needs it.
    Samples above ``-least_sample`` count as positive where the sign matters.
    """

    def __init__(
        self,
        layout: Layout,
        signal: NDArray[np.float32],
        frames: range,
        *,
        origin: int = 0,
        path: bool = True,
        scale: float | None = None,
        reference: float = 0.0,
        least_sample: float = 0.0,
        n_threads: int = 0,
    ) -> None:
        self.layout, self.frames, self._scale = layout, frames, scale
        self._signal, self._path, self._reference, self._n_threads = signal, path, reference, n_threads
        self._least_sample = least_sample
        self._first = frames.start * layout.hop - origin

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def bases(self) -> _Bases:
        return _bases(self.layout.sr, self.layout.frame, self.layout.n_fft)

    def bin(self, hertz: float, *, above: bool = False) -> int:
        """Return the first bin at or above a frequency, or above it."""
        place = hertz * self.layout.n_fft / self.layout.sr
        return int(np.floor(place)) + 1 if above else int(np.ceil(place))

    def _zcr_rms(
        self, limit: float, changes: bool, levels: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        layout = self.layout
        start = self._first - layout.frame // 2
        return _core.zcr_rms(
            self._signal, layout.frame, layout.hop, start, len(self), limit, changes, levels, self._n_threads
        )

    @cached_property
    def rms(self) -> NDArray[np.float32]:
        """(t,) in the units of the signal."""
        return self._zcr_rms(0.0, False, True)[1]

    @cached_property
    def scale(self) -> np.float32:
        """What levels are relative to; 1 for silence."""
        scale = self.rms.max(initial=0.0) if self._scale is None else np.float32(self._scale)
        return scale if scale > 0 else np.float32(1.0)

    @cached_property
    def zcr(self) -> NDArray[np.float64]:
        """(t,) changes of sign per sample."""
        return self._zcr_rms(self._least_sample, True, False)[0]

    @cached_property
    def energy(self) -> NDArray[np.float32]:
        """(t,) in dB."""
        level = self.rms / self.scale
        return np.float32(10.0) * np.log10(level * level + np.float32(1e-9))

    @cached_property
    def signal(self) -> NDArray[np.float32]:
        """The signal in shares of the scale."""
        return self._signal if self.scale == 1.0 else self._signal / self.scale

    @cached_property
    def power(self) -> NDArray[np.float32]:
        """(t, bins)."""
        layout = self.layout
        starts = self._first - layout.frame // 2 + layout.hop * np.arange(len(self))
        return _core.power_spectra(self.signal, self.bases.window, starts, layout.n_fft, self._n_threads)

    @cached_property
    def log_power(self) -> NDArray[np.float32]:
        """(t, bins) in dB, not below the floor."""
        return decibels(self.power + POWER_FLOOR, TINY)

    def project(self, values: NDArray[np.float32], basis: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values (t, bins) times the transpose of a basis (bands, bins)."""
        return project(values, basis, self._n_threads)

    @cached_property
    def mfcc(self) -> NDArray[np.float32]:
        """(t, 20): coefficients 1 to 20."""
        mel = decibels(self.project(self.power, self.bases.mel) + POWER_FLOOR, TINY)
        return cepstrum(mel, N_MFCC + 1, first=1, n_threads=self._n_threads)

    @cached_property
    def loudness(self) -> NDArray[np.float32]:
        """(t,) sum over auditory bands of the power to 0.33."""
        bands = self.project(self.power, auditory_filters(self.layout.sr, self.layout.n_fft))
        return np.asarray((bands ** np.float32(0.33)).sum(axis=1))

    @cached_property
    def _moments(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        magnitude = np.sqrt(self.power) + np.float32(1e-7)
        return magnitude, self.project(magnitude, self.bases.moments)

    @cached_property
    def centroid_spread(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of frequency under the magnitude spectrum, in Hz."""
        sums = self._moments[1]
        centroid = sums[:, 1] / sums[:, 0]
        return centroid, np.sqrt(np.maximum(sums[:, 2] / sums[:, 0] - centroid**2, 0.0))

    @cached_property
    def shape(self) -> NDArray[np.float32]:
        """(t, bins): magnitude spectra of sum 1."""
        magnitude, sums = self._moments
        return np.asarray(magnitude / sums[:, :1])

    @cached_property
    def total(self) -> NDArray[np.float32]:
        """(t,) sum of the power."""
        return np.asarray(self.power.sum(axis=1) + np.float32(1e-12))

    @cached_property
    def cumulated(self) -> NDArray[np.float32]:
        """(t, bins) sums of the power from 0 Hz on."""
        return np.cumsum(self.power, axis=1)

    @cached_property
    def bands(self) -> NDArray[np.float32]:
        """(t, 2) levels of 50-1000 Hz and 1-5 kHz in dB."""
        return decibels(self.project(self.power, self.bases.bands) + POWER_FLOOR, TINY)

    @cached_property
    def tilts(self) -> NDArray[np.float32]:
        """(t, 3) slopes over 50-500, 500-1500 and 1500-6000 Hz in dB per kHz."""
        return self.project(self.log_power, self.bases.slopes)

    def peak(self, first: int, stop: int) -> NDArray[np.float32]:
        """Return the level of the strongest of the bins [first, stop), (t,) in dB."""
        return decibels(self.power[:, first:stop].max(axis=1, initial=0.0) + POWER_FLOOR, TINY)

    def harmonic(self, number: int) -> NDArray[np.float32]:
        """Return the level of a harmonic of the contour, the strongest of the three bins about it, in dB."""
        layout, log_power = self.layout, self.log_power
        hertz = self.contour[0] * number
        nearest = np.round(hertz * (layout.n_fft / layout.sr)).astype(np.intp)
        centre = np.clip(nearest, 1, layout.n_fft // 2 - 1)
        rows = np.arange(len(log_power))
        return np.maximum(
            np.maximum(log_power[rows, centre - 1], log_power[rows, centre]), log_power[rows, centre + 1]
        )

    def _track(
        self, signal: NDArray[np.float32], frame: int, **options: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        layout, settings = self.layout, _core.PitchOptions()
        options = {"sample_rate": layout.sr, "find_path": self._path, **options}
        for name, value in options.items():
            setattr(settings, name, value)
        start = self._first - frame // 2
        return _core.track_pitch(signal, frame, layout.hop, start, len(self), settings, self._n_threads)

    @cached_property
    def pitch(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """f0 in Hz, NaN where unvoiced, and its strength."""
        layout = self.layout
        return self._track(
            self._signal, layout.pitch_frame, fmin=layout.fmin, fmax=layout.fmax,
            noise_adaptation=NOISE_ADAPTATION, refine_periods=REFINE_PERIODS, reference_level=self._reference,
            low_pass=LOW_PASS, clean_length=clean_length(layout.pitch_frame),
        )  # fmt: skip

    @cached_property
    def contour(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """f0 in Hz of every frame, voiced or not (100 where there is no candidate), and its strength."""
        highest = min(_HIGHEST, self.layout.sr / (4 * decimation(self.layout.sr)))
        f0, strength = self._track(
            self.signal, self.layout.contour_frame, fmin=_LOWEST, fmax=highest, **_CONTOUR
        )
        return np.where(np.isnan(f0), np.float32(100.0), f0), strength

    def _cut(self, seconds: float) -> NDArray[np.float32]:
        """(t, samples): an even number of samples about each frame's centre."""
        length = max(4, 2 * round(0.5 * seconds * self.layout.sr))
        return cut(self.signal, self._first - length // 2, self.layout.hop, len(self), length)

    @cached_property
    def formants(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(t, 4) frequencies and (t, 4) bandwidths in Hz, NaN where there are fewer."""
        top = min(5500.0, self.layout.sr / 2)
        return frame_formants(
            self._cut(0.05), self.layout.sr, count=4, top=top, order=max(8, 2 * round(top / 1100.0)),
            pre_emphasis_from=50.0, n_threads=self._n_threads,
        )  # fmt: skip

    @cached_property
    def perturbation(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Jitter, and shimmer in dB, of the periods of the contour; NaN where fewer than two are found."""
        layout = self.layout
        return perturbation(
            self.signal, self.contour[0], rate=layout.sr, first=self._first, hop=layout.hop,
            n_threads=self._n_threads,
        )  # fmt: skip

    @cached_property
    def cepstral_peak(self) -> NDArray[np.float64]:
        """(t,) prominence in dB."""
        power, rate = cepstra(self._cut(0.1), self.layout.sr)
        return prominence(power, rate)
