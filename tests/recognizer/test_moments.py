"""The timeline: one row per moment and face, its numbers those of the tables that it sums up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import stcorner
from media_files import tone
from stcorner.errors import MediaError, ParameterError
from stcorner.recognizer import load_predictor
from stcorner.recognizer.moments import moment_tiers, timeline_columns
from two_faces import side_by_side


@pytest.fixture(scope="module")
def film(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    clips = sorted(small_corpus.rglob("01-*-01-01-*.mp4")) or sorted(small_corpus.rglob("01-*.mp4"))
    return side_by_side(clips[0], clips[-1], tmp_path_factory.mktemp("film") / "zwei.mp4")


@pytest.fixture(scope="module")
def model() -> stcorner.EmotionRecognizer:
    return stcorner.load_model("ravdess-av")


def test_both_faces_have_rows(film: Path, model: stcorner.EmotionRecognizer) -> None:
    rows = stcorner.timeline_table(film, rate=2, recognizer=model)
    assert list(rows[0]) == timeline_columns(model.classes_.tolist())
    assert {row["face_id"] for row in rows} == {0, 1}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    for row in rows:
        assert sum(row[f"p_{name}"] for name in model.classes_) == pytest.approx(1)
        assert row["label"] == max(model.classes_, key=lambda name: row[f"p_{name}"])
    # A face's moments are the means of its frames.
    table = stcorner.face_table(film)
    for face in (0, 1):
        at = (table["face_id"] == face) & (table["time"] >= 0.5) & (table["time"] < 1)
        (row,) = [row for row in rows if row["face_id"] == face and row["start"] == 0.5]
        for name in ("x", "width", "quality", "corners_mouth"):
            assert row[name] == pytest.approx(table[name][at].mean(), rel=1e-5)
        names = [f"expression_{name}" for name in stcorner.face_expression_names()]
        logs = np.array([np.log(table[name][at]).mean() for name in names])
        shares = np.exp(logs - np.logaddexp.reduce(logs))
        np.testing.assert_allclose([row[name] for name in names], shares, rtol=1e-4)
    left, right = (np.mean([row["x"] for row in rows if row["face_id"] == face]) for face in (0, 1))
    assert abs(left - right) > 60
    tiers = moment_tiers(rows)
    assert {"emotion, face 0", "emotion, face 1", "expression, face 0", "loudness"} <= set(tiers)
    assert tiers["emotion, face 0"][0].start == 0
    for face in (0, 1):
        one = stcorner.timeline_table(film, rate=2, face=face)
        assert {row["face_id"] for row in one} == {face}
        assert "label" not in one[0]


def test_predict_and_extract_tell_faces_apart(film: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs stcorner[table]")
    run = stcorner.extract(
        film, tmp_path / "t.parquet", blocks=("audio", "mel", "expression"), face="all", n_jobs=1
    )
    features = stcorner.ClipFeatures.from_parquet(run.features)
    assert (run.n_files, len(features)) == (1, 2)
    assert [row["face_id"] for row in features.details] == [0, 1]
    np.testing.assert_array_equal(*features.blocks["audio"])
    assert not np.array_equal(*features.blocks["expression"])
    model = stcorner.load_model("ravdess-av")
    rows = model.predict_table(features)
    assert [row["face_id"] for row in rows] == [0, 1]
    voice = tmp_path / "voice.wav"
    soundfile.write(voice, tone(1.0), 16000)
    predictor = load_predictor("ravdess-av")
    predictor = replace(predictor, plan=replace(predictor.plan, face="all"))
    for n_jobs in (1, 2):
        found = predictor.predict_table([film, voice, film], n_jobs=n_jobs)
        assert [(Path(row["file"]).name, row["face_id"]) for row in found] == [
            (film.name, 0), (film.name, 1), (voice.name, None), (film.name, 0), (film.name, 1),
        ]  # fmt: skip
        for at in (0, 3):
            shares = [row["p_happy"] for row in found[at : at + 2]]
            assert shares == pytest.approx([row["p_happy"] for row in rows], rel=1e-9)

    windows = stcorner.extract(
        film, tmp_path / "w.parquet", blocks=("audio", "expression"), face="all", window=1, n_jobs=1
    )
    table = stcorner.ClipFeatures.from_parquet(windows.features)
    seen = [(row["start"], row["face_id"]) for row in table.details]
    assert seen == sorted(set(seen))
    assert {face for _, face in seen} == {0, 1}


def test_a_long_film_has_a_row_for_each_face(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.recognizer import timeline

    monkeypatch.setattr(timeline, "_LONGEST", 1.0)
    predictor = load_predictor("ravdess-av")
    one = predictor.predict_table([film], n_jobs=1)
    predictor = replace(predictor, plan=replace(predictor.plan, face="all"))
    found = predictor.predict_table([film], n_jobs=1)
    assert ([row["face_id"] for row in found], len(one)) == ([0, 1], 1)
    windows = list(predictor.timeline(film, window=2.0, hop=2.0))
    for face, row in enumerate(found):
        assert "is longer than a clip" in row["message"]
        own = [each["p_sad"] for each in windows if each["face_id"] == face]
        assert row["p_sad"] == pytest.approx(np.mean(own))


def test_a_face_that_is_not_there_names_those_that_are(film: Path) -> None:
    features = stcorner.EmotionRecognizer(blocks=("expression",), face=7).extract([film])
    assert "no face 7 was found, there is 0, 1" in features.errors[0].error


def test_the_voice_is_that_of_the_frames(tmp_path: Path) -> None:
    parts = [tone(1.0, frequency=150), np.zeros(16000, np.float32), tone(0.5, frequency=220)]
    soundfile.write(tmp_path / "a.wav", np.concatenate(parts), 16000)
    sound, _ = stcorner.load_audio(tmp_path / "a.wav")
    rows = stcorner.timeline_table(tmp_path / "a.wav", rate=1)
    table = stcorner.frame_table(sound, sr=16000, descriptors=("f0", "loudness"))
    assert [(row["start"], row["end"]) for row in rows] == [(0, 1), (1, 2), (2, 2.5)]
    for row in rows:
        at = (table["time"] >= row["start"]) & (table["time"] < row["start"] + 1)
        voiced = np.isfinite(table["f0"][at])
        assert row["voiced_share"] == pytest.approx(voiced.mean())
        assert row["loudness"] == pytest.approx(table["loudness"][at].mean(), rel=1e-5)
        if voiced.any():
            assert row["f0"] == pytest.approx(np.nanmean(table["f0"][at]), rel=1e-5)
    assert all(row["face_id"] is None for row in rows)


def test_long_sound_in_pieces_is_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.recognizer import moments

    time = np.arange(16000 * 7) / 16000
    glide = 0.3 * np.sin(2 * np.pi * (120 * time + 6 * time**2)) * (np.sin(2 * np.pi * 0.7 * time) > -0.3)
    soundfile.write(tmp_path / "a.wav", glide.astype(np.float32), 16000)
    whole = stcorner.timeline_table(tmp_path / "a.wav", rate=2)
    monkeypatch.setattr(moments, "_PIECE", 2)
    parts = stcorner.timeline_table(tmp_path / "a.wav", rate=2)
    assert len(whole) == len(parts) == 14
    for one, other in zip(whole, parts, strict=True):
        assert (one["f0"] or 0.0) == pytest.approx(other["f0"] or 0.0, rel=1e-3)
        assert one["loudness"] == pytest.approx(other["loudness"], rel=1e-2)


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="rate must be finite and > 0 and <= 100, got 0"):
        stcorner.timeline_table("a.wav", rate=0)
    with pytest.raises(ParameterError, match="face"):
        stcorner.timeline_table("a.wav", face="second")
    with pytest.raises(MediaError, match=r"none\.wav"):
        stcorner.timeline_table(tmp_path / "none.wav")
