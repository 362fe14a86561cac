"""Learning from features, predicting, saving."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from recognizer.invented import invented_features, without
from stcorner.corpora import Clip
from stcorner.errors import MediaError, ModelError, ParameterError
from stcorner.extraction import ClipFeatures, FeatureTable
from stcorner.recognizer import EmotionRecognizer, load_model, loading, read_model, write_model
from stcorner.recognizer.card import model_card
from stcorner.recognizer.registry import find_model
from stcorner.recognizer.saving import to_model_file

if TYPE_CHECKING:
    from pathlib import Path

METHODS = ["concatenate", "mfa", "mfa_per_modality", "cca", "lda", "late"]


@pytest.fixture
def invented() -> ClipFeatures:
    return invented_features()


def accuracy(model: EmotionRecognizer, features: ClipFeatures) -> float:
    """Train on four people and test the other two."""
    test = np.isin(features.groups, ["test/s4", "test/s5"])
    return model.fit(features[~test]).score(features[test])


def test_both_modalities_beat_either() -> None:
    invented = invented_features(per_class=10)
    scores = {each: accuracy(EmotionRecognizer(each), invented) for each in ("audio", "video", "both")}
    assert scores["both"] > max(scores["audio"], scores["video"])
    late = EmotionRecognizer(fusion="late")
    assert accuracy(late, invented) > max(scores["audio"], scores["video"])
    probabilities = late.predict_proba(invented)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert late.classes_.tolist() == ["angry", "happy", "sad"]


@pytest.mark.parametrize("fusion", METHODS)
@pytest.mark.parametrize("modality", ["audio", "both"])
def test_saved_and_loaded_predicts_the_same_bits(
    invented: ClipFeatures, tmp_path: Path, fusion: str, modality: str
) -> None:
    if modality == "audio" and fusion == "cca":
        pytest.skip("canonical correlation needs two blocks")
    model = EmotionRecognizer(modality, fusion=fusion, name="m").fit(invented)
    path = model.save(tmp_path / "m.stcorner")
    assert model.save(tmp_path / "again.stcorner").read_bytes() == path.read_bytes()
    loaded = load_model(path)
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(invented), model.predict_proba(invented))
    assert "# m" in read_model(path).card


def test_card_names_the_classifier_of_each_block(invented: ClipFeatures) -> None:
    card = model_card(read_model(find_model("ravdess-av")).document)
    assert "| classifier | audio: discriminant, mel: mel_cnn, expression: posterior |" in card
    assert "| weights | audio: 0.65, mel: 0.7, expression: 1.0 |" in card
    assert "`MelCNNClassifier`" in card
    plain = to_model_file(EmotionRecognizer("audio").fit(invented)).card
    assert "| classifier | discriminant |" in plain
    assert "| weights |" not in plain
    assert "MelCNN" not in plain


@pytest.mark.slow
def test_fercnn_saved_and_loaded(tmp_path: Path, invented: ClipFeatures) -> None:
    wide = np.random.default_rng(1).standard_normal((len(invented), 162))
    features = ClipFeatures(
        clips=invented.clips,
        blocks={**invented.blocks, "audio": np.hstack([invented.blocks["audio"], wide])},
    )
    model = EmotionRecognizer(
        classifier="fercnn",
        classifier_params={
            "n_epochs": 1,
            "validation_fraction": 0.2,
            "checkpoint": str(tmp_path / "checkpoint"),
        },
    ).fit(features)
    assert model.predictor_.heads["early"].calibration is not None
    loaded = load_model(model.save(tmp_path / "m.stcorner"))
    np.testing.assert_array_equal(loaded.predict_proba(features), model.predict_proba(features))
    assert loaded.classifier_params == {"n_epochs": 1, "validation_fraction": 0.2}, "paths do not travel"


def test_weights_of_blocks_count(invented: ClipFeatures) -> None:
    results = [
        EmotionRecognizer(weights=weights).fit(invented).predict_proba(invented)
        for weights in ({"audio": 1.0, "video": 1.0}, {"audio": 8.0, "video": 1.0})
    ]
    audio = EmotionRecognizer("audio").fit(invented).predict_proba(invented)
    distance = [np.abs(result - audio).mean() for result in results]
    assert distance[1] < 0.5 * distance[0], "a heavy sound block must come close to sound alone"


@pytest.mark.parametrize("fusion", ["concatenate", "late"])
def test_missing_modalities_are_fused_from_what_is_there(invented: ClipFeatures, fusion: str) -> None:
    features = without(invented, {"video": [5, 7], "audio": [6, 7]})
    model = EmotionRecognizer(fusion=fusion).fit(features)
    probabilities = model.predict_proba(features)
    assert np.isfinite(probabilities[[5, 6]]).all()
    assert np.isnan(probabilities[7]).all()
    only = EmotionRecognizer("audio").fit(features).predict_proba(features)
    assert np.isnan(only[[6, 7]]).all()
    assert np.isfinite(only[5]).all()
    with pytest.raises(MediaError, match="1 samples have no features"):
        model.predict(features)
    if fusion == "late":  # each half answers as it would alone
        np.testing.assert_allclose(probabilities[5], only[5], atol=1e-9)


def test_no_features_at_all_is_an_error(invented: ClipFeatures) -> None:
    with pytest.raises(MediaError, match="no clip gave features"):
        EmotionRecognizer().fit(without(invented, {"audio": slice(None), "video": slice(None)}))


def test_parameters_work_as_in_scikit_learn() -> None:
    model = EmotionRecognizer("audio", recipe="paper162", weights={"audio": 2.0})
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert copy.set_params(fps=30.0).fps == 30.0
    assert is_classifier(model)
    assert repr(EmotionRecognizer("audio")) == "EmotionRecognizer(modality='audio')"
    with pytest.raises(ValueError, match="nonsense"):
        copy.set_params(nonsense=1)
    assert EmotionRecognizer(classifier=SVC(C=3)).get_params()["classifier__C"] == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"modality": "smell"}, "modality must be one of"),
        ({"fusion": "magic"}, "fusion must be one of"),
        ({"classifier": "svm"}, "classifier must be one of"),
        ({"augment": "magic"}, "augment must be one of"),
        ({"weights": {"smell": 1.0}}, "weights must be one of"),
        ({"weights": {"audio": 0.0}}, r"weights\['audio'\] must be finite and > 0"),
        ({"face": -1}, "face must be >= 0"),
        ({"crop_size": 8}, "crop_size must be >= 32"),
        ({"fps": float("nan")}, "fps must be finite"),
        ({"abstain_below": 2}, "abstain_below must be finite"),
        ({"random_state": None}, "seed must be an integer"),
        ({"name": ""}, "name must be a non-empty string"),
        ({"blocks": ()}, "blocks must be one or more different names"),
        ({"blocks": ("audio", "audio")}, "blocks must be one or more different names"),
        ({"blocks": ("audio", 3)}, "blocks must be names or objects"),
        ({"blocks": ("audio", "smell")}, r"features must hold the block\(s\) \['smell'\]"),
        ({"classifier": {"smell": "discriminant"}, "fusion": "late"}, "classifier must name blocks of"),
    ],
)
def test_parameters_out_of_range(invented: ClipFeatures, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmotionRecognizer(**parameters).fit(invented)


def test_wrong_inputs(invented: ClipFeatures) -> None:
    with pytest.raises(ParameterError, match="y must have shape"):
        EmotionRecognizer().fit(invented, invented.labels[:-1])
    with pytest.raises(ParameterError, match="groups must have shape"):
        EmotionRecognizer().fit(invented, groups=invented.groups[:-1])
    with pytest.raises(ParameterError, match="y must hold labels as text"):
        EmotionRecognizer().fit(invented, np.arange(len(invented)))
    with pytest.raises(ParameterError, match="clips must hold at least one clip"):
        EmotionRecognizer().extract([])
    with pytest.raises(ParameterError, match="clips must be Clip objects, paths or recordings"):
        EmotionRecognizer().extract([3])
    with pytest.raises(ParameterError, match="arrays become features by"):
        EmotionRecognizer().fit(np.zeros((4, 3)), ["a", "b", "a", "b"])
    with pytest.raises(ParameterError, match="X must be a list of clips"):
        EmotionRecognizer().fit("a.wav")
    with pytest.raises(Exception, match="not fitted"):
        EmotionRecognizer().predict("a.wav")
    unlabelled = invented.relabelled([Clip.of(clip.path) for clip in invented.clips])
    with pytest.raises(ParameterError, match=r"clips must have labels to learn from, got 0\.mp4 without"):
        EmotionRecognizer().fit(unlabelled)
    model = EmotionRecognizer().fit(unlabelled, invented.labels, groups=invented.groups)
    with pytest.raises(ParameterError, match="arrays become features by"):
        model.predict_proba(np.zeros((4, 3)))
    names = {**invented.names, "audio": ["other", *invented.names["audio"][1:]]}
    renamed = ClipFeatures(clips=invented.clips, blocks=invented.blocks, names=names)
    with pytest.raises(ParameterError, match="columns that the model was trained on"):
        model.predict_proba(renamed)
    audio = ClipFeatures(clips=invented.clips, blocks={"audio": invented.blocks["audio"]})
    with pytest.raises(ParameterError, match="must hold the block"):
        model.predict_proba(audio)


def test_features_whose_sizes_do_not_fit_are_refused(invented: ClipFeatures) -> None:
    audio = invented.blocks["audio"]
    for changes, message in (
        ({"names": {"audio": ["a", "b", "c"]}}, r"names\['audio'\] must be 12 different names"),
        ({"names": {"smell": ["a"]}}, "names and status must be of the blocks"),
        ({"blocks": {"audio": audio[:5]}}, r"blocks\['audio'\] must have shape \(72, columns\)"),
        ({"blocks": {"audio": np.full_like(audio, np.inf)}}, "must be finite"),
        ({"blocks": {"audio": [["a"]] * 72}}, "must hold numbers"),
        ({"clip_index": np.zeros(72, int)}, "clip_index must count the 72 clips"),
        ({"copies": ["noise"] * 72}, "each with one row that is no copy"),
    ):
        given: dict[str, Any] = {"clips": invented.clips, "blocks": {"audio": audio}, **changes}
        with pytest.raises(ParameterError, match=message):
            ClipFeatures(**given)


def test_models_whose_parts_do_not_fit_are_refused(invented: ClipFeatures, tmp_path: Path) -> None:
    path = EmotionRecognizer().fit(invented).save(tmp_path / "m.stcorner")
    file = read_model(path)

    def refused(message: str, **changes: Any) -> None:
        document = msgspec.structs.replace(file.document, **changes)
        arrays = dict(file.arrays)
        other = write_model(tmp_path / "o.stcorner", type(file)(document=document, arrays=arrays, card=""))
        with pytest.raises(ModelError, match=message):
            load_model(other)

    parameters, parts = file.document.parameters, file.document.parts
    refused("parameters", parameters={**parameters, "surprise": 1})
    refused("parameters", parameters={**parameters, "modality": "smell"})
    refused("feature names", parameters={**parameters, "modality": "audio"})
    refused("takes", feature_names={**file.document.feature_names, "audio": ("a",)})
    refused("classifier does not fit", classes=("angry", "happy"))
    refused("parts", parts={"fusion": parts["fusion"]})
    refused("parts", parts={**parts, "more": parts["fusion"]})
    assert set(inspect.signature(EmotionRecognizer).parameters) == loading.PARAMETERS
    odd = msgspec.structs.replace(parts["classifier"], kind="magic")
    refused("its classifier must be", parts={**parts, "classifier": odd})


def test_prediction_imports_neither_keras_nor_scikit_learn(invented: ClipFeatures, tmp_path: Path) -> None:
    paths = [
        EmotionRecognizer(fusion=fusion).fit(invented).save(tmp_path / f"{fusion}.stcorner")
        for fusion in ("concatenate", "late")
    ]
    code = (
        "import sys, numpy as np\n"
        "from stcorner import ClipFeatures\n"
        "from stcorner.recognizer import load_predictor\n"
        f"for path in {[str(path) for path in paths]!r}:\n"
        "    model = load_predictor(path)\n"
        "    blocks = {name: np.zeros((1, len(columns))) for name, columns in model.names.items()}\n"
        "    features = ClipFeatures(clips=['a.mp4'], blocks=blocks, names=model.names)\n"
        "    assert model.predict_proba(features).shape == (1, 3)\n"
        "loaded = {'sklearn', 'keras', 'jax', 'pandas', 'scipy.stats'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def test_labels_are_mapped_before_learning() -> None:
    features = invented_features(copies=True)
    options: dict[str, Any] = {"augment": "noise"}
    model = EmotionRecognizer(label_map={"sad": "neutral", "Happy": None}, **options).fit(features)
    assert model.classes_.tolist() == ["angry", "neutral"]
    assert (model.training_.n_clips, model.training_.n_rows) == (48, 96)
    kept = np.flatnonzero(features.labels != "happy")
    labels = np.where(features.labels == "sad", "neutral", features.labels)[kept]
    direct = EmotionRecognizer(**options).fit(features[kept], labels)
    np.testing.assert_array_equal(model.predict_proba(features), direct.predict_proba(features))


def test_copies_stay_with_their_clip_and_are_chosen_by_kind() -> None:
    features = invented_features(copies=True)
    with pytest.raises(ParameterError, match=r"augment must name copies that the features hold \(noise\)"):
        EmotionRecognizer("audio").fit(features)
    with_copies = EmotionRecognizer("audio", augment="noise").fit(features)
    assert with_copies.training_.n_rows == 144
    assert with_copies.predict_proba(features).shape == (72, 3), "copies are not predicted"
    plain = EmotionRecognizer("audio", augment=None).fit(features)
    assert plain.training_.n_rows == 72
    by_hand = EmotionRecognizer("audio", augment=None).fit(features.originals())
    np.testing.assert_array_equal(plain.predict_proba(features), by_hand.predict_proba(features))
    part = features[[3, 1]]
    assert part.copies.tolist() == ["", "noise", "", "noise"]
    assert [clip.clip_id for clip in part.clips] == ["3", "1"]


def test_a_seed_of_numpy_can_be_saved(invented: ClipFeatures, tmp_path: Path) -> None:
    model = EmotionRecognizer("audio", random_state=np.int64(3))
    model.fit(invented).save(tmp_path / "m.stcorner")
    assert load_model(tmp_path / "m.stcorner").random_state == 3


def test_a_modality_that_no_clip_has_is_named(invented: ClipFeatures) -> None:
    features = without(invented, {"video": slice(None)})
    for fusion in ("concatenate", "late"):
        with pytest.raises(MediaError, match="no clip gave features of its video"):
            EmotionRecognizer(fusion=fusion).fit(features)


# ---- blocks of other tools


class Sizes:
    """A block that anybody may write."""

    name = "sizes"
    feature_names = ("a", "b")

    def describe(self, clip: Clip) -> np.ndarray | None:
        number = int(clip.clip_id)
        return None if number == 7 else np.array([number % 3, 1.0])


def third(invented: ClipFeatures) -> FeatureTable:
    """A table that knows the third class, and lacks one clip."""
    rng = np.random.default_rng(5)
    labels = np.append(invented.labels, "sad")
    values = rng.standard_normal((len(labels), 3)) + 6.0 * (labels == "sad")[:, None]
    ids = [*(clip.clip_id for clip in invented.clips), "unused"]
    return FeatureTable({"clip_id": ids[1:], "au": values[1:]}, "openface")


def with_table(invented: ClipFeatures) -> ClipFeatures:
    from stcorner.extraction.blocks import add_blocks

    table = third(invented)
    return add_blocks(invented, [*invented.blocks, "openface"], {"openface": table})


def test_a_third_block_helps_and_is_never_ignored(invented: ClipFeatures, tmp_path: Path) -> None:
    features = with_table(invented)
    assert features.status["openface"].tolist() == ["no_row", *["ok"] * 71]
    with pytest.raises(ParameterError, match=r"hold the block\(s\) \['openface'\], which modality='both'"):
        EmotionRecognizer().fit(features)
    names = ("audio", "video", "openface")
    for fusion in ("concatenate", "late", "mfa"):
        three = EmotionRecognizer(blocks=names, fusion=fusion)
        assert accuracy(three, features) > accuracy(EmotionRecognizer(fusion=fusion), invented)
        loaded = load_model(three.save(tmp_path / "three.stcorner"))
        np.testing.assert_array_equal(loaded.predict_proba(features), three.predict_proba(features))
        with pytest.raises(ParameterError, match=r"must hold the block\(s\) \['openface'\]"):
            loaded.predict_proba(invented)


def test_a_saved_model_says_which_block_it_needs(invented: ClipFeatures, tmp_path: Path) -> None:
    table = third(invented)
    features = with_table(invented)
    model = EmotionRecognizer(blocks=(table,)).fit(features)
    path = model.save(tmp_path / "m.stcorner")
    clips = [clip.path for clip in invented.clips[1:5]]
    with pytest.raises(ParameterError, match=r"blocks \['openface'\] are not built in"):
        load_model(path).predict(clips)
    given = load_model(path, blocks=[table])
    np.testing.assert_array_equal(given.predict(clips), model.predict(clips))
    (row,) = given.predict_table([invented.clips[0]])
    assert (row["status"], row["label"]) == ("failed", None)
    assert "block 'openface' has nothing for clip '0'" in row["message"]
    with pytest.raises(ParameterError, match="windows need built-in blocks, and this model uses openface"):
        list(given.timeline(clips[0]))


def test_any_object_that_describes_clips_is_a_block(invented: ClipFeatures) -> None:
    model = EmotionRecognizer(blocks=[Sizes()])
    features = model.extract(invented.clips)
    assert features.names == {"sizes": ["a", "b"]}
    assert features.status["sizes"].tolist()[6:9] == ["ok", "no_row", "ok"]
    assert model.fit(invented.clips).predict_proba(invented.clips[:3]).shape == (3, 3)
    with pytest.raises(ParameterError, match="must not take the name of a built-in block"):
        EmotionRecognizer(blocks=[type("Odd", (Sizes,), {"name": "audio"})()]).fit(invented.clips)
    wrong = type("Wrong", (Sizes,), {"describe": lambda self, clip: np.zeros(3)})()
    with pytest.raises(ParameterError, match=r"block 'sizes' must give 2 finite values, got shape \(3,\)"):
        EmotionRecognizer(blocks=[wrong]).extract(invented.clips)


# ---- classifiers of scikit-learn


@pytest.mark.parametrize("classifier", [SVC(), make_pipeline(StandardScaler(), LinearSVC())])
def test_any_classifier_of_scikit_learn(invented: ClipFeatures, tmp_path: Path, classifier: Any) -> None:
    pytest.importorskip("skops")
    model = EmotionRecognizer(classifier=classifier)
    assert accuracy(model, invented) > 0.4
    np.testing.assert_allclose(model.predict_proba(invented).sum(axis=1), 1)
    path = model.save(tmp_path / "m.stcorner")
    loaded = load_model(path)
    np.testing.assert_array_equal(loaded.predict_proba(invented), model.predict_proba(invented))
    assert repr(loaded.classifier) == repr(classifier)
    assert not any(len(array) == model.training_.n_rows for array in read_model(path).arrays.values())


def test_a_saved_classifier_of_a_type_that_is_not_trusted_is_refused(
    invented: ClipFeatures, tmp_path: Path
) -> None:
    skops = pytest.importorskip("skops.io")
    model = EmotionRecognizer("audio", classifier=SVC()).fit(invented)
    file = read_model(model.save(tmp_path / "m.stcorner"))
    hostile = skops.dumps({"early": subprocess.Popen})
    other = type(file)(document=file.document, arrays=file.arrays, card="", estimators=hostile)
    with pytest.raises(ModelError, match=r"types that are not trusted: subprocess\.Popen"):
        load_model(write_model(tmp_path / "o.stcorner", other))


def test_grid_search_over_features_keeps_people_apart(invented: ClipFeatures) -> None:
    grid = {"weights": [{"audio": 1.0, "video": 100.0}, {"audio": 1.0, "video": 1.0}]}
    search = GridSearchCV(EmotionRecognizer(), grid, cv=GroupKFold(3))
    search.fit(invented, invented.labels, groups=invented.groups)
    assert search.best_params_ == {"weights": {"audio": 1.0, "video": 1.0}}
    assert search.predict(invented).shape == (72,)


def test_groups_arrive_where_routing_is_on(invented: ClipFeatures) -> None:
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = EmotionRecognizer("audio").set_fit_request(groups=True)
        search = GridSearchCV(model, {"recipe": ["rich"]}, cv=GroupKFold(3))
        search.fit(invented, invented.labels, groups=invented.groups)
        direct = EmotionRecognizer("audio").fit(invented, invented.labels, groups=invented.groups)
        alone = EmotionRecognizer("audio").fit(
            invented, invented.labels, groups=[clip.clip_id for clip in invented.clips]
        )
    best = search.best_estimator_.predict_proba(invented)
    np.testing.assert_array_equal(best, direct.predict_proba(invented))
    assert not np.array_equal(best, alone.predict_proba(invented)), "groups change the calibration"
