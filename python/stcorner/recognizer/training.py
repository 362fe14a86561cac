"""How a recogniser is trained, and what it remembers of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import MediaError
from stcorner.recognizer.modelfile import TrainingDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from stcorner.classifiers import TemperatureScaling
    from stcorner.extraction.features import ClipFeatures
    from stcorner.recognizer.estimator import EmotionRecognizer
    from stcorner.recognizer.fused import FusedSpace

__all__ = [
    "describe_training",
    "fit_calibration",
    "fit_fusion",
    "map_rows",
    "new_classifier",
    "one_blas_thread",
    "row_groups",
]

_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "keras",
    "jax",
    "soxr",
    "soundfile",
    "opencv-python-headless",
    "av",
)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run linear algebra on one thread: the same bits on every machine.

    BLAS adds in another order for each number of threads. The matrices of a training are so small that
    more threads gain little, and on a busy machine they lose most of their time waiting for each other.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def fit_fusion(
    model: EmotionRecognizer, blocks: list[NDArray[Any]], y: NDArray[Any], groups: NDArray[Any] | None
) -> FusedSpace | None:
    """Learn how the blocks are put together; None where there is nothing to learn."""
    if len(blocks) == 1 and model.fusion == "concatenate":
        return None
    from stcorner.recognizer.fused import FusedSpace

    for name, block in zip(model.modalities, blocks, strict=True):
        if np.isnan(block[:, 0]).all():
            raise MediaError(f"no clip gave features of its {name}: there is nothing to fuse")
    parameters = dict(model.fusion_params or {})
    if model.weights is not None:
        parameters["weights"] = [float(model.weights.get(name, 1.0)) for name in model.modalities]
    return FusedSpace.fit(blocks, y, groups, method=model.fusion, **parameters)


def new_classifier(model: EmotionRecognizer) -> Any:
    """Return the classifier that the parameters name, unfitted; the fusion is there already."""
    parameters = dict(model.classifier_params or {})
    if model.classifier == "discriminant":
        from stcorner.classifiers.discriminant import DiscriminantClassifier

        # The weights of the blocks are in the scale of fused columns: it must not be undone.
        return DiscriminantClassifier(**{"standardize": model.fusion_ is None, **parameters})
    from stcorner.classifiers import FERCNNClassifier

    defaults = {"projection": "seriate", "random_state": model.random_state}
    return FERCNNClassifier(**{**defaults, **parameters})


def fit_calibration(classifier: Any, X: NDArray[Any], y: NDArray[Any]) -> TemperatureScaling | None:
    """Choose a temperature on the rows that the classifier held out, if it did."""
    held = getattr(classifier, "held_out_", None)
    if held is None or not held.any():
        return None
    from stcorner.classifiers import TemperatureScaling

    codes = np.searchsorted(classifier.classes_, y[held])
    return TemperatureScaling().fit(classifier.predict_proba(X[held]), codes)


def row_groups(clips: Sequence[Any], features: ClipFeatures) -> NDArray[np.str_]:
    """Return the group of each row: the person, or the take where the person is unknown."""
    keys = ["/".join(clip.group if clip.subject else ("", *clip.key)) for clip in clips]
    return np.asarray([keys[i] for i in features.clip_index], dtype=np.str_)


def map_rows(
    clips: Sequence[Any], features: ClipFeatures, label_map: Mapping[str, str | None]
) -> tuple[list[Any], ClipFeatures]:
    """Rename or drop the labels of clips, and the rows of those that are dropped."""
    from dataclasses import replace

    from stcorner.corpora import map_labels
    from stcorner.corpora.clip import canonical_label

    mapped = list(map_labels(clips, label_map))
    dropped = {canonical_label(old) for old, new in label_map.items() if new is None}
    there = np.array([clip.label not in dropped for clip in clips])
    rows = features.take(there[features.clip_index])
    return mapped, replace(rows, clip_index=(np.cumsum(there) - 1)[rows.clip_index])


def describe_training(clips: Sequence[Any], features: ClipFeatures, seed: int) -> TrainingDocument:
    """Return the record that is saved with the model."""
    from importlib import metadata

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    usable = features.present()
    return TrainingDocument(
        n_clips=len(np.unique(features.clip_index[usable])),
        n_rows=int(usable.sum()),
        n_failed=len(np.unique(features.clip_index[~usable])),
        subjects=tuple(sorted({"/".join(clip.group) for clip in clips if clip.subject})),
        corpora=tuple(sorted({clip.corpus for clip in clips})),
        seed=int(seed),  # a numpy integer is no JSON
        versions=versions,
    )
