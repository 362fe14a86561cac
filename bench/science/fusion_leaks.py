"""A search for a leak behind the high scores of voice and action units together.

Controls with the linear part of the default classifier (it scores like the whole). If the fused score
came from anything but the emotion in a clip's own voice and face, one of them would show it.
"""

from __future__ import annotations

import time

import numpy as np
from algebra import linear_scores

from common import action_units, arguments, clips_of, default_copies, folds_of, line, rich, scores, write
from stcorner import feature_names
from stcorner.corpora import audit_folds

# What a file carries without anybody speaking in it.
FILE_ARTEFACTS = ("timing_lead", "timing_tail", "energy_contour_noise_floor")


def within_actors(actors, rng):
    """Return an order that exchanges the clips of each actor among themselves."""
    order = np.arange(len(actors))
    for actor in np.unique(actors):
        rows = np.flatnonzero(actors == actor)
        order[rows] = rng.permutation(rows)
    return order


def standard(train, test, weight):
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-8
    return tuple(
        (weight * np.clip((part - mean) / scale, -4, 4)).astype(np.float32) for part in (train, test)
    )


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    folds = folds_of(clips)
    labels, y = np.unique([clip.label for clip in clips], return_inverse=True)
    actors = np.asarray([clip.subject for clip in clips])
    voices = [rich(options.cache, clips), *default_copies(options.cache, clips)]
    face = action_units(options.data, clips)
    rng = np.random.default_rng(0)
    exchanged = within_actors(actors, rng)
    table = {}

    def row(name, *, pairs, taught=y, faces=face, new_faces=face, kept=slice(None), weights=(1.0, 2.0)):
        predicted = np.empty_like(y)
        for train, test in pairs:
            voice = standard(
                np.concatenate([block[train][:, kept] for block in voices]),
                voices[0][test][:, kept],
                weights[0],
            )
            seen = standard(np.tile(faces[train], (len(voices), 1)), new_faces[test], weights[1])
            A, B = (np.hstack(part) for part in zip(voice, seen, strict=True))
            found = linear_scores(A, np.tile(taught[train], len(voices)), B, (0.3,))[0.3]
            predicted[test] = found.argmax(axis=1)
        table[name] = scores(labels[y], labels[predicted], actors)
        print(line(name, table[name]), flush=True)

    disjoint = [(fold.train, fold.test) for fold in folds]
    reports = [str(report) for report in audit_folds(clips, folds)]
    print(*reports, sep="\n")
    row("voice and face", pairs=disjoint)
    row("labels of the training clips exchanged within each actor", pairs=disjoint, taught=y[exchanged])
    row("faces of the tested clips exchanged within each actor", pairs=disjoint, new_faces=face[exchanged])
    row("faces of all clips exchanged within each actor", pairs=disjoint, faces=face[exchanged],
        new_faces=face[exchanged])  # fmt: skip
    speech = [name not in FILE_ARTEFACTS for name in feature_names()]
    row("without the silence about the voice and the noise floor", pairs=disjoint, kept=speech)
    order = rng.permutation(len(y))
    known = [(np.setdiff1d(order, part), part) for part in np.array_split(order, 5)]
    row("a leak on purpose: clips split at random, actors known", pairs=known)
    write(options, "fusion_leaks", {"clips": len(clips), "audit": reports, "systems": table}, started)


if __name__ == "__main__":
    main()
