"""Predictions over sliding windows of one recording."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.corpora.clip import Clip
from stcorner.errors import ParameterError
from stcorner.extraction.clipfeatures import collect_rows
from stcorner.extraction.describe import fault_of_input
from stcorner.extraction.plan import BUILT_IN, check_window
from stcorner.extraction.windows import window_rows
from stcorner.extraction.work import failed_row
from stcorner.recognizer.predictions import entropy_bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stcorner.extraction.describe import Row
    from stcorner.extraction.plan import Plan
    from stcorner.media.recording import MediaLike
    from stcorner.recognizer.predictor import Predictor

__all__ = ["failure", "is_long", "predict_row", "summary_rows", "timeline", "window_plan"]

_LONGEST = 30.0  # seconds that may still be one clip
_WINDOW = 2.0
_MEANS = ("speech_share", "level_dbfs", "snr_db", "clipping_share", "bandwidth_hz")


def window_plan(model: Predictor, window: float, hop: float) -> Plan:
    """Return the plan of a model for windows.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or the model uses a block that has no windows.
    """
    if model.others or len(model.plan.blocks) < len(model.blocks):
        others = [name for name in model.blocks if name not in model.plan.blocks]
        raise ParameterError(
            f"windows need built-in blocks, and this model uses {', '.join(others)}: "
            "predict whole clips, or train a model with blocks=('audio',)"
        )
    if model.within is not None:
        raise ParameterError(
            f"windows must be of a model of single clips, got {model.title}, which needs all of a person's"
        )
    length, step = check_window(window, hop)
    return replace(model.plan, window=length, hop=step)


def timeline(
    model: Predictor, path: MediaLike | Clip, *, window: float, hop: float
) -> Iterator[dict[str, Any]]:
    """Yield one row per window; see `EmotionRecognizer.timeline`."""
    plan = window_plan(model, window, hop)
    return (predict_row(model, row) for row in window_rows(Clip.of(path), plan))


def is_long(model: Predictor, clip: Clip) -> bool:
    """Tell whether a clip is a whole file of which one vector would say little."""
    from stcorner.media import probe

    if clip.start is not None or clip.end is not None or model.within or set(model.blocks) - set(BUILT_IN):
        return False
    try:
        return (probe(clip.source(model.plan.streams[0])).duration or 0.0) > _LONGEST
    except Exception:  # what is wrong with the file is told where it is read
        return False


def summary_rows(model: Predictor, clip: Clip) -> list[dict[str, Any]]:
    """Return the row of a long file, one for each face where the model describes all."""
    try:
        rows = list(timeline(model, clip, window=_WINDOW, hop=_WINDOW))
    except Exception as error:
        return [failure(model, clip, error)]
    faces = sorted({row["face_id"] for row in rows} - {None}) if model.plan.face == "all" else []
    parts = [[row for row in rows if row["face_id"] == face] for face in faces] or [rows]
    return [_summary(model, clip, part) for part in parts]


def _summary(model: Predictor, clip: Clip, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the means over the windows with a label."""
    said = [row for row in rows if row["label"] is not None]
    row = {**(said or rows)[0], "start": rows[0]["start"], "end": rows[-1]["end"]}
    for name in (*_MEANS, *(f"p_{label}" for label in model.classes)):
        values = [each[name] for each in said or rows if each[name] is not None]
        row[name] = float(np.mean(values)) if values else None
    for name in ("n_voiced", "n_frames", "voiced_seconds"):
        counts = [each[name] for each in rows if each[name] is not None]
        row[name] = sum(counts) if counts else None
    length = f"{clip.path}: {row['end'] - row['start']:.0f} s is longer than a clip"
    if not said:
        return {**row, "message": f"{length}, and none of its {len(rows)} windows has a label"}
    shares = np.array([row[f"p_{label}"] for label in model.classes])
    label = model.classes[int(shares.argmax())]
    often = ", ".join(f"{name} {count}" for name, count in Counter(r["label"] for r in said).most_common())
    return {
        **row,
        "label": label,
        "entropy": float(entropy_bits(shares)),
        "abstain": bool(shares.max() < model.abstain_below),
        "message": f"{length}: means over {len(said)} of {len(rows)} windows of {_WINDOW:g} s, those with a "
        f"label ({often}); timeline shows them",
    }


def predict_row(model: Predictor, row: Row) -> dict[str, Any]:
    """Classify one window."""
    return model.rows(collect_rows([[row]], model.plan))[0]


def failure(model: Predictor, clip: Clip, error: Exception) -> dict[str, Any]:
    """Return the row of a clip, or of the rest of one, that could not be read."""
    return predict_row(model, failed_row(clip, model.plan, "media", fault_of_input(error, clip.path)))
