"""How a recogniser is trained, and what it remembers of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.classifiers.temperature import TemperatureScaling
from stcorner.errors import MediaError, ParameterError
from stcorner.recognizer.modelfile import TrainingDocument
from stcorner.recognizer.predictor import EARLY, Head, Predictor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from stcorner.extraction.clipfeatures import ClipFeatures
    from stcorner.recognizer.estimator import EmotionRecognizer
    from stcorner.recognizer.fused import FusedSpace

__all__ = ["describe_training", "kind_of", "relabelled", "renamed", "train"]

CLASSIFIERS = ("discriminant", "fercnn", "mel_cnn", "posterior")
# Classifiers of blocks with late fusion, where neither a mapping nor an object says otherwise.
_USUAL = {"mel": "mel_cnn"}
# Inner folds of people whose predictions choose the weights of a late fusion.
_FOLDS = 3
_PACKAGES = (
    "numpy", "scipy", "scikit-learn", "keras", "jax", "soxr", "soundfile", "opencv-python-headless", "av",
)  # fmt: skip


@contextlib.contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Run linear algebra on one thread: the same bits on every machine.

    BLAS adds in another order for each number of threads. The matrices of a training are so small that
    more threads gain little, and on a busy machine they lose most of their time waiting for each other.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def train(
    model: EmotionRecognizer,
    features: ClipFeatures,
    labels: NDArray[np.str_],
    groups: NDArray[Any] | None,
    sample_weight: NDArray[np.float64] | None = None,
) -> Predictor:
    """Fit fusion and classifiers; labels, groups and weights are of the rows of `features`."""
    names, others = model.resolved_blocks()
    usable = features.present(names)
    if not usable.any():
        first = f": {features.errors[0].error}" if features.errors else ""
        raise MediaError(f"no clip gave features to learn from{first}")
    blocks = [features.blocks[name][usable] for name in names]
    labels = labels[usable]
    groups = None if groups is None else groups[usable]
    weight = None if sample_weight is None else sample_weight[usable]
    columns = {name: list(features.names[name]) for name in names}
    fit = _fit_late if model.fusion == "late" else _fit_early
    with _one_blas_thread():
        parts = fit(model, dict(zip(names, blocks, strict=True)), columns, labels, groups, weight)
    return Predictor(
        name=model.name,
        classes=tuple(str(label) for label in np.unique(labels)),
        blocks=names,
        names=columns,
        plan=model.extraction_plan().giving(columns),
        abstain_below=model.abstain_below,
        others=others,
        within=model.within,
        means={name: _mean(block) for name, block in zip(names, blocks, strict=True)},
        **parts,
    )


def _mean(block: NDArray[Any]) -> NDArray[np.float64]:
    there = block[np.isfinite(block[:, 0])].astype(np.float64)
    return there.mean(axis=0) if len(there) else np.zeros(block.shape[1])


def _fit_early(
    model: EmotionRecognizer,
    blocks: Mapping[str, NDArray[Any]],
    columns: Mapping[str, list[str]],
    labels: NDArray[np.str_],
    groups: NDArray[Any] | None,
    weight: NDArray[np.float64] | None,
) -> dict[str, Any]:
    """Fit one classifier of the fused vector."""
    rows = list(blocks.values())
    fusion = _fit_fusion(model, blocks, labels, groups)
    fused = rows[0] if fusion is None else fusion.transform(rows)
    spec = model.classifier
    if isinstance(spec, dict):
        raise ParameterError(f"classifier must be one for fusion {model.fusion!r}, got a mapping")
    names = next(iter(columns.values())) if fusion is None else []
    return {"fusion": fusion, "heads": {EARLY: _fit_head(model, spec, fused, labels, groups, weight, names,
                                                         scaled=fusion is not None)}}  # fmt: skip


def _fit_fusion(
    model: EmotionRecognizer,
    blocks: Mapping[str, NDArray[Any]],
    y: NDArray[Any],
    groups: NDArray[Any] | None,
) -> FusedSpace | None:
    """Learn how the blocks are put together; None where there is nothing to learn."""
    if len(blocks) == 1 and model.fusion == "concatenate":
        return None
    from stcorner.recognizer.fused import FusedSpace

    for name, block in blocks.items():
        if np.isnan(block[:, 0]).all():
            raise MediaError(f"no clip gave features of its {name} to fuse: features.errors says why")
    parameters = dict(model.fusion_params or {})
    if model.weights is not None:
        parameters["weights"] = [float(model.weights.get(name, 1.0)) for name in blocks]
    return FusedSpace.fit(list(blocks.values()), y, groups, method=model.fusion, **parameters)


def _fit_late(
    model: EmotionRecognizer,
    blocks: Mapping[str, NDArray[Any]],
    columns: Mapping[str, list[str]],
    labels: NDArray[np.str_],
    groups: NDArray[Any] | None,
    weight: NDArray[np.float64] | None,
) -> dict[str, Any]:
    """Fit one classifier per block, and the weights of their log probabilities on people held out."""
    specs = _specs(model, list(blocks))

    def heads(rows: NDArray[np.bool_]) -> dict[str, Head]:
        fitted = {}
        for name, block in blocks.items():
            there = rows & np.isfinite(block[:, 0])
            if specs[name] == "posterior":
                there = rows  # it learns nothing but the labels
            elif not there.any():
                raise MediaError(
                    f"no clip gave features of its {name} to learn from: features.errors says why"
                )
            chosen = None if groups is None else groups[there]
            share = None if weight is None else weight[there]
            fitted[name] = _fit_head(model, specs[name], block[there], labels[there], chosen, share,
                                     columns[name])  # fmt: skip
        return fitted

    everything = np.ones(len(labels), np.bool_)
    final = heads(everything)
    if model.weights is not None:
        weights = {name: float(model.weights.get(name, 1.0)) for name in blocks}
    else:
        weights = _late_weights(model, blocks, labels, groups, heads)
    return {"heads": final, "weights": weights}


def _specs(model: EmotionRecognizer, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(model.classifier, dict):
        usual = _USUAL if isinstance(model.classifier, str) else {}
        return {name: usual.get(name, model.classifier) for name in names}
    if unknown := sorted(set(model.classifier) - set(names)):
        raise ParameterError(f"classifier must name blocks of {list(names)}, got {unknown}")
    return {name: model.classifier.get(name, _USUAL.get(name, "discriminant")) for name in names}


def kind_of(spec: Any) -> str:
    """Return the kind of a classifier, as a model file names it, by its name or an object."""
    if isinstance(spec, str):
        return spec
    from stcorner.classifiers import MelCNNClassifier

    return "mel_cnn" if isinstance(spec, MelCNNClassifier) else "scikit-learn"


def _late_weights(
    model: EmotionRecognizer,
    blocks: Mapping[str, NDArray[Any]],
    labels: NDArray[np.str_],
    groups: NDArray[Any] | None,
    heads: Any,
) -> dict[str, float]:
    """Choose the weights on rows that have every block, by models of other people."""
    from stcorner.fusion import LateFusion

    complete = np.all([np.isfinite(block[:, 0]) for block in blocks.values()], axis=0)
    owners = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    parts = owners % _FOLDS
    classes = [str(label) for label in np.unique(labels)]
    tables: dict[str, list[NDArray[np.float64]]] = {name: [] for name in blocks}
    targets: list[NDArray[np.str_]] = []
    for part in range(_FOLDS):
        test, train_rows = (parts == part) & complete, parts != part
        if not test.any() or len(np.unique(labels[train_rows])) < len(classes):
            continue
        for name, head in heads(train_rows).items():
            tables[name].append(head.predict_proba(blocks[name][test], classes))
        targets.append(labels[test])
    if not targets or len(np.unique(np.concatenate(targets))) < len(classes):
        return dict.fromkeys(blocks, 1.0)  # too few people with every block to choose by
    late = LateFusion().fit([np.concatenate(table) for table in tables.values()], np.concatenate(targets))
    return dict(zip(tables, map(float, late.weights_), strict=True))


def _fit_head(
    model: EmotionRecognizer,
    spec: Any,
    X: NDArray[Any],
    y: NDArray[np.str_],
    groups: NDArray[Any] | None,
    weight: NDArray[np.float64] | None,
    names: Sequence[str],
    *,
    scaled: bool = False,
) -> Head:
    """Fit one classifier; one that holds rows out gets a temperature chosen on them."""
    kind = kind_of(spec)
    if kind == "scikit-learn":
        return Head(kind=kind, classifier=_fit_foreign(spec, X, y, groups, weight))
    parameters = dict(model.classifier_params or {})
    classifier: Any
    if kind == "mel_cnn":
        if model.within is not None:
            raise ParameterError(
                f"within must be None with mel_cnn, which hears decibels as they are, got {model.within!r}: "
                "leave it out, or leave out the block 'mel'"
            )
        if isinstance(spec, str):
            from stcorner.classifiers import MelCNNClassifier

            # Beside other kinds the parameters are theirs.
            own = parameters if model.classifier == kind else {}
            spec = MelCNNClassifier(**{"random_state": model.random_state, **own})
        return Head(kind=kind, classifier=_fit_foreign(spec, X, y, None, weight))
    if spec == "discriminant":
        from stcorner.classifiers import DiscriminantClassifier

        # The weights of the blocks are in the scale of fused columns: it must not be undone.
        classifier = DiscriminantClassifier(**{"standardize": not scaled, **parameters})
        return Head(kind=spec, classifier=classifier.fit(X, y, groups=groups, sample_weight=weight))
    if spec == "posterior":
        from stcorner.classifiers.posterior import PosteriorClassifier

        return Head(kind=spec, classifier=PosteriorClassifier(names=names).fit(X, y))
    from stcorner.classifiers import FERCNNClassifier

    defaults = {"projection": "seriate", "random_state": model.random_state}
    classifier = FERCNNClassifier(**{**defaults, **parameters}).fit(X, y, groups=groups, sample_weight=weight)
    held = classifier.held_out_
    if held is None or not held.any():
        return Head(kind=spec, classifier=classifier)
    codes = np.searchsorted(classifier.classes_, y[held])
    scaling = TemperatureScaling().fit(classifier.predict_proba(X[held]), codes)
    return Head(kind=spec, classifier=classifier, calibration=scaling)


def _fit_foreign(
    classifier: Any,
    X: NDArray[Any],
    y: NDArray[np.str_],
    groups: NDArray[Any] | None,
    weight: NDArray[np.float64] | None,
) -> Any:
    """Fit a copy of a scikit-learn classifier; one without probabilities gets them on people held out."""
    from sklearn.base import clone
    from sklearn.utils.validation import has_fit_parameter

    fresh = clone(classifier)
    further: dict[str, Any] = {}
    if weight is not None:
        if not has_fit_parameter(fresh, "sample_weight"):
            raise ParameterError(
                f"sample_weight must be None for a {type(fresh).__name__}, which takes none: leave it out, "
                "or give another classifier"
            )
        further["sample_weight"] = weight
    if hasattr(fresh, "predict_proba"):
        if groups is not None and has_fit_parameter(fresh, "groups"):
            further["groups"] = groups
        return fresh.fit(X, y, **further)
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedGroupKFold

    owners = np.arange(len(y)) if groups is None else groups
    folds = min(5, len(np.unique(owners)))
    splits = list(StratifiedGroupKFold(folds).split(X, y, owners)) if folds > 1 else None
    return CalibratedClassifierCV(fresh, cv=splits, ensemble=False).fit(X, y, **further)


def renamed(
    labels: NDArray[np.str_], label_map: Mapping[str, str | None]
) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """Return labels by their new names, and the positions of those that are kept."""
    from stcorner.corpora.clip import new_names

    names = new_names(label_map, set(labels.tolist()))
    new = [names.get(label, label) for label in labels.tolist()]
    kept = np.flatnonzero([label is not None for label in new])
    return np.asarray([label or "" for label in new], dtype=np.str_), kept


def relabelled(features: ClipFeatures, label_map: Mapping[str, str | None]) -> ClipFeatures:
    """Return the samples whose label is kept, with its new name."""
    from dataclasses import replace

    labels, kept = renamed(features.labels, label_map)
    clips = [replace(features.clips[at], label=str(labels[at])) for at in kept]
    return features[kept].relabelled(clips)


def describe_training(features: ClipFeatures, blocks: Sequence[str], seed: int) -> TrainingDocument:
    """Return the record that is saved with the model."""
    from importlib import metadata

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    usable = features.present(blocks)
    return TrainingDocument(
        n_clips=len(np.unique(features.clip_index[usable])),
        n_rows=int(usable.sum()),
        n_failed=len(np.unique(features.clip_index[~usable])),
        subjects=tuple(sorted({"/".join(clip.group) for clip in features.clips if clip.subject})),
        corpora=tuple(sorted({clip.corpus for clip in features.clips})),
        seed=int(seed),  # a numpy integer is no JSON
        versions=versions,
    )
