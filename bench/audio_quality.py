"""Errors of the pitch trackers on synthetic voices and on FDA."""

from __future__ import annotations

from typing import Any

import numpy as np

from audio_trackers import STEP, trackers
from audio_voices import data, mixed, voice


def show(row: dict[str, Any]) -> None:
    """Print one row of results."""
    cells = (
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
    )
    print("  ".join(cells), flush=True)


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


def clear_times(f0: np.ndarray, sr: int, seconds: float, margin: float) -> np.ndarray:
    """Times, one a step, that lie at least `margin` seconds from every onset and end of voice."""
    at = np.arange(0.05, seconds - 0.05, STEP)
    width = int(margin * sr)
    around = f0[(at * sr).astype(int)[:, None] + np.arange(-width, width, 8)] > 0
    return at[around.all(axis=1) | ~around.any(axis=1)]


def quality(names: list[str] | None, count: int) -> list[dict[str, Any]]:
    """Errors on `count` easy and hard voices at 16 kHz, alone and under noise."""
    rows = []
    sr = 16000
    for hard in (False, True):
        made = [voice(seed, sr, hard=hard) for seed in range(count)]
        voices = [x for x, _ in made]
        times = [clear_times(f0, sr, len(x) / sr, 0.005 if hard else 0.02) for x, f0 in made]
        truths = [f0[(at * sr).astype(int)] for (_, f0), at in zip(made, times, strict=True)]
        for snr in (None, 20, 10, 0):
            signals = [mixed(voices, made[i][1], i, snr, hard=hard) for i in range(count)]
            for name, run in trackers(names).items():
                found = [nearest(*run(y, sr, STEP), at) for y, at in zip(signals, times, strict=True)]
                row = {"set": "hard" if hard else "easy", "snr_db": "clean" if snr is None else snr}
                rows.append({**row, "tracker": name, **errors(list(zip(truths, found, strict=True)))})
                show(rows[-1])
    return rows


def fda(names: list[str] | None) -> list[dict[str, Any]]:
    """Errors on FDA, whose reference has a frame every 15 ms; the trackers' step is a third of it."""
    import soundfile

    rows = []
    clips = [
        (*soundfile.read(path, dtype="float32"), np.loadtxt(path.with_suffix(".f0ref")))
        for path in sorted((data() / "pitch" / "fda").glob("*.wav"))
    ]
    for name, run in trackers(names).items():
        cases = [
            (truth, nearest(*run(y, sr, 0.005), 0.015 * np.arange(len(truth)))) for y, sr, truth in clips
        ]
        rows.append({"set": "FDA", "tracker": name, **errors(cases)})
        show(rows[-1])
    return rows
