"""Speech alone: the default recogniser's recipe beside openSMILE's two sets, same clips, same folds.

The peers are given the best of several settings of discriminant analysis, kernel ridge regression, their
average, and support vector machines, chosen on the very folds that they are scored on; our own settings
are the package's defaults.
"""

from __future__ import annotations

import time
from itertools import product

import numpy as np
from algebra import kernel_scores, linear_scores, scaled, squared

from common import arguments, cached, clips_of, default_copies, folds_of, line, rich, scores, write
from stcorner import DiscriminantClassifier
from stcorner.classifiers.algebra import combine, spread

SHRINKAGES, GAMMAS = (0.1, 0.3, 0.5), (0.15, 0.3)


def smile(clips, feature_set):
    import opensmile

    from stcorner import load_audio

    extractor = opensmile.Smile(getattr(opensmile.FeatureSet, feature_set))
    return {"X": np.stack([extractor.process_signal(*load_audio(c.path, 16000)).values[0] for c in clips])}


def peer_predictions(X, codes, folds):
    """Return the predictions of every classifier and setting, by name."""
    from sklearn.svm import SVC

    found = {}

    def put(name, test, guess):
        found.setdefault(name, np.empty_like(codes))[test] = guess

    for fold in folds:
        y, test = codes[fold.train], fold.test
        A, B = scaled(X[fold.train], X[test])
        within, across = squared(A, A), squared(B, A)
        linear = linear_scores(A, y, B, SHRINKAGES)
        kernel = kernel_scores(within, across, y, GAMMAS)
        for s, table in linear.items():
            put(f"LDA {s}", test, table.argmax(axis=1))
        for gamma, table in kernel.items():
            put(f"kernel ridge {gamma}", test, table.argmax(axis=1))
        parts = [part / spread(part, np.ones(len(part))) for part in (linear[0.3], kernel[0.15])]
        put("LDA + kernel ridge", test, combine(*parts, (1.0, 1.0), 3.0, 0.5).argmax(axis=1))
        kernels = {"linear": (A @ A.T / A.shape[1], B @ A.T / A.shape[1])}
        kernels |= {f"RBF {g}": (np.exp(-g * within), np.exp(-g * across)) for g in GAMMAS}
        for (name, (K, L)), C in product(kernels.items(), (0.3, 1.0, 5.0)):
            model = SVC(C=C, kernel="precomputed", class_weight="balanced").fit(K, y)
            put(f"{name} SVM C={C}", test, model.predict(L))
    return found


def discriminant(**parameters):
    def fit_predict(X, y, groups, Z):
        return DiscriminantClassifier(**parameters).fit(X, y, groups=groups).predict(Z)

    return fit_predict


def predict(X, y, actors, folds, fit_predict, copies=()):
    predicted = np.empty_like(y)
    for fold in folds:
        train = fold.train
        rows = np.concatenate([block[train] for block in (X, *copies)])
        labels, groups = (np.tile(part[train], 1 + len(copies)) for part in (y, actors))
        predicted[fold.test] = fit_predict(rows, labels, groups, X[fold.test])
    return predicted


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    folds = folds_of(clips)
    y = np.asarray([clip.label for clip in clips])
    actors = np.asarray([clip.subject for clip in clips])
    table = {}

    def row(name, predicted):
        table[name] = scores(y, predicted, actors)
        print(line(name, table[name]), flush=True)
        write(options, "audio", {"clips": len(clips), "actors": len(set(actors)), "systems": table}, started)

    X, copies = rich(options.cache, clips), default_copies(options.cache, clips)
    if not options.no_peers:
        labels, codes = np.unique(y, return_inverse=True)
        for feature_set in ("eGeMAPSv02", "ComParE_2016"):
            peer = cached(options.cache, feature_set, lambda name=feature_set: smile(clips, name))["X"]
            for name, guess in peer_predictions(peer, codes, folds).items():
                row(f"{feature_set}, {name}", labels[guess])
    row(
        "rich + 3 copies, LDA + kernel ridge (default)",
        predict(X, y, actors, folds, discriminant(), copies),
    )
    row("rich, LDA + kernel ridge", predict(X, y, actors, folds, discriminant()))
    for name, weight in (("LDA", 0.0), ("kernel ridge", 1.0)):
        part = discriminant(kernel_weight=weight, calibration_folds=0)
        row(f"rich + 3 copies, {name}", predict(X, y, actors, folds, part, copies))


if __name__ == "__main__":
    main()
