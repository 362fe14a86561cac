"""The voice against its peers: time of every function, and errors of the pitch trackers.

python bench/audio.py speed               60 s of synthetic voices at 16 and 48 kHz, one thread
python bench/audio.py clips               clip vectors of one RAVDESS clip against librosa and openSMILE
python bench/audio.py quality             pitch errors on synthetic voices with known f0, clean to 0 dB
python bench/audio.py fda                 pitch errors on FDA against its laryngograph

Each checks that results agree where they mean the same, prints its figures and writes
bench/results/audio_*.json. Peers that are not installed are left out: pip install '.[bench]' (and pyworld,
pysptk). Clips are in STCORNER_DATA, or in shared/data beside the checkout.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before numpy and the core are loaded, which read these.
os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")})

import numpy as np

import stcorner
from common import interleaved, version, write_results

if TYPE_CHECKING:
    from collections.abc import Callable

STEP, FMIN, FMAX = 0.01, 75.0, 500.0


# ---- input


def voice(seed: int, sr: int, *, hard: bool, seconds: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """A synthetic voice and its f0 at every sample (0 where unvoiced).

    Harmonics under four formants, voiced stretches between hiss and silence. Hard voices glide every
    0.12 s, jitter, creak (every second cycle weaker), breathe, and half of them lack what a telephone cuts.
    """
    from scipy.signal import butter, sosfiltfilt

    rng = np.random.default_rng([seed, hard])
    n = int(seconds * sr)
    t = np.arange(n) / sr
    low, high = (85, 180) if seed % 2 else (150, 340)
    knots = np.arange(0.0, seconds + 0.3, 0.12 if hard else 0.25)
    f0 = np.exp(np.interp(t, knots, np.log(rng.uniform(low, high, len(knots)))))
    f0 *= 1 + 0.01 * np.sin(2 * np.pi * 5.5 * t + rng.uniform(0, 6))
    if hard:
        ticks = np.arange(0.0, seconds + 0.02, 0.008)
        f0 *= 1 + 0.01 * np.interp(t, ticks, rng.standard_normal(len(ticks)))
    voiced, hiss = np.zeros(n, bool), np.zeros(n, bool)
    at = int(0.1 * sr)
    while at < n - sr // 10:
        stop = at + int(rng.uniform(0.35, 1.1) * sr)
        voiced[at:stop] = True
        at = stop + int(rng.uniform(0.12, 0.35) * sr)
        hiss[stop:at] = rng.random() < 0.6
    formants = [rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2300, 3000), 3600.0]
    phase = 2 * np.pi * np.cumsum(f0) / sr
    x = np.zeros(n)
    for h in range(1, int(7000 / low)):
        f = h * f0
        gain = sum(
            weight / np.sqrt(1 + ((f - centre) / width) ** 2)
            for centre, width, weight in zip(formants, (90, 120, 180, 250), (1, 0.6, 0.35, 0.2), strict=True)
        )
        x += (f < 0.45 * sr) * (gain + 0.15 / h) / h**0.6 * np.sin(h * phase + rng.uniform(0, 2 * np.pi))
    if hard:
        x *= 1 + np.interp(t, knots, np.where(rng.random(len(knots)) < 0.3, 0.25, 0.0)) * np.cos(phase / 2)
        x += 0.12 * x[voiced].std() * rng.standard_normal(n)
    fade = np.hanning(2 * int(0.012 * sr) + 1)
    x *= np.convolve(voiced, fade / fade.sum(), "same")
    x *= np.interp(t, knots, rng.uniform(0.15 if hard else 0.5, 1.0, len(knots)))
    if hard and seed % 4 < 2:
        x = sosfiltfilt(butter(4, [300, min(3400, 0.45 * sr)], "band", fs=sr, output="sos"), x)
    x /= x[voiced].std()
    noise = np.diff(rng.standard_normal(n), prepend=0.0)
    x += 0.25 * noise / noise.std() * np.convolve(hiss, np.hanning(161) / 80, "same")
    return 0.1 * x, np.where(voiced, f0, 0.0)


def noises(voices: list[np.ndarray], index: int, *, hard: bool) -> np.ndarray:
    """White noise; for hard voices pink noise and the babble of six others, half each."""
    rng = np.random.default_rng(1000 + index)
    white = rng.standard_normal(len(voices[0]))
    if not hard:
        return white / white.std()
    n = len(white)
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 20)), n)
    babble = sum(np.roll(voices[(index + 3 * k) % len(voices)], int(rng.integers(n))) for k in range(1, 7))
    both = pink / pink.std() + babble / babble.std()
    return both / both.std()


def minute(sr: int) -> np.ndarray:
    """60 s of voices with noise at 30 dB."""
    y = np.concatenate([voice(seed, sr, hard=False)[0] for seed in range(12)])
    y += y.std() * 10 ** (-30 / 20) * np.random.default_rng(1).standard_normal(len(y))
    return (0.5 * y / np.abs(y).max()).astype(np.float32)


def data() -> Path:
    named = os.environ.get("STCORNER_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"no clips: {folder} is not a folder (set STCORNER_DATA)")
    return folder


# ---- pitch trackers: run(y, sr, step) -> times, f0 (0 where unvoiced)


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


def world(y: np.ndarray, sr: int, step: float) -> Any:
    import pyworld

    f0, t = pyworld.harvest(y.astype(np.float64), sr, f0_floor=FMIN, f0_ceil=FMAX, frame_period=1000 * step)
    return t, f0


def rapt(y: np.ndarray, sr: int, step: float) -> Any:
    import pysptk

    hop = round(step * sr)
    f0 = pysptk.rapt(y * np.float32(32768), sr, hop, min=FMIN, max=FMAX, otype="f0")
    return np.arange(len(f0)) * hop / sr, f0


def pyin(y: np.ndarray, sr: int, step: float) -> Any:
    import librosa

    hop = round(step * sr)
    f0, voiced, _ = librosa.pyin(
        y, fmin=FMIN, fmax=FMAX, sr=sr, frame_length=2 * round(0.04 * sr), hop_length=hop
    )
    return np.arange(len(f0)) * hop / sr, np.where(voiced, np.nan_to_num(f0), 0.0)


def smile(y: np.ndarray, sr: int, step: float) -> Any:
    """The f0 of openSMILE's ComParE set (sub-harmonic summation with its own path); its step is 10 ms."""
    import opensmile

    engine = opensmile.Smile(
        feature_set=opensmile.FeatureSet.ComParE_2016,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )
    table = engine.process_signal(y, sr)
    start = table.index.get_level_values("start").total_seconds().to_numpy()
    return start + 0.03, table["F0final_sma"].to_numpy()


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


def trackers(names: str | None) -> dict[str, Callable[..., Any]]:
    every = {
        "stcorner": (None, ours()),
        "stcorner, Praat's setting": (
            None,
            ours(octave_cost=0.01, octave_cost_in_voicing=True, noise_adaptation=0.0),
        ),
        "stcorner, peak": (None, ours(tracker="peak")),
        "scipy FFT peak": (None, fft_peak),
        "Praat ac": ("praat-parselmouth", praat),
        "RAPT": ("pysptk", rapt),
        "pyworld harvest": ("pyworld", world),
        "openSMILE": ("opensmile", smile),
        "librosa pyin": ("librosa", pyin),
    }
    chosen = names.split(",") if names else [name for name in every if name != "librosa pyin"]
    return {
        name: run
        for name, (package, run) in every.items()
        if name in chosen and (package is None or version(package))
    }


# ---- errors


def errors(cases: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Errors in percent from pairs of true and found f0, frame by frame, 0 where unvoiced.

    gross: more than 20 % off, of the frames voiced in both; voicing: wrong decisions, of all; full_frame:
    either, of all; fine: median deviation in cents of the others.
    """
    truth, found = (np.concatenate(part) for part in zip(*cases, strict=True))
    both = (truth > 0) & (found > 0)
    ratio = np.where(both, found / np.where(both, truth, 1.0), 1.0)
    gross = both & (np.abs(ratio - 1.0) > 0.2)
    wrong = (truth > 0) != (found > 0)
    fine = np.abs(1200 * np.log2(ratio[both & ~gross]))
    return {
        "gross": 100 * gross.sum() / max(1, both.sum()),
        "voicing": 100 * wrong.mean(),
        "full_frame": 100 * (wrong | gross).mean(),
        "fine_cents": float(np.median(fine)) if len(fine) else float("nan"),
        "frames": len(truth),
    }


def nearest(times: np.ndarray, f0: np.ndarray, at: np.ndarray) -> np.ndarray:
    """f0 of the frames nearest to the times `at`; unvoiced beyond the track's ends."""
    step = times[1] - times[0]
    k = np.round((at - times[0]) / step).astype(int)
    inside = (k >= 0) & (k < len(f0))
    return np.where(inside, f0[np.clip(k, 0, len(f0) - 1)], 0.0)


def quality(names: str | None, count: int) -> list[dict[str, Any]]:
    rows = []
    sr = 16000
    for hard in (False, True):
        made = [voice(seed, sr, hard=hard) for seed in range(count)]
        voices = [x for x, _ in made]
        for snr in (None, 20, 10, 0):
            signals = []
            for index, (x, f0) in enumerate(made):
                level = 0.0 if snr is None else x[f0 > 0].std() * 10 ** (-snr / 20)
                y = x + level * noises(voices, index, hard=hard)
                signals.append((0.9 * y / max(1.0, np.abs(y).max())).astype(np.float32))
            for name, run in trackers(names).items():
                cases = []
                for y, (_, f0) in zip(signals, made, strict=True):
                    at = np.arange(0.05, len(y) / sr - 0.05, STEP)
                    found = nearest(*run(y, sr, STEP), at)
                    # Frames that straddle an onset or an end have no definite truth.
                    width = int((0.005 if hard else 0.02) * sr)
                    middle = (at * sr).astype(int)
                    around = np.stack([f0[middle + k] > 0 for k in range(-width, width, 8)])
                    clear = around.all(axis=0) | ~around.any(axis=0)
                    cases.append((f0[middle][clear], found[clear]))
                row = {"set": "hard" if hard else "easy", "snr_db": "clean" if snr is None else snr}
                rows.append({**row, "tracker": name, **errors(cases)})
                show(rows[-1])
    return rows


def fda(names: str | None) -> list[dict[str, Any]]:
    import soundfile

    rows = []
    for name, run in trackers(names).items():
        cases = []
        step = STEP if name == "openSMILE" else 0.005  # a third of the reference's step
        for path in sorted((data() / "pitch" / "fda").glob("*.wav")):
            y, sr = soundfile.read(path, dtype="float32")
            truth = np.loadtxt(path.with_suffix(".f0ref"))
            cases.append((truth, nearest(*run(y, sr, step), 0.015 * np.arange(len(truth)))))
        rows.append({"set": "FDA", "tracker": name, **errors(cases)})
        show(rows[-1])
    return rows


# ---- time


def ratios(task: str, cases: dict[str, Callable[[], object]], own: str, **more: Any) -> list[dict[str, Any]]:
    rows = []
    times = interleaved(cases, repeats=9)
    for name, each in times.items():
        ratio = each["median_s"] / times[own]["median_s"]
        row = {"task": task, **more, "case": name, "ms": 1e3 * each["median_s"], "times_ours": ratio}
        rows.append({**row, "cpu_ms": 1e3 * each["cpu_min_s"]})
        show(rows[-1])
    return rows


def speed(y: np.ndarray, sr: int) -> list[dict[str, Any]]:
    import librosa

    feature = librosa.feature
    rows = []
    frame, hop = round(0.025 * sr), round(STEP * sr)
    cut = {"frame_length": frame, "hop_length": hop, "center": False}
    n_fft = 1 << (frame - 1).bit_length()
    spectrum = {"n_fft": n_fft, "hop_length": hop, "win_length": frame, "center": False}
    spectrum["fmax"] = 8000.0
    tones = {name: value for name, value in spectrum.items() if name != "fmax"}
    pairs = {
        "zcr": (
            lambda: stcorner.zero_crossing_rate(y, **cut),
            lambda: feature.zero_crossing_rate(y, **cut)[0],
        ),
        "rms": (lambda: stcorner.rms(y, **cut), lambda: feature.rms(y=y, **cut)[0]),
        "mel": (
            lambda: stcorner.melspectrogram(y, sr=sr, **spectrum),
            lambda: feature.melspectrogram(y=y, sr=sr, **spectrum),
        ),
        "mfcc": (
            lambda: stcorner.mfcc(y, sr=sr, n_mfcc=20, **spectrum),
            lambda: feature.mfcc(y=y, sr=sr, n_mfcc=20, **spectrum),
        ),
        "chroma": (
            lambda: stcorner.chroma(y, sr=sr, tuning=0.0, **tones),
            lambda: feature.chroma_stft(y=y, sr=sr, tuning=0.0, **tones),
        ),
    }
    for task, (mine, theirs) in pairs.items():
        a, b = mine(), theirs()
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max())
        rows += ratios(task, {"stcorner": mine, "librosa": theirs}, "stcorner", sr=sr)
    both = {
        "stcorner": lambda: stcorner.zcr_and_rms(y, **cut),
        "librosa": lambda: (pairs["zcr"][1](), pairs["rms"][1]()),
    }
    rows += ratios("zcr and rms", both, "stcorner", sr=sr)
    together = {
        "stcorner": lambda: stcorner.spectral_features(y, sr=sr, tuning=0.0, **spectrum),
        "librosa": lambda: [pairs[name][1]() for name in ("mel", "mfcc", "chroma")],
    }
    rows += ratios("mel, mfcc and chroma", together, "stcorner", sr=sr)
    quick = {name: run for name, run in trackers(None).items() if name != "openSMILE"}
    runs = {name: (lambda run=run: run(y, sr, STEP)) for name, run in quick.items()}
    rows += ratios("pitch", runs, "stcorner", sr=sr)
    return rows


def clips() -> list[dict[str, Any]]:
    import librosa
    import soundfile

    path = next(iter(sorted((data() / "ravdess" / "audio_speech").glob("*/*.flac"))))
    y, sr = soundfile.read(path, dtype="float32")
    part = y[int(0.6 * sr) :][: int(2.5 * sr)]
    feature = librosa.feature

    def notebook() -> np.ndarray:
        magnitude = np.abs(librosa.stft(part))
        tracks = (
            feature.zero_crossing_rate(y=part), feature.chroma_stft(S=magnitude, sr=sr),
            feature.mfcc(y=part, sr=sr), feature.rms(y=part), feature.melspectrogram(y=part, sr=sr),
        )  # fmt: skip
        return np.concatenate([track.mean(axis=1) for track in tracks])

    def mine() -> np.ndarray:
        return stcorner.clip_features(y, sr=sr, recipe="notebook162")

    np.testing.assert_allclose(mine(), notebook(), rtol=1e-4)
    rows = ratios("notebook162", {"stcorner": mine, "librosa": notebook}, "stcorner")
    rich = {"stcorner rich": lambda: stcorner.clip_features(y, sr=sr)}
    if version("opensmile"):
        import opensmile

        engine = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
        )
        rich["openSMILE eGeMAPSv02"] = lambda: engine.process_signal(y, sr)
    return rows + ratios("rich", rich, "stcorner rich", seconds=len(y) / sr)


def show(row: dict[str, Any]) -> None:
    print(
        "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "clips", "quality", "fda"])
    parser.add_argument("--rates", type=int, nargs="+", default=[16000, 48000])
    parser.add_argument("--trackers", help="names, with commas; default: all but librosa pyin, which is slow")
    parser.add_argument("--voices", type=int, default=24)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # Praat, for one, starts threads by itself
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if options.what == "speed":
        rows = [row for sr in options.rates for row in speed(minute(sr), sr)]
    elif options.what == "clips":
        rows = clips()
    elif options.what == "quality":
        rows = quality(options.trackers, options.voices)
    else:
        rows = fda(options.trackers)
    write_results(f"audio_{options.what}", rows)


if __name__ == "__main__":
    main()
