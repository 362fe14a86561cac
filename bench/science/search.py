"""What was tried to beat the default recogniser on speech, chosen inside training folds only.

Every candidate is scored on the outer folds (optimistic, for the table) and by an inner search: on each
outer training side, actors are dealt to inner folds and the best candidate there predicts the outer test
side. The nested row is the honest one.
"""

from __future__ import annotations

import time
from itertools import product

import numpy as np

from common import SPEEDS, arguments, clips_of, drawn_copy, folds_of, line, rich, scores, write
from stcorner import DiscriminantClassifier

COPIES = ("none", "one drawn", "0.88 and 1.13", "0.88, 1.13 and noise", "0.88, 1.13 and pitch", "all four")
MIXES = {"LDA": 0.0, "kernel ridge": 1.0, "both": 0.5}
AT_TEST = (False, True)  # whether probabilities are averaged over speeds 0.94, 1 and 1.06


def training_blocks(name, versions, drawn):
    chosen = {
        "0.88 and 1.13": (0.88, 1.13),
        "0.88, 1.13 and noise": (0.88, 1.13, "noise"),
        "0.88, 1.13 and pitch": (0.88, 1.13, "pitch"),
        "all four": SPEEDS,
    }
    if name == "none":
        return [versions[1.0]]
    return [versions[1.0], drawn] if name == "one drawn" else [versions[v] for v in (1.0, *chosen[name])]


def candidates(options):
    return list(product(COPIES, options.shrinkage, options.gamma, MIXES, AT_TEST))


def fit_predict(versions, drawn, y, actors, train, test, options):
    """Return the predictions of all candidates for the rows `test`."""
    found = {}
    for copies, shrinkage, gamma in product(COPIES, options.shrinkage, options.gamma):
        blocks = training_blocks(copies, versions, drawn)
        X = np.concatenate([block[train] for block in blocks])
        labels, groups = (np.tile(part[train], len(blocks)) for part in (y, actors))
        model = DiscriminantClassifier(shrinkage=shrinkage, gamma=gamma, calibration_folds=2)
        model.fit(X, labels, groups=groups)
        for mix, weight in MIXES.items():
            model.kernel_weight = weight
            shares = [model.predict_proba(versions[speed][test]) for speed in (0.94, 1.0, 1.06)]
            found[copies, shrinkage, gamma, mix, False] = model.classes_[shares[1].argmax(axis=1)]
            found[copies, shrinkage, gamma, mix, True] = model.classes_[
                np.mean(shares, axis=0).argmax(axis=1)
            ]
    return found


def uar(y, predicted):
    return np.mean([(predicted[y == label] == label).mean() for label in np.unique(y)])


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--shrinkage", type=float, nargs="*", default=[0.3])
    parser.add_argument("--gamma", type=float, nargs="*", default=[0.15])
    parser.add_argument("--inner", type=int, default=4, help="inner folds of actors; 0 leaves the search out")
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    y = np.asarray([clip.label for clip in clips])
    actors = np.asarray([clip.subject for clip in clips])
    versions = {speed: rich(options.cache, clips, speed) for speed in (1.0, *SPEEDS, "noise", "pitch")}
    drawn = drawn_copy(options.cache, clips)
    tried = candidates(options)
    predicted = {candidate: np.empty_like(y) for candidate in tried}
    nested, chosen = np.empty_like(y), []
    for fold in folds_of(clips):
        outer = fit_predict(versions, drawn, y, actors, fold.train, fold.test, options)
        for candidate in tried:
            predicted[candidate][fold.test] = outer[candidate]
        if options.inner:
            names = np.unique(actors[fold.train])
            place = np.searchsorted(names, actors[fold.train]) % options.inner
            inner = {candidate: np.empty(len(fold.train), y.dtype) for candidate in tried}
            for k in range(options.inner):
                train, test = fold.train[place != k], fold.train[place == k]
                part = fit_predict(versions, drawn, y, actors, train, test, options)
                for candidate in tried:
                    inner[candidate][place == k] = part[candidate]
            best = max(tried, key=lambda candidate: uar(y[fold.train], inner[candidate]))
            chosen.append([str(part) for part in best])
            nested[fold.test] = outer[best]
            print(f"  {fold.name}: {best}", flush=True)
    table = {}
    for candidate in tried:
        copies, shrinkage, gamma, mix, at_test = candidate
        name = f"{copies}; {mix}; s={shrinkage} g={gamma}{'; speeds averaged' if at_test else ''}"
        table[name] = scores(y, predicted[candidate], actors)
        print(line(name, table[name]), flush=True)
    if options.inner:
        table["nested choice"] = {**scores(y, nested, actors), "chosen": chosen}
        print(line("nested choice", table["nested choice"]))
    write(options, "search", {"systems": table}, started)


if __name__ == "__main__":
    main()
