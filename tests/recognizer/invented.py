"""Features of invented clips, so that the recogniser can be tested without decoding any."""

from __future__ import annotations

import numpy as np

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
