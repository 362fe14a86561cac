"""Predictions along one file: sliding windows, each classified like a clip of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._validation import check_real
from stcorner.errors import MediaError
from stcorner.recognizer.features import collect_rows
from stcorner.recognizer.results import prediction_rows
from stcorner.recognizer.rows import SAMPLE_RATE, MissingModalityError, RowBuilder, Source, audio_vector

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.recognizer.estimator import EmotionRecognizer
    from stcorner.recognizer.rows import ExtractionPlan

    # One window: its start, and what fills the block of its modality.
    Window = tuple[float, Callable[[], tuple[NDArray[np.float32], dict[str, Any]]]]

__all__ = ["iter_sound_windows", "timeline"]


def timeline(
    model: EmotionRecognizer, path: str | os.PathLike[str], *, window: float, hop: float
) -> Iterator[dict[str, Any]]:
    """Yield one row per window; see `EmotionRecognizer.timeline`."""
    window = check_real("window", window, low=0.5, high=60.0)
    hop = check_real("hop", hop, low=0.0, high=window, open_low=True)
    return _rows(model, Source.of(path), window, hop)


def _rows(model: EmotionRecognizer, source: Source, window: float, hop: float) -> Iterator[dict[str, Any]]:
    from stcorner.media import probe

    plan = model.extraction_plan()
    info = probe(source.path)
    streams: dict[str, Iterator[Window]] = {}
    if "audio" in plan.modalities and info.audio is not None:
        streams["audio"] = _sound(source.path, plan, window, hop)
    if "video" in plan.modalities and info.video is not None:
        streams["video"] = _faces(source.path, plan, window, hop)
    if not streams:
        raise MediaError(f"{source.path} has none of the streams that the model needs: {plan.modalities}")
    for windows in zip_longest(*streams.values()):
        start = next(part[0] for part in windows if part is not None)
        builder = RowBuilder(replace(source, start=start, end=start + window))
        builder.details["sr"] = info.audio and info.audio.sample_rate
        builder.details["fps"] = info.video and info.video.fps
        parts = dict(zip(streams, windows, strict=True))
        for modality in plan.modalities:
            part = parts.get(modality)
            builder.attempt(modality, source.path, _absent(modality) if part is None else part[1])
        features = collect_rows([[builder.build()]], plan)
        yield from prediction_rows(
            features,
            model.predict_proba_features(features),
            [str(label) for label in model.classes_],
            model=model.name,
            abstain_below=model.abstain_below,
        )


def _absent(modality: str) -> Callable[[], tuple[NDArray[np.float32], dict[str, Any]]]:
    def fail() -> tuple[NDArray[np.float32], dict[str, Any]]:
        raise MissingModalityError(f"no_{modality}", "media", f"no {modality} in this window")

    return fail


def _sound(path: Path, plan: ExtractionPlan, window: float, hop: float) -> Iterator[Window]:
    for start, y in iter_sound_windows(path, window=window, hop=hop):
        yield start, partial(audio_vector, y, plan, name="the window")


def _faces(path: Path, plan: ExtractionPlan, window: float, hop: float) -> Iterator[Window]:
    from stcorner.recognizer.face_features import iter_face_windows

    for start, frames, seen, face in iter_face_windows(path, plan, window=window, hop=hop):
        yield start, partial(_face_in_window, frames, seen, face, plan)


def _face_in_window(
    frames: NDArray[np.uint8], seen: NDArray[np.bool_], face: int | None, plan: ExtractionPlan
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    from stcorner.recognizer.face_features import face_vector

    vector, found = face_vector(frames, seen, plan, name="the window")
    return vector, {**found, "face_id": face}


def iter_sound_windows(
    path: str | os.PathLike[str], *, window: float, hop: float
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Yield start and samples of each window that fits; a file shorter than one window gives itself.

    Memory holds one window and one block, whatever the length of the file.
    """
    from stcorner.media import iter_audio

    length = round(window * SAMPLE_RATE)
    held = np.zeros(0, np.float32)
    first = 0  # position in the file of the first sample held
    index = 0
    for block in iter_audio(path, sr=SAMPLE_RATE):
        held = np.concatenate([held, block])
        # Starts are rounded one by one: a hop that is no whole number of samples does not drift.
        while (start := round(index * hop * SAMPLE_RATE)) + length <= first + len(held):
            yield index * hop, held[start - first : start - first + length]
            index += 1
        keep = min(max(0, start - first), len(held))
        held, first = held[keep:].copy(), first + keep
    if index == 0 and len(held):
        yield 0.0, held
