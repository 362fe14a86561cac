"""The recipe `rich`: 525 values of a speech clip, each with a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.audio._functionals import FUNCTIONALS, quantile, quantiles, runs, summarise
from stcorner.audio._measure import Frames, Layout
from stcorner.audio.descriptors import DESCRIPTORS, measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CORRELATED", "LLD_NAMES", "NAMES", "SAMPLE_RATE", "Tracks", "rich", "tracks"]

SAMPLE_RATE = 16000
_STEP = 0.01  # seconds per frame
# Levels of the quietest fifth of the frames differ by less in noise that goes on and on.
_STEADY_DB = 4.0
# In louder noise half the voice lies below any level that the noise stays below.
_CONTRAST_DB = 12.0
_LAYOUT = Layout.checked(SAMPLE_RATE, None, 60.0, 500.0)
LLD_NAMES = (
    "zcr", "energy_db", "centroid", "spread", "rolloff25", "rolloff50", "rolloff75", "rolloff90", "entropy",
    "flatness", "flux", "alpha_ratio", "hammarberg", "slope_50_500", "slope_500_1500", "slope_1500_6000",
    "periodicity", "hnr", "h1_h2", "h1_a3",
)  # fmt: skip
_MFCC_NAMES = DESCRIPTORS["mfcc"].columns
_F0_NAMES = (
    "mean", "std", "p5", "p20", "p50", "p80", "p95", "range90", "range60", "slope", "curvature", "rise_share",
    "fall_share", "rise_mean", "fall_mean", "acceleration", "change", "change_std", "first_third",
    "middle_third", "last_third", "first_third_rel", "middle_third_rel", "last_third_rel", "peak_position",
    "end_rel",
)  # fmt: skip
_TIMING_NAMES = (
    "duration", "log_duration", "voiced_share", "segments", "segment_rate", "segment_mean", "segment_std",
    "segment_max", "pause_total", "pauses", "pause_max", "active_share", "energy_peak_rate", "lead", "tail",
)  # fmt: skip
_ENERGY_NAMES = ("p95", "power_mean", "noise_floor", "attack", "decay", "peak_position")
CORRELATED = ("energy", *_MFCC_NAMES[:12])
NAMES = (
    *(f"{track}_{name}" for track in (*LLD_NAMES, *_MFCC_NAMES) for name in FUNCTIONALS),
    *(f"{track}_{name}" for track in DESCRIPTORS["delta_mfcc"].columns for name in ("mean", "std")),
    *(f"f0_semitones_{name}" for name in _F0_NAMES),
    *(f"timing_{name}" for name in _TIMING_NAMES),
    *(f"energy_contour_{name}" for name in _ENERGY_NAMES),
    *(f"corr_{a}_{b}" for i, a in enumerate(CORRELATED) for b in CORRELATED[i + 1 :]),
)


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Descriptors of one clip, a row per 10 ms frame."""

    lld: NDArray[np.float32]  # (t, 20), columns LLD_NAMES
    mfcc: NDArray[np.float32]  # (t, 20), coefficients 1 to 20
    delta_mfcc: NDArray[np.float32]  # (t, 20)
    f0: NDArray[np.float32]  # (t,) semitones above 55 Hz; meaningful where voiced
    energy: NDArray[np.float32]  # (t,) dB
    active: NDArray[np.bool_]  # (t,) loud enough to be speech
    voiced: NDArray[np.bool_]  # (t,)


def tracks(y: NDArray[np.float32]) -> Tracks:
    """Compute all tracks of a 16 kHz signal (n,).

    The signal is centred and scaled so that its loudest frame has an energy of 0 dB: a microphone's gain
    changes nothing.
    """
    signal = y - y.mean(dtype=np.float64).astype(np.float32)
    frames = Frames(_LAYOUT, signal, range(1 + len(signal) // _LAYOUT.hop), n_threads=1)

    def of(name: str) -> NDArray[np.float32]:
        return np.asarray(measured(DESCRIPTORS[name], frames), dtype=np.float32)

    energy = of("energy_db")
    loud = quantile(energy, 0.97)
    periodicity = of("periodicity")
    above = _above_noise(energy, periodicity, loud)
    return Tracks(
        lld=np.stack([of(name) for name in LLD_NAMES], axis=1),
        mfcc=of("mfcc"),
        delta_mfcc=of("delta_mfcc"),
        f0=of("f0_semitones"),
        energy=energy,
        active=energy > max(loud - 32.0, above),
        voiced=(periodicity > 0.5) & (energy > max(loud - 30.0, above)),
    )


def _above_noise(energy: NDArray[np.float32], periodicity: NDArray[np.float32], loud: float) -> float:
    """Return the level from which frames stand out of a steady noise, minus infinity without one."""
    least, floor, low = quantiles(energy.astype(np.float64), (0.02, 0.1, 0.2))
    if low - least > _STEADY_DB or np.median(periodicity[energy <= low]) > 0.4:
        return -np.inf  # what is quiet differs, as in speech without a pause, or is itself a voice held
    contrast = loud - floor
    return float(floor + min(6.0, contrast / 3)) if contrast > _CONTRAST_DB else -np.inf


def rich(found: Tracks) -> NDArray[np.float32]:
    """Return the 525 values of a clip's tracks, in the order of `NAMES`."""
    begin, end = _region(found.active)
    region = slice(begin, end)
    both = np.concatenate([found.lld, found.mfcc], axis=1)
    inside = np.zeros(len(found.voiced), bool)
    inside[region] = found.voiced[region]
    if inside.sum() < 5:  # whispered, or hardly anything: take what is loud
        inside = found.active if found.active.any() else np.ones_like(inside)
    parts: list[NDArray[Any]] = [
        summarise(both[region]).ravel(),
        summarise(found.delta_mfcc[region], ("mean", "std")).ravel(),
        _pitch(found.f0, inside, begin, end),
        _timing(found, inside, begin, end),
        _energy(found.energy, begin, end),
        _correlations(np.concatenate([found.energy[region, None], found.mfcc[region, :12]], axis=1)),
    ]
    return np.concatenate(parts).astype(np.float32)


def _region(active: NDArray[np.bool_]) -> tuple[int, int]:
    """First to last loud frame; everything where that is too short to describe."""
    loud = np.flatnonzero(active)
    begin, end = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, len(active))
    return (begin, end) if end - begin >= 10 else (0, len(active))


def _pitch(f0: NDArray[np.float32], where: NDArray[np.bool_], begin: int, end: int) -> NDArray[np.float64]:
    frames = np.flatnonzero(where)
    x = f0[frames].astype(np.float64)
    p5, p20, p50, p80, p95 = quantiles(x, (0.05, 0.2, 0.5, 0.8, 0.95))
    mean = x.mean()
    time = (frames - begin) / (end - begin) - 0.5
    slope, curvature = _parabola(time, x)
    step = np.diff(x)[np.diff(frames) == 1]
    step = step[np.abs(step) < 6.0]  # half an octave in 10 ms is an error, not speech
    if len(step) < 3:
        step = np.zeros(3)
    up, down = step[step > 0], step[step < 0]
    thirds = []
    for i in range(3):
        inside = (time >= -0.5 + i / 3) & (time < -0.5 + (i + 1) / 3)
        thirds.append(x[inside].mean() if inside.sum() > 2 else mean)
    return np.array([
        mean, x.std(), p5, p20, p50, p80, p95, p95 - p5, p80 - p20, slope, curvature,
        (step > 0.05).mean(), (step < -0.05).mean(),
        up.mean() if len(up) else 0.0, down.mean() if len(down) else 0.0,
        np.abs(np.diff(step)).mean(), np.abs(step).mean(), step.std(),
        *thirds, *(third - mean for third in thirds),
        time[x.argmax()], x[-max(3, len(x) // 8) :].mean() - mean,
    ])  # fmt: skip


def _parabola(time: NDArray[np.float64], x: NDArray[np.float64]) -> tuple[float, float]:
    """Slope of the line and square term of the parabola of least squares, 0 where undetermined."""
    if len(x) < 6:
        return 0.0, 0.0
    line = time - time.mean()
    square = line * line
    power = square.sum()
    if power < 1e-12:
        return 0.0, 0.0
    bow = square - square.mean() - line * ((square @ line) / power)
    size = bow @ bow
    return float(x @ line / power), float(x @ bow / size) if size > 1e-12 else 0.0


def _timing(found: Tracks, voiced: NDArray[np.bool_], begin: int, end: int) -> NDArray[np.float64]:
    seconds = (end - begin) * _STEP
    segments = runs(voiced) * _STEP
    active = found.active[begin:end]
    pauses = runs(~active) * _STEP
    energy = found.energy[begin:end]
    smooth = np.convolve(energy, np.full(5, 0.2), "same")
    peak = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]) & (smooth[1:-1] > energy.max() - 25.0)
    return np.array([
        seconds, np.log(seconds), voiced[begin:end].mean(), len(segments), len(segments) / seconds,
        segments.mean() if len(segments) else 0.0, segments.std() if len(segments) else 0.0,
        segments.max(initial=0.0), pauses.sum(), (pauses > 0.05).sum(), pauses.max(initial=0.0),
        active.mean(), peak.sum() / seconds, begin * _STEP, (len(found.active) - end) * _STEP,
    ])  # fmt: skip


def _energy(energy: NDArray[np.float32], begin: int, end: int) -> NDArray[np.float64]:
    inside = energy[begin:end].astype(np.float64)
    step = np.diff(inside) if len(inside) > 1 else np.zeros(1)
    up, down = step[step > 0], step[step < 0]
    return np.array([
        quantiles(inside, (0.95,))[0],
        10.0 * np.log10((10.0 ** (inside / 10.0)).mean()),
        quantiles(energy, (0.03,))[0],
        up.mean() if len(up) else 0.0,
        down.mean() if len(down) else 0.0,
        inside.argmax() / len(inside) - 0.5,
    ])  # fmt: skip


def _correlations(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Correlation of every pair of columns (upper triangle, row by row)."""
    centred = values.astype(np.float64)
    centred -= centred.mean(axis=0)
    covariance = centred.T @ centred / max(1, len(centred) - 1)
    spread = np.sqrt(np.diag(covariance)) + 1e-6
    upper = np.triu_indices(values.shape[1], 1)
    return np.asarray((covariance / spread / spread[:, None])[upper])
