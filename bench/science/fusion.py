"""Speech and action units of the same takes: each alone and fused in every way that the package has."""

from __future__ import annotations

import time

import numpy as np

from common import action_units, arguments, clips_of, default_copies, folds_of, line, rich, scores, write
from stcorner import DiscriminantClassifier, ModalityFusion

METHODS = {
    "concatenate, face x 2": {"method": "concatenate", "weights": [1.0, 2.0]},
    "concatenate": {"method": "concatenate"},
    "mfa": {"method": "mfa"},
    "mfa_per_modality": {"method": "mfa_per_modality"},
    "lda": {"method": "lda"},
    "cca": {"method": "cca"},
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    folds = folds_of(clips)
    y = np.asarray([clip.label for clip in clips])
    actors = np.asarray([clip.subject for clip in clips])
    voices = [rich(options.cache, clips), *default_copies(options.cache, clips)]
    face = action_units(options.data, clips)
    table = {}

    def row(name, predicted):
        table[name] = scores(y, predicted, actors)
        print(line(name, table[name]), flush=True)

    def evaluate(fit_transform, weight=0.5, standardize=False):
        predicted = np.empty_like(y)
        for fold in folds:
            train, test = fold.train, fold.test
            # A copy of the voice keeps the face of its own clip.
            blocks = [
                np.concatenate([voice[train] for voice in voices]),
                np.tile(face[train], (len(voices), 1)),
            ]
            labels, groups = (np.tile(part[train], len(voices)) for part in (y, actors))
            rows, new = fit_transform(blocks, labels, groups, [voices[0][test], face[test]])
            model = DiscriminantClassifier(kernel_weight=weight, standardize=standardize)
            model.fit(rows, labels, groups=groups)
            predicted[test] = model.predict(new)
        return predicted

    row("voice", evaluate(lambda blocks, labels, groups, new: (blocks[0], new[0]), standardize=True))
    row("face", evaluate(lambda blocks, labels, groups, new: (blocks[1], new[1]), standardize=True))
    for name in options.methods:

        def fused(blocks, labels, groups, new, parameters=METHODS[name]):
            fusion = ModalityFusion(**parameters).fit(blocks, labels, groups)
            return fusion.transform(blocks), fusion.transform(new)

        row(f"{name}, LDA + kernel ridge", evaluate(fused))
        if name.startswith("concatenate"):
            row(f"{name}, LDA", evaluate(fused, weight=0.0))
    write(options, "fusion", {"clips": len(clips), "actors": len(set(actors)), "systems": table}, started)


if __name__ == "__main__":
    main()
