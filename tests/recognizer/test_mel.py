"""The block "mel": voices by features and by the network together, beside a face that may be missing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from msgspec import structs
from sklearn.naive_bayes import GaussianNB

import stcorner
from oracles.audio import harmonic_tone
from recognizer.invented import UntrainedNetwork, invented_features, invented_patches, without
from stcorner import ClipFeatures, EmotionRecognizer, LiveRecognizer, MelCNNClassifier, Recording
from stcorner.classifiers.mel_cnn import network
from stcorner.cli import main
from stcorner.errors import MediaError, ModelError, ParameterError
from stcorner.recognizer import explain_decision, load_model, read_model, write_model
from stcorner.recognizer.explanation import feature_group
from stcorner.video.expression_summary import expression_summary_names

if TYPE_CHECKING:
    from pathlib import Path

SR = 16_000
WEIGHTS = {"audio": 0.65, "mel": 0.7, "expression": 1.5}
KINDS: dict[str, Any] = {"audio": "discriminant", "mel": UntrainedNetwork(n_steps=7, random_state=3)}
FACE = {**KINDS, "expression": "posterior"}


def everything() -> ClipFeatures:
    """Return nine invented clips with all three blocks."""
    plain, seed = invented_features(3, 1), 0
    n = len(plain)
    logs = np.random.default_rng(seed).normal(-3, 1.5, (n, len(expression_summary_names())))
    blocks = {
        "audio": plain.blocks["audio"], "mel": invented_patches(n, seed=seed), "expression": logs,
    }  # fmt: skip
    names = {
        "audio": plain.names["audio"], "mel": stcorner.log_mel_patch_names(),
        "expression": list(expression_summary_names()),
    }  # fmt: skip
    return ClipFeatures(clips=plain.clips, blocks=blocks, names=names)


def recognizer(*blocks: str, **more: Any) -> EmotionRecognizer:
    kinds = {name: FACE[name] for name in blocks}
    given = {"augment": None, "name": "m", "classifier": kinds, **more}
    weights = {name: WEIGHTS[name] for name in blocks}
    return EmotionRecognizer(blocks=blocks, fusion="late", weights=weights, **given)


@pytest.fixture(scope="module")
def features() -> ClipFeatures:
    return everything()


@pytest.fixture(scope="module")
def voice(features: ClipFeatures) -> EmotionRecognizer:
    return recognizer("audio", "mel").fit(features)


@pytest.fixture(scope="module")
def both(features: ClipFeatures) -> EmotionRecognizer:
    return recognizer("audio", "mel", "expression").fit(features)


def shares(model: EmotionRecognizer, features: ClipFeatures, block: str) -> np.ndarray:
    head = model.predictor_.heads[block]
    return head.predict_proba(features.blocks[block], model.predictor_.classes)


def product(tables: dict[str, np.ndarray]) -> np.ndarray:
    """Return the weighted product by hand; what is below one in a million counts as that."""
    powers = np.prod([np.maximum(p, 1e-6) ** WEIGHTS.get(name, 1.0) for name, p in tables.items()], axis=0)
    return powers / powers.sum(axis=1, keepdims=True)


def with_face(tables: dict[str, np.ndarray]) -> np.ndarray:
    """Return the product of what the voices say together, at the weight 1, and the face."""
    voices = product({name: tables[name] for name in ("audio", "mel")})
    return product({"voices": voices, "expression": tables["expression"]})


def test_voices_are_the_weighted_product(voice: EmotionRecognizer, features: ClipFeatures) -> None:
    tables = {name: shares(voice, features, name) for name in ("audio", "mel")}
    assert np.abs(tables["audio"] - tables["mel"]).max() > 0.2
    np.testing.assert_allclose(voice.predict_proba(features), product(tables), atol=1e-12)
    mel = voice.predictor_.heads["mel"]
    assert (mel.kind, mel.calibration) == ("mel_cnn", None)
    np.testing.assert_array_equal(tables["mel"], mel.classifier.predict_proba(features.blocks["mel"]))


def test_a_face_beside_them_may_be_missing(
    voice: EmotionRecognizer, both: EmotionRecognizer, features: ClipFeatures
) -> None:
    tables = {name: shares(both, features, name) for name in ("audio", "mel", "expression")}
    np.testing.assert_allclose(both.predict_proba(features), with_face(tables), atol=1e-12)
    given = without(features, {"expression": slice(0, 4), "audio": slice(2, 6), "mel": slice(2, 6)})
    found = both.predict_proba(given)
    np.testing.assert_array_equal(found[:2], voice.predict_proba(features)[:2])
    assert np.isnan(found[2:4]).all()
    np.testing.assert_array_equal(found[4:6], tables["expression"][4:6])
    np.testing.assert_allclose(found[6:], with_face(tables)[6:], atol=1e-12)
    rows = both.predict_table(given)
    assert [rows[at]["status"] for at in (0, 2, 4, 6)] == ["audio only", "failed", "expression only", "ok"]


def test_one_description_of_the_sound_alone(both: EmotionRecognizer, features: ClipFeatures) -> None:
    given = without(features, {"mel": [0, 1], "audio": [1, 2], "expression": [0, 2]})
    found = both.predict_proba(given)
    for row, block in enumerate(["audio", "expression", "mel"]):
        np.testing.assert_array_equal(found[row], shares(both, features, block)[row])
    assert [row["status"] for row in both.predict_table(given)[:3]] == [
        f"{block} only" for block in ("audio", "expression", "mel")
    ]


def test_saved_and_loaded(both: EmotionRecognizer, features: ClipFeatures, tmp_path: Path) -> None:
    given = without(features, {"expression": slice(0, 5)})
    path = both.save(tmp_path / "m.stcorner")
    again = load_model(path)
    np.testing.assert_array_equal(again.predict_proba(given), both.predict_proba(given))
    restored = again.classifier["mel"]
    assert type(restored) is MelCNNClassifier
    assert restored.get_params() == KINDS["mel"].get_params()
    assert again.predictor_.heads["mel"].classifier.losses_ == [1.5, 1.25]
    np.testing.assert_array_equal(
        load_model(again.save(tmp_path / "n.stcorner")).predict_proba(given), both.predict_proba(given)
    )
    assert (tmp_path / "n.stcorner").stat().st_size < 2_500_000  # weights of 16 bits


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state, arrays: arrays.pop("stem.bias"), "incomplete: KeyError"),
        (lambda state, arrays: arrays.update({"stem.bias": np.zeros(3, "f2")}), "must have the shapes"),
        (lambda state, arrays: state["params"].update(steps=3), "unexpected keyword argument 'steps'"),
        (lambda state, arrays: state.update(classes=["angry", "sad"]), "must have the shapes"),
        (lambda state, arrays: state.update(classes=["angry", "happy", "bored"]), "does not fit its labels"),
    ],
    ids=range(5),
)
def test_damaged_files_are_refused(
    voice: EmotionRecognizer, change: Any, message: str, tmp_path: Path
) -> None:
    file = read_model(voice.save(tmp_path / "m.stcorner"))
    prefix = "classifier_1/"
    own = {name.removeprefix(prefix): a for name, a in file.arrays.items() if name.startswith(prefix)}
    others = {name: a for name, a in file.arrays.items() if not name.startswith(prefix)}
    part = file.document.parts["classifier_1"]
    state = {**part.state, "params": dict(part.state["params"])}
    change(state, own)
    parts = {**file.document.parts, "classifier_1": structs.replace(part, state=state)}
    damaged = replace(
        file, document=structs.replace(file.document, parts=parts),
        arrays={**others, **{prefix + name: array for name, array in own.items()}},
    )  # fmt: skip
    with pytest.raises(ModelError, match=message):
        load_model(write_model(tmp_path / "damaged.stcorner", damaged))


@pytest.mark.parametrize("weights", [WEIGHTS, {"audio": 0.0, "mel": 2.0, "expression": 1e-320}], ids=str)
def test_onnxruntime_gives_the_same(
    both: EmotionRecognizer, features: ClipFeatures, tmp_path: Path, weights: dict[str, float]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    gaps = {"expression": [0, 1, 6], "audio": [1, 2, 3, 5], "mel": [1, 2, 4, 5, 6]}
    given = without(features, gaps)
    model = load_model(both.save(tmp_path / "m.stcorner"))
    model.predictor_ = replace(model.predictor_, weights=weights)
    session = onnxruntime.InferenceSession(model.export_onnx(tmp_path / "m.onnx"))
    (found,) = session.run(None, given.blocks)
    expected = model.predict_proba(given)
    assert np.isnan(expected).all(axis=1).tolist() == [at == 1 for at in range(len(given))]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_a_decision_is_explained_by_three_parts(both: EmotionRecognizer, features: ClipFeatures) -> None:
    begin = time.process_time()
    found = explain_decision(both, features, row=5)
    assert time.process_time() - begin < 5
    assert found.offset + sum(found.parts.values()) == pytest.approx(found.total)
    assert list(found.blocks) == ["audio", "mel", "expression"]
    assert found.parts["spectrogram"] == found.blocks["mel"] != 0
    p = both.predict_proba(features)[5]
    a, b = list(both.classes_).index(found.label), list(both.classes_).index(found.against)
    assert found.total == pytest.approx(np.log(p[a] / p[b]))
    # The bands of the paper's recipe are another group.
    assert feature_group("mel_3_mean") == "mel" != feature_group("mel_3_1", "mel", 6144)


def test_the_network_alone(features: ClipFeatures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MelCNNClassifier, "fit", UntrainedNetwork.fit)
    alone = EmotionRecognizer(blocks=("mel",), classifier="mel_cnn", classifier_params={"n_steps": 9},
                              augment=None, random_state=5)  # fmt: skip
    alone.fit(features)
    fitted = alone.predictor_.heads["early"].classifier
    assert (fitted.n_steps, fitted.random_state) == (9, 5)
    np.testing.assert_array_equal(alone.predict_proba(features), fitted.predict_proba(features.blocks["mel"]))
    again = load_model(alone.save(tmp_path / "m.stcorner"))
    np.testing.assert_array_equal(again.predict_proba(features), alone.predict_proba(features))
    assert again.classifier.get_params() == fitted.get_params()
    card = read_model(tmp_path / "m.stcorner").card
    assert "Nobody is heard to speak" in card


def test_who_learns_from_the_block(features: ClipFeatures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MelCNNClassifier, "fit", UntrainedNetwork.fit)
    weights = {"audio": 1.0, "mel": 1.0}

    def fitted(**options: Any) -> tuple[str, str, Any]:
        model = EmotionRecognizer(fusion="late", weights=weights, augment=None, **options).fit(features)
        heads = model.predictor_.heads
        return heads["audio"].kind, heads["mel"].kind, heads["mel"].classifier

    blocks = ("audio", "mel")
    # Parameters for the features of the voice are not the network's.
    kinds = fitted(blocks=blocks, classifier_params={"n_frequencies": 50}, random_state=4)
    assert kinds[:2] == ("discriminant", "mel_cnn")
    assert (kinds[2].n_steps, kinds[2].random_state) == (1200, 4)
    assert fitted(blocks=blocks, classifier={"audio": GaussianNB()})[:2] == (
        "scikit-learn", "mel_cnn",
    )  # fmt: skip
    assert fitted(blocks=blocks, classifier=GaussianNB())[1] == "scikit-learn"
    alone = EmotionRecognizer(blocks=("mel",), fusion="late", classifier=MelCNNClassifier(n_steps=11),
                              augment=None).fit(features)  # fmt: skip
    assert alone.predictor_.heads["mel"].classifier.n_steps == 11
    monkeypatch.undo()
    with pytest.raises(ParameterError, match="X must hold rows of log_mel_patch, 6144 values each, got 12"):
        EmotionRecognizer("audio", classifier="mel_cnn", augment=None).fit(features)


def test_a_mixed_model_is_loaded_with_the_classifier_that_was_given(
    features: ClipFeatures, tmp_path: Path
) -> None:
    pytest.importorskip("skops")
    kinds = {"mel": UntrainedNetwork(), "audio": GaussianNB(var_smoothing=0.5)}
    model = EmotionRecognizer(
        blocks=("mel", "audio"),
        fusion="late",
        classifier=kinds,
        weights={"mel": 1.0, "audio": 1.0},
        augment=None,
    ).fit(features)
    again = load_model(model.save(tmp_path / "m.stcorner"))
    assert again.classifier["audio"].var_smoothing == 0.5
    np.testing.assert_array_equal(again.predict_proba(features), model.predict_proba(features))


def test_people_are_not_measured_by_themselves() -> None:
    many = everything()[[0] * 10]
    many = replace(
        many,
        clips=[replace(c, subject="one", label=("angry", "sad")[i % 2]) for i, c in enumerate(many.clips)],
    )
    with pytest.raises(ParameterError, match=r"within must be None with mel_cnn, .* leave it out"):
        recognizer("audio", "mel", within="subject").fit(many)


def spoken(seconds: float, rng: np.random.Generator) -> np.ndarray:
    f0 = 140 + 30 * np.sin(np.arange(int(seconds * SR)) / 2500)
    y = harmonic_tone(f0, SR, seconds, 25) * (1 + np.sin(np.arange(int(seconds * SR)) / 1500)) / 2
    return (y + 1e-3 * rng.standard_normal(len(y))).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people who say two things each."""
    root, rng = tmp_path_factory.mktemp("voices"), np.random.default_rng(0)
    for person in ("ann", "bob"):
        for label in ("angry", "sad"):
            path = root / person / label / f"{person}-{label}.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, spoken(0.7 if label == "sad" else 0.6, rng), SR)
    return root


@pytest.fixture(scope="module")
def heard(folder: Path) -> EmotionRecognizer:
    """Return a model that learnt from sound and an altered copy of it."""
    clips = stcorner.load_folder(folder, subject=1)
    model = recognizer("audio", "mel", augment=("noise",))
    return model.fit(model.extract(clips, n_jobs=1))


def test_copies_have_spectrograms_of_their_own(folder: Path) -> None:
    clips = stcorner.load_folder(folder, subject=1)[:2]
    for blocks in (("audio", "mel"), ("mel",)):
        found = EmotionRecognizer(blocks=blocks, augment=("noise", "speed")).extract(clips, n_jobs=1)
        assert found.copies.tolist() == ["", "noise", "speed"] * 2
        assert list(found.blocks) == list(blocks)
        for name, block in found.blocks.items():
            assert np.isfinite(block).all(), name
            assert len(np.unique(block, axis=0)) == 6
    y, _ = stcorner.load_audio(clips[0].path, SR)
    np.testing.assert_array_equal(found.blocks["mel"][0].reshape(48, 128), stcorner.log_mel_patch(y))
    with pytest.raises(ParameterError, match="recipe"):
        EmotionRecognizer(blocks=("mel",), recipe="thin").extract(clips)


def test_what_is_no_speech_has_no_label(heard: EmotionRecognizer, real_data: Path) -> None:
    file = next((real_data / "ravdess" / "audio_speech" / "Actor_03").glob("*.flac"))
    t = np.arange(2 * SR) / SR
    organ = 0.05 * sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440, 660))
    sounds = [organ, np.zeros(2 * SR), stcorner.load_audio(file, SR)[0]]
    given = [Recording(sound=(y.astype(np.float32), SR)) for y in sounds]
    rows = heard.predict_table(given)
    assert [row["status"] for row in rows[:2]] == ["music_or_noise", "silent"]
    assert [row["label"] for row in rows[:2]] == [None, None]
    with pytest.raises(MediaError, match="not that of a voice"):
        heard.predict(given[0])
    alone = replace(
        heard.predictor_, blocks=("mel",), plan=replace(heard.predictor_.plan, blocks=("mel",)),
        names={"mel": heard.predictor_.names["mel"]},
    )  # fmt: skip
    rows = alone.predict_table(given)
    assert [row["status"] for row in rows] == ["music_or_noise", "silent", "ok"]


def test_windows_of_a_file_and_of_a_stream(heard: EmotionRecognizer, rng: np.random.Generator) -> None:
    y = spoken(2.0, rng)
    rows = list(heard.timeline(Recording(sound=(y, SR)), window=1.0, hop=0.5))
    assert [(row["start"], row["end"]) for row in rows] == [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0)]
    live = LiveRecognizer(heard, window=1.0, hop=0.5)
    assert live.streams == ("audio",)
    streamed = [*live.push_audio(y, sr=SR), *live.flush()]
    names = [f"p_{label}" for label in heard.classes_]
    for row, again in zip(rows, streamed, strict=True):
        assert row["status"] == again["status"]
        if row["label"] is not None:
            assert [row[name] for name in names] == pytest.approx([again[name] for name in names], abs=1e-5)


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--blocks", "audio,mel", "--fusion", "late"], {"audio": "discriminant", "mel": "mel_cnn"}),
        (["--blocks", "mel", "--classifier", "mel_cnn"], {"early": "mel_cnn"}),
    ],
    ids=str,
)
def test_the_command_trains_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], kinds: dict[str, str]
) -> None:
    seen: list[tuple[int, ...]] = []

    def drawn(patches: np.ndarray, codes: np.ndarray, chance: np.ndarray, **options: Any) -> Any:
        seen.append(patches.shape)
        rows = patches.reshape(len(patches), -1)
        return UntrainedNetwork(random_state=options["seed"]).fit(rows, codes).weights_, []

    monkeypatch.setattr(network, "fit_network", drawn)
    path = tmp_path / "m.stcorner"
    arguments = f"--modality audio --subject 1 --augment none --jobs 1 -o {path}".split()
    with pytest.raises(SystemExit) as ended:
        main(["train", str(folder), *arguments, *options])
    assert not ended.value.code
    assert (4, 48, 128) in seen
    model = load_model(path)
    assert {name: head.kind for name, head in model.predictor_.heads.items()} == kinds
