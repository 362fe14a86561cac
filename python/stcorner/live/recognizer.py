"""Sound and pictures in as they come, a prediction out for every window that is complete."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_array, check_choice, check_integer, check_real
from stcorner.audio._frames import check_signal
from stcorner.corpora.clip import Clip
from stcorner.errors import ParameterError
from stcorner.extraction.plan import SAMPLE_RATE
from stcorner.extraction.windows import FaceWindows, SoundWindows, each_face, together, window_row
from stcorner.recognizer.loading import predictor_of_model
from stcorner.recognizer.timeline import predict_row, window_plan

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from stcorner.extraction.describe import Row
    from stcorner.extraction.plan import Plan
    from stcorner.extraction.windows import Window
    from stcorner.media import FaceDetector
    from stcorner.media.sound import Converter
    from stcorner.recognizer.estimator import EmotionRecognizer
    from stcorner.recognizer.predictor import Predictor

__all__ = ["LiveRecognizer"]

# Times of sound blocks jitter by this much around sound without a gap; a longer gap is filled with silence.
_GAP_TOLERANCE = 0.1
_MAX_GAP = 600.0


class LiveRecognizer:
    """Predict emotions over sliding windows of sound and pictures that are pushed as they are captured.

    The work is spread over the pushes: sound is resampled, the face followed and cropped when they come in.
    When a window is complete on all streams, it is described and classified. Its numbers are those of
    `EmotionRecognizer.timeline` for a file of the same sound and pictures. Pictures leave the tracker 0.6 s
    after they came, because boxes are smoothed to both sides; sound has no such delay. Memory is constant.

    Parameters
    ----------
    model : EmotionRecognizer, Predictor, str or os.PathLike
        Fitted, or what `load_model` takes.
    window : float, default=2.0
        Length of each window in seconds, 0.5 to 60.
    hop : float, default=0.5
        Seconds between the starts of windows, > 0 and at most `window`.
    streams : sequence of {"audio", "video"}, optional
        What will be pushed. By default, and at most, what the model uses.
    patience : float, default=5.0
        Seconds, > 0, that one stream may run ahead before its windows are answered without the other, and so
        a camera that stands still does not stop everything.
    detector : FaceDetector, optional
        Default: `BlazeFaceDetector` where the extra `face` is installed, else `HaarDetector`.
    name : str, default="live"
        What the rows call the recording.

    Raises
    ------
    ParameterError
        If a parameter is out of range or the model does not use a stream.

    See Also
    --------
    EmotionRecognizer.timeline : The same windows of a file.
    LiveSession : Capture in a thread, frames dropped where it cannot keep up, latency measured.

    Examples
    --------
    Three seconds of two tones are the windows 0-2, 0.5-2.5 and 1-3 s, and nobody speaks in them.

    >>> time = np.arange(48000) / 16000
    >>> y = np.sin(2 * np.pi * 150 * time) + 0.3 * np.sin(2 * np.pi * 1200 * time)
    >>> live = LiveRecognizer("ravdess-speech", streams=["audio"])
    >>> rows = live.push_audio(0.1 * y, sr=16000) + live.flush()
    >>> [(row["start"], row["end"], row["status"]) for row in rows]
    [(0.0, 2.0, 'music_or_noise'), (0.5, 2.5, 'music_or_noise'), (1.0, 3.0, 'music_or_noise')]
    """

    def __init__(
        self,
        model: EmotionRecognizer | Predictor | str | os.PathLike[str],
        *,
        window: float = 2.0,
        hop: float = 0.5,
        streams: Sequence[str] | None = None,
        patience: float = 5.0,
        detector: FaceDetector | None = None,
        name: str = "live",
    ) -> None:
        self.model = predictor_of_model(model)
        self._plan = window_plan(self.model, window, hop)
        assert self._plan.window is not None
        assert self._plan.hop is not None
        self.window, self.hop = self._plan.window, self._plan.hop
        self.patience = check_real("patience", patience, low=0.0, open_low=True)
        wanted = self._plan.streams if streams is None else tuple(streams)
        for stream in wanted:
            check_choice("streams", stream, self._plan.streams)
        if not wanted:
            raise ParameterError(f"streams must name one of {self._plan.streams}, got none")
        self.streams = tuple(stream for stream in self._plan.streams if stream in wanted)
        self._source = Clip.of(name)
        self._open = set(self.streams)
        self._ready: dict[str, deque[Window]] = {stream: deque() for stream in self.streams}
        self._answered = -1.0  # start of the last window that was answered
        self._sound = SoundWindows(window=self.window, hop=self.hop)
        self._faces = FaceWindows(self._plan, window=self.window, hop=self.hop, detector=detector)
        self._converter: Converter | None = None
        self._rate: int | None = None
        self._at = 0  # samples that came in, at their own rate
        self._frame_shape: tuple[int, ...] | None = None
        self._last_time = -np.inf

    def push_audio(self, y: ArrayLike, *, sr: int, time: float | None = None) -> list[dict[str, Any]]:
        """Take sound.

        Parameters
        ----------
        y : array_like of shape (n,) or (channels, n)
            Floating point; channels are averaged.
        sr : int
            Samples per second, the same for all blocks, 1 to 1,000,000.
        time : float, optional
            Seconds of the first sample on the clock of the frames, >= 0. By default the block continues the
            one before; a gap of more than 0.1 s, up to 600 s, is filled with silence.

        Returns
        -------
        list of dict
            Rows with the columns of `EmotionRecognizer.timeline`, for each window that is now complete; with
            a model that reads expressions also ``expression_angry`` to ``expression_neutral``, the mean
            probabilities in the window, None without a face.

        Raises
        ------
        ParameterError
            If a value is out of range, the rate changes, or sound is no stream of this recogniser.
        """
        self._check_open("audio")
        rate = check_integer("sr", sr, low=1, high=1_000_000)
        if self._rate not in (None, rate):
            raise ParameterError(
                f"sr must stay the same, {self._rate}, got {rate}: resample, or start a new LiveRecognizer"
            )
        block = check_signal(y)
        if block.ndim > 2:
            raise ParameterError(f"y must have shape (n,) or (channels, n), got {block.shape}")
        mono = block if block.ndim == 1 else block.mean(axis=0, dtype=np.float32)
        self._rate = rate
        if self._converter is None:
            from stcorner.media.sound import Converter

            self._converter = Converter(rate, SAMPLE_RATE, 1)
        if time is not None:
            self._fill_gap(check_real("time", time, low=0.0))
        self._take_sound(mono)
        return self._answers()

    def push_frames(self, frames: ArrayLike, times: ArrayLike) -> list[dict[str, Any]]:
        """Take pictures.

        Parameters
        ----------
        frames : array_like of shape (t, y, x) or (t, y, x, 3), uint8
            Luma or RGB, all of one size.
        times : array_like of shape (t,)
            Seconds of each on the clock of the sound, >= 0, strictly increasing, also from call to call.

        Returns
        -------
        list of dict
            As for `push_audio`.

        Raises
        ------
        ParameterError
            If a value is out of range, the size changes, or pictures are no stream of this recogniser.
        """
        self._check_open("video")
        pictures = check_array("frames", frames, ndim=(3, 4), allow_empty=True)
        if pictures.dtype != np.uint8 or (pictures.ndim == 4 and pictures.shape[3] != 3):
            raise ParameterError(
                f"frames must be uint8 of shape (t, y, x) or (t, y, x, 3), got {pictures.dtype} of shape "
                f"{pictures.shape}"
            )
        stamps = check_array("times", times, ndim=1, dtype=np.float64, allow_empty=True)
        if len(stamps) != len(pictures):
            raise ParameterError(f"times must have one entry per frame ({len(pictures)}), got {len(stamps)}")
        shape = pictures.shape[1:3]
        if len(pictures) and self._frame_shape not in (None, shape):
            raise ParameterError(
                f"frames must stay of one size, {self._frame_shape}, got {shape}: resize them, or start a "
                "new LiveRecognizer"
            )
        for picture, time in zip(pictures, stamps.tolist(), strict=True):
            if time < 0 or time <= self._last_time:
                raise ParameterError(
                    f"times must be >= 0 and increase, got {time:g} s after {self._last_time:g}"
                )
            self._frame_shape, self._last_time = shape, time
            self._ready["video"] += self._faces.push(_luma(picture), time)
        return self._answers()

    def end(self, stream: str) -> list[dict[str, Any]]:
        """Say that nothing more comes of a stream: windows no longer wait for it.

        Parameters
        ----------
        stream : {"audio", "video"}
            The stream that has ended.

        Returns
        -------
        list of dict
            The rows that are now complete.
        """
        check_choice("stream", stream, self.streams)
        if stream in self._open:
            self._open.discard(stream)
            if stream == "audio":
                if self._converter is not None:
                    self._ready[stream] += self._sound.push(self._converter.flush()[0])
                self._ready[stream] += self._sound.flush()
            else:
                self._ready[stream] += self._faces.flush()
        return self._answers()

    def flush(self) -> list[dict[str, Any]]:
        """End all streams; return the rows that are left.

        Returns
        -------
        list of dict
            Rows of `EmotionRecognizer.timeline`.
        """
        return [row for stream in self.streams for row in self.end(stream)]

    def _check_open(self, stream: str) -> None:
        if stream not in self._open:
            why = "has ended" if stream in self.streams else f"is none of the streams {self.streams}"
            raise ParameterError(f"{stream} must not be pushed: it {why}")

    def _take_sound(self, mono: NDArray[np.float32]) -> None:
        assert self._converter is not None
        self._at += len(mono)
        self._ready["audio"] += self._sound.push(self._converter.push(mono[None])[0])

    def _fill_gap(self, time: float) -> None:
        assert self._rate is not None
        missing = round(time * self._rate) - self._at
        if missing > _MAX_GAP * self._rate:
            gap = missing / self._rate
            raise ParameterError(
                f"time must be at most {_MAX_GAP:g} s behind the sound so far, got {gap:g} s"
            )
        if missing > _GAP_TOLERANCE * self._rate or (self._at == 0 and missing > 0):
            for _ in range(0, missing, self._rate):
                self._take_sound(np.zeros(min(self._rate, missing), np.float32))
                missing -= min(self._rate, missing)

    def _answers(self) -> list[dict[str, Any]]:
        rows = []
        while (parts := self._next_parts()) is not None:
            for each in each_face(parts):
                row = window_row(self._source, self._plan, each, self.window, {"sr": self._rate})
                self._answered = row.details["start"]
                rows.append({**predict_row(self.model, row), **_expressions(self._plan, row)})
        return rows

    def _next_parts(self) -> dict[str, Window] | None:
        """Take the parts of the next window, None while a stream is waited for."""
        for queue in self._ready.values():
            while queue and queue[0].start <= self._answered:  # too late: answered without it
                queue.popleft()
        filled = {stream: queue for stream, queue in self._ready.items() if queue}
        if not filled:
            return None
        start = min(queue[0].start for queue in filled.values())
        ahead = max(queue[-1].start for queue in filled.values()) - start
        if any(not self._ready[stream] for stream in self._open) and ahead <= self.patience:
            return None
        parts = together({stream: queue[0] for stream, queue in filled.items()}, self.hop)
        return {stream: filled[stream].popleft() for stream in parts}


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an own copy in gray: the caller may use its buffer again while the tracker still looks back."""
    if picture.ndim == 2:
        return picture.copy()
    import cv2

    gray: NDArray[np.uint8] = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return gray


def _expressions(plan: Plan, row: Row) -> dict[str, float | None]:
    """Return the mean probability of each expression of the face, None without one."""
    if "expression" not in plan.blocks:
        return {}
    from stcorner.video.expression_summary import mean_expressions
    from stcorner.video.expressions import NAMES

    if "expression" not in row.blocks:
        return {f"expression_{name}": None for name in NAMES}
    return dict(mean_expressions(row.blocks["expression"]))
