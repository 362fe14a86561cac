"""Learning from features, predicting, saving."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from sklearn.base import clone

from recognizer.invented import invented_features
from stcorner.corpora import Clip
from stcorner.errors import MediaError, ModelError, ParameterError
from stcorner.extraction import ClipFeatures
from stcorner.recognizer import EmotionRecognizer, load_model, read_model, write_model
from stcorner.recognizer.modelfile import TrainingDocument

if TYPE_CHECKING:
    from pathlib import Path

Invented = tuple[ClipFeatures, np.ndarray, np.ndarray]

METHODS = ["concatenate", "mfa", "mfa_per_modality", "cca", "lda"]


@pytest.fixture
def invented() -> Invented:
    return invented_features()


def fitted(invented: Invented, modality: str = "both", **parameters: Any) -> EmotionRecognizer:
    features, y, groups = invented
    model = EmotionRecognizer(modality, **parameters).fit_features(features, y, groups)
    model.training_ = TrainingDocument(
        n_clips=len(y), n_rows=len(y), n_failed=0, subjects=("s0",), corpora=("test",), seed=0, versions={}
    )
    return model


def test_both_modalities_beat_either(invented: Invented) -> None:
    features, y, groups = invented
    train = np.char.replace(groups, "s", "").astype(int) < 4
    scores = {}
    for modality in ("audio", "video", "both"):
        model = EmotionRecognizer(modality).fit_features(features.take(train), y[train], groups[train])
        assert model.classes_.tolist() == ["angry", "happy", "sad"]
        probabilities = model.predict_proba_features(features.take(~train))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        scores[modality] = np.mean(model.classes_[probabilities.argmax(axis=1)] == y[~train])
    assert scores["both"] > max(scores["audio"], scores["video"])


@pytest.mark.parametrize("fusion", METHODS)
@pytest.mark.parametrize("modality", ["audio", "both"])
def test_saved_and_loaded_predicts_the_same_bits(
    invented: Invented, tmp_path: Path, fusion: str, modality: str
) -> None:
    if modality == "audio" and fusion == "cca":
        pytest.skip("canonical correlation needs two blocks")
    model = fitted(invented, modality, fusion=fusion, name="m")
    path = model.save(tmp_path / "m.stcorner")
    assert model.save(tmp_path / "again.stcorner").read_bytes() == path.read_bytes()
    loaded = load_model(path)
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(
        loaded.predict_proba_features(invented[0]), model.predict_proba_features(invented[0])
    )
    assert "# m" in read_model(path).card


@pytest.mark.slow
def test_fercnn_saved_and_loaded(tmp_path: Path) -> None:
    features, y, groups = invented_features()
    wide = np.random.default_rng(1).standard_normal((len(y), 162)).astype(np.float32)
    features.blocks["audio"] = np.hstack([features.blocks["audio"], wide])
    features.names["audio"] += [f"noise{i}" for i in range(162)]
    invented = (features, y, groups)
    model = fitted(
        invented, classifier="fercnn", classifier_params={"n_epochs": 1, "validation_fraction": 0.2}
    )
    assert model.calibration_ is not None
    loaded = load_model(model.save(tmp_path / "m.stcorner"))
    np.testing.assert_array_equal(
        loaded.predict_proba_features(invented[0]), model.predict_proba_features(invented[0])
    )


def test_weights_of_blocks_count(invented: Invented) -> None:
    features, y, groups = invented
    results = [
        EmotionRecognizer(weights=weights).fit_features(features, y, groups).predict_proba_features(features)
        for weights in ({"audio": 1.0, "video": 1.0}, {"audio": 8.0, "video": 1.0})
    ]
    audio = EmotionRecognizer("audio").fit_features(features, y, groups).predict_proba_features(features)
    distance = [np.abs(result - audio).mean() for result in results]
    assert distance[1] < 0.5 * distance[0], "a heavy sound block must come close to sound alone"


def test_missing_modalities_are_fused_from_what_is_there(invented: Invented) -> None:
    features, y, groups = invented
    features.blocks["video"][5] = np.nan
    features.blocks["audio"][6] = np.nan
    for block in features.blocks.values():
        block[7] = np.nan
    model = EmotionRecognizer().fit_features(features, y, groups)
    probabilities = model.predict_proba_features(features)
    assert np.isfinite(probabilities[[5, 6]]).all()
    assert np.isnan(probabilities[7]).all()
    only = EmotionRecognizer("audio").fit_features(features, y, groups).predict_proba_features(features)
    assert np.isnan(only[[6, 7]]).all()
    assert np.isfinite(only[5]).all()


def test_no_features_at_all_is_an_error(invented: Invented) -> None:
    features, y, groups = invented
    for block in features.blocks.values():
        block[:] = np.nan
    with pytest.raises(MediaError, match="no clip gave features"):
        EmotionRecognizer().fit_features(features, y, groups)


def test_parameters_work_as_in_scikit_learn() -> None:
    model = EmotionRecognizer("audio", recipe="paper162", weights={"audio": 2.0})
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert copy.set_params(fps=30.0).fps == 30.0
    assert repr(EmotionRecognizer("audio")) == "EmotionRecognizer(modality='audio')"
    with pytest.raises(ValueError, match="nonsense"):
        copy.set_params(nonsense=1)


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
        ({"random_state": None}, "random_state must be an integer"),
        ({"name": ""}, "name must be a non-empty string"),
    ],
)
def test_parameters_out_of_range(invented: Invented, parameters: dict[str, Any], message: str) -> None:
    features, y, groups = invented
    with pytest.raises(ValueError, match=message):
        EmotionRecognizer(**parameters).fit_features(features, y, groups)


def test_wrong_inputs(invented: Invented) -> None:
    features, y, groups = invented
    with pytest.raises(ParameterError, match="y must have shape"):
        EmotionRecognizer().fit_features(features, y[:-1], groups)
    with pytest.raises(ParameterError, match="groups must have shape"):
        EmotionRecognizer().fit_features(features, y, groups[:-1])
    with pytest.raises(ParameterError, match="clips must not be empty"):
        EmotionRecognizer().extract([])
    with pytest.raises(ParameterError, match="clips must be Clip objects or paths"):
        EmotionRecognizer().extract([3])
    with pytest.raises(Exception, match="not fitted"):
        EmotionRecognizer().predict("a.wav")
    model = EmotionRecognizer().fit_features(features, y, groups)
    features.names["audio"][0] = "other"
    with pytest.raises(ParameterError, match="columns that the model was trained on"):
        model.predict_proba_features(features)
    del features.blocks["video"]
    with pytest.raises(ParameterError, match="must hold the block"):
        model.predict_proba_features(features)


def test_models_whose_parts_do_not_fit_are_refused(invented: Invented, tmp_path: Path) -> None:
    path = fitted(invented).save(tmp_path / "m.stcorner")
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
    refused("must be 'fercnn'", parameters={**parameters, "classifier": "fercnn"})
    refused("parts", parts={"fusion": parts["fusion"]})
    refused("parts", parts={**parts, "more": parts["fusion"]})


def test_prediction_imports_neither_keras_nor_scikit_learn(invented: Invented, tmp_path: Path) -> None:
    path = fitted(invented).save(tmp_path / "m.stcorner")
    code = (
        "import sys, numpy as np\n"
        "from stcorner.recognizer import load_model\n"
        f"model = load_model({str(path)!r})\n"
        "assert model.classifier_.predict_proba(model.fusion_.transform(\n"
        "    [np.zeros((1, 12)), np.zeros((1, 40))])).shape == (1, 3)\n"
        "loaded = {'sklearn', 'keras', 'jax', 'pandas', 'scipy.stats'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def invented_clips(features: ClipFeatures, y: np.ndarray, groups: np.ndarray) -> list[Clip]:
    first = np.unique(features.clip_index, return_index=True)[1]
    return [
        Clip(path=f"{i}.mp4", clip_id=str(i), label=str(y[row]), subject=str(groups[row]), take=str(i),
             modality="both", corpus="test")
        for i, row in enumerate(first)
    ]  # fmt: skip


def test_labels_are_mapped_before_learning_from_features() -> None:
    invented = invented_features(copies=True)
    features, y, groups = invented
    clips = invented_clips(*invented)
    model = EmotionRecognizer(label_map={"sad": "neutral", "Happy": None}).fit_clips(clips, features)
    assert model.classes_.tolist() == ["angry", "neutral"]
    assert (model.training_.n_clips, model.training_.n_rows) == (48, 96)
    kept = y != "happy"
    labels = np.where(y == "sad", "neutral", y)[kept]
    keys = np.char.add("test/", groups)[kept]
    direct = EmotionRecognizer().fit_features(features.take(kept), labels, keys)
    np.testing.assert_array_equal(
        model.predict_proba_features(features), direct.predict_proba_features(features)
    )


def test_features_in_another_order_are_refused(invented: Invented) -> None:
    clips = invented_clips(*invented)
    with pytest.raises(ParameterError, match="clip 0 is '71', got '0'"):
        EmotionRecognizer().fit_clips(clips[::-1], invented[0])


def test_copies_stay_with_their_clip_where_no_groups_are_given() -> None:
    features, y, _ = invented_features(copies=True)
    model = EmotionRecognizer("audio").fit_features(features, y)
    by_clip = EmotionRecognizer("audio").fit_features(features, y, features.clip_index)
    assert model.classifier_.sharpness_ == by_clip.classifier_.sharpness_


def test_a_seed_of_numpy_can_be_saved(invented: Invented, tmp_path: Path) -> None:
    model = EmotionRecognizer("audio", random_state=np.int64(3))
    model.fit_clips(invented_clips(*invented), invented[0]).save(tmp_path / "m.stcorner")
    assert load_model(tmp_path / "m.stcorner").random_state == 3


def test_a_modality_that_no_clip_has_is_named(invented: Invented) -> None:
    features, y, groups = invented
    features.blocks["video"][:] = np.nan
    with pytest.raises(MediaError, match="no clip gave features of its video"):
        EmotionRecognizer().fit_features(features, y, groups)
