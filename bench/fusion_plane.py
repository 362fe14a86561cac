"""Draw the fused planes of the fusion guide: test actors of a synthetic pair of feature blocks.

python bench/fusion_plane.py docs/img/fused_plane.svg
"""

from __future__ import annotations

import sys

import numpy as np

from stcorner.fusion import ModalityFusion

EMOTIONS = ["angry", "calm", "fear", "happy", "neutral", "sad"]
COLOURS = ["#c0392b", "#16a085", "#8e44ad", "#e0a000", "#7f8c8d", "#2463ab"]


def clips(rng, n_actors, n_each=12):
    """Two blocks in which actors differ more than emotions do, and each block confuses other emotions."""
    voice = rng.normal(size=(6, 60)) * (np.arange(60) < 12)
    face = rng.normal(size=(6, 20)) * (np.arange(20) < 6)
    voice[4], face[3] = voice[1], face[2]  # neutral sounds calm; happy moves like fear
    y = np.tile(np.repeat(np.arange(6), n_each), n_actors)
    actor = np.repeat(np.arange(n_actors), 6 * n_each)
    audio = voice[y] + 1.5 * rng.normal(size=(n_actors, 60))[actor] + 1.2 * rng.normal(size=(len(y), 60))
    video = face[y] + 1.5 * rng.normal(size=(n_actors, 20))[actor] + 1.2 * rng.normal(size=(len(y), 20))
    return [audio, video], y, actor


def main():
    from matplotlib import pyplot as plt

    blocks, y, actor = clips(np.random.default_rng(7), 24)
    train, test = actor < 18, actor >= 18
    panels = [
        ("Principal components", None),
        ("MFA, literature settings: k1 = 5, k2 = 20", {"n_neighbors": 5, "n_pairs": 20, "shrinkage": 1e-3}),
        ("MFA, many neighbours: k1 = 50, k2 = 600", {"n_neighbors": 50, "n_pairs": 600, "shrinkage": 0.3}),
    ]
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
    for axis, (title, setting) in zip(axes, panels, strict=True):
        if setting is None:
            plain = ModalityFusion().fit([block[train] for block in blocks])
            near, far = (plain.transform([block[rows] for block in blocks]) for rows in (train, test))
            plane = far @ np.linalg.svd(near - near.mean(axis=0), full_matrices=False)[2][:2].T
        else:
            fusion = ModalityFusion("mfa", n_components=2, **setting)
            plane = fusion.fit([block[train] for block in blocks], y[train]).transform(
                [block[test] for block in blocks]
            )
        for label, (name, colour) in enumerate(zip(EMOTIONS, COLOURS, strict=True)):
            rows = y[test] == label
            axis.scatter(*plane[rows].T, s=9, color=colour, label=name, linewidths=0)
        axis.set_title(title, fontsize=11)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    plt.rcParams["svg.hashsalt"] = "stcorner"
    figure.savefig(sys.argv[1], metadata={"Date": None})


if __name__ == "__main__":
    main()
