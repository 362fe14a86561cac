"""Features of invented clips, so that the recogniser can be tested without decoding any."""

from __future__ import annotations

import numpy as np

from stcorner.extraction import ClipFeatures


def invented_features(
    n_subjects: int = 6, per_class: int = 4, *, seed: int = 0, copies: bool = False
) -> tuple[ClipFeatures, np.ndarray, np.ndarray]:
    """Three classes that each modality tells apart only in part; returns features, labels, groups."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.repeat(["angry", "happy", "sad"], per_class), n_subjects)
    groups = np.repeat([f"s{i}" for i in range(n_subjects)], 3 * per_class)
    code = np.unique(labels, return_inverse=True)[1]
    offset = rng.standard_normal((n_subjects, 1))[np.repeat(np.arange(n_subjects), 3 * per_class)]
    audio = rng.standard_normal((len(labels), 12)) + offset
    video = rng.standard_normal((len(labels), 40)) + offset
    audio[:, 0] += 4.0 * (code == 0)
    video[:, 0] += 4.0 * (code == 1)
    index = np.arange(len(labels))
    augmented = np.zeros(len(labels), bool)
    if copies:
        index, augmented = np.repeat(index, 2), np.tile([False, True], len(labels))
        audio, video = audio[index] + 0.01 * augmented[:, None], video[index]
        labels, groups = labels[index], groups[index]
    features = ClipFeatures(
        clip_index=index,
        augmented=augmented,
        blocks={"audio": audio.astype(np.float32), "video": video.astype(np.float32)},
        names={"audio": [f"a{i}" for i in range(12)], "video": [f"v{i}" for i in range(40)]},
        status={name: np.full(len(index), "ok") for name in ("audio", "video")},
        errors=[],
        details=[{"file": f"{i}.mp4", "clip_id": str(i), "errors": [], "warnings": []} for i in index],
    )
    return features, labels, groups
