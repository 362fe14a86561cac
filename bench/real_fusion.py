"""Fusion methods on real data: RAVDESS speech (our rich audio features) with OpenFace action units.

Rows are paired by clip id; folds are ``ravdess-luna5``, restricted to the actors present. Every method gets
its best setting from a grid by cross-validation between the actors of the training side only; the test
actors are scored once. Writes one JSON file and prints the table.

    python bench/real_fusion.py DATA/ravdess --out bench/results/real_fusion.json
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import platform
import time
from pathlib import Path

import numpy as np

import stcorner
from stcorner.classifiers.discriminant import DiscriminantClassifier
from stcorner.fusion import LateFusion, ModalityFusion, search_mfa

INNER = 4
MFA_PAIRS = {
    "class_pairs": [200, 2000, 20000],
    "global_pairs": [2000, 20000, 100000],
    "sample_neighbors": [20, 200, 600],
}
JUDGES = [{"shrinkage": s, "kernel_weight": k} for s in (0.2, 0.3, 0.5) for k in (0.0, 0.5)]

MFA_JUDGE = {"shrinkage": 0.1}


def load(root, cache):
    """Audio features, action units, labels, actors and folds of the clips that both tables have."""
    units = {}
    with (root / "au_means" / "openface_au_means.csv").open() as file:
        for row in csv.reader(file):
            if row[0] != "clip":
                units[row[0][3:]] = np.array(row[1:], dtype=float)
    clips = [
        clip for clip in stcorner.load_ravdess(root / "audio_speech", modality="audio")
        if Path(clip.path).stem[3:] in units
    ]  # fmt: skip
    names = [Path(clip.path).stem[3:] for clip in clips]
    if cache and cache.exists():
        with np.load(cache) as stored:
            audio = stored["audio"]
            if stored["names"].tolist() != names:
                raise SystemExit(f"{cache} belongs to other clips")
    else:
        rows = []
        for clip in clips:
            y, sr = stcorner.load_audio(clip.path)
            rows.append(stcorner.clip_features(y, sr=sr, recipe="rich"))
        audio = np.stack(rows).astype(float)
        if cache:
            np.savez(cache, audio=audio, names=np.array(names))
    labels = np.array([clip.label for clip in clips])
    actors = np.array([clip.subject for clip in clips])
    folds = [(fold.train, fold.test) for fold in stcorner.actor_folds(clips, "ravdess-luna5")]
    return [audio, np.stack([units[name] for name in names])], labels, actors, folds


def recall(truth, answer):
    return float(np.mean([np.mean(answer[truth == label] == label) for label in np.unique(truth)]))


def inner_splits(y, actors):
    from sklearn.model_selection import StratifiedGroupKFold

    return list(StratifiedGroupKFold(INNER, shuffle=True, random_state=0).split(y, y, actors))


def judge(calibrate=False, **parameters):
    return DiscriminantClassifier(standardize=False, calibration_folds=5 if calibrate else 0, **parameters)


def grid(**lists):
    return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


class Fused:
    """A fusion setting and a judge setting, fitted together."""

    def __init__(self, which, fusion, settings, calibrate=False):
        self.which, self.fusion, self.model = which, ModalityFusion(**fusion), judge(calibrate, **settings)

    def fit(self, blocks, y, actors):
        Z = self.fusion.fit([blocks[b] for b in self.which], y).transform([blocks[b] for b in self.which])
        self.model.fit(Z, y, actors)
        return self

    def proba(self, blocks):
        return self.model.predict_proba(self.fusion.transform([blocks[b] for b in self.which]))

    def predict(self, blocks):
        return self.model.classes_[self.proba(blocks).argmax(axis=1)]


def take(blocks, rows):
    return [block[rows] for block in blocks]


def nested(which, fusions, judges, blocks, y, actors):
    """Best pair of settings on the inner folds; every fusion is fitted once per fold."""
    scores = np.zeros((len(fusions), len(judges)))
    for train, test in inner_splits(y, actors):
        for i, setting in enumerate(fusions):
            fusion = ModalityFusion(**setting).fit(take([blocks[b] for b in which], train), y[train])
            near = fusion.transform(take([blocks[b] for b in which], train))
            far = fusion.transform(take([blocks[b] for b in which], test))
            for j, each in enumerate(judges):
                answer = judge(**each).fit(near, y[train]).predict(far)
                scores[i, j] += recall(y[test], answer) / INNER
    i, j = np.unravel_index(scores.argmax(), scores.shape)
    return fusions[i], judges[j], float(scores.max())


def best_mfa(penalty, blocks, y, actors):
    """Best Marginal Fisher Analysis of one kind: block weight, graphs, shrinkage, length."""
    best = None
    for weight in (2.0, 3.0):
        found = search_mfa(
            blocks, y, actors, n_splits=INNER, weights=[1.0, weight], classifier=judge(**MFA_JUDGE),
            grid={
                "penalty": [penalty], "n_neighbors": [5, 100], "n_pairs": MFA_PAIRS[penalty],
                "pca_variance": [0.995], "shrinkage": [0.1, 0.3], "n_components": [7, 15],
            },
        )  # fmt: skip
        if best is None or found.best_score > best[1]:
            setting = {"method": "mfa", "weights": [1.0, weight], **found.best_params}
            best = setting, found.best_score
    return best


def methods(blocks, y, actors):
    """Yield name, settings and a fitted predictor for each method, chosen on these rows only."""
    both, weights = [0, 1], [[1.0, w] for w in (1.0, 2.0, 3.0)]
    plain = [{"method": "concatenate", "weights": [1.0]}]
    singles = []
    for name, which in (("audio only", [0]), ("action units only", [1])):
        fusion, judging, score = nested(which, plain, JUDGES, blocks, y, actors)
        singles.append((which, fusion, judging))
        yield (
            name,
            {"fusion": fusion, "judge": judging, "inner": score},
            Fused(which, fusion, judging).fit(blocks, y, actors),
        )
    table = {
        "concatenate, unweighted": ([{"method": "concatenate", "weights": [1.0, 1.0]}], JUDGES),
        "concatenate, weighted": (grid(method=["concatenate"], weights=weights), JUDGES),
        "concatenate, weighted, LDA alone": (
            grid(method=["concatenate"], weights=weights),
            [each for each in JUDGES if each["kernel_weight"] == 0],
        ),
        "CCA": (grid(method=["cca"], n_components=[10, 20, 35], shrinkage=[0.1, 0.3]), JUDGES[:4]),
        "LDA": (
            grid(method=["lda"], weights=weights[1:], shrinkage=[0.3, 0.5]),
            [{"shrinkage": 0.1, "kernel_weight": k} for k in (0.0, 0.5)],
        ),
        "MFA per modality": (
            grid(method=["mfa_per_modality"], weights=weights[1:], n_components=[7, 15], shrinkage=[0.1, 0.3],
                 n_pairs=[200, 600]),
            [{"shrinkage": 0.1, "kernel_weight": k} for k in (0.0, 0.5)],
        ),
    }  # fmt: skip
    for name, (fusions, judges) in table.items():
        fusion, judging, score = nested(both, fusions, judges, blocks, y, actors)
        yield (
            name,
            {"fusion": fusion, "judge": judging, "inner": score},
            Fused(both, fusion, judging).fit(blocks, y, actors),
        )
    for penalty in MFA_PAIRS:
        fusion, score = best_mfa(penalty, blocks, y, actors)
        fitted = Fused(both, fusion, MFA_JUDGE).fit(blocks, y, actors)
        yield f"MFA, {penalty}", {"fusion": fusion, "judge": MFA_JUDGE, "inner": score}, fitted
    yield "late fusion", {"rule": "product"}, Late(singles, blocks, y, actors)


class Late:
    """Audio and action units judged apart, mixed with weights fitted on actors held out of training."""

    def __init__(self, singles, blocks, y, actors):
        held, tables = [], [[] for _ in singles]
        for train, test in inner_splits(y, actors):
            held.append(test)
            for table, single in zip(tables, singles, strict=True):
                fitted = Fused(*single, calibrate=True).fit(take(blocks, train), y[train], actors[train])
                table.append(fitted.proba(take(blocks, test)))
        self.mixer = LateFusion("product").fit([np.concatenate(t) for t in tables], y[np.concatenate(held)])
        self.parts = [Fused(*single, calibrate=True).fit(blocks, y, actors) for single in singles]

    def predict(self, blocks):
        return self.mixer.predict([part.proba(blocks) for part in self.parts])


def interval(hits, actors, n_draws=2000):
    """95 % interval of the accuracy, by resampling actors."""
    rng = np.random.default_rng(0)
    each = np.array([hits[actors == actor].mean() for actor in np.unique(actors)])
    means = each[rng.integers(0, len(each), (n_draws, len(each)))].mean(axis=1)
    return [round(100 * float(q), 1) for q in np.quantile(means, [0.025, 0.975])]


def f1(truth, answer):
    parts = []
    for label in np.unique(truth):
        right = np.sum((truth == label) & (answer == label))
        parts.append(2 * right / max(1, np.sum(truth == label) + np.sum(answer == label)))
    return float(np.mean(parts))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, help="folder with audio_speech/ and au_means/")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cache", type=Path, help="keep the audio features in this npz file")
    options = parser.parse_args()
    blocks, y, actors, folds = load(options.root, options.cache)
    answers, settings, started = {}, {}, time.time()
    for number, (train, test) in enumerate(folds):
        for name, setting, fitted in methods(take(blocks, train), y[train], actors[train]):
            answers.setdefault(name, np.empty(len(y), dtype=y.dtype))[test] = fitted.predict(
                take(blocks, test)
            )
            settings.setdefault(name, []).append(setting)
            print(
                f"fold {number + 1}  {name:36s} {100 * np.mean(answers[name][test] == y[test]):5.1f}",
                flush=True,
            )
    rows = []
    for name, answer in answers.items():
        hits = answer == y
        rows.append({
            "method": name, "war": round(100 * float(hits.mean()), 1),
            "uar": round(100 * recall(y, answer), 1),
            "f1": round(100 * f1(y, answer), 1), "interval": interval(hits, actors),
            "folds": [round(100 * float(hits[test].mean()), 1) for _, test in folds],
            "settings": settings[name],
        })  # fmt: skip
    print(f"\n| method | WAR | UAR | F1 | 95 % by actor | folds |\n|{'---|' * 6}")
    for row in rows:
        low, high = row["interval"]
        each = " ".join(f"{value:.0f}" for value in row["folds"])
        print(f"| {row['method']} | {row['war']} | {row['uar']} | {row['f1']} | {low}-{high} | {each} |")
    if options.out:
        record = {
            "what": "RAVDESS speech, ravdess-luna5 restricted to the actors present, settings by inner folds",
            "clips": len(y), "actors": len(np.unique(actors)), "audio": blocks[0].shape[1],
            "action_units": blocks[1].shape[1], "seconds": round(time.time() - started),
            "stcorner": stcorner.__version__, "python": platform.python_version(), "numpy": np.__version__,
            "table": rows,
        }  # fmt: skip
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
