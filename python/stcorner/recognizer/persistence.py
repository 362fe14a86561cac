"""Save a recogniser and get the same one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import stcorner
from stcorner.audio.columns import present_names
from stcorner.errors import ModelError, ParameterError
from stcorner.recognizer.estimator import EmotionRecognizer
from stcorner.recognizer.fused import FusedSpace
from stcorner.recognizer.modelfile import (
    ModelDocument,
    ModelFile,
    PartDocument,
    model_errors,
    read_model,
    write_model,
)
from stcorner.recognizer.registry import default_model, find_model

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner._base.predictor import Predictor

__all__ = ["from_model_file", "load_model", "save_model", "to_model_file"]

_PARTS = {"calibration", "classifier", "fusion"}


def save_model(
    model: EmotionRecognizer,
    file: str | os.PathLike[str],
    *,
    card: str | None = None,
    scores: Mapping[str, float] | None = None,
) -> Path:
    """Write a fitted recogniser.

    Parameters
    ----------
    model : EmotionRecognizer
        Fitted.
    file : path
        By custom ``NAME.stcorner``.
    card : str, optional
        The model card; by default one is written from what the model remembers.
    scores : mapping of str to float, optional
        Results on held-out people that go with the model, such as ``{"uar": 0.66}``.

    Returns
    -------
    Path
        The file.
    """
    return write_model(file, to_model_file(model, card=card, scores=scores))


def to_model_file(
    model: EmotionRecognizer, *, card: str | None = None, scores: Mapping[str, float] | None = None
) -> ModelFile:
    """Return a fitted recogniser as it stands in a file."""
    from stcorner.recognizer.card import model_card

    parts: dict[str, PartDocument] = {}
    arrays: dict[str, NDArray[Any]] = {}
    if model.fusion_ is not None:
        _add("fusion", model.fusion, (model.fusion_.state, model.fusion_.arrays), parts, arrays)
    _add("classifier", model.classifier, model.classifier_.get_state(), parts, arrays)
    if model.calibration_ is not None:
        _add("calibration", "temperature", model.calibration_.get_state(), parts, arrays)
    document = ModelDocument(
        stcorner_version=stcorner.__version__,
        name=model.name,
        classes=tuple(str(label) for label in model.classes_),
        parameters=model.get_params(),
        feature_names={name: tuple(names) for name, names in model.feature_names_.items()},
        parts=parts,
        training=model.training_,
        scores={name: float(value) for name, value in (scores or {}).items()},
    )
    return ModelFile(document=document, arrays=arrays, card=model_card(document) if card is None else card)


def _add(
    name: str,
    kind: str,
    state: tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]],
    parts: dict[str, PartDocument],
    arrays: dict[str, NDArray[Any]],
) -> None:
    meta, values = state
    parts[name] = PartDocument(kind=kind, state=dict(meta))
    arrays.update({f"{name}/{key}": array for key, array in values.items()})


def load_model(name_or_file: str | os.PathLike[str] | None = None) -> EmotionRecognizer:
    """Return a recogniser that was saved, ready to predict.

    Parameters
    ----------
    name_or_file : str or path, optional
        A ``*.stcorner`` file, or the name of a model that ships with the package; by default
        ``ravdess-speech``. Nothing is ever downloaded.

    Returns
    -------
    EmotionRecognizer

    Raises
    ------
    ModelError
        If there is no such model, or the file is not exactly what was saved.
    """
    path = default_model() if name_or_file is None else find_model(name_or_file)
    return from_model_file(read_model(path))


def from_model_file(file: ModelFile) -> EmotionRecognizer:
    """Return the recogniser in a file, after checking that its parts fit each other."""
    with model_errors():
        return _rebuild(file)


def _rebuild(file: ModelFile) -> EmotionRecognizer:
    document = file.document
    try:
        model = EmotionRecognizer(**{name: _as_given(value) for name, value in document.parameters.items()})
        modalities = model.modalities
    except (TypeError, ParameterError) as error:
        raise ModelError(f"its parameters are not those of a recogniser: {error}") from None
    if set(document.feature_names) != set(modalities):
        raise ModelError(f"its feature names must be of {modalities}, got {tuple(document.feature_names)}")
    model.feature_names_ = {name: list(document.feature_names[name]) for name in modalities}
    if "audio" in modalities:
        model.feature_names_["audio"] = present_names(model.feature_names_["audio"])
    sizes = [len(model.feature_names_[name]) for name in modalities]
    parts = set(document.parts)
    if not {"classifier"} <= parts <= _PARTS or {name.partition("/")[0] for name in file.arrays} - parts:
        raise ModelError(f"its parts must be a classifier and some of {sorted(_PARTS)}, got {sorted(parts)}")
    model.fusion_, width = None, sum(sizes)
    if "fusion" in document.parts:
        state, arrays = _part(file, "fusion", model.fusion)
        model.fusion_ = FusedSpace(state, arrays)
        if model.fusion_.block_sizes != sizes:
            raise ModelError(
                f"its fusion takes {model.fusion_.block_sizes} columns, its features are {sizes}"
            )
        width = model.fusion_.n_features
    elif len(modalities) > 1 or model.fusion != "concatenate":
        raise ModelError("its fusion is missing")
    model.classifier_ = _classifier(model.classifier).from_state(*_part(file, "classifier", model.classifier))
    classes = tuple(str(label) for label in model.classifier_.classes_)
    if classes != document.classes or model.classifier_.n_features_in_ != width:
        raise ModelError("its classifier does not fit its labels or its features")
    model.calibration_ = None
    if "calibration" in parts:
        from stcorner.classifiers import TemperatureScaling

        model.calibration_ = TemperatureScaling.from_state(*_part(file, "calibration", "temperature"))
    model.classes_ = np.asarray(document.classes)
    model.training_ = document.training
    return model


def _as_given(value: Any) -> Any:
    """Return a tuple for a list: JSON knows no tuples, and the parameters that are sequences are tuples."""
    return tuple(value) if isinstance(value, list) else value


def _part(file: ModelFile, name: str, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    part = file.document.parts[name]
    if part.kind != kind:
        raise ModelError(f"its {name} must be {kind!r}, got {part.kind!r}")
    prefix = f"{name}/"
    arrays = {key.removeprefix(prefix): array for key, array in file.arrays.items() if key.startswith(prefix)}
    return part.state, arrays


def _classifier(kind: str) -> type[Predictor]:
    if kind == "discriminant":
        from stcorner.classifiers.discriminant_predictor import DiscriminantPredictor

        return DiscriminantPredictor
    from stcorner.classifiers.fercnn.predictor import FERCNNPredictor

    return FERCNNPredictor
