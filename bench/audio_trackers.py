"""Pitch trackers by one interface: run(y, sr, step) -> times in seconds, f0 in Hz (0 where unvoiced).

All but openSMILE get the same floor, ceiling and step; all decide by themselves what is voiced. Windows are
the peers' own; pyin, which has to be told, gets the three periods of the floor that stcorner and Praat take,
twice (its window is half of what it reads).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

import stcorner
from common import version

if TYPE_CHECKING:
    from collections.abc import Callable

STEP, FMIN, FMAX = 0.01, 75.0, 500.0


def ours(**options: Any) -> Callable[..., Any]:
    def run(y: np.ndarray, sr: int, step: float) -> Any:
        hop = round(step * sr)
        f0, _, _ = stcorner.pitch_autocorrelation(y, sr=sr, fmin=FMIN, fmax=FMAX, hop_length=hop, **options)
        return np.arange(len(f0)) * hop / sr, np.nan_to_num(f0)

    return run


def praat(y: np.ndarray, sr: int, step: float) -> Any:
    import parselmouth

    pitch = parselmouth.Sound(y.astype(np.float64), sr).to_pitch_ac(
        time_step=step, pitch_floor=FMIN, pitch_ceiling=FMAX
    )
    return pitch.xs(), pitch.selected_array["frequency"]


def praat_cc(y: np.ndarray, sr: int, step: float) -> Any:
    import parselmouth

    pitch = parselmouth.Sound(y.astype(np.float64), sr).to_pitch_cc(
        time_step=step, pitch_floor=FMIN, pitch_ceiling=FMAX
    )
    return pitch.xs(), pitch.selected_array["frequency"]


def praat_filtered(method: str) -> Callable[..., Any]:
    """Praat's filtered autocorrelation and cross-correlation, which the wheel of parselmouth does not hold.

    As its manual has them: a Gaussian filter that leaves 0.03 at the ceiling of 800 Hz, silence threshold
    0.09, voicing threshold 0.5, octave cost 0.055.
    """

    def run(y: np.ndarray, sr: int, step: float) -> Any:
        import parselmouth

        spectrum = np.fft.rfft(y.astype(np.float64))
        frequency = np.fft.rfftfreq(len(y), 1 / sr)
        low = np.fft.irfft(spectrum * np.exp(np.log(0.03) * (frequency / 800.0) ** 2), len(y))
        sound = parselmouth.Sound(low, sr)
        pitch = getattr(sound, f"to_pitch_{method}")(
            time_step=step, pitch_floor=FMIN, pitch_ceiling=800.0, silence_threshold=0.09,
            voicing_threshold=0.5, octave_cost=0.055, octave_jump_cost=0.35, voiced_unvoiced_cost=0.14,
        )  # fmt: skip
        return pitch.xs(), pitch.selected_array["frequency"]

    return run


@lru_cache
def _swift_engine() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1)


def swift(y: np.ndarray, sr: int, step: float) -> Any:
    """A small convolutional network with a step of its own; voiced where it is surer than not."""
    found = _swift_engine().detect(y, sr, FMIN, FMAX)
    return found.timestamps, np.where(found.confidence > 0.5, found.pitch_hz, 0.0)


def harvest(y: np.ndarray, sr: int, step: float) -> Any:
    import pyworld

    f0, t = pyworld.harvest(y.astype(np.float64), sr, f0_floor=FMIN, f0_ceil=FMAX, frame_period=1000 * step)
    return t, f0


def dio(y: np.ndarray, sr: int, step: float) -> Any:
    import pyworld

    x = y.astype(np.float64)
    f0, t = pyworld.dio(x, sr, f0_floor=FMIN, f0_ceil=FMAX, frame_period=1000 * step)
    return t, pyworld.stonemask(x, f0, t, sr)


def rapt(y: np.ndarray, sr: int, step: float) -> Any:
    import pysptk

    hop = round(step * sr)
    f0 = pysptk.rapt(y * np.float32(32768), sr, hop, min=FMIN, max=FMAX, otype="f0")
    return np.arange(len(f0)) * hop / sr, f0


def kaldi(y: np.ndarray, sr: int, step: float) -> Any:
    """Kaldi's pitch has no voicing decision: its voicing feature is cut where its correlation is a half."""
    import kaldi_native_fbank as knf

    options, form = knf.PitchExtractionOptions(), knf.ProcessPitchOptions()
    options.samp_freq, options.min_f0, options.max_f0 = sr, FMIN, FMAX
    options.frame_shift_ms = 1000 * step
    form.add_delta_pitch = form.add_normalized_log_pitch = False
    form.add_raw_log_pitch = form.add_pov_feature = True
    feature, log_f0 = knf.compute_and_process_kaldi_pitch(options, form, y * np.float32(32768)).T
    times = np.arange(len(log_f0)) * step + 0.001 * options.frame_length_ms / 2
    return times, np.where(feature < 2 * (1.0001 - 0.5) ** 0.15 - 2, np.exp(log_f0), 0.0)


def pyin(y: np.ndarray, sr: int, step: float) -> Any:
    import librosa

    hop = round(step * sr)
    f0, voiced, _ = librosa.pyin(
        y, fmin=FMIN, fmax=FMAX, sr=sr, frame_length=2 * round(0.04 * sr), hop_length=hop
    )
    return np.arange(len(f0)) * hop / sr, np.where(voiced, np.nan_to_num(f0), 0.0)


@lru_cache
def _smile_engine() -> Any:
    import opensmile

    return opensmile.Smile(feature_set=opensmile.FeatureSet.ComParE_2016, feature_level="lld")


def smile(y: np.ndarray, sr: int, step: float) -> Any:
    """Sub-harmonic summation with a path, as in openSMILE's ComParE and eGeMAPS sets.

    Their range (52 to 620 Hz), step (10 ms) and smoothing are fixed; with the others' floor, ceiling and step
    its errors on FDA are two to four times as many.
    """
    f0 = _smile_engine().process_signal(y, sr)["F0final_sma"].to_numpy()
    return np.arange(len(f0)) * 0.01 + 0.03, f0


def fft_peak(y: np.ndarray, sr: int, step: float) -> Any:
    """The fastest plain track: batched float32 transforms of scipy, the bare maximum, no path."""
    from scipy import fft

    n, hop = round(0.04 * sr), round(step * sr)
    low, high = int(sr / FMAX), int(np.ceil(sr / FMIN))
    size = fft.next_fast_len(n + high + 1, real=True)
    window = np.hanning(n).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(y, n)[::hop]
    power = np.abs(fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window, size)) ** 2
    own = fft.irfft(np.abs(fft.rfft(window, size)) ** 2)[: high + 2]
    r = fft.irfft(power)[:, : high + 2] * (own[0] / own).astype(np.float32)
    r /= np.maximum(r[:, :1], np.float32(1e-12))
    best = r[:, low : high + 1].argmax(axis=1) + low
    strength = np.take_along_axis(r, best[:, None], 1)[:, 0]
    return np.arange(len(best)) * step + 0.02, np.where(strength > 0.45, sr / best, 0.0)


# Name: the package that it needs, the function.
EVERY: dict[str, tuple[str | None, Callable[..., Any]]] = {
    "stcorner": (None, ours()),
    "stcorner, Praat's setting": (
        None,
        ours(octave_cost=0.01, octave_cost_in_voicing=True, noise_adaptation=0.0, refine_periods=1),
    ),
    "stcorner, peak": (None, ours(tracker="peak")),
    "scipy FFT peak": (None, fft_peak),
    "stcorner, no low-pass": (None, ours(low_pass=0.0)),
    "Praat ac": ("praat-parselmouth", praat),
    "Praat cc": ("praat-parselmouth", praat_cc),
    "Praat filtered ac": ("praat-parselmouth", praat_filtered("ac")),
    "Praat filtered cc": ("praat-parselmouth", praat_filtered("cc")),
    "SwiftF0": ("swift-f0", swift),
    "RAPT": ("pysptk", rapt),
    "Kaldi": ("kaldi-native-fbank", kaldi),
    "pyworld harvest": ("pyworld", harvest),
    "pyworld dio": ("pyworld", dio),
    "openSMILE": ("opensmile", smile),
    "librosa pyin": ("librosa", pyin),
}


def trackers(names: list[str] | None = None) -> dict[str, Callable[..., Any]]:
    """Return those of the named trackers whose packages are installed, and name the others."""
    chosen = {name: EVERY[name] for name in names or EVERY}
    absent = [name for name, (package, _) in chosen.items() if package and not version(package)]
    if absent:
        print(f"not installed, left out: {', '.join(absent)}")
    return {name: run for name, (_, run) in chosen.items() if name not in absent}
