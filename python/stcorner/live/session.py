"""Capture in threads, recognise in the caller's; what cannot be kept up with is dropped, and counted."""

from __future__ import annotations

import statistics
import threading
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Any

from stcorner._base.validation import check_integer
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from stcorner.live.recognizer import LiveRecognizer
    from stcorner.live.sources import Captured, Source

__all__ = ["Backlog", "LiveSession"]

# Sound that waits at most, in seconds: it is small, and without it windows would be wrong, not only coarser.
_MAX_SOUND = 30.0
_POLL = 0.2
# Latencies that the median and the percentile are taken of: the last ones.
_MAX_KEPT = 100_000


class Backlog:
    """What was captured and waits. When full, the oldest picture is dropped; a lossless one waits instead."""

    def __init__(self, max_frames: int) -> None:
        self.dropped_frames = 0
        self.dropped_sound = 0.0
        self.error: Exception | None = None
        self.stop = threading.Event()
        self._max_frames = max_frames
        self._events: deque[Captured] = deque()
        self._frames = 0
        self._sound = 0.0
        self._changed = threading.Condition()

    def put(self, event: Captured, *, lossless: bool = False) -> None:
        """Add an event; make room for it first."""
        with self._changed:
            while event.data is not None and self._is_full(event.stream) and not self.stop.is_set():
                if lossless:
                    self._changed.wait(_POLL)
                else:
                    self._drop(event.stream)
            self._events.append(event)
            self._count(event, 1)
            self._changed.notify_all()

    def get(self) -> Captured | None:
        """Take the oldest event, None if nothing came for a while."""
        with self._changed:
            if not self._events:
                self._changed.wait(_POLL)
            if not self._events:
                return None
            event = self._events.popleft()
            self._count(event, -1)
            self._changed.notify_all()
            return event

    def _is_full(self, stream: str) -> bool:
        return self._frames >= self._max_frames if stream == "video" else self._sound >= _MAX_SOUND

    def _count(self, event: Captured, sign: int) -> None:
        if event.data is None:
            return
        if event.stream == "video":
            self._frames += sign
        else:
            self._sound += sign * (event.until - event.time)

    def _drop(self, stream: str) -> None:
        at = next(i for i, one in enumerate(self._events) if one.stream == stream and one.data is not None)
        event = self._events[at]
        del self._events[at]
        self._count(event, -1)
        if stream == "video":
            self.dropped_frames += 1
        else:
            self.dropped_sound += event.until - event.time


class LiveSession:
    """Run a `LiveRecognizer` on sources.

    Parameters
    ----------
    recognizer : LiveRecognizer
        New: one session uses it up.
    sources : sequence of Source
        Together they must give its streams, each once; streams that it does not use are left aside.
    max_frames : int, default=50
        Pictures that may wait, >= 1. Then the oldest are dropped, and counted.

    Raises
    ------
    ParameterError
        If the sources do not fit the recogniser.

    See Also
    --------
    LiveRecognizer : Predicts what it reads.

    Examples
    --------
    >>> import tempfile, pathlib, soundfile
    >>> from stcorner.live import FileSource
    >>> time = np.arange(48000) / 16000
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(path, 0.1 * np.sin(2 * np.pi * 150 * time), 16000)
    >>> live = LiveRecognizer("ravdess-speech", streams=["audio"])
    >>> session = LiveSession(live, [FileSource(path, speed=None)])
    >>> [(row["start"], row["latency"] > 0) for row in session.updates()]
    [(0.0, True), (0.5, True), (1.0, True)]
    >>> session.summary()["windows"], session.summary()["dropped_frames"]
    (3, 0)
    """

    def __init__(
        self, recognizer: LiveRecognizer, sources: Sequence[Source], *, max_frames: int = 50
    ) -> None:
        given = [stream for source in sources for stream in source.streams]
        for stream in recognizer.streams:
            if given.count(stream) != 1:
                raise ParameterError(
                    f"sources must give each of {recognizer.streams} once, got {given} from {len(sources)}"
                )
        self._recognizer = recognizer
        self._sources = list(sources)
        self._backlog = Backlog(check_integer("max_frames", max_frames, low=1))
        self._threads: list[threading.Thread] = []
        self._latencies: deque[float] = deque(maxlen=_MAX_KEPT)
        self._windows = 0
        self._frames = 0
        # Per stream: until which time was captured by when.
        self._captured: dict[str, deque[tuple[float, float]]] = {name: deque() for name in recognizer.streams}

    def updates(self) -> Generator[dict[str, Any]]:
        """Capture, and yield each prediction when it is there.

        Returns when all sources have ended; closed or interrupted before, it ends the capture.

        Yields
        ------
        dict
            Row with the columns of `EmotionRecognizer.timeline`, with ``latency`` (seconds from the
            capture of the window's end to the answer) and ``dropped_frames`` (so far).

        Raises
        ------
        MediaError
            If a source fails. What it gave before is answered first.
        """
        if self._threads:
            raise ParameterError(
                "updates must be called once, got a session that has run: make a new LiveSession"
            )
        begin = perf_counter()
        running = set(self._recognizer.streams)
        for source in self._sources:
            thread = threading.Thread(target=self._capture, args=(source, begin), daemon=True)
            self._threads.append(thread)
            thread.start()
        try:
            while running:
                event = self._backlog.get()
                if event is None:
                    if not any(thread.is_alive() for thread in self._threads):
                        break
                    continue
                if event.data is None:
                    running.discard(event.stream)
                yield from map(self._measured, self._push(event))
            yield from map(self._measured, self._recognizer.flush())
            if self._backlog.error is not None:
                raise self._backlog.error
        finally:
            self._backlog.stop.set()
            for thread in self._threads:
                thread.join(timeout=5.0)

    def summary(self) -> dict[str, Any]:
        """Return what was measured: windows, frames, drops, median and 95th percentile of the latency.

        Returns
        -------
        dict of str to int or float
            Counts, and latencies in seconds.
        """
        times = sorted(self._latencies)
        return {
            "windows": self._windows,
            "frames": self._frames,
            "dropped_frames": self._backlog.dropped_frames,
            "dropped_sound_seconds": self._backlog.dropped_sound,
            "latency_median": statistics.median(times) if times else None,
            "latency_p95": times[min(len(times) - 1, int(0.95 * len(times)))] if times else None,
        }

    def _capture(self, source: Source, begin: float) -> None:
        try:
            for event in source.capture(begin, self._backlog.stop):
                if event.stream in self._captured:
                    self._backlog.put(event, lossless=source.lossless)
                if self._backlog.stop.is_set():
                    return
        except Exception as error:
            self._backlog.error = error
            self._backlog.stop.set()  # half a session would go on as if nothing were missing

    def _push(self, event: Captured) -> list[dict[str, Any]]:
        if event.data is None:
            return self._recognizer.end(event.stream)
        self._captured[event.stream].append((event.until, event.at))
        if event.stream == "audio":
            return self._recognizer.push_audio(event.data, sr=event.sr, time=event.time)
        self._frames += 1
        return self._recognizer.push_frames(event.data[None], [event.time])

    def _measured(self, row: dict[str, Any]) -> dict[str, Any]:
        captured = max((self._captured_at(stream, row["end"]) for stream in self._captured), default=0.0)
        latency = perf_counter() - captured
        self._latencies.append(latency)
        self._windows += 1
        return {**row, "latency": latency, "dropped_frames": self._backlog.dropped_frames}

    def _captured_at(self, stream: str, time: float) -> float:
        """When what a stream shows at `time` was captured; where it ended before, its last capture."""
        known = self._captured[stream]
        while len(known) > 1 and known[0][0] < time - 1e-6:
            known.popleft()
        return known[0][1] if known else 0.0
