"""The voice against its peers: time of every function, and errors of the pitch trackers.

python bench/audio.py                     all of these in turn, or those that are named:
    speed      60 s of synthetic voices at 16 and 48 kHz, one thread
    mel        Whisper's log-mel and 13 MFCC of 60 s at 16 kHz, one thread
    clips      clip vectors of one RAVDESS clip against librosa and openSMILE
    quality    pitch errors on synthetic voices with known f0, clean to 0 dB
    fda        pitch errors on FDA against its laryngograph

Each checks that results agree where they mean the same, prints its figures and writes
bench/results/audio_*.json. Peers that are not installed are named and left out: pip install '.[bench]'.
Clips are in STCORNER_DATA, or in shared/data beside the checkout.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

# Before numpy and the core are loaded, which read these.
os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")})

import numpy as np

import stcorner
from audio_quality import fda, quality, show
from audio_trackers import EVERY, STEP, trackers
from audio_voices import data, minute
from common import interleaved, version, write_results

if TYPE_CHECKING:
    from collections.abc import Callable

# The others take from half a second (pyworld's DIO) to a minute (pyin) for the same.
TIMED = [
    "stcorner",
    "stcorner, Praat's setting",
    "stcorner, peak",
    "scipy FFT peak",
    "Praat ac",
    "RAPT",
    "Kaldi",
]


def ratios(task: str, cases: dict[str, Callable[[], object]], own: str, **more: Any) -> list[dict[str, Any]]:
    rows = []
    times = interleaved(cases, repeats=9)
    for name, each in times.items():
        ratio = each["median_s"] / times[own]["median_s"]
        row = {"task": task, **more, "case": name, "ms": 1e3 * each["median_s"], "times_ours": ratio}
        rows.append({**row, "cpu_ms": 1e3 * each["cpu_min_s"]})
        show(rows[-1])
    return rows


def kaldi(y: np.ndarray, sr: int, lead: int) -> dict[str, Callable[[], np.ndarray]]:
    """Mel spectrum and MFCC of kaldi-native-fbank with librosa's filters; its windows begin `lead` later."""
    import kaldi_native_fbank as knf

    fbank, mfcc = knf.FbankOptions(), knf.MfccOptions()
    fbank.use_log_fbank = fbank.use_energy = mfcc.use_energy = False
    mfcc.num_ceps, mfcc.cepstral_lifter = 20, 0.0
    for options in (fbank, mfcc):
        cut, bank = options.frame_opts, options.mel_opts
        cut.samp_freq, cut.dither, cut.preemph_coeff, cut.window_type = sr, 0.0, 0.0, "hann"
        cut.frame_length_ms, cut.frame_shift_ms, cut.remove_dc_offset = 25.0, 1000 * STEP, False
        bank.num_bins, bank.low_freq, bank.high_freq = 128, 0.0, 8000.0
        bank.is_librosa, bank.norm, bank.use_slaney_mel_scale = True, "slaney", True

    def run(engine: Any) -> np.ndarray:
        engine.accept_waveform(sr, y[lead:])
        engine.input_finished()
        return np.stack([engine.get_frame(i) for i in range(engine.num_frames_ready)], axis=1)

    return {"mel": lambda: run(knf.OnlineFbank(fbank)), "mfcc": lambda: run(knf.OnlineMfcc(mfcc))}


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
    others = kaldi(y, sr, (n_fft - frame) // 2) if version("kaldi-native-fbank") else {}
    for task, (mine, theirs) in pairs.items():
        a, b = mine(), theirs()
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max())
        cases = {"stcorner": mine, "librosa": theirs}
        if task in others:
            cases["kaldi-native-fbank"] = others[task]
            if task == "mfcc":  # Kaldi's are of natural logarithms with another floor and no limit of range
                mel = np.maximum(pairs["mel"][0](), np.finfo(np.float32).eps)
                a = stcorner.mfcc(S=mel, n_mfcc=20, top_db=None) * np.log(10) / 10
            c = others[task]()[:, : a.shape[1]]
            np.testing.assert_allclose(a[:, : c.shape[1]], c, rtol=1e-3, atol=1e-4 * np.abs(c).max())
        rows += ratios(task, cases, "stcorner", sr=sr)
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
    runs = {name: (lambda run=run: run(y, sr, STEP)) for name, run in trackers(TIMED).items()}
    return rows + ratios("pitch", runs, "stcorner", sr=sr)


def log_mel(y: np.ndarray, sr: int) -> list[dict[str, Any]]:
    """Whisper's log-mel, 80 bands of frames of 25 ms every 10, and 13 MFCC of it."""
    import librosa

    spectrum = {"sr": sr, "n_fft": 400, "hop_length": 160, "n_mels": 80}
    cases = {
        "stcorner": lambda: stcorner.log_mel(y, **spectrum),
        "librosa": lambda: librosa.power_to_db(librosa.feature.melspectrogram(y=y, **spectrum), top_db=None),
    }
    cepstra = {
        "stcorner": lambda: stcorner.mfcc(y, n_mfcc=13, **spectrum),
        "stcorner, top_db=None": lambda: stcorner.mfcc(y, n_mfcc=13, top_db=None, **spectrum),
        "librosa": lambda: librosa.feature.mfcc(y=y, n_mfcc=13, **spectrum),
    }
    np.testing.assert_allclose(cepstra["stcorner"](), cepstra["librosa"](), atol=2e-2)
    own = cases["stcorner"]()
    np.testing.assert_allclose(own, cases["librosa"](), atol=2e-3)
    if version("asrfront"):
        from asrfront import whisper

        cases["asrfront"] = lambda: whisper.log_mel(y, pad_or_trim=False)
        theirs = 40.0 * cases["asrfront"]() - 40.0  # of which the last 8 powers of ten are kept
        inner = np.maximum(own, own.max() - 80.0)[:, 2 : theirs.shape[1] - 2]
        np.testing.assert_allclose(inner, theirs[:, 2:-2], atol=2e-2)
    if version("kaldi-native-fbank"):
        import kaldi_native_fbank as knf

        def run(make: Any, options: Any) -> np.ndarray:
            options.frame_opts.samp_freq, options.frame_opts.dither = sr, 0.0
            options.mel_opts.num_bins = 80
            engine = make(options)
            engine.accept_waveform(sr, y)
            engine.input_finished()
            return np.stack([engine.get_frame(i) for i in range(engine.num_frames_ready)], axis=1)

        cases["kaldi-native-fbank"] = lambda: run(knf.OnlineFbank, knf.FbankOptions())
        cepstra["kaldi-native-fbank"] = lambda: run(knf.OnlineMfcc, knf.MfccOptions())
    return ratios("log-mel", cases, "stcorner", sr=sr) + ratios("13 mfcc", cepstra, "stcorner", sr=sr)


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


def main() -> None:
    subjects: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "speed": lambda: [row for sr in options.rates for row in speed(minute(sr), sr)],
        "mel": lambda: log_mel(minute(16000), 16000),
        "clips": clips,
        "quality": lambda: quality(options.trackers, options.voices),
        "fda": lambda: fda(options.trackers),
    }
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", help=", ".join(subjects))
    parser.add_argument("--rates", type=int, nargs="+", default=[16000, 48000])
    parser.add_argument("--trackers", nargs="+", choices=list(EVERY), help="default: all")
    parser.add_argument("--voices", type=int, default=24)
    parser.add_argument("--dry-run", action="store_true", help="print only; leave bench/results alone")
    options = parser.parse_args()
    unknown = set(options.what) - set(subjects)
    if unknown:
        parser.error(f"what must be one of {', '.join(subjects)}, got {', '.join(sorted(unknown))}")
    if hasattr(os, "sched_setaffinity"):  # Praat, for one, starts threads by itself
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for what in options.what or subjects:
        rows = subjects[what]()
        if not options.dry_run:
            write_results(f"audio_{what}", rows)


if __name__ == "__main__":
    main()
