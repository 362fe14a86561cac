"""Sliding windows of one recording: cut while it comes in, each described like a clip of its own.

Every moment is in a window: they start every `hop` seconds as long as they fit, and what is left behind the
last is in one more, which ends with the recording. A recording shorter than one window is one as it is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stcorner._base.validation import check_real
from stcorner.errors import MediaError
from stcorner.extraction.features import collect_rows
from stcorner.extraction.rows import SAMPLE_RATE, MissingModalityError, RowBuilder, Source, audio_vector
from stcorner.recognizer.results import prediction_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.extraction.rows import ExtractionPlan, Row
    from stcorner.media import FaceDetector
    from stcorner.media._cropper import Row as FaceRow
    from stcorner.recognizer.estimator import EmotionRecognizer

__all__ = [
    "FaceWindow", "FaceWindows", "SoundWindow", "SoundWindows", "check_window", "failed_row",
    "iter_face_windows", "iter_sound_windows", "predict_row", "timeline", "together", "window_row",
    "window_rows",
]  # fmt: skip


# Seconds behind the last window that are not worth one of their own: codecs end with a block.
_LEAST = 0.01


class SoundWindow(NamedTuple):
    """Start in seconds, and the samples at `SAMPLE_RATE`."""

    start: float
    samples: NDArray[np.float32]

    def seconds(self, plan: ExtractionPlan) -> float:
        """Return how long it is."""
        return len(self.samples) / SAMPLE_RATE

    def describe(self, plan: ExtractionPlan, name: str) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return the vector, and what is known about it; `name` is what messages call the window."""
        return audio_vector(self.samples, plan, name=name)


class FaceWindow(NamedTuple):
    """Start in seconds, crops (t, y, x), in which of them the face is, and which face."""

    start: float
    frames: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    face_id: int | None

    def seconds(self, plan: ExtractionPlan) -> float:
        """Return how long it is."""
        return len(self.frames) / plan.fps

    def describe(self, plan: ExtractionPlan, name: str) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return the vector, and what is known about it; `name` is what messages call the window."""
        from stcorner.extraction.face_features import face_vector

        vector, found = face_vector(self.frames, self.seen, plan, name=name)
        return vector, {**found, "face_id": self.face_id}


Window = SoundWindow | FaceWindow


def check_window(window: float, hop: float) -> tuple[float, float]:
    """Return length and step of windows in seconds, or raise."""
    length = check_real("window", window, low=0.5, high=60.0)
    return length, check_real("hop", hop, low=0.0, high=length, open_low=True)


class SoundWindows:
    """Cut sound that comes in blocks into windows. Memory holds one window and one block."""

    def __init__(self, *, window: float, hop: float) -> None:
        self._length = round(window * SAMPLE_RATE)
        self._hop = hop
        self._held = np.zeros(0, np.float32)
        self._first = 0  # position in the recording of the first sample held
        self._index = 0

    def push(self, block: NDArray[np.float32]) -> list[SoundWindow]:
        """Take the next samples; return the windows that are complete."""
        self._held = np.concatenate([self._held, block])
        windows = []
        while (start := self._start(self._index)) + self._length <= self._first + len(self._held):
            at = start - self._first
            windows.append(SoundWindow(self._index * self._hop, self._held[at : at + self._length]))
            self._index += 1
        keep = max(0, min(start - self._first, len(self._held) - self._length))
        self._held, self._first = self._held[keep:].copy(), self._first + keep
        return windows

    def flush(self) -> list[SoundWindow]:
        """Return the window that ends with the recording, unless the one before does."""
        if not len(self._held):
            return []
        if not self._index:
            return [SoundWindow(0.0, self._held)]
        end = self._first + len(self._held)
        if end - self._start(self._index - 1) - self._length < _LEAST * SAMPLE_RATE:
            return []
        return [SoundWindow((end - self._length) / SAMPLE_RATE, self._held[-self._length :])]

    def _start(self, index: int) -> int:
        # Starts are rounded one by one: a hop that is no whole number of samples does not drift.
        return round(index * self._hop * SAMPLE_RATE)


class FaceWindows:
    """Follow a face through frames that come in one by one, and cut its crops into windows.

    Windows count from the recording's zero, also where its pictures begin later.
    """

    def __init__(
        self, plan: ExtractionPlan, *, window: float, hop: float, detector: FaceDetector | None = None
    ) -> None:
        from stcorner.media.faces import face_rows

        self._faces = face_rows(size=plan.crop_size, fps=plan.fps, rule=plan.face, detector=detector)
        self._plan = plan
        self._length = round(window * plan.fps)
        self._hop = hop
        self._held: deque[FaceRow] = deque()
        self._first: int | None = None  # number of the first row held, counted from time 0
        self._index = 0

    def push(self, gray: NDArray[np.uint8], time: float) -> list[FaceWindow]:
        """Take a frame, which must not change later; return the windows that are certain."""
        return self._cut(self._faces.push(gray, time))

    def flush(self) -> list[FaceWindow]:
        """Return the windows that are left, and the one that ends with the recording."""
        windows = self._cut(self._faces.flush())
        if not self._held or self._first is None:
            return windows
        if not self._index:
            windows.append(self._window(0.0, list(self._held)))
            return windows
        end = self._first + len(self._held)
        if end > round((self._index - 1) * self._hop * self._plan.fps) + self._length:
            windows.append(self._at(end - self._length, (end - self._length) / self._plan.fps))
        return windows

    def _cut(self, rows: Iterable[FaceRow]) -> list[FaceWindow]:
        windows = []
        for row in rows:
            if self._first is None:
                self._first = round(row.time * self._plan.fps)
            self._held.append(row)
            while (at := round(self._index * self._hop * self._plan.fps)) + self._length <= (
                self._first + len(self._held)
            ):
                windows.append(self._at(at, self._index * self._hop))
                self._index += 1
            while len(self._held) > self._length and self._first < at:
                self._held.popleft()
                self._first += 1
        return windows

    def _at(self, at: int, start: float) -> FaceWindow:
        """Return the window whose first row is number `at`."""
        assert self._first is not None
        before = min(self._length, max(0, self._first - at))  # there were no pictures yet
        part = list(islice(self._held, max(0, at - self._first), None))[: self._length - before]
        return self._window(start, [None] * before + part)

    def _window(self, start: float, rows: list[FaceRow | None]) -> FaceWindow:
        size = self._plan.crop_size
        frames = np.zeros((len(rows), size, size), np.uint8)
        seen = np.zeros(len(rows), np.bool_)
        face_id = None
        for i, row in enumerate(rows):
            for face, crop in () if row is None else row.crops.items():
                frames[i], seen[i], face_id = crop.picture, True, face
        return FaceWindow(start, frames, seen, face_id)


def iter_sound_windows(path: str | os.PathLike[str], *, window: float, hop: float) -> Iterator[SoundWindow]:
    """Yield each window of the sound of a file."""
    from stcorner.media import iter_audio

    windows = SoundWindows(window=window, hop=hop)
    for block in iter_audio(path, sr=SAMPLE_RATE):
        yield from windows.push(block)
    yield from windows.flush()


def iter_face_windows(path: Path, plan: ExtractionPlan, *, window: float, hop: float) -> Iterator[FaceWindow]:
    """Yield each window of the face of a file."""
    from stcorner.media._container import check_path
    from stcorner.media.picture import decoded_frames

    windows = FaceWindows(plan, window=window, hop=hop)
    for gray, time in decoded_frames(check_path(path), gray=True):
        yield from windows.push(gray, time)
    yield from windows.flush()


def window_rows(source: Source, plan: ExtractionPlan, *, window: float, hop: float) -> Iterator[Row]:
    """Yield a row for each window, in memory that does not depend on the length of the file."""
    from stcorner.media import probe

    paths = {"audio": source.audio_path, "video": source.path}
    infos = {path: probe(path) for path in {paths[modality] for modality in plan.modalities}}
    audio = infos[source.audio_path].audio if "audio" in plan.modalities else None
    video = infos[source.path].video if "video" in plan.modalities else None
    streams: dict[str, Iterator[Window]] = {}
    if audio is not None:
        streams["audio"] = iter_sound_windows(source.audio_path, window=window, hop=hop)
    if video is not None:
        streams["video"] = iter_face_windows(source.path, plan, window=window, hop=hop)
    if not streams:
        raise MediaError(f"{source.path} has no stream for modality {plan.modality!r}")
    rates = {"sr": audio.sample_rate if audio else None, "fps": (video.fps or None) if video else None}
    empty = True
    heads = {stream: next(windows, None) for stream, windows in streams.items()}
    while any(head is not None for head in heads.values()):
        empty = False
        parts = together({stream: head for stream, head in heads.items() if head is not None}, hop)
        yield window_row(source, plan, parts, window, rates)
        heads |= {stream: next(streams[stream], None) for stream in parts}
    if empty:  # a sample or two, of which resampling left none
        raise MediaError(f"{source.path} is too short for a window")


def together(heads: Mapping[str, Window], hop: float) -> dict[str, Window]:
    """Return those of the streams' next windows that show one moment: the first, and what starts with it.

    Streams rarely end in the same millisecond: their last windows start less than half a hop apart.
    """
    start = min(head.start for head in heads.values())
    return {stream: head for stream, head in heads.items() if head.start <= start + hop / 2}


def window_row(
    source: Source,
    plan: ExtractionPlan,
    parts: Mapping[str, Window | None],
    length: float,
    rates: Mapping[str, float | None],
) -> Row:
    """Return the row of one window from its parts, by modality; at least one is there."""
    there = [part for part in parts.values() if part is not None]
    start = min(part.start for part in there)
    builder = RowBuilder(replace(source, start=start, end=max(_end(part, plan, length) for part in there)))
    builder.details.update(rates)
    for modality in plan.modalities:
        part = parts.get(modality)
        path = source.audio_path if modality == "audio" else source.path
        name = f"{path} from {start:g} s on"
        compute = partial(_absent, modality, name) if part is None else partial(part.describe, plan, name)
        builder.attempt(modality, path, compute)
    return builder.build()


def _end(part: Window, plan: ExtractionPlan, length: float) -> float:
    """Return where a window ends: that of a recording shorter than one ends with it."""
    seconds = part.seconds(plan)
    return part.start + (length if abs(seconds - length) <= 1 / plan.fps else seconds)


def _absent(modality: str, name: str) -> tuple[NDArray[np.float32], dict[str, Any]]:
    raise MissingModalityError(f"no_{modality}", "media", f"{name} has no {modality}")


def timeline(
    model: EmotionRecognizer, path: str | os.PathLike[str], *, window: float, hop: float
) -> Iterator[dict[str, Any]]:
    """Yield one row per window; see `EmotionRecognizer.timeline`."""
    window, hop = check_window(window, hop)
    plan = model.extraction_plan()
    rows = window_rows(Source.of(path), plan, window=window, hop=hop)
    return (predict_row(model, row, plan) for row in rows)


def failed_row(model: EmotionRecognizer, path: Path, error: Exception) -> dict[str, Any]:
    """Return the row of a file, or of the rest of one, that could not be read."""
    plan = model.extraction_plan()
    builder = RowBuilder(Source.of(path))
    for modality in plan.modalities:
        builder.attempt(modality, path, partial(_raised, error))
    return predict_row(model, builder.build(), plan)


def _raised(error: Exception) -> tuple[NDArray[np.float32], dict[str, Any]]:
    raise error


def predict_row(model: EmotionRecognizer, row: Row, plan: ExtractionPlan) -> dict[str, Any]:
    """Classify one window."""
    features = collect_rows([[row]], plan)
    (predicted,) = prediction_rows(
        features,
        model.predict_proba_features(features),
        [str(label) for label in model.classes_],
        model=model.name,
        abstain_below=model.abstain_below,
    )
    return predicted
