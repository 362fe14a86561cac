"""What is exported gives the same probabilities in another program."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from recognizer.invented import invented_features, without
from stcorner import Clip, ClipFeatures, EmotionRecognizer, load_model
from stcorner.classifiers.fercnn.predictor import FERCNNPredictor
from stcorner.classifiers.fercnn.scaling import fit_knots
from stcorner.classifiers.temperature import TemperatureScaling
from stcorner.errors import ModelError
from stcorner.recognizer.predictor import EARLY, Head

if TYPE_CHECKING:
    from pathlib import Path

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def run(model: EmotionRecognizer, features: ClipFeatures, folder: Path) -> tuple[np.ndarray, dict[str, str]]:
    session = onnxruntime.InferenceSession(model.export_onnx(folder / "m.onnx"))
    plain = features.originals()
    (found,) = session.run(None, {name: plain.blocks[name] for name in model.predictor_.blocks})
    return found, session.get_modelmeta().custom_metadata_map


def gaps(features: ClipFeatures) -> ClipFeatures:
    """Leave rows with sound alone, with pictures alone, and one with nothing."""
    return without(features, {"audio": slice(20, 50), "video": slice(45, 70)})


@pytest.mark.parametrize(
    "options",
    [
        {"modality": "audio"},
        {"modality": "audio", "classifier_params": {"kernel_weight": 0.0}},
        {},
        {"fusion": "mfa"},
        {"fusion": "mfa_per_modality"},
        {"fusion": "cca"},
        {"fusion": "lda"},
        {"fusion": "late"},
    ],
    ids=str,
)
def test_onnxruntime_gives_the_same_probabilities(options: dict[str, Any], tmp_path: Path) -> None:
    model = EmotionRecognizer(augment=None, name="m", **options).fit(gaps(invented_features()))
    features = gaps(invented_features(n_subjects=9, seed=1))  # 108 rows
    found, about = run(model, features, tmp_path)
    expected = model.predict_proba(features)
    assert np.isnan(expected).any(axis=1).sum() == (5 if model.modality == "both" else 30)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    assert json.loads(about["classes"]) == ["angry", "happy", "sad"]
    assert json.loads(about["feature_names"])["audio"] == features.names["audio"]


def test_the_shipped_model_and_its_network(rng: np.random.Generator, tmp_path: Path) -> None:
    model = load_model("ravdess-av")
    means, names = model.predictor_.means, model.predictor_.names
    blocks = {name: rng.normal(mean, 0.3 * np.abs(mean), (100, len(mean))) for name, mean in means.items()}
    blocks["audio"][:20], blocks["expression"][10:40] = np.nan, np.nan
    features = ClipFeatures(clips=[Clip.of(f"{i}.mp4") for i in range(100)], blocks=blocks, names=names)
    for weights in (model.predictor_.weights, {"audio": 0.0, "mel": 0.0, "expression": 2.0}):
        model.predictor_ = replace(model.predictor_, weights=weights)
        found, _ = run(model, features, tmp_path)
        np.testing.assert_allclose(found, model.predict_proba(features), atol=1e-5, rtol=0)


def test_the_network_of_the_paper(rng: np.random.Generator, tmp_path: Path) -> None:
    """Without training: weights are drawn. Of its 12 inputs some have values that repeat."""
    features = invented_features()
    X = np.where(np.arange(12) % 3, features.blocks["audio"], np.round(features.blocks["audio"]))
    features = replace(features, blocks={**features.blocks, "audio": X})
    shapes = [(3, 1, 256), (3, 256, 128), (3, 128, 64), (3, 64, 64), (3, 64, 32), (32, 256), (256, 3)]
    arrays: dict[str, np.ndarray] = {}
    for i, shape in enumerate(shapes):
        arrays[f"weights{2 * i:02d}"] = (rng.normal(0, 1.6 / np.sqrt(np.prod(shape[:-1])), shape)).astype(
            "f4"
        )
        arrays[f"weights{2 * i + 1:02d}"] = rng.normal(0, 0.1, shape[-1:]).astype("f4")
    arrays |= {"mean": rng.normal(size=12), "scale": rng.uniform(1, 2, 12)}
    arrays |= {"columns": rng.permutation(12), "knots": fit_knots(X.astype(np.float64))}
    arrays["knots"] = arrays["knots"][:, arrays["columns"]]
    meta = {"params": {}, "classes": ["angry", "happy", "sad"], "n_features": 12, "history": {}}
    model = EmotionRecognizer("audio", augment=None).fit(features)
    calibration = TemperatureScaling.from_state({"temperature": 1.5}, {})
    head = Head(kind="fercnn", classifier=FERCNNPredictor.from_state(meta, arrays), calibration=calibration)
    model.predictor_ = replace(model.predictor_, heads={EARLY: head})
    expected = model.predict_proba(features)
    assert np.ptp(expected, axis=0).max() > 0.2
    np.testing.assert_allclose(run(model, features, tmp_path)[0], expected, atol=1e-5, rtol=0)


def test_what_cannot_be_exported_says_why(tmp_path: Path) -> None:
    features = invented_features()
    foreign = EmotionRecognizer(augment=None, classifier=LogisticRegression()).fit(features)
    with pytest.raises(ModelError, match="got LogisticRegression: export it with skl2onnx"):
        foreign.export_onnx(tmp_path / "m.onnx")
    within = EmotionRecognizer(augment=None, within="subject").fit(features)
    with pytest.raises(ModelError, match="an ONNX graph cannot hold"):
        within.export_onnx(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
