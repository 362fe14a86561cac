"""Which altered copies to learn from, chosen on the training actors of each fold alone.

The training actors of a fold of ravdess-luna5 are halved. A model learns from each half with every set of
copies and is scored on the other half: on its clips as they are, and on each kind of copy of them. The set
with the best mean is the choice of that fold; its score on the fold's own actors stands beside the others'.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from common import arguments, folds_of, uar, write
from stcorner import ClipFeatures, DiscriminantClassifier
from stcorner.audio.augmentation import RECORDINGS

SETS = {
    "none": (),
    "speed": ("slower", "faster"),
    "all but speed": tuple(k for k in RECORDINGS if k not in ("slower", "faster")),
    "all but pitch and stretch": tuple(k for k in RECORDINGS if k not in ("pitch", "stretch")),
    "all but noise": tuple(k for k in RECORDINGS if k not in ("white", "coloured", "hall+coloured")),
    "all but babble": tuple(k for k in RECORDINGS if k != "babble"),
    "all but bands": tuple(k for k in RECORDINGS if k not in ("band", "telephone")),
    "all but rooms": tuple(k for k in RECORDINGS if "hall" not in k),
    "all but codecs": tuple(k for k in RECORDINGS if k != "codec"),
    "all": RECORDINGS,
}


def score(rows, y, kinds, learnt, tested) -> float:
    """Return the mean UAR (%) over all kinds of copies of the tested clips, learnt from some kinds."""
    chosen = [rows[kind][learnt] for kind in ("", *kinds)]
    model = DiscriminantClassifier(n_frequencies=300, calibration_folds=0)
    model.fit(np.concatenate(chosen), np.tile(y[learnt], len(chosen)))
    return float(np.mean([uar(y[tested], model.predict(X[tested]) == y[tested]) for X in rows.values()]))


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument(
        "--features", type=Path, required=True, help="table of `stcorner extract`, copies included"
    )
    options = parser.parse_args()
    started = time.perf_counter()
    features = ClipFeatures.from_parquet(options.features)
    clips, y = features.clips, np.asarray(features.labels)
    rows = {kind: features.blocks["audio"][features.copies == kind] for kind in ("", *RECORDINGS)}
    subjects = np.asarray([clip.subject for clip in clips])

    table = []
    for number, fold in enumerate(folds_of(clips)):
        half = np.isin(subjects, np.unique(subjects[fold.train])[::2])
        parts = fold.train[half[fold.train]], fold.train[~half[fold.train]]
        inner = {
            name: float(np.mean([score(rows, y, kinds, *pair) for pair in (parts, parts[::-1])]))
            for name, kinds in SETS.items()
        }
        outer = {name: score(rows, y, kinds, fold.train, fold.test) for name, kinds in SETS.items()}
        chosen = max(inner, key=inner.__getitem__)
        table.append({"fold": number, "chosen": chosen, "inner UAR %": inner, "test UAR %": outer})
        print(f"fold {number}: {chosen}, {outer[chosen]:.1f} on its own actors", flush=True)
    means = {name: float(np.mean([row["test UAR %"][name] for row in table])) for name in SETS}
    chosen = float(np.mean([row["test UAR %"][row["chosen"]] for row in table]))
    print({"chosen": round(chosen, 1), **{name: round(mean, 1) for name, mean in means.items()}})
    write(
        options,
        "copies",
        {"clips": len(clips), "UAR % of the choice": chosen, "mean test UAR %": means, "folds": table},
        started,
    )


if __name__ == "__main__":
    main()
