"""Predictions over sliding windows of one recording."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stcorner.corpora.clip import Clip
from stcorner.errors import ParameterError
from stcorner.extraction.clipfeatures import collect_rows
from stcorner.extraction.describe import fault_of_input
from stcorner.extraction.plan import check_window
from stcorner.extraction.windows import window_rows
from stcorner.extraction.work import failed_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stcorner.extraction.describe import Row
    from stcorner.extraction.plan import Plan
    from stcorner.media.recording import MediaLike
    from stcorner.recognizer.predictor import Predictor

__all__ = ["failure", "predict_row", "timeline", "window_plan"]


def window_plan(model: Predictor, window: float, hop: float) -> Plan:
    """Return the plan of a model for windows.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or the model uses a block that has no windows.
    """
    if model.others or len(model.plan.blocks) < len(model.blocks):
        others = [name for name in model.blocks if name not in model.plan.blocks]
        raise ParameterError(f"windows need built-in blocks, and this model uses {', '.join(others)}")
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


def predict_row(model: Predictor, row: Row) -> dict[str, Any]:
    """Classify one window."""
    return model.rows(collect_rows([[row]], model.plan))[0]


def failure(model: Predictor, clip: Clip, error: Exception) -> dict[str, Any]:
    """Return the row of a clip, or of the rest of one, that could not be read."""
    return predict_row(model, failed_row(clip, model.plan, "media", fault_of_input(error, clip.path)))
