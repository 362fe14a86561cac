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

from stcorner.errors import MediaError
from stcorner.extraction.describe import MissingStreamError, RowBuilder, describe_face, describe_sound
from stcorner.extraction.plan import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from stcorner.corpora.clip import Clip
    from stcorner.extraction.describe import Described, Row
    from stcorner.extraction.plan import Plan
    from stcorner.media import FaceDetector
    from stcorner.media._cropper import Row as FaceRow
    from stcorner.media.recording import MediaLike

__all__ = [
    "FaceWindow", "FaceWindows", "SoundWindow", "SoundWindows", "each_face", "iter_face_windows",
    "iter_sound_windows", "together", "window_row", "window_rows",
]  # fmt: skip


# Seconds behind the last window that are not worth one of their own: codecs end with a block.
_LEAST = 0.01


class SoundWindow(NamedTuple):
    """Start in seconds, and the samples at `SAMPLE_RATE`."""

    start: float
    samples: NDArray[np.float32]

    def seconds(self, plan: Plan) -> float:
        """Return how long it is."""
        return len(self.samples) / SAMPLE_RATE

    def describe(self, plan: Plan, name: str) -> tuple[Described, dict[str, Any]]:
        """Return the blocks, and what is known about them; `name` is what messages call the window."""
        return describe_sound(self.samples, plan, name=name)


class FaceWindow(NamedTuple):
    """Start in seconds, crops (t, y, x), in which of them the face is, which face, how well it shows.

    `others` are those of the other faces, where all are followed.
    """

    start: float
    frames: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    face_id: int | None
    quality: NDArray[np.float32]
    others: tuple[FaceWindow, ...] = ()

    def seconds(self, plan: Plan) -> float:
        """Return how long it is."""
        return len(self.frames) / plan.fps

    def describe(self, plan: Plan, name: str) -> tuple[Described, dict[str, Any]]:
        """Return the blocks, and what is known about them; `name` is what messages call the window."""
        vectors, found = describe_face(self.frames, self.seen, plan, name=name, quality=self.quality)
        return vectors, {**found, "face_id": self.face_id}


Window = SoundWindow | FaceWindow


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
        self, plan: Plan, *, window: float, hop: float, detector: FaceDetector | None = None
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
        ids: list[int | None] = [*sorted({face for row in rows if row is not None for face in row.crops})]
        first, *others = [self._face(start, rows, face) for face in ids or [None]]
        return first._replace(others=tuple(others))

    def _face(self, start: float, rows: list[FaceRow | None], face_id: int | None) -> FaceWindow:
        size = self._plan.crop_size
        frames = np.zeros((len(rows), size, size), np.uint8)
        seen = np.zeros(len(rows), np.bool_)
        quality = np.zeros(len(rows), np.float32)
        for i, row in enumerate(rows):
            crop = None if row is None or face_id is None else row.crops.get(face_id)
            if crop is not None:
                frames[i], seen[i], quality[i] = crop.picture, True, crop.quality
        return FaceWindow(start, frames, seen, face_id, quality)


def iter_sound_windows(path: MediaLike, *, window: float, hop: float) -> Iterator[SoundWindow]:
    """Yield each window of the sound of a file."""
    from stcorner.media import iter_audio

    windows = SoundWindows(window=window, hop=hop)
    for block in iter_audio(path, sr=SAMPLE_RATE):
        yield from windows.push(block)
    yield from windows.flush()


def iter_face_windows(path: MediaLike, plan: Plan, *, window: float, hop: float) -> Iterator[FaceWindow]:
    """Yield each window of the face of a file."""
    from stcorner.media.picture import decoded_frames
    from stcorner.media.recording import check_source

    windows = FaceWindows(plan, window=window, hop=hop)
    for gray, time in decoded_frames(check_source(path), gray=True):
        yield from windows.push(gray, time)
    yield from windows.flush()


def window_rows(clip: Clip, plan: Plan) -> Iterator[Row]:
    """Yield a row for each window of the plan, in memory that does not depend on the length of the file."""
    from stcorner.media import probe

    assert plan.window is not None
    assert plan.hop is not None
    sources = {"audio": clip.source("audio"), "video": clip.source("video")}
    infos = {source: probe(source) for source in {sources[stream] for stream in plan.streams}}
    audio = infos[sources["audio"]].audio if "audio" in plan.streams else None
    video = infos[sources["video"]].video if "video" in plan.streams else None
    streams: dict[str, Iterator[Window]] = {}
    if audio is not None:
        streams["audio"] = iter_sound_windows(sources["audio"], window=plan.window, hop=plan.hop)
    if video is not None:
        streams["video"] = iter_face_windows(sources["video"], plan, window=plan.window, hop=plan.hop)
    if not streams:
        raise MediaError(
            f"{clip.path} must have a stream for the blocks {', '.join(plan.blocks)}, and has none: "
            "`stcorner probe` shows what it has"
        )
    rates = {"sr": audio.sample_rate if audio else None, "fps": (video.fps or None) if video else None}
    empty = True
    heads = {stream: next(windows, None) for stream, windows in streams.items()}
    while any(head is not None for head in heads.values()):
        empty = False
        parts = together({stream: head for stream, head in heads.items() if head is not None}, plan.hop)
        for each in each_face(parts):
            yield window_row(clip, plan, each, plan.window, rates)
        heads |= {stream: next(streams[stream], None) for stream in parts}
    if empty:  # a sample or two, of which resampling left none
        raise MediaError(f"{clip.path} must last at least one window, and is shorter: use a smaller window")


def together(heads: Mapping[str, Window], hop: float) -> dict[str, Window]:
    """Return those of the streams' next windows that show one moment: the first, and what starts with it.

    Streams rarely end in the same millisecond: their last windows start less than half a hop apart.
    """
    start = min(head.start for head in heads.values())
    return {stream: head for stream, head in heads.items() if head.start <= start + hop / 2}


def each_face(parts: Mapping[str, Window]) -> Iterator[Mapping[str, Window]]:
    """Yield the parts of a window once for each face of it."""
    yield parts
    video = parts.get("video")
    for other in video.others if isinstance(video, FaceWindow) else ():
        yield {**parts, "video": other}


def window_row(
    clip: Clip,
    plan: Plan,
    parts: Mapping[str, Window | None],
    length: float,
    rates: Mapping[str, float | None],
) -> Row:
    """Return the row of one window from its parts, by stream; at least one is there."""
    there = [part for part in parts.values() if part is not None]
    start = min(part.start for part in there)
    end = max(_end(part, plan, length) for part in there)
    builder = RowBuilder(replace(clip, start=start, end=end), plan)
    builder.details.update(rates)
    for stream in plan.streams:
        part = parts.get(stream)
        path = clip.sound if stream == "audio" else clip.path
        name = f"{path} from {start:g} s on"
        compute = partial(_absent, stream, name) if part is None else partial(part.describe, plan, name)
        builder.attempt(stream, path, compute)
    return builder.build()


def _end(part: Window, plan: Plan, length: float) -> float:
    """Return where a window ends: that of a recording shorter than one ends with it."""
    seconds = part.seconds(plan)
    return part.start + (length if abs(seconds - length) <= 1 / plan.fps else seconds)


def _absent(stream: str, name: str) -> tuple[Described, dict[str, Any]]:
    raise MissingStreamError(f"no_{stream}", "media", f"{name} has no {stream}")
