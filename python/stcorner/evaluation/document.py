"""Evaluations as JSON, read strictly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stcorner.errors import DatasetError, ParameterError
from stcorner.evaluation.result import Evaluation

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_CHARACTERS", "decode", "encode"]

_FORMAT = "stcorner-evaluation"
_VERSION = 1
# About 200,000 clips. JSON of empty lists takes some twenty times as much memory as text.
MAX_CHARACTERS = 64 << 20


class _Prediction(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    clip_id: str
    label: str
    actor: str
    fold: str
    probabilities: list[float] | None
    calibrated: list[float] | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    format: str
    version: int
    model: str
    protocol: str
    classes: list[str]
    predictions: list[_Prediction]
    temperatures: dict[str, float]
    strata: dict[str, list[str | None]]
    details: dict[str, Any]
    summary: dict[str, Any]


def encode(evaluation: Evaluation) -> str:
    """Return an evaluation as JSON; its summary stands there for readers and is not read back."""
    calibrated = evaluation.calibrated
    document = _Document(
        format=_FORMAT,
        version=_VERSION,
        model=evaluation.model,
        protocol=evaluation.protocol,
        classes=list(evaluation.classes),
        predictions=[
            _Prediction(
                clip_id=clip_id,
                label=evaluation.y_true[at],
                actor=evaluation.groups[at],
                fold=evaluation.folds[at],
                probabilities=_row(evaluation.probabilities, at),
                calibrated=None if calibrated is None else _row(calibrated, at),
            )
            for at, clip_id in enumerate(evaluation.clip_ids)
        ],
        temperatures=dict(evaluation.temperatures),
        strata={name: list(values) for name, values in evaluation.strata.items()},
        details=dict(evaluation.details),
        summary=evaluation.summary(),
    )
    text = msgspec.json.encode(document, enc_hook=_plain)
    return msgspec.json.format(text, indent=1).decode() + "\n"


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _row(rows: NDArray[np.float64], at: int) -> list[float] | None:
    return None if math.isnan(rows[at, 0]) else rows[at].tolist()


def decode(text: str) -> Evaluation:
    """Read JSON of `encode`."""
    if len(text) > MAX_CHARACTERS:
        raise DatasetError(f"evaluation must have at most {MAX_CHARACTERS} characters, got {len(text)}")
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise DatasetError(f"evaluation must be JSON of stcorner: {error}") from None
    if (document.format, document.version) != (_FORMAT, _VERSION):
        raise DatasetError(
            f"evaluation must be {_FORMAT} version {_VERSION}, got {document.format} {document.version}"
        )
    rows = document.predictions
    k = len(document.classes)
    calibrated = [row.calibrated for row in rows]
    try:
        return Evaluation(
            model=document.model,
            protocol=document.protocol,
            classes=document.classes,
            clip_ids=[row.clip_id for row in rows],
            y_true=[row.label for row in rows],
            groups=[row.actor for row in rows],
            folds=[row.fold for row in rows],
            probabilities=_stack([row.probabilities for row in rows], k),
            calibrated=_stack(calibrated, k) if any(row is not None for row in calibrated) else None,
            temperatures=document.temperatures,
            strata=document.strata,
            details=document.details,
        )
    except ParameterError as error:
        raise DatasetError(f"evaluation does not fit together: {error}") from None


def _stack(rows: list[list[float] | None], k: int) -> NDArray[np.float64]:
    missing = [float("nan")] * k
    wrong = [len(row) for row in rows if row is not None and len(row) != k]
    if wrong:
        raise ParameterError(f"probabilities must have {k} numbers per clip, got {wrong[0]}")
    return np.array([missing if row is None else row for row in rows], dtype=np.float64)
