from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from sklearn.metrics import precision_recall_fscore_support

from stcorner.errors import DatasetError, ParameterError
from stcorner.paper import PaperResult, PaperRows, PaperRun, audio_rows, fused_rows, reproduce_paper
from stcorner.paper.experiment import _folds, _per_label, _reduce, leaked_rows
from stcorner.paper.printed import EMOTIONS, MACRO, SUMMARY
from stcorner.paper.rows import voice_versions
from stcorner.paper.tables import notes, tables

if TYPE_CHECKING:
    from pathlib import Path


def rows_of(
    rng: np.random.Generator,
    n_takes: int = 20,
    versions: int = 3,
    n_features: int = 162,
    subjects: tuple[str, str, str, str] = ("01", "02", "03", "04"),
) -> Any:
    take = np.repeat(np.arange(n_takes), versions)
    return PaperRows(
        X=rng.standard_normal((len(take), n_features)).astype(np.float32),
        y=np.asarray(["angry", "sad"])[take % 2],
        subject=np.asarray(subjects)[take // 2 % len(subjects)],
        take=np.asarray([f"take{t}" for t in take]),
        version=np.tile(np.arange(versions), n_takes),
        failed=(),
    )


def a_run(modality: str, protocol: str, accuracy: float) -> Any:
    return PaperRun(
        modality=modality, protocol=protocol, n_train=30, n_test=10, leaked=0.9, train_accuracy=0.9,
        test_accuracy=accuracy, uar=accuracy, train_loss=0.3, test_loss=1.0,
        emotions={"angry": (0.5, 0.6, 0.55, 5), "sad": (0.4, 0.3, 0.35, 5)}, macro=(0.45, 0.45, 0.45),
        weighted=(0.45, 0.45, 0.45),
    )  # fmt: skip


@pytest.fixture
def ravdess(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two actors, two emotions, short voices."""
    for actor in ("01", "02"):
        for emotion in ("04", "05"):
            for repetition in ("01", "02"):
                name = f"03-01-{emotion}-01-01-{repetition}-{actor}.wav"
                tone = np.sin(2 * np.pi * (150 + 40 * int(emotion)) * np.arange(32000) / 16000)
                soundfile.write(tmp_path / name, 0.3 * tone + 0.01 * rng.standard_normal(32000), 16000)
    return tmp_path


def test_printed_numbers_are_what_the_paper_adds_up_to() -> None:
    supports = {
        (corpus, kind): sum(row[3] for row in EMOTIONS[corpus][kind].values())
        for corpus in EMOTIONS
        for kind in EMOTIONS[corpus]
    }
    assert supports["ravdess", "audio"] == 4320 == 4 * MACRO["ravdess"]["audio"][3]
    assert supports["crema-d", "audio"] == 4466 == MACRO["crema-d"]["audio"][3]
    assert (supports["ravdess", "video"], supports["ravdess", "both"]) == (5979, 9678)
    assert supports["crema-d", "both"] == 16903 == MACRO["crema-d"]["both"][3]
    assert SUMMARY["ravdess"]["audio"][1] == 95.56


def test_versions_of_a_voice(rng: np.random.Generator) -> None:
    y = 0.5 * np.sin(np.arange(22050) / 20).astype(np.float32)
    plain, noisy, slow = voice_versions(y, 22050)
    np.testing.assert_array_equal(plain, y)
    assert 0 < np.std(noisy - y) <= 0.035 * y.max() * 1.05
    assert len(slow) == round(len(y) / 0.8)
    assert len(voice_versions(y, 22050, copies=5)) == 5
    np.testing.assert_array_equal(voice_versions(y, 22050, seed=1)[1], voice_versions(y, 22050, seed=1)[1])


def test_rows_of_voices(ravdess: Path) -> None:
    from stcorner import load_ravdess

    clips = load_ravdess(ravdess, modality="audio")
    seen = []
    rows = audio_rows(clips, progress=lambda done, total: seen.append((done, total)))
    assert rows.X.shape == (24, 162)
    assert seen[-1] == (8, 8)
    assert rows.version.tolist() == [0, 1, 2] * 8
    assert set(rows.y) == {"angry", "sad"}
    # The first version is the recipe itself.
    from stcorner import clip_features, load_audio

    y, sr = load_audio(clips[0].path, 22050)
    expected = clip_features(y, sr=sr, recipe="notebook162")
    np.testing.assert_allclose(rows.X[0], expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(ParameterError, match="recipe must be one of"):
        audio_rows(clips, recipe="rich")


def test_a_random_split_leaks_and_actors_do_not(rng: np.random.Generator) -> None:
    rows = rows_of(rng, n_takes=200)
    ((train, test),) = _folds(rows, [], "paper-leaky", "ravdess", 0)
    assert len(test) == 150
    # 1 - (share of the two siblings that are tested too): 93.8 % for a quarter.
    assert leaked_rows(rows, train, test).mean() == pytest.approx(0.94, abs=0.04)
    out = np.isin(rows.subject, ["01"])
    assert not leaked_rows(rows, np.flatnonzero(~out), np.flatnonzero(out)).any()


def test_labels_counted_as_scikit_learn_does(rng: np.random.Generator) -> None:
    y, predicted = (np.asarray(["a", "b", "c"])[rng.integers(3, size=50)] for _ in range(2))
    table, macro, weighted = _per_label(y, predicted, np.asarray(["a", "b", "c"]))
    expected = np.transpose(precision_recall_fscore_support(y, predicted))
    np.testing.assert_allclose(list(table.values()), expected)
    for ours, average in ((macro, "macro"), (weighted, "weighted")):
        theirs = precision_recall_fscore_support(y, predicted, average=average)[:3]
        np.testing.assert_allclose(ours, theirs)


def test_face_joins_every_version_of_its_voice(rng: np.random.Generator) -> None:
    voice, face = rows_of(rng, n_takes=6), rows_of(rng, n_takes=5, versions=4, n_features=7)
    joined, split = fused_rows(voice, face)
    assert split == 162
    assert joined.X.shape == (15, 169)  # the sixth take has no face
    np.testing.assert_allclose(joined.X[4, 162:], face.X[4:8].mean(axis=0), rtol=1e-5)
    with pytest.raises(DatasetError, match="share takes"):
        fused_rows(voice, PaperRows(**{**vars(face), "take": np.char.add("other", face.take)}))


@pytest.mark.parametrize(("n_features", "split"), [(162, 0), (300, 0), (40, 0), (169, 162)])
def test_every_kind_of_row_becomes_162_values(rng: np.random.Generator, n_features: int, split: int) -> None:
    rows = rows_of(rng, n_takes=80, n_features=n_features)
    train = np.arange(120)
    inputs = _reduce(rows, train, split)
    assert inputs.shape == (240, 162)
    # What is fitted on training rows does not see the others.
    other = PaperRows(**{**vars(rows), "X": np.r_[rows.X[:120], 5 + rows.X[120:]]})
    np.testing.assert_allclose(_reduce(other, train, split)[:120], inputs[:120], atol=1e-4)


def test_tables_put_ours_beside_the_printed() -> None:
    runs = (a_run("audio", "paper-leaky", 0.68), a_run("audio", "actors", 0.36))
    result = PaperResult(corpus="ravdess", recipe="notebook162", n_epochs=50, runs=runs, failed=("x: y",))
    made = tables(result)
    assert [title.split(".")[0] for title, _ in made] == [
        f"Table {n}" for n in ("II", "III", "IV", "V", "VI", "VII")
    ]
    audio = made[0][1][0]
    assert (audio["test paper"], audio["test leaky"], audio["test actors"]) == (95.56, 68.0, 36.0)
    assert made[0][1][1]["test leaky"] is None  # video was not run
    angry = made[1][1][0]
    assert (angry["recall paper"], angry["recall leaky"]) == (0.97, 0.6)
    text = " ".join(notes(result))
    assert "68.0 % under the leak" in text
    assert "32.0 points less" in text
    assert "x: y" in text
    json.dumps(result.to_dict())


def test_corpora_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="root must be a folder of one of"):
        reproduce_paper(tmp_path)
    with pytest.raises(ParameterError, match="corpus must be one of"):
        reproduce_paper(tmp_path, corpus="savee")
    with pytest.raises(ParameterError, match="modalities must be one of"):
        reproduce_paper(tmp_path, modalities=["text"])


@pytest.mark.slow
def test_the_whole_experiment(ravdess: Any) -> None:
    seen = set()
    result = reproduce_paper(ravdess, n_epochs=1, report=lambda what, done, total: seen.add(what))
    assert [(r.modality, r.protocol) for r in result.runs] == [("audio", "paper-leaky"), ("audio", "actors")]
    assert result.run("audio", "actors").leaked == 0
    assert result.run("audio", "paper-leaky").leaked > 0.5
    assert result.run("audio", "actors").n_test == 24
    assert {"video: no clips", "both: no clips"} <= set(result.failed)
    assert "voices" in seen
