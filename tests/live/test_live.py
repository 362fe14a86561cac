"""Windows of a live recording: the numbers of `timeline`, drops counted, every end clean."""

from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import stcorner
from media_files import tone, write_media
from stcorner import EmotionRecognizer, LiveRecognizer, LiveSession, load_audio, load_model, make_corpus
from stcorner.errors import MediaError, MissingExtraError, ParameterError
from stcorner.live import CameraSource, Captured, FileSource, MicrophoneSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import ArrayLike

RATE = 16_000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[stcorner.Clip]:
    return make_corpus(
        tmp_path_factory.mktemp("corpus"), n_actors=2, n_takes=1, emotions=("angry", "sad"), n_jobs=1
    )


@pytest.fixture(scope="module")
def model(corpus: list[stcorner.Clip]) -> stcorner.EmotionRecognizer:
    return EmotionRecognizer(name="tiny", augment=None).fit(corpus)


def assert_same(live: list[dict[str, Any]], batch: list[dict[str, Any]]) -> None:
    assert [(row["start"], row["end"]) for row in live] == [(row["start"], row["end"]) for row in batch]
    for one, other in zip(live, batch, strict=True):
        assert one["status"] == other["status"]
        assert one["face_id"] == other["face_id"]
        for name in one:
            if name.startswith("p_"):
                assert one[name] == pytest.approx(other[name], abs=1e-5)


@pytest.mark.parametrize("speed", [None, 2.0])
def test_a_session_equals_the_timeline(
    corpus: list[stcorner.Clip], model: stcorner.EmotionRecognizer, speed: float | None
) -> None:
    path = corpus[0].path
    live = LiveRecognizer(model, window=0.8, hop=0.25)
    session = LiveSession(live, [FileSource(path, speed=speed)], max_frames=10_000)
    rows = list(session.updates())
    assert len(rows) > 2
    assert_same(rows, list(model.timeline(path, window=0.8, hop=0.25)))
    summary = session.summary()
    assert (summary["windows"], summary["dropped_frames"]) == (len(rows), 0)
    assert summary["frames"] > 20
    assert 0 < summary["latency_median"] <= summary["latency_p95"] < 60


@pytest.mark.parametrize(
    "name",
    [
        "ravdess/audio_speech/Actor_01/03-01-01-01-01-01-01.flac",
        pytest.param("ravdess/av_speech/Actor_01/01-01-01-01-01-01-01.mp4", marks=pytest.mark.slow),
    ],
)
def test_real_clips_equal_the_timeline(real_data: Path, model: stcorner.EmotionRecognizer, name: str) -> None:
    path = real_data / name
    audio_only = path.suffix == ".flac"
    chosen = load_model() if audio_only else model
    live = LiveRecognizer(chosen, window=1.5, hop=0.5, streams=["audio"] if audio_only else None)
    rows = list(LiveSession(live, [FileSource(path, speed=None)]).updates())
    assert_same(rows, list(chosen.timeline(path, window=1.5, hop=0.5)))


def test_blocks_of_any_size_give_the_same(model: stcorner.EmotionRecognizer, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(3.0, 22050, 180.0), 22050)
    y, sr = soundfile.read(path, dtype="float32")
    batch = [row for row in model.timeline(path, window=1.0, hop=0.5)]
    for size in (777, 22050, len(y)):
        live = LiveRecognizer(model, window=1.0, hop=0.5, streams=["audio"])
        rows = [row for at in range(0, len(y), size) for row in live.push_audio(y[at : at + size], sr=sr)]
        assert_same(rows + live.flush(), batch)


def test_gaps_of_sound_are_silence(model: stcorner.EmotionRecognizer) -> None:
    y = tone(2.0, RATE, 180.0)
    live, whole = (LiveRecognizer(model, window=1.0, hop=0.5, streams=["audio"]) for _ in range(2))
    rows = live.push_audio(y, sr=RATE, time=0.5) + live.push_audio(y, sr=RATE, time=3.5) + live.flush()
    gap = np.zeros(RATE, np.float32)
    assert_same(rows, whole.push_audio(np.concatenate([gap[:8000], y, gap, y]), sr=RATE) + whole.flush())
    assert rows[-1]["end"] == 5.5


def test_a_stream_that_stops_does_not_stop_the_other(model: stcorner.EmotionRecognizer) -> None:
    live = LiveRecognizer(model, window=1.0, hop=0.5, patience=2.0)
    live.push_frames(np.zeros((3, 48, 64), np.uint8), [0.0, 0.04, 0.08])
    y = tone(1.0, RATE, 180.0)
    early = [row for _ in range(3) for row in live.push_audio(y, sr=RATE)]
    assert early == []
    rows = [row for _ in range(3) for row in live.push_audio(y, sr=RATE)]
    assert [row["start"] for row in rows] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5], "more than 2 s behind the last"
    assert rows[0]["status"] == "music_or_noise"
    rest = live.end("video") + live.end("audio")
    assert [row["start"] for row in rows + rest] == [0.5 * i for i in range(11)]


class Slow(LiveRecognizer):
    """A computer that needs a fifth of a second for a picture."""

    def push_frames(self, frames: ArrayLike, times: ArrayLike) -> list[dict[str, Any]]:
        time.sleep(0.2)
        return super().push_frames(frames, times)


def test_dropped_frames_are_counted(tmp_path: Path, model: stcorner.EmotionRecognizer) -> None:
    pictures = np.zeros((60, 48, 64), np.uint8)
    path = write_media(tmp_path / "a.mp4", pictures, tone(2.4, RATE, 180.0))
    session = LiveSession(Slow(model, window=1.0, hop=0.5), [FileSource(path)], max_frames=4)
    rows = list(session.updates())
    summary = session.summary()
    assert summary["frames"] + summary["dropped_frames"] == 60
    assert summary["dropped_frames"] > 30
    assert rows[-1]["dropped_frames"] <= summary["dropped_frames"]
    assert [row["start"] for row in rows] == pytest.approx([0.0, 0.5, 1.0, 1.4]), "sound is not dropped"
    assert summary["latency_p95"] < 3.0, "what waits is bounded"


def test_closing_ends_the_threads(tmp_path: Path, model: stcorner.EmotionRecognizer) -> None:
    path = write_media(tmp_path / "a.mp4", np.zeros((200, 48, 64), np.uint8), tone(8.0, RATE, 180.0))
    before = threading.active_count()
    updates = LiveSession(LiveRecognizer(model, window=0.5, hop=0.5), [FileSource(path)]).updates()
    assert next(updates)["start"] == 0.0
    assert threading.active_count() == before + 1
    updates.close()
    assert threading.active_count() == before


class Broken:
    """A camera whose cable is pulled."""

    streams = ("video",)
    lossless = False

    def capture(self, begin: Any, stop: Any) -> Iterator[Any]:
        for k in range(40):
            yield Captured("video", np.zeros((48, 64), np.uint8), k / 25, k / 25, 0, time.perf_counter())
        raise MediaError("camera 7 gives no more pictures")


def test_a_source_that_fails_is_told_after_what_it_gave(model: stcorner.EmotionRecognizer) -> None:
    session = LiveSession(LiveRecognizer(model, window=0.5, hop=0.5, streams=["video"]), [Broken()])
    rows: list[dict[str, Any]] = []
    with pytest.raises(MediaError, match="camera 7"):
        rows.extend(session.updates())
    assert session.summary()["windows"] == 4  # the last from 1.1 to 1.6 s
    with pytest.raises(ParameterError, match="updates must be called once"):
        next(session.updates())


def test_camera_through_opencv(monkeypatch: pytest.MonkeyPatch, model: stcorner.EmotionRecognizer) -> None:
    import cv2

    class Camera:
        def __init__(self, index: int) -> None:
            self.left = 30

        def isOpened(self) -> bool:
            return True

        def set(self, *_: int) -> bool:
            return True

        def read(self) -> tuple[bool, np.ndarray]:
            self.left -= 1
            return self.left >= 0, np.full((48, 64, 3), 100, np.uint8)

        def release(self) -> None:
            released.append(True)

    released: list[bool] = []
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    events: list[Any] = []
    with pytest.raises(MediaError, match="camera 1 gives no more pictures"):
        events.extend(CameraSource(1, width=640).capture(time.perf_counter(), threading.Event()))
    assert released == [True]
    monkeypatch.setattr(Camera, "isOpened", lambda self: False)
    with pytest.raises(MediaError, match="camera 0 cannot be opened"):
        next(CameraSource().capture(0.0, threading.Event()))


def test_microphone_through_sounddevice(monkeypatch: pytest.MonkeyPatch) -> None:
    class InputStream:
        def __init__(
            self, *, callback: Callable[..., Any], blocksize: int, samplerate: int, **_: Any
        ) -> None:
            self.callback, self.n = callback, blocksize

        def __enter__(self) -> None:
            for k in range(5):
                self.callback(np.full((self.n, 1), k, np.float32), self.n, None, None)

        def __exit__(self, *_: None) -> None:
            return None

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(InputStream=InputStream))
    stop = threading.Event()
    events: list[Any] = []
    for event in MicrophoneSource().capture(time.perf_counter() - 1.0, stop):
        events.append(event)
        if len(events) == 5:
            stop.set()
    assert [event.data[0] for event in events] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(np.diff([event.time for event in events]), 0.1)
    assert events[0].time == pytest.approx(0.9, abs=0.5)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"stcorner\[live\]"):
        MicrophoneSource()


def test_a_missing_portaudio_is_no_missing_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(MediaError, match=r"PortAudio library not found.*apt install libportaudio2"):
        MicrophoneSource()


def test_refused_parameters(
    model: stcorner.EmotionRecognizer, tmp_path: Path, corpus: list[stcorner.Clip]
) -> None:
    for parameters, message in (
        ({"window": 0.1}, "window must be"),
        ({"hop": 3.0}, "hop must be"),
        ({"streams": ["smell"]}, "streams must be one of 'audio', 'video'"),
        ({"streams": []}, "streams must name one of"),
        ({"patience": 0}, "patience must be finite and > 0"),
    ):
        with pytest.raises(ParameterError, match=message):
            LiveRecognizer(model, **parameters)
    live = LiveRecognizer(model)
    with pytest.raises(ParameterError, match="y must be floating point"):
        live.push_audio(np.zeros(10, np.int16), sr=RATE)
    live.push_audio(np.zeros(10), sr=RATE)
    with pytest.raises(ParameterError, match="sr must stay the same, 16000, got 8000"):
        live.push_audio(np.zeros(10), sr=8000)
    with pytest.raises(ParameterError, match="time must be at most 600 s"):
        live.push_audio(np.zeros(10), sr=RATE, time=1000.0)
    live.push_frames(np.zeros((1, 48, 64), np.uint8), [0.0])
    for frames, times, message in (
        (np.zeros((1, 48, 64)), [1.0], "frames must be uint8"),
        (np.zeros((1, 48, 64), np.uint8), [1.0, 2.0], "times must have one entry per frame"),
        (np.zeros((1, 48, 64), np.uint8), [0.0], "times must be >= 0 and increase"),
        (np.zeros((1, 49, 64), np.uint8), [1.0], "frames must stay of one size"),
    ):
        with pytest.raises(ParameterError, match=message):
            live.push_frames(frames, times)
    live.flush()
    with pytest.raises(ParameterError, match="audio must not be pushed: it has ended"):
        live.push_audio(np.zeros(10), sr=RATE)
    sound = tmp_path / "a.wav"
    soundfile.write(sound, tone(1.0), RATE)
    with pytest.raises(ParameterError, match="sources must give each of"):
        LiveSession(LiveRecognizer(model), [FileSource(sound)])
    with pytest.raises(MediaError, match="must have a stream of video, and has none"):
        FileSource(sound, streams=["video"])


def test_rgb_frames_are_their_luma(model: stcorner.EmotionRecognizer, corpus: list[stcorner.Clip]) -> None:
    from stcorner import iter_video

    one, other = (LiveRecognizer(model, window=0.5, hop=0.5, streams=["video"]) for _ in range(2))
    rows: list[list[Any]] = [[], []]
    for block in iter_video(corpus[0].path):
        rows[0] += one.push_frames(block.frames, block.times)
        rows[1] += other.push_frames(np.repeat(block.frames[..., None], 3, axis=3), block.times)
    assert_same(rows[0] + one.flush(), rows[1] + other.flush())


def test_the_rate_of_a_sound_file_does_not_matter(model: stcorner.EmotionRecognizer, tmp_path: Path) -> None:
    """Sound pushed at its own rate is resampled as `load_audio` does it."""
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(2.0, 44100, 180.0), 44100)
    y, _ = load_audio(path, sr=RATE)
    direct, resampled = (LiveRecognizer(model, window=1.0, hop=0.5, streams=["audio"]) for _ in range(2))
    native, sr = load_audio(path, sr=None)
    assert_same(
        resampled.push_audio(native, sr=sr) + resampled.flush(),
        direct.push_audio(y, sr=RATE) + direct.flush(),
    )


@pytest.mark.parametrize("speed", [0.0, 1e-300, 5e-324, 0.009, 1e4, 1e300, float("inf"), float("nan"), -1.0])
def test_a_speed_that_no_clock_counts_is_refused(tmp_path: Path, speed: float) -> None:
    sound = tmp_path / "a.wav"
    soundfile.write(sound, np.zeros(1600), 16_000)
    with pytest.raises(ParameterError, match=r"speed must be finite and >= 0\.01 and <= 1000"):
        FileSource(sound, speed=speed)


def test_rows_of_a_model_that_reads_expressions_tell_them(real_data: Path) -> None:
    path = real_data / "video" / "grid_bbaf2n.mpg"
    rows = list(LiveSession(LiveRecognizer("ravdess-av"), [FileSource(path, speed=None)]).updates())
    model = stcorner.load_model("ravdess-av")
    summary = model.extract([path]).blocks["expression"][0]
    names = [name for name in rows[0] if name.startswith("expression_")]
    assert len(names) == 7
    for row in rows:
        assert sum(row[name] for name in names) == pytest.approx(1)
    # The window of 2 s and the clip of 3 s show nearly the same face.
    best = stcorner.face_expression_names()[summary[:7].argmax()]
    assert max(names, key=lambda name: rows[0][name]) == f"expression_{best}"


def test_sound_alone_tells_no_expression(real_data: Path) -> None:
    path = real_data / "video" / "grid_bbaf2n.mpg"
    live = LiveRecognizer("ravdess-av", streams=["audio"])
    (first, *_) = LiveSession(live, [FileSource(path, streams=["audio"], speed=None)]).updates()
    assert first["status"] == "audio only"
    assert {first[name] for name in first if name.startswith("expression_")} == {None}
