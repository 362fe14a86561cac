"""Sound in which nobody speaks, and files that are no clips."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import stcorner
from stcorner import ClipFeatures, EmotionRecognizer, Recording
from stcorner.audio.presence import PRESENCE_COLUMNS
from stcorner.cli import main
from stcorner.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path

SR = 16_000


def organ(seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * SR)) / SR
    return (0.05 * sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440, 660))).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> EmotionRecognizer:
    return stcorner.load_model("ravdess-speech")


def test_music_and_silence_have_no_label(model: EmotionRecognizer) -> None:
    sounds = [organ(2.0), np.zeros(2 * SR, np.float32)]
    rows = model.predict_table([Recording(sound=(y, SR)) for y in sounds])
    assert [row["status"] for row in rows] == ["music_or_noise", "silent"]
    assert [row["speech"] for row in rows] == ["music_or_noise", "silent"]
    assert all(row["label"] is None and row["p_sad"] is None and row["abstain"] is True for row in rows)
    assert "not that of a voice" in rows[0]["message"]
    with pytest.raises(MediaError, match="not that of a voice"):
        model.predict(Recording(sound=(sounds[0], SR)))


def test_what_the_model_was_never_shown_has_no_label(model: EmotionRecognizer, real_data: Path) -> None:
    file = next((real_data / "ravdess" / "audio_speech" / "Actor_03").glob("*.flac"))
    features = model.extract([file], augment=False)
    assert model.predictor_.rows(features)[0]["status"] == "ok"
    far = features.blocks["audio"] + 1000 * model.predictor_.heads["audio"].classifier.scale_
    strange = replace(features, blocks={**features.blocks, "audio": far})
    (row,) = model.predictor_.rows(strange)
    assert (row["status"], row["label"]) == ("unfamiliar", None)


def test_silent_windows_are_rows_and_no_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "quiet.wav"
    soundfile.write(path, np.concatenate([np.zeros(3 * SR), organ(2.0)]), SR)
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(path), "--timeline", "--model", "ravdess-speech"])
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "silent" in printed
    assert "music_or_noise" in printed


def test_a_long_file_is_no_clip(model: EmotionRecognizer, real_data: Path) -> None:
    (row,) = model.predict_table([Recording(sound=(organ(31.0), SR))])
    assert row["label"] is None
    assert "31 s is longer than a clip, and none of its 16 windows has a label" in row["message"]
    files = sorted((real_data / "ravdess" / "audio_speech" / "Actor_02").glob("03-01-05*.flac"))
    y = np.concatenate([stcorner.load_audio(file, SR)[0] for file in files])
    assert len(y) > 30 * SR
    (row,) = model.predict_table([Recording(sound=(y, SR))])
    assert (row["label"], row["status"], row["start"]) == ("angry", "ok", 0.0)
    assert row["end"] == pytest.approx(len(y) / SR, abs=0.01)
    assert sum(row[f"p_{label}"] for label in model.classes_) == pytest.approx(1)
    assert "timeline shows them" in row["message"]


def test_tables_keep_what_was_heard(tmp_path: Path, model: EmotionRecognizer) -> None:
    features = model.extract([Recording(sound=(organ(1.0), SR), name="organ")], augment=False)
    again = ClipFeatures.from_parquet(features.to_parquet(tmp_path / "a.parquet"))
    assert [again.details[0][name] for name in PRESENCE_COLUMNS] == [
        features.details[0][name] for name in PRESENCE_COLUMNS
    ]
    assert model.predictor_.rows(again)[0]["status"] == "music_or_noise"
