"""What was tried to beat the default recogniser on speech, chosen inside training folds only.

Two tables. ``candidates`` scores every combination of inputs, shrinkage, width of the kernel and weight
of the kernel part on the outer folds: the best of it is optimistic. ``nested`` is the honest row: on each
outer training side actors are dealt to inner folds, and what is best there predicts the outer test side.
The algebra is that of `DiscriminantClassifier`, taken apart so that one distance matrix serves all
candidates; spreads and sharpness come from the inner predictions, as the classifier takes them from its
held-out ones.
"""

from __future__ import annotations

import time
from itertools import product

import numpy as np
from algebra import raw_scores, uar

from common import arguments, cached, clips_of, folds_of, line, rich, scores, write
from stcorner import feature_names, load_audio
from stcorner.classifiers.algebra import combine, spread

VERSIONS = {  # altered copies of each training clip, and which columns are used
    "no copies": ((), "all"),
    "slower, faster": ((0.88, 1.13), "all"),
    "slower, faster, noise (default)": ((0.88, 1.13, "noise"), "all"),
    "slower, faster, pitch": ((0.88, 1.13, "pitch"), "all"),
    "default copies, no MFCC slopes (delta)": ((0.88, 1.13, "noise"), "no delta"),
    "default copies, absolute level of the recording": ((0.88, 1.13, "noise"), "level"),
    "no copies, absolute level of the recording": ((), "level"),
}
CHOICES = {  # which candidates a choice inside the training folds may take
    "choice inside training folds": lambda candidate: True,
    "the same, of what does not depend on gain": lambda candidate: VERSIONS[candidate[0]][1] != "level",
}
SHARPNESS = np.geomspace(0.5, 8, 13)
DEFAULT = ("slower, faster, noise (default)", 0.3, 0.15, 0.5)


def columns(subset):
    kept = [not (subset == "no delta" and name.startswith("delta_")) for name in feature_names()]
    return np.flatnonzero([*kept, subset == "level"])  # the level stands behind the features


def loudness(clips):
    """Return the level of the loudest 25 ms of each clip in decibels, which `rich` does not look at."""
    found = []
    for clip in clips:
        y, _ = load_audio(clip.path, 16000)
        power = np.convolve((y - y.mean()) ** 2, np.full(400, 1 / 400), "valid")
        found.append(10 * np.log10(power.max() + 1e-12))
    return {"X": np.asarray(found)}


def fitted(linear, kernel, y):
    """Return the spreads and the sharpness that suit held-out scores."""
    weight = 1 / np.bincount(y)[y]
    spreads = spread(linear, weight), spread(kernel, weight)
    losses = [
        -(weight * np.log(combine(linear, kernel, spreads, s, 0.5)[np.arange(len(y)), y] + 1e-12)).sum()
        for s in SHARPNESS
    ]
    return spreads, float(SHARPNESS[int(np.argmin(losses))])


class Search:
    def __init__(self, options, clips):
        self.options, self.y = options, np.unique([c.label for c in clips], return_inverse=True)[1]
        level = cached(options.cache, "loudness", lambda: loudness(clips))["X"][:, None]
        kinds = {1.0} | {kind for copies, _ in VERSIONS.values() for kind in copies}
        self.blocks = {kind: np.hstack([rich(options.cache, clips, kind), level]) for kind in kinds}

    def scores(self, name, train, test):
        copies, subset = VERSIONS[name]
        kept = columns(subset)
        rows = np.concatenate([self.blocks[kind][train][:, kept] for kind in (1.0, *copies)])
        labels, new = np.tile(self.y[train], 1 + len(copies)), self.blocks[1.0][test][:, kept]
        return raw_scores(rows, labels, new, self.options.shrinkage, self.options.gamma)

    def outer_fold(self, train, test, actors):
        """Return the inner UAR and the outer predictions of every candidate."""
        options, inner, predicted = self.options, {}, {}
        place = np.unique(actors[train], return_inverse=True)[1] % options.inner
        for name in VERSIONS:
            parts = [self.scores(name, train[place != k], train[place == k]) for k in range(options.inner)]
            order = np.concatenate([train[place == k] for k in range(options.inner)])
            linear, kernel = self.scores(name, train, test)
            for s, gamma in product(options.shrinkage, options.gamma):
                held = [np.concatenate([part[i][key] for part in parts]) for i, key in ((0, s), (1, gamma))]
                spreads, sharpness = fitted(*held, self.y[order])
                for weight in options.weight:
                    key = name, s, gamma, weight
                    shares = combine(*held, spreads, sharpness, weight)
                    inner[key] = uar(self.y[order], shares.argmax(axis=1))
                    shares = combine(linear[s], kernel[gamma], spreads, sharpness, weight)
                    predicted[key] = shares.argmax(axis=1)
        return inner, predicted


def partitions(clips, actors, number):
    """Return ravdess-luna5, then partitions of the actors into five parts drawn at random."""
    yield "ravdess-luna5", [(fold.train, fold.test) for fold in folds_of(clips)]
    names = np.unique(actors)
    for seed in range(number - 1):
        dealt = np.random.default_rng(seed).permutation(len(names)) % 5
        part = dealt[np.searchsorted(names, actors)]
        yield f"drawn {seed}", [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(5)]


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--shrinkage", type=float, nargs="*", default=[0.2, 0.3, 0.5])
    parser.add_argument("--gamma", type=float, nargs="*", default=[0.08, 0.15, 0.3])
    parser.add_argument("--weight", type=float, nargs="*", default=[0.0, 0.3, 0.5, 0.7, 1.0])
    parser.add_argument("--inner", type=int, default=3, help="inner folds of actors")
    parser.add_argument("--partitions", type=int, default=1, help="partitions of the actors into folds")
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    actors = np.asarray([clip.subject for clip in clips])
    search, chosen, systems = Search(options, clips), [], {}
    for partition, pairs in partitions(clips, actors, options.partitions):
        predicted = {}
        nested = {name: np.empty_like(search.y) for name in CHOICES}
        for number, (train, test) in enumerate(pairs, start=1):
            inner, outer = search.outer_fold(train, test, actors)
            for name, allowed in CHOICES.items():
                best = max(filter(allowed, inner), key=inner.get)
                nested[name][test] = outer[best]
                chosen.append(
                    {
                        "folds": partition,
                        "fold": number,
                        "inputs": best[0],
                        "shrinkage, gamma, kernel weight": list(best[1:]),
                        "inner UAR %": 100 * inner[best],
                        "default's inner UAR %": 100 * inner[DEFAULT],
                    }
                )
                print(chosen[-1], flush=True)
            for key, guess in outer.items():
                predicted.setdefault(key, np.empty_like(search.y))[test] = guess
        table = {name: scores(search.y, guess, actors) for name, guess in nested.items()}
        table["default"] = scores(search.y, predicted[DEFAULT], actors)
        ranked = sorted(predicted, key=lambda key: -uar(search.y, predicted[key]))
        best = "best on these very folds (optimistic): {}, s={} g={} w={}".format(*ranked[0])
        table[best] = scores(search.y, predicted[ranked[0]], actors)
        for name in VERSIONS:  # at the default's other settings
            table[f"{name}, s=0.3 g=0.15 w=0.5"] = scores(search.y, predicted[name, *DEFAULT[1:]], actors)
        for name, found in table.items():
            print(line(name, found), flush=True)
        systems[partition] = table
        content = {"clips": len(clips), "candidates": len(predicted), "chosen": chosen, "systems": systems}
        write(options, "search", content, started)


if __name__ == "__main__":
    main()
