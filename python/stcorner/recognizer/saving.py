"""Write a fitted recogniser to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stcorner
from stcorner.errors import MissingExtraError, ModelError
from stcorner.recognizer.card import model_card
from stcorner.recognizer.modelfile import ModelDocument, ModelFile, PartDocument, write_model
from stcorner.recognizer.predictor import EARLY
from stcorner.recognizer.training import kind_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.recognizer.estimator import EmotionRecognizer

__all__ = ["import_skops", "part_suffix", "save_model", "to_model_file"]


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

    Raises
    ------
    ModelError
        If a part cannot be stored.
    MissingExtraError
        If a classifier of scikit-learn is to be stored and skops is missing.
    """
    return write_model(file, to_model_file(model, card=card, scores=scores))


def to_model_file(
    model: EmotionRecognizer, *, card: str | None = None, scores: Mapping[str, float] | None = None
) -> ModelFile:
    """Return a fitted recogniser as it stands in a file."""
    predictor = model.predictor_
    parts: dict[str, PartDocument] = {}
    arrays: dict[str, NDArray[Any]] = {}
    foreign: dict[str, Any] = {}

    def add(name: str, kind: str, state: tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]) -> None:
        meta, values = state
        parts[name] = PartDocument(kind=kind, state=dict(meta))
        arrays.update({f"{name}/{key}": array for key, array in values.items()})

    add("means", "mean", ({}, {str(i): predictor.means[name] for i, name in enumerate(predictor.blocks)}))
    if predictor.fusion is not None:
        add("fusion", model.fusion, (predictor.fusion.state, predictor.fusion.arrays))
    for name, head in predictor.heads.items():
        suffix = part_suffix(name, predictor.blocks)
        if head.kind == "scikit-learn":
            foreign[name] = head.classifier
            add(f"classifier{suffix}", head.kind, ({}, {}))
        else:
            add(f"classifier{suffix}", head.kind, head.classifier.get_state())
        if head.calibration is not None:
            add(f"calibration{suffix}", "temperature", head.calibration.get_state())
    if predictor.weights:
        add("late", "product", ({"weights": [predictor.weights[name] for name in predictor.blocks]}, {}))
    document = ModelDocument(
        stcorner_version=stcorner.__version__,
        name=model.name,
        classes=predictor.classes,
        parameters=_parameters(model),
        feature_names={name: tuple(predictor.names[name]) for name in predictor.blocks},
        parts=parts,
        training=model.training_,
        scores={name: float(value) for name, value in (scores or {}).items()},
    )
    return ModelFile(
        document=document,
        arrays=arrays,
        card=model_card(document) if card is None else card,
        estimators=_dump(foreign) if foreign else None,
    )


def part_suffix(name: str, blocks: Sequence[str]) -> str:
    """Return what tells the parts of several heads apart."""
    return "" if name == EARLY else f"_{list(blocks).index(name)}"


def _parameters(model: EmotionRecognizer) -> dict[str, Any]:
    """Return the constructor's parameters as JSON: names for blocks, kinds for classifiers."""
    given: dict[str, Any] = model.get_params(deep=False)
    given["blocks"] = None if model.blocks is None else list(model.predictor_.blocks)
    spec = model.classifier
    if isinstance(spec, dict):
        given["classifier"] = {name: kind_of(each) for name, each in spec.items()}
    else:
        given["classifier"] = kind_of(spec)
    return given


def _dump(estimators: Mapping[str, Any]) -> bytes:
    try:
        return bytes(import_skops().dumps(dict(estimators)))
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"the classifier must be one that skops can save: {error}: give one of scikit-learn's own"
        ) from None


def import_skops() -> Any:
    """Return the reader and writer of skops, or say which extra brings it."""
    try:
        from skops import io
    except ImportError:
        raise MissingExtraError("a classifier of scikit-learn in a model file", "skops", "sklearn") from None
    return io
