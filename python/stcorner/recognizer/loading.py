"""Read a recogniser from a file: the one that was saved, or an error."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice
from stcorner.audio.columns import present_names
from stcorner.classifiers.temperature import TemperatureScaling
from stcorner.errors import ModelError
from stcorner.extraction.blocks import resolve_blocks
from stcorner.extraction.plan import BUILT_IN, Plan
from stcorner.recognizer.fused import FusedSpace
from stcorner.recognizer.modelfile import (
    ModelFile,
    model_errors,
    read_model,
)
from stcorner.recognizer.predictor import EARLY, Head, Predictor
from stcorner.recognizer.registry import default_model, find_model
from stcorner.recognizer.saving import import_skops, part_suffix
from stcorner.recognizer.within import WITHIN

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from stcorner.extraction.blocks import Block
    from stcorner.recognizer.estimator import EmotionRecognizer

__all__ = ["from_model_file", "load_model", "load_predictor", "predictor_of", "predictor_of_model"]

# The constructor's parameters, which prediction knows without importing the class.
PARAMETERS = frozenset({
    "abstain_below", "augment", "blocks", "classifier", "classifier_params", "crop_size", "face", "fps",
    "fusion", "fusion_params", "label_map", "modality", "name", "random_state", "recipe", "weights", "within",
})  # fmt: skip


def load_predictor(
    name_or_file: str | os.PathLike[str] | None = None, *, blocks: Sequence[Block] = ()
) -> Predictor:
    """Return what a saved model predicts with, without importing scikit-learn; see `load_model`.

    Parameters
    ----------
    name_or_file : str or path, optional
        A ``*.stcorner`` file, or the name of a model that ships with the package; by default the default
        model. Nothing is ever downloaded.
    blocks : sequence of block, optional
        The blocks that are not built in, such as a `FeatureTable` of the clips that are to be predicted.
        Without them, the model predicts `ClipFeatures` that hold these blocks.

    Returns
    -------
    Predictor
        What predicts.
    """
    path = default_model() if name_or_file is None else find_model(name_or_file)
    return predictor_of(read_model(path), blocks)


def load_model(
    name_or_file: str | os.PathLike[str] | None = None, *, blocks: Sequence[Block] = ()
) -> EmotionRecognizer:
    """Return a recogniser that was saved, ready to predict.

    Parameters
    ----------
    name_or_file : str or path, optional
        A ``*.stcorner`` file, or the name of a model that ships with the package; by default the default
        model. Nothing is ever downloaded.
    blocks : sequence of block, optional
        The blocks that are not built in, such as a `FeatureTable` of the clips that are to be predicted.
        Without them, the model predicts `ClipFeatures` that hold these blocks.

    Returns
    -------
    EmotionRecognizer
        Fitted.

    Raises
    ------
    ModelError
        If there is no such model, or the file is not exactly what was saved.
    MissingExtraError
        If it holds a classifier of scikit-learn and skops is missing.

    See Also
    --------
    EmotionRecognizer.save : Write a model.
    """
    path = default_model() if name_or_file is None else find_model(name_or_file)
    return from_model_file(read_model(path), blocks)


def from_model_file(file: ModelFile, blocks: Sequence[Block] = ()) -> EmotionRecognizer:
    """Return the recogniser in a file."""
    from stcorner.recognizer.estimator import EmotionRecognizer

    predictor = predictor_of(file, blocks)
    parameters = {name: _as_given(value) for name, value in file.document.parameters.items()}
    if parameters.get("blocks") is not None:
        parameters["blocks"] = tuple(predictor.others.get(name, name) for name in predictor.blocks)
    with model_errors():
        parameters["classifier"] = _specs(parameters.get("classifier", "discriminant"), predictor)
        model = EmotionRecognizer(**parameters)
        model.extraction_plan()  # refuses parameters that prediction does not look at
    model.predictor_ = predictor
    model.classes_ = np.asarray(predictor.classes)
    model.n_features_in_ = sum(map(len, predictor.names.values()))
    model.training_ = file.document.training
    return model


def predictor_of_model(model: Any, *, blocks: Sequence[Block] = ()) -> Predictor:
    """Return the predictor of a fitted recogniser, of a file, or of a shipped model.

    Raises
    ------
    NotFittedError
        If the recogniser is not fitted.
    """
    if isinstance(model, Predictor):
        return model
    if model is None or not hasattr(model, "predict_table"):
        return load_predictor(model, blocks=blocks)
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model, "predictor_")
    return model.predictor_  # type: ignore[no-any-return]


def _specs(spec: Any, predictor: Predictor) -> Any:
    """Return unfitted copies for the classifiers among the parameters that were given as objects."""

    def unfitted(kind: Any, names: Iterable[str]) -> Any:
        if kind not in ("mel_cnn", "scikit-learn"):
            return kind
        heads = [predictor.heads[name] for name in names]
        fitted = {head.kind: head.classifier for head in heads}[kind]
        if kind == "mel_cnn":
            from stcorner.classifiers import MelCNNClassifier

            return MelCNNClassifier(**fitted.params_)
        from sklearn.base import clone
        from sklearn.calibration import CalibratedClassifierCV

        return clone(fitted.estimator if isinstance(fitted, CalibratedClassifierCV) else fitted)

    if isinstance(spec, dict):
        return {name: unfitted(kind, [name]) for name, kind in spec.items()}
    return unfitted(spec, predictor.heads)


def predictor_of(file: ModelFile, given: Sequence[Block] = ()) -> Predictor:
    """Return the predictor in a file, after checking that its parts fit each other."""
    with model_errors():
        return _rebuild(file, given)


def _rebuild(file: ModelFile, given: Sequence[Block]) -> Predictor:
    document = file.document
    parameters = dict(document.parameters)
    if unknown := sorted(set(parameters) - PARAMETERS):
        raise ModelError(f"its parameters are not those of a recogniser: {', '.join(unknown)}")
    try:
        names, _ = resolve_blocks(_as_given(parameters.get("blocks")), parameters.get("modality", "both"))
        plan = Plan.checked(
            tuple(name for name in names if name in BUILT_IN),
            seed=parameters.get("random_state", 0),
            **{key: parameters[key] for key in ("recipe", "crop_size", "fps", "face") if key in parameters},
        )
        late = parameters.get("fusion", "concatenate") == "late"
        abstain = float(parameters.get("abstain_below", 0.0))
        within = check_choice("within", parameters.get("within"), (None, *WITHIN))
    except (TypeError, ValueError) as error:
        raise ModelError(f"its parameters are not those of a recogniser: {error}") from None
    if set(document.feature_names) != set(names):
        raise ModelError(f"its feature names must be of {names}, got {tuple(document.feature_names)}")
    columns = {name: list(document.feature_names[name]) for name in names}
    plan = plan.giving(columns)
    if "audio" in columns:
        columns["audio"] = present_names(columns["audio"])
    sizes = [len(columns[name]) for name in names]
    _check_parts(file, n_heads=len(names) if late else 0)
    estimators = {} if file.estimators is None else _undump(file.estimators)
    fusion, width = None, sum(sizes)
    if "fusion" in document.parts:
        state, arrays = _part(file, "fusion", parameters.get("fusion"))
        fusion = FusedSpace(state, arrays)
        if fusion.block_sizes != sizes:
            raise ModelError(f"its fusion takes {fusion.block_sizes} columns, its features are {sizes}")
        width = fusion.n_features
    elif not late and (len(names) > 1 or parameters.get("fusion") != "concatenate"):
        raise ModelError("its fusion is missing")
    widths = dict(zip(names, sizes, strict=True)) if late else {EARLY: width}
    heads = {name: _head(file, name, names, size, estimators) for name, size in widths.items()}
    weights: dict[str, float] = {}
    if late:
        state, _ = _part(file, "late", "product")
        weights = _late_weights(state, names)
    return Predictor(
        name=document.name, classes=document.classes, blocks=names, names=columns, plan=plan, heads=heads,
        fusion=fusion, weights=weights, abstain_below=abstain, within=within,
        means=_means(file, names, sizes, heads, fusion),
        others={block.name: block for block in given if block.name in names},
    )  # fmt: skip


def _check_parts(file: ModelFile, *, n_heads: int) -> None:
    parts = set(file.document.parts)
    suffixes = [f"_{i}" for i in range(n_heads)] if n_heads else [""]
    needed = {f"classifier{suffix}" for suffix in suffixes} | ({"late"} if n_heads else set())
    allowed = needed | {f"calibration{suffix}" for suffix in suffixes} | {"means"}
    allowed |= set() if n_heads else {"fusion"}
    if not needed <= parts <= allowed or {name.partition("/")[0] for name in file.arrays} - parts:
        raise ModelError(
            f"its parts must be {sorted(needed)} and some of {sorted(allowed - needed)}, got {sorted(parts)}"
        )


def _head(
    file: ModelFile, name: str, blocks: Sequence[str], width: int, estimators: Mapping[str, Any]
) -> Head:
    suffix = part_suffix(name, blocks)
    kind = file.document.parts[f"classifier{suffix}"].kind
    state, arrays = _part(file, f"classifier{suffix}", kind)
    if kind == "scikit-learn":
        if name not in estimators:
            raise ModelError(f"its classifier of {name} is missing")
        classifier = estimators[name]
    else:
        classifier = _classifier(kind).from_state(state, arrays)
    classes = tuple(str(label) for label in classifier.classes_)
    known = classes == file.document.classes if name == EARLY else set(classes) <= set(file.document.classes)
    if not known or classifier.n_features_in_ != width:
        raise ModelError("its classifier does not fit its labels or its features")
    calibration = None
    if f"calibration{suffix}" in file.document.parts:
        calibration = TemperatureScaling.from_state(*_part(file, f"calibration{suffix}", "temperature"))
    return Head(kind=kind, classifier=classifier, calibration=calibration)


def _late_weights(state: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    weights = state.get("weights")
    try:
        values = [float(weight) for weight in weights]  # type: ignore[union-attr]
    except (TypeError, ValueError):
        values = []
    if len(values) != len(names) or not all(0 <= value < np.inf for value in values) or not any(values):
        raise ModelError(f"its weights must be {len(names)} numbers >= 0, got {weights!r}")
    return dict(zip(names, values, strict=True))


def _means(
    file: ModelFile,
    names: Sequence[str],
    sizes: Sequence[int],
    heads: Mapping[str, Head],
    fusion: FusedSpace | None,
) -> dict[str, NDArray[np.float64]]:
    """Return the average training clip; in the first format it stands inside the other parts."""
    if "means" in file.document.parts:
        _, arrays = _part(file, "means", "mean")
        found = [arrays.get(str(i), np.zeros(0)) for i in range(len(names))]
    elif fusion is not None:
        found = fusion.block_means
    else:
        classifier = heads[EARLY].classifier
        if not hasattr(classifier, "columns_"):
            found = [classifier.mean_]
        else:  # the network looks at some columns only; what stands in the others changes nothing
            means = np.zeros(classifier.n_features_in_)
            means[classifier.columns_] = classifier.mean_
            found = [means]
    # Shapes first: a cast may take more memory than the file.
    if [mean.shape for mean in found] != [(size,) for size in sizes]:
        raise ModelError("its means do not fit its features")
    return {name: np.asarray(mean, dtype=np.float64) for name, mean in zip(names, found, strict=True)}


def _as_given(value: Any) -> Any:
    """Return a tuple for a list: JSON knows no tuples, and the parameters that are sequences are tuples."""
    return tuple(value) if isinstance(value, list) else value


def _part(file: ModelFile, name: str, kind: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    part = file.document.parts[name]
    if part.kind != kind:
        raise ModelError(f"its {name} must be {kind!r}, got {part.kind!r}")
    prefix = f"{name}/"
    arrays = {key.removeprefix(prefix): array for key, array in file.arrays.items() if key.startswith(prefix)}
    return part.state, arrays


def _classifier(kind: str) -> Any:
    if kind == "discriminant":
        from stcorner.classifiers.discriminant_predictor import DiscriminantPredictor

        return DiscriminantPredictor
    if kind == "fercnn":
        from stcorner.classifiers.fercnn.predictor import FERCNNPredictor

        return FERCNNPredictor
    if kind == "mel_cnn":
        from stcorner.classifiers.mel_cnn.predictor import MelCNNPredictor

        return MelCNNPredictor
    if kind == "posterior":
        from stcorner.classifiers.posterior import PosteriorClassifier

        return PosteriorClassifier
    raise ModelError(
        f"its classifier must be discriminant, fercnn, mel_cnn, posterior or scikit-learn, got {kind!r}"
    )


def _is_part_of_estimator(name: str) -> bool:
    """Tell whether a name is of a class of scikit-learn: a function is what a file could have run."""
    module, _, attribute = name.rpartition(".")
    if not module.startswith("sklearn.") or "test" in module:
        return False
    try:
        return isinstance(getattr(importlib.import_module(module), attribute, None), type)
    except ImportError:
        return False


def _undump(content: bytes) -> dict[str, Any]:
    """Return the classifiers of scikit-learn; a file that names any other type is refused."""
    io = import_skops()
    try:
        unknown = io.get_untrusted_types(data=content)
        foreign = [name for name in unknown if not _is_part_of_estimator(name)]
        if foreign:
            raise ModelError(
                f"its classifier is made of types that are not trusted: {', '.join(foreign)}; "
                "only scikit-learn's own are loaded"
            )
        found = io.loads(content, trusted=unknown)
    except ModelError:
        raise
    except Exception as error:  # whatever a hostile archive provokes inside skops
        raise ModelError(
            f"its classifier cannot be read: {error}: save it again with the versions of scikit-learn and "
            "skops that are installed"
        ) from None
    if not isinstance(found, dict) or not all(hasattr(each, "predict_proba") for each in found.values()):
        raise ModelError("its classifier is no classifier of scikit-learn")
    with model_errors():
        for each in found.values():  # where a pipeline keeps what it fits is the reader's to say
            places = [key for key in each.get_params() if key.rpartition("__")[2] == "memory"]
            each.set_params(**dict.fromkeys(places))
    return found
