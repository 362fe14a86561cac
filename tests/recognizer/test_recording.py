"""Arrays in the place of a file: the same numbers as from a file that holds them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from media_files import write_media
from stcorner import (
    Clip,
    EmotionRecognizer,
    Recording,
    explain_decision,
    extract,
    load_audio,
    load_model,
    load_video,
    make_corpus,
    probe,
    track_faces,
)
from stcorner.errors import DatasetError, MediaError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

RATE = 44_100


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: Any) -> tuple[np.ndarray, np.ndarray]:
    """A second and a half of a synthetic clip: int16 sound in two channels, RGB frames that are not gray."""
    corpus = make_corpus(
        tmp_path_factory.mktemp("corpus"), n_actors=1, n_takes=1, emotions=("sad",), n_jobs=1
    )
    clip = corpus[0].path
    sound = load_audio(clip, RATE)[0][: 3 * RATE // 2]
    y = np.round(np.stack([sound, 0.8 * sound]) * 30000).astype(np.int16)
    gray = load_video(clip)[0][:38].astype(np.float64)
    return y, np.stack([gray, 0.9 * gray, 255 - 0.8 * (255 - gray)], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module", params=["gray", "rgb"])
def pair(
    request: pytest.FixtureRequest, arrays: tuple[np.ndarray, np.ndarray], tmp_path_factory: Any
) -> tuple[Path, Recording]:
    """A lossless file and the recording of what is in it."""
    y, frames = arrays
    frames = frames[..., 0] if request.param == "gray" else frames
    file = write_media(
        tmp_path_factory.mktemp("lossless") / "clip.avi", frames, y / np.float32(32768), fps=25, sr=RATE,
        codec="ffv1" if request.param == "gray" else "rawvideo",
        pix_fmt="gray" if request.param == "gray" else "bgr24", audio_codec="pcm_s16le",
    )  # fmt: skip
    return file, Recording(sound=(y, RATE), frames=frames, fps=25, name=str(file))


def test_media_are_read_to_the_bit(pair: tuple[Path, Recording]) -> None:
    file, recording = pair
    for sr in (None, 16_000):
        np.testing.assert_array_equal(load_audio(recording, sr)[0], load_audio(file, sr)[0])
    np.testing.assert_array_equal(
        load_audio(recording, offset=0.5, duration=0.5)[0], load_audio(file, offset=0.5, duration=0.5)[0]
    )
    for gray in (True, False):
        (ours, fps), (theirs, _) = load_video(recording, gray=gray), load_video(file, gray=gray)
        np.testing.assert_array_equal(ours, theirs)
        assert fps == 25.0
    assert track_faces(recording) == track_faces(file)
    info, known = probe(recording), probe(file)
    assert info.video is not None
    assert known.video is not None
    assert (info.video.width, info.video.fps) == (known.video.width, known.video.fps)


def test_predictions_are_those_of_the_file(pair: tuple[Path, Recording]) -> None:
    file, recording = pair
    model = load_model("ravdess-av")
    features = model.extract([recording, file], augment=False)
    for block in features.blocks.values():
        np.testing.assert_array_equal(block[0], block[1])
    np.testing.assert_array_equal(model.predict_proba(recording), model.predict_proba(features[[1]])[0])
    assert explain_decision(model, recording, n_orders=2) == explain_decision(model, features, 1, n_orders=2)
    windows, known = (list(model.timeline(one, window=1.0, hop=0.5)) for one in (recording, file))
    assert windows == known
    assert len(windows) > 1


def test_one_stream_is_enough(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    y, frames = arrays
    model = load_model("ravdess-av")
    alone = Recording(sound=(y, RATE), name="voice")
    row = model.predict_table([alone, Recording(frames=frames[..., 0], fps=25)])
    assert row[0]["status"] == "audio only"
    assert "audio" not in row[1]["status"]
    assert row[0]["file"] == row[0]["clip_id"] == "voice"
    assert row[0]["message"] == "voice has no video stream"
    with pytest.raises(MediaError, match="voice has no video stream"):
        load_video(alone)
    floats = Recording(sound=((y / 32768).astype(np.float64), RATE))
    np.testing.assert_array_equal(load_audio(floats)[0], load_audio(alone)[0])


def test_a_labelled_clip_may_hold_a_recording(arrays: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    recording = Recording(sound=(arrays[0], RATE))
    clips = [
        replace(Clip.of(recording), label=label, subject=who) for label in ("sad", "angry") for who in "ab"
    ]
    model = EmotionRecognizer("audio", augment=None).fit(clips)
    assert model.predict_proba(recording).shape == (2,)
    with pytest.raises(DatasetError, match=r"got a Recording: use EmotionRecognizer\.extract"):
        extract(clips, tmp_path / "features.parquet")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "sound or frames must be given, got neither"),
        ({"frames": np.zeros((9, 8, 8), np.uint8)}, "frames and fps must come together"),
        ({"sound": (np.zeros(99), 16000), "fps": 25}, "frames and fps must come together"),
        ({"sound": np.zeros(99)}, r"a pair \(y, sr\), as load_audio returns, got ndarray of shape \(99,\)"),
        ({"sound": (np.zeros((99, 2)), 8000)}, r"looks like \(samples, channels\)"),
        ({"sound": (np.full(99, 3000.0), 8000)}, "full scale of 1.0, got samples up to 3000: give integers"),
        ({"sound": (np.full(99, np.nan), 8000)}, "sound must be finite"),
        ({"sound": (np.zeros(99, np.uint8), 8000)}, "floats, int16 or int32, got uint8"),
        ({"sound": (np.zeros(99), 8000.5)}, "sr must be an integer"),
        ({"frames": np.zeros((9, 8, 8)), "fps": 25}, "got float64: multiply values of 0 to 1 by 255"),
        ({"frames": np.zeros((9, 8, 8), np.int64), "fps": 25}, "frames must be uint8, 0 to 255, got int64"),
        ({"frames": np.zeros((9, 3, 8, 8), np.uint8), "fps": 25}, r"\(t, y, x, 3\), got \(9, 3, 8, 8\)"),
        ({"frames": np.zeros((9, 8, 8), np.uint8), "fps": 0}, "fps must be finite and > 0"),
        ({"sound": (np.zeros(80000), 8000), "frames": np.zeros((100, 8, 8), np.uint8), "fps": 25},
         "got 10.00 s of sound and 4.00 s of frames at 25 fps"),
        ({"sound": (np.zeros(99), 8000), "name": ""}, "name must be a non-empty string"),
    ],
)  # fmt: skip
def test_what_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Recording(**given)
