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
from scipy.linalg import cho_factor, cho_solve

from common import arguments, cached, clips_of, folds_of, line, rich, scores, write
from stcorner import feature_names, load_audio
from stcorner._discriminant import combine, spread

VERSIONS = {  # altered copies of each training clip, and which columns are used
    "no copies": ((), "all"),
    "slower": ((0.88,), "all"),
    "slower, faster": ((0.88, 1.13), "all"),
    "slower, faster, noise (default)": ((0.88, 1.13, "noise"), "all"),
    "slower, faster, pitch": ((0.88, 1.13, "pitch"), "all"),
    "four speeds, noise, pitch": ((0.88, 0.94, 1.06, 1.13, "noise", "pitch"), "all"),
    "default copies, no MFCC slopes (delta)": ((0.88, 1.13, "noise"), "no delta"),
    "default copies, no skewness": ((0.88, 1.13, "noise"), "no skew"),
    "default copies, no lead, tail, noise floor": ((0.88, 1.13, "noise"), "no file"),
    "default copies, absolute level of the recording": ((0.88, 1.13, "noise"), "level"),
    "no copies, absolute level of the recording": ((), "level"),
}
SHARPNESS = np.geomspace(0.5, 8, 13)
DEFAULT = ("slower, faster, noise (default)", 0.3, 0.15, 0.5)


def columns(subset):
    dropped = {
        "no delta": lambda n: n.startswith("delta_"),
        "no skew": lambda n: n.endswith("_skew"),
        "no file": lambda n: n in ("timing_lead", "timing_tail", "energy_contour_noise_floor"),
    }.get(subset, lambda n: False)
    return np.flatnonzero([not dropped(name) for name in feature_names()])


def loudness(clips):
    """Return the level of the loudest 25 ms of each clip in decibels, which `rich` does not look at."""
    found = []
    for clip in clips:
        y, _ = load_audio(clip.path, 16000)
        power = np.convolve((y - y.mean()) ** 2, np.full(400, 1 / 400), "valid")
        found.append(10 * np.log10(power.max() + 1e-12))
    return {"X": np.asarray(found)}


def raw_scores(train, y, test, options):
    """Return the linear scores for each shrinkage and the kernel scores for each width."""
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-8
    A, B = (np.clip((part - mean) / scale, -4, 4).astype(np.float32) for part in (train, test))
    n_classes, p = y.max() + 1, A.shape[1]
    weight = 1 / np.bincount(y)[y] / n_classes
    means = np.stack([A[y == k].mean(axis=0) for k in range(n_classes)]).astype(np.float64)
    residual = (A - means[y]).astype(np.float32) * np.sqrt(weight)[:, None].astype(np.float32)
    values, vectors = np.linalg.eigh((residual.T @ residual).astype(np.float64))
    values = np.maximum(values, 0)
    M, T = means @ vectors, B.astype(np.float64) @ vectors
    linear = {}
    for s in options.shrinkage:
        Q = M / ((1 - s) * values + s * values.sum() / p)
        linear[s] = T @ Q.T - 0.5 * (Q * M).sum(axis=1)
    target = (n_classes * np.eye(n_classes)[y] - 1) / (n_classes - 1)

    def squared(a, b):
        return np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T), 0) / p

    within, across, kernel = squared(A, A), squared(B, A), {}
    for gamma in options.gamma:
        K = np.exp(-gamma * within)
        K.flat[:: len(K) + 1] += (0.1 / (weight * len(y))).astype(np.float32)
        dual = cho_solve(cho_factor(K, overwrite_a=True, check_finite=False), target.astype(np.float32))
        kernel[gamma] = (np.exp(-gamma * across) @ dual).astype(np.float64)
    return linear, kernel


def uar(y, predicted):
    return float(np.mean([(predicted[y == k] == k).mean() for k in np.unique(y)]))


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
        kept = np.r_[columns(subset), [525] if subset == "level" else []].astype(int)
        rows = np.concatenate([self.blocks[kind][train][:, kept] for kind in (1.0, *copies)])
        return raw_scores(
            rows, np.tile(self.y[train], 1 + len(copies)), self.blocks[1.0][test][:, kept], self.options
        )

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
    parser.add_argument("--inner", type=int, default=4, help="inner folds of actors")
    parser.add_argument("--partitions", type=int, default=2, help="partitions of the actors into folds")
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    actors = np.asarray([clip.subject for clip in clips])
    search, document = Search(options, clips), {}
    for partition, pairs in partitions(clips, actors, options.partitions):
        nested, chosen, predicted = np.empty_like(search.y), [], {}
        for number, (train, test) in enumerate(pairs, start=1):
            inner, outer = search.outer_fold(train, test, actors)
            best = max(inner, key=inner.get)
            nested[test] = outer[best]
            chosen.append([*map(str, best), round(100 * inner[best], 1), round(100 * inner[DEFAULT], 1)])
            for key, guess in outer.items():
                predicted.setdefault(key, np.empty_like(search.y))[test] = guess
            print(f"  {partition}, fold {number}: {chosen[-1]}", flush=True)
        table = {
            "choice inside training folds": scores(search.y, nested, actors),
            "default": scores(search.y, predicted[DEFAULT], actors),
        }
        ranked = sorted(predicted, key=lambda key: -uar(search.y, predicted[key]))
        best = f"best on these very folds (optimistic): {ranked[0]}"
        table[best] = scores(search.y, predicted[ranked[0]], actors)
        for name in VERSIONS:  # at the default's other settings
            table[f"{name}, s=0.3 g=0.15 w=0.5"] = scores(search.y, predicted[name, *DEFAULT[1:]], actors)
        for name, found in table.items():
            print(line(name, found), flush=True)
        document[partition] = {"chosen": chosen, "candidates": len(predicted), "systems": table}
        write(options, "search", {"clips": len(clips), "partitions": document}, started)


if __name__ == "__main__":
    main()
