"""Which features carry the emotions that the voice is worst at: recall by emotion, less one group at a time.

Linear discriminant analysis alone, default copies, ravdess-luna5: small enough to be fitted for each group.
"""

from __future__ import annotations

import re
import time

import numpy as np

from common import arguments, clips_of, default_copies, folds_of, rich, write
from stcorner import DiscriminantClassifier, feature_names

GROUPS = {
    "correlations of MFCC and energy": r"corr_",
    "delta MFCC": r"delta_",
    "MFCC": r"mfcc_",
    "pitch": r"f0_",
    "timing": r"timing_",
    "energy": r"energy",
    "voice quality": r"periodicity|hnr|h1_",
    "spectrum": r"",
}


def group_of(name):
    return next(group for group, pattern in GROUPS.items() if re.match(pattern, name))


def main() -> None:
    options = arguments(__doc__.splitlines()[0]).parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    folds = folds_of(clips)
    y = np.asarray([clip.label for clip in clips])
    blocks = [rich(options.cache, clips), *default_copies(options.cache, clips)]
    groups = np.asarray([group_of(name) for name in feature_names()])

    def predicted(kept):
        found = np.empty_like(y)
        for fold in folds:
            rows = np.concatenate([block[fold.train][:, kept] for block in blocks])
            model = DiscriminantClassifier(kernel_weight=0, calibration_folds=0)
            model.fit(rows, np.tile(y[fold.train], len(blocks)))
            found[fold.test] = model.predict(blocks[0][fold.test][:, kept])
        return found

    labels = np.unique(y)
    whole = predicted(np.ones(len(groups), bool))
    rows = [("all", len(groups), whole)]
    rows += [(f"without {g}", int((groups == g).sum()), predicted(groups != g)) for g in GROUPS]
    table = [
        {"features": name, "number": n, **{str(k): 100 * float((p[y == k] == k).mean()) for k in labels}}
        for name, n, p in rows
    ]
    taken = [
        {"said": str(k), **{str(j): 100 * float((whole[y == k] == j).mean()) for j in labels}} for k in labels
    ]
    for row in table:
        print(row, flush=True)
    write(options, "weak_emotions", {"clips": len(clips), "recall": table, "taken for": taken}, started)


if __name__ == "__main__":
    main()
