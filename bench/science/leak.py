"""How much each leak is worth: the paper's random split, and stronger ones, against actors held out.

Rows are the notebook's 162 means of the voice. Variants:

* ``paper``       three versions of every clip, then a random quarter of the rows is tested
* ``duplicates``  the same take counted twice, as 03- (sound) and 01- (sound of the video)
* ``copies``      six versions instead of three (three more with noise)
* ``pieces``      half-overlapping seconds of every clip as samples, as the paper does with frames
* ``original``    no versions at all: a random quarter of the clips, actors on both sides
* ``actors``      three versions, whole actors held out (ravdess-luna5): no leak
"""

from __future__ import annotations

import json
import time

import numpy as np

from common import arguments, cached, clips_of, folds_of, scores, write
from stcorner import FERCNNClassifier, clip_features, load_audio
from stcorner.paper import audio_rows

VARIANTS = ("paper", "duplicates", "copies", "pieces", "original", "actors")


def versions(clips, copies):
    rows = audio_rows(clips, copies=copies)
    return {"X": rows.X, "y": rows.y, "take": rows.take, "subject": rows.subject, "version": rows.version}


def pieces(clips):
    found = {"X": [], "y": [], "take": [], "subject": []}
    for clip in clips:
        y, sr = load_audio(clip.path, 22050)
        lead = np.zeros(round(0.6 * sr), np.float32)
        for start in range(0, len(y) - sr + 1, sr // 2):
            found["X"].append(clip_features(np.r_[lead, y[start : start + sr]], sr=sr, recipe="notebook162"))
            found["y"].append(clip.label)
            found["take"].append(clip.take)
            found["subject"].append(clip.subject)
    return {name: np.asarray(values) for name, values in found.items()}


def variant_rows(name, cache, clips):
    if name == "pieces":
        return cached(cache, "leak-pieces", lambda: pieces(clips))
    rows = cached(cache, "leak-versions", lambda: versions(clips, 6))
    kept = {"copies": 6, "original": 1}.get(name, 3)
    chosen = np.flatnonzero(rows["version"] < kept)
    if name == "duplicates":
        chosen = np.r_[chosen, chosen]
    return {key: values[chosen] for key, values in rows.items()}


def splits(name, rows, clips):
    n = len(rows["y"])
    if name != "actors":
        order = np.random.default_rng(0).permutation(n)
        return [(order[n // 4 :], order[: n // 4])]
    sides = [np.isin(rows["subject"], [clips[i].subject for i in fold.test]) for fold in folds_of(clips)]
    return [(np.flatnonzero(~out), np.flatnonzero(out)) for out in sides]


def neighbour(X, y, Z, options):
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(X)
    return KNeighborsClassifier(1).fit(scaler.transform(X), y).predict(scaler.transform(Z)), {}


def support_vectors(X, y, Z, options):
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    scaler = StandardScaler().fit(X)
    return SVC(C=30.0, gamma=0.3 / X.shape[1]).fit(scaler.transform(X), y).predict(scaler.transform(Z)), {}


def network(X, y, Z, options):
    model = FERCNNClassifier(
        n_epochs=options.epochs,
        learning_rate=options.learning_rate, batch_size=options.batch_size, schedule=options.schedule,
        scaling=options.scaling, validation_fraction=0, class_weight=None,
        progress=lambda epoch, of, logs: epoch % 10 == 0 and print(f"  epoch {epoch}: {logs}", flush=True),
    ).fit(X, y)  # fmt: skip
    curve = model.history_["accuracy"]
    train = float((model.predict(X) == y).mean())
    return model.predict(Z), {"train_war": 100 * train, "train_curve": curve}


CLASSIFIERS = {"1-NN": neighbour, "RBF SVM": support_vectors, "FERCNN": network}


def known(options, settings):
    """Return the rows that earlier runs with the same settings wrote: a run may do some of them only."""
    path = options.results / f"science_{options.name}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return found["systems"] if settings.items() <= found.items() else {}


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--classifiers", nargs="*", default=list(CLASSIFIERS), choices=list(CLASSIFIERS))
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--schedule", default="cosine", choices=["cosine", "constant"])
    parser.add_argument("--scaling", default="quantile", choices=["quantile", "standard"])
    parser.add_argument("--folds", type=int, default=5, help="of the variant 'actors'")
    parser.add_argument("--name", default="leak", help="of the file of results")
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    settings = {
        name: getattr(options, name)
        for name in ("epochs", "batch_size", "learning_rate", "schedule", "scaling")
    }
    table = known(options, settings)
    for variant in options.variants:
        rows = variant_rows(variant, options.cache, clips)
        for name in options.classifiers:
            pairs = splits(variant, rows, clips)
            predicted, extras, leaked = [], [], 0
            for number, (train, test) in enumerate(pairs[: options.folds], start=1):
                result, extra = CLASSIFIERS[name](
                    rows["X"][train], rows["y"][train], rows["X"][test], options
                )
                predicted.append(result)
                extras.append(extra)
                leaked += int(np.isin(rows["take"][test], rows["take"][train]).sum())
                tested = np.concatenate([test for _, test in pairs[:number]])
                found = scores(rows["y"][tested], np.concatenate(predicted), rows["subject"][tested])
                share = 100 * leaked / len(tested)
                # Written after every fold: a long run that is cut short says how far it came.
                table[f"{variant}, {name}"] = {
                    **found,
                    "rows": len(rows["y"]), "tested": len(tested), "folds": f"{number} of {len(pairs)}",
                    "leaked": share, "fits": extras,
                }  # fmt: skip
                write(options, options.name, {**settings, "systems": table}, started)
            print(
                f"{variant:11s} {name:8s} WAR {found['war']:5.1f}  UAR {found['uar']:5.1f}  "
                f"rows {len(rows['y']):5d}, {share:.0f} % of the tested have a sibling in training",
                flush=True,
            )


if __name__ == "__main__":
    main()
