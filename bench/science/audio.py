"""Speech alone: the default recogniser's recipe beside openSMILE's two sets, same clips, same folds.

The peers are given the best of four classifiers, and of several settings of each, chosen on the very
folds that they are scored on; our own settings are the package's defaults.
"""

from __future__ import annotations

import time

import numpy as np

from common import arguments, cached, clips_of, default_copies, folds_of, line, rich, scores, write
from stcorner import DiscriminantClassifier


def smile(clips, feature_set):
    import opensmile

    from stcorner import load_audio

    extractor = opensmile.Smile(getattr(opensmile.FeatureSet, feature_set))
    return {"X": np.stack([extractor.process_signal(*load_audio(c.path, 16000)).values[0] for c in clips])}


def standardised(train, test):
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-8
    return (np.clip((part - mean) / scale, -4, 4) for part in (train, test))


def svm(kernel, C):
    from sklearn.svm import SVC

    def fit_predict(X, y, groups, Z):
        X, Z = standardised(X, Z)
        return SVC(kernel=kernel, C=C, gamma=0.3 / X.shape[1], class_weight="balanced").fit(X, y).predict(Z)

    return fit_predict


def discriminant(**parameters):
    def fit_predict(X, y, groups, Z):
        return DiscriminantClassifier(**parameters).fit(X, y, groups=groups).predict(Z)

    return fit_predict


PEER_CLASSIFIERS = {
    **{f"linear SVM C={C}": svm("linear", C) for C in (0.003, 0.03, 1.0)},
    **{f"RBF SVM C={C}": svm("rbf", C) for C in (1.0, 5.0)},
    **{
        f"LDA {s}": discriminant(shrinkage=s, kernel_weight=0.0, calibration_folds=0) for s in (0.1, 0.3, 0.5)
    },
    "kernel ridge": discriminant(kernel_weight=1.0, calibration_folds=0),
    "LDA + kernel ridge": discriminant(),
}


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

    X, copies = rich(options.cache, clips), default_copies(options.cache, clips)
    row(
        "rich + 3 copies, LDA + kernel ridge (default)",
        predict(X, y, actors, folds, discriminant(), copies),
    )
    row("rich, LDA + kernel ridge", predict(X, y, actors, folds, discriminant()))
    for name, weight in (("LDA", 0.0), ("kernel ridge", 1.0)):
        part = discriminant(kernel_weight=weight)
        row(f"rich + 3 copies, {name}", predict(X, y, actors, folds, part, copies))
    if not options.no_peers:
        for feature_set in ("eGeMAPSv02", "ComParE_2016"):
            peer = cached(options.cache, feature_set, lambda name=feature_set: smile(clips, name))["X"]
            for name, classifier in PEER_CLASSIFIERS.items():
                row(f"{feature_set}, {name}", predict(peer, y, actors, folds, classifier))
    write(options, "audio", {"clips": len(clips), "actors": len(set(actors)), "systems": table}, started)


if __name__ == "__main__":
    main()
