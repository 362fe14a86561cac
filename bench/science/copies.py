"""Which altered copies to learn from, chosen on the training actors of each fold alone.

The training actors of a fold of ravdess-luna5 are halved. A model learns from each half with every set of
copies and is scored on the other half: on its clips as they are, and on each kind of copy of them. The set
with the best mean is the choice of that fold; its score on the fold's own actors stands beside the others'.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from common import arguments, folds_of, write
from stcorner import ClipFeatures, DiscriminantClassifier
from stcorner.audio.augmentation import RECORDINGS

SETS = {
    "none": (),
    "speed": ("slower", "faster"),
    "default": ("slower", "faster", "noise"),
    "all but speed": tuple(k for k in RECORDINGS if k not in ("slower", "faster")),
    "all but noise": tuple(k for k in RECORDINGS if k not in ("noise", "white", "pink")),
    "all but babble": tuple(k for k in RECORDINGS if k != "babble"),
    "all but bands": tuple(k for k in RECORDINGS if k not in ("band", "telephone")),
    "all but rooms": tuple(k for k in RECORDINGS if k != "hall"),
    "all but codecs": tuple(k for k in RECORDINGS if k != "codec"),
    "all": RECORDINGS,
}


def score(X, y, learnt, tested) -> float:
    """Return the mean UAR (%) over kinds of copies of the tested clips."""
    model = DiscriminantClassifier(n_frequencies=300, calibration_folds=0)
    model.fit(np.concatenate([rows[learnt] for rows in X[0]]), np.tile(y[learnt], len(X[0])))
    right = [model.predict(rows[tested]) == y[tested] for rows in X[1]]
    return 100 * float(np.mean([[r[y[tested] == label].mean() for label in np.unique(y)] for r in right]))


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

    def with_copies(name):
        return [rows[kind] for kind in ("", *SETS[name])], list(rows.values())

    table = []
    for number, fold in enumerate(folds_of(clips)):
        half = np.isin(subjects, np.unique(subjects[fold.train])[::2])
        parts = fold.train[half[fold.train]], fold.train[~half[fold.train]]
        inner = {
            name: float(np.mean([score(with_copies(name), y, a, b) for a, b in (parts, parts[::-1])]))
            for name in SETS
        }
        outer = {name: score(with_copies(name), y, fold.train, fold.test) for name in SETS}
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
