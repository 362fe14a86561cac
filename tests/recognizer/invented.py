"""Features of invented clips, so that the recogniser can be tested without decoding any."""

from __future__ import annotations

from typing import Any

import numpy as np

from stcorner.classifiers import MelCNNClassifier
from stcorner.classifiers.mel_cnn.predictor import shapes
from stcorner.corpora import Clip
from stcorner.extraction import ClipFeatures


def invented_features(
    n_subjects: int = 6, per_class: int = 4, *, seed: int = 0, copies: bool = False
) -> ClipFeatures:
    """Three classes that each modality tells apart only in part; copies are of the kind "noise"."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.repeat(["angry", "happy", "sad"], per_class), n_subjects)
    people = np.repeat([f"s{i}" for i in range(n_subjects)], 3 * per_class)
    code = np.unique(labels, return_inverse=True)[1]
    offset = rng.standard_normal((n_subjects, 1))[np.repeat(np.arange(n_subjects), 3 * per_class)]
    audio = rng.standard_normal((len(labels), 12)) + offset
    video = rng.standard_normal((len(labels), 40)) + offset
    audio[:, 0] += 4.0 * (code == 0)
    video[:, 0] += 4.0 * (code == 1)
    index = np.arange(len(labels))
    kinds = np.full(len(labels), "", dtype="<U5")
    if copies:
        index, kinds = np.repeat(index, 2), np.tile(["", "noise"], len(labels))
        audio, video = audio[index] + 0.01 * (kinds != "")[:, None], video[index]
    return ClipFeatures(
        clips=[
            Clip(path=f"{i}.mp4", clip_id=str(i), label=label, subject=person, take=str(i), modality="both",
                 corpus="test")
            for i, (label, person) in enumerate(zip(labels.tolist(), people.tolist(), strict=True))
        ],
        clip_index=index,
        copies=kinds,
        blocks={"audio": audio, "video": video},
        names={"audio": [f"a{i}" for i in range(12)], "video": [f"v{i}" for i in range(40)]},
    )  # fmt: skip


def without(features: ClipFeatures, missing: dict[str, list[int] | slice]) -> ClipFeatures:
    """Return the features with some rows of some blocks missing."""
    blocks = {name: block.copy() for name, block in features.blocks.items()}
    for name, rows in missing.items():
        blocks[name][rows] = np.nan
    return ClipFeatures(clips=features.clips, blocks=blocks, names=features.names)


class UntrainedNetwork(MelCNNClassifier):  # type: ignore[misc]
    """The network with weights that are drawn instead of trained, which needs no Keras."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> UntrainedNetwork:
        self._training_rows(X, y)
        rng = np.random.default_rng(self.random_state)
        self.weights_ = {
            name: (rng.standard_normal(shape) * (2 / np.prod(shape[:-1])) ** 0.5)
            .astype(np.float16)
            .astype(np.float32)
            for name, shape in shapes(len(self.classes_)).items()
        }
        self.losses_ = [1.5, 1.25]
        return self


def invented_patches(n: int, *, seed: int = 0) -> np.ndarray:
    """Patches of no sound, rows of (48, 128) in steps of 0.5 dB."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 12, (n, 48, 1)) + rng.normal(0, 8, (n, 1, 128)) + rng.normal(0, 4, (n, 48, 128))
    steps = np.round(2 * (level - level.mean(axis=(1, 2), keepdims=True))) / 2
    return np.clip(steps, -63.5, 64).reshape(n, -1).astype(np.float32)
