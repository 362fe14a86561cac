"""Recipe `egemaps` beside openSMILE's eGeMAPSv02: correlation of each of the 88 values, and speed.

python bench/audio_egemaps.py

Takes six RAVDESS clips of each of twenty actors and the clips of GRID and CREMA-D, and writes
bench/results/audio_egemaps.json. Needs opensmile; with praat-parselmouth the formants of both are compared
with Praat's, frame by frame. Clips are in STCORNER_DATA, or in shared/data beside the checkout.
"""

from __future__ import annotations

import os

os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})

import time
from typing import Any

import numpy as np
import opensmile

import stcorner
from audio_voices import data
from common import version, write_results

# Why a value agrees less than 0.95, by what stands in its name.
REASONS = {
    "jitter": "each period is sought from the last one's end: one found otherwise moves all that follow",
    "shimmer": "each period is sought from the last one's end: one found otherwise moves all that follow",
    "Slope": "f0 differs in one of a hundred frames; one jump of an octave decides the steepest slopes",
    "F0semitone": "f0 differs in one of a hundred frames, by an octave at times",
    "Segment": "voicing differs in one of four hundred frames, which splits or joins stretches",
    "stddevNorm": "a quotient by a mean near 0, which a few clips decide: see the ranks",
}


def clips() -> list[tuple[np.ndarray, int]]:
    """Return the sound and the rate of each clip."""
    root = data()
    paths = []
    for actor in range(1, 21):
        found = sorted((root / "ravdess" / "audio_speech" / f"Actor_{actor:02}").glob("*.flac"))
        paths += found[actor % 10 :: 10][:6]
    paths += sorted((root / "video").glob("grid_*.mpg")) + sorted(
        (root / "crema-d" / "AudioMP3").glob("*.mp3")
    )
    return [stcorner.load_audio(path, sr=16000) for path in paths]


def formants(y: np.ndarray, theirs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Frequencies (t, 3) in voiced frames of Praat, of stcorner and of openSMILE."""
    import parselmouth

    ours, _ = stcorner.formants(y, sr=16000, n_formants=3)
    praat = parselmouth.Sound(y.astype(np.float64), 16000).to_formant_burg(
        time_step=0.005, maximum_formant=5500
    )
    voiced = np.flatnonzero(theirs["F0semitoneFrom27.5Hz_sma3nz"] > 0)
    # Its frames begin at multiples of 10 ms; those of 20 ms are centred one further.
    frames = voiced[voiced + 1 < len(ours)]
    reference = [[praat.get_value_at_time(k, 0.01 * (i + 1)) for k in (1, 2, 3)] for i in frames]
    smile = [theirs[f"F{k}frequency_sma3nz"][frames] for k in (1, 2, 3)]
    return [np.array(reference).reshape(-1, 3), ours[frames + 1], np.transpose(smile)]


def main() -> None:
    sets, levels = opensmile.FeatureSet, opensmile.FeatureLevel
    engine = opensmile.Smile(feature_set=sets.eGeMAPSv02, feature_level=levels.Functionals)
    frames = opensmile.Smile(feature_set=sets.eGeMAPSv02, feature_level=levels.LowLevelDescriptors)
    ours, theirs, tracked = [], [], []
    spent = {"stcorner": [], "opensmile": []}
    seconds = 0.0
    for y, sr in clips():
        start = time.process_time()
        ours.append(stcorner.clip_features(y, sr=sr, recipe="egemaps"))
        middle = time.process_time()
        table = engine.process_signal(y, sr)
        spent["opensmile"].append(time.process_time() - middle)
        spent["stcorner"].append(middle - start)
        seconds += len(y) / sr
        theirs.append(table.iloc[0].to_numpy())
        if version("praat-parselmouth"):
            tracked.append(
                formants(y, {name: col.to_numpy() for name, col in frames.process_signal(y, sr).items()})
            )
    assert list(table.columns) == stcorner.feature_names("egemaps")
    a, b = np.array(ours, float), np.array(theirs, float)
    ranks = [np.argsort(np.argsort(values, axis=0), axis=0) for values in (a, b)]
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(table.columns):
        r = float(np.corrcoef(a[:, i], b[:, i])[0, 1])
        row = {
            "name": name,
            "correlation": r,
            "rank_correlation": float(np.corrcoef(ranks[0][:, i], ranks[1][:, i])[0, 1]),
        }
        if r < 0.95:
            row["reason"] = next(reason for part, reason in REASONS.items() if part in name)
        rows.append(row)
        print(f"{r:6.3f} {row['rank_correlation']:6.3f}  {name}")
    summary: dict[str, Any] = {
        "clips": len(a),
        "at_least_0.95": sum(row["correlation"] >= 0.95 for row in rows),
        "rank_at_least_0.95": sum(row["rank_correlation"] >= 0.95 for row in rows),
        "ms_per_second": {name: 1e3 * sum(times) / seconds for name, times in spent.items()},
        "times_as_fast": float(np.median(np.divide(spent["opensmile"], spent["stcorner"]))),
    }
    if tracked:
        praat, mine, smile = (np.concatenate(part) for part in zip(*tracked, strict=True))
        known = np.isfinite(praat).all(axis=1) & np.isfinite(mine).all(axis=1)
        summary["formants"] = {
            name: [float(np.corrcoef(values[known, k], praat[known, k])[0, 1]) for k in range(3)]
            for name, values in (("stcorner", mine), ("opensmile", smile))
        }
    print(summary)
    write_results("audio_egemaps", {"summary": summary, "values": rows})


if __name__ == "__main__":
    main()
