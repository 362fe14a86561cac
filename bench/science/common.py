"""What the scripts of this folder share: the corpus, cached features, folds, scores, results on disk.

Every script takes ``--data`` (the folder that holds ``ravdess/``), ``--cache`` (features are computed
once) and writes ``bench/results/science_NAME.json``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import platform
import shlex
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import stcorner

REPOSITORY = Path(__file__).resolve().parents[2]
SPEEDS = (0.88, 0.94, 1.06, 1.13)


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    default = os.environ.get("STCORNER_DATA", REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default), help="folder that holds ravdess/")
    cache = Path(tempfile.gettempdir()) / "stcorner-science"
    parser.add_argument("--cache", type=Path, default=cache, help="computed features")
    parser.add_argument("--results", type=Path, default=REPOSITORY / "bench" / "results")
    return parser


def clips_of(data: Path):
    return stcorner.load_ravdess(data / "ravdess" / "audio_speech", modality="audio")


class KeptNetwork(stcorner.MelCNNClassifier):
    """The network of the shipped models; what it learnt from the same rows before is read from `folder`."""

    folder = Path(tempfile.gettempdir()) / "stcorner-science" / "networks"

    def fit(self, X, y, sample_weight=None):
        rows = np.ascontiguousarray(X, np.float32)
        about = json.dumps([self.get_params(), [str(label) for label in y], sample_weight is None])
        name = hashlib.sha256(rows.tobytes() + about.encode()).hexdigest()[:24]
        path = self.folder / f"{name}.npz"
        if not path.exists():
            super().fit(X, y, sample_weight)
            meta, arrays = self.get_state()
            self.folder.mkdir(parents=True, exist_ok=True)
            np.savez(path, meta=json.dumps(meta), **arrays)
        with np.load(path) as held:
            arrays = {key: held[key] for key in held.files if key != "meta"}
            self.__dict__ |= type(self).from_state(json.loads(str(held["meta"])), arrays).__dict__
        return self


# Chosen by the log loss of people held out, on those clips that `conditions.py` does not test.
VOICE_WEIGHTS = {"audio": 0.65, "mel": 0.7}


def voice_model(name: str = "voice", **parameters):
    """Return the voice of the shipped models: it learns from clips as telephones and rooms alter them."""
    from stcorner.audio.augmentation import RECORDINGS

    given = {"blocks": ("audio", "mel"), "weights": VOICE_WEIGHTS, **parameters}
    kinds = {"audio": "discriminant", "mel": KeptNetwork(n_steps=5000), "expression": "posterior"}
    return stcorner.EmotionRecognizer(
        fusion="late",
        classifier={block: kinds.get(block, "discriminant") for block in given["blocks"]},
        classifier_params={"n_frequencies": 2000, "calibration_folds": 3},
        augment=RECORDINGS,
        abstain_below=0.3,
        name=name,
        **given,
    )


def folds_of(clips):
    return stcorner.actor_folds(clips, "ravdess-luna5")


def by_actor(features, recognizer, title: str, protocol: str):
    """Cross-validate, print the UAR, and return the evaluation and its row of the results."""
    begin = time.process_time()
    found = stcorner.cross_validate(features, recognizer, protocol=protocol, sound=False, calibration_folds=0)
    low, high = (100 * bound for bound in found.interval("uar"))
    print(f"{title:40s} UAR {100 * found.uar:5.1f} [{low:.1f}, {high:.1f}]", flush=True)
    return found, {
        "uar": 100 * found.uar,
        "interval": [low, high],
        "war": 100 * found.war,
        "macro_f1": 100 * found.macro_f1,
        "ece": 100 * found.ece(),
        "seconds": time.process_time() - begin,
    }


def cached(cache: Path, name: str, compute):
    """Return the arrays of ``compute()``, kept in ``cache/name.npz``."""
    path = cache / f"{name}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, **compute())
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays.files}


def rich(cache: Path, clips, version: float | str = 1.0):
    """Return the default recipe of all clips, played at a speed or altered by a kind of `augment_audio`."""
    from stcorner.audio.augmentation import augment_audio, change_speed, clip_seed

    def compute():
        rows = []
        for clip in clips:
            y, sr = stcorner.load_audio(clip.path, 16000)
            if isinstance(version, str):
                y = augment_audio(y, sr=sr, kinds=version, seed=clip_seed(0, clip.clip_id))
            elif version != 1:
                y = change_speed(y, sr=sr, factor=version)
            rows.append(stcorner.clip_features(y, sr=sr))
        return {"X": np.stack(rows)}

    return cached(cache, f"rich-{version}", compute)["X"]


def drawn_copy(cache: Path, clips, seed: int = 0):
    """Return one copy of each clip, at a speed drawn by its name (``augment="speed"``)."""
    from stcorner.audio.augmentation import clip_seed

    # The draw of `augment_audio`, so that the four speeds are computed once and serve every draw.
    drawn = [np.random.default_rng(clip_seed(seed, clip.clip_id)).choice(SPEEDS) for clip in clips]
    versions = {speed: rich(cache, clips, speed) for speed in SPEEDS}
    return np.stack([versions[float(speed)][i] for i, speed in enumerate(drawn)])


def default_copies(cache: Path, clips):
    """Return the three copies of each clip that the recogniser trains on by default."""
    return [rich(cache, clips, version) for version in (SPEEDS[0], SPEEDS[-1], "noise")]


def action_units(data: Path, clips):
    """Return OpenFace's 35 means of the audio-visual file of the same take."""
    with (data / "ravdess" / "au_means" / "openface_au_means.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    names = [name for name in table[0] if name.startswith("AU")]
    key = next(name for name in table[0] if name not in names)
    rows = {Path(row[key]).stem[3:]: [float(row[name]) for name in names] for row in table}
    return np.asarray([rows[clip.path.stem[3:]] for clip in clips])


def embedding(data: Path, name: str, clips):
    """Return one row of ``embeddings/NAME.npz`` for each clip, by take."""
    with np.load(data / "embeddings" / f"{name}.npz") as arrays:
        rows = {str(key)[3:]: row for key, row in zip(arrays["clip_id"], arrays["embedding"], strict=True)}
    return np.stack([rows[clip.path.stem[3:]] for clip in clips]).astype(float)


def cremad(data: Path, name: str):
    """Return rows of ``embeddings/cremad_NAME.npz``, labels, actors, and the actors that each fold tests.

    Of the log-mel cosines, which come by frame, these are statistics over time.
    """
    with np.load(data / "embeddings" / f"cremad_{name}.npz") as arrays:
        ids = arrays["clip_id"]
        X = arrays[next(key for key in arrays.files if key != "clip_id")].astype(float)
    if X.ndim == 3:
        steps = np.diff(X, axis=2)
        thirds = [X[:, :, 43 * i : 43 * i + 43].mean(axis=2) - X.mean(axis=2) for i in range(3)]
        quantiles = np.quantile(X, (0.1, 0.25, 0.5, 0.75, 0.9), axis=2)
        change = [np.abs(steps).mean(axis=2), steps.std(axis=2)]
        X = np.concatenate([X.mean(axis=2), X.std(axis=2), *quantiles, *change, *thirds], axis=1)
    # One level is cut off in the tables.
    fields = [stcorner.corpora.parse_cremad_name(f"{str(name)[:12]}_XX") for name in ids]
    y, actors = (np.asarray([field[key] for field in fields]) for key in ("label", "subject"))
    return X, y, actors, stcorner.corpora.load_protocol("cremad-hicmae5").test


def uar(y, right) -> float:
    """Return the mean recall in percent over the labels of `y`, from whether each prediction is right."""
    return 100 * float(np.mean([right[y == label].mean() for label in np.unique(y)]))


def scores(y, predicted, subjects, seed: int = 0) -> dict:
    """Return UAR, WAR, macro-F1 in percent with a 95 % interval of the UAR over actors."""
    labels = np.unique(y)

    def uar(rows):
        hits = [(predicted[rows] == y[rows])[y[rows] == label] for label in labels]
        return 100 * float(np.mean([h.mean() for h in hits if len(h)]))

    everyone = np.arange(len(y))
    recall = [(predicted[y == label] == label).mean() for label in labels]
    precision = [
        (y[predicted == label] == label).mean() if (predicted == label).any() else 0 for label in labels
    ]
    f1 = [2 * p * r / max(p + r, 1e-12) for p, r in zip(precision, recall, strict=True)]
    rng = np.random.default_rng(seed)
    actors = {name: np.flatnonzero(subjects == name) for name in np.unique(subjects)}
    draws = [
        uar(np.concatenate([actors[name] for name in rng.choice(list(actors), len(actors))]))
        for _ in range(1000)
    ]
    return {
        "uar": uar(everyone),
        "war": 100 * float((predicted == y).mean()),
        "macro_f1": 100 * float(np.mean(f1)),
        "interval": [float(v) for v in np.percentile(draws, [2.5, 97.5])],
        "recall": {str(label): float(r) for label, r in zip(labels, recall, strict=True)},
        "per_actor_war": {
            str(name): 100 * float((predicted[rows] == y[rows]).mean()) for name, rows in actors.items()
        },
    }


def line(name: str, found: dict) -> str:
    low, high = found["interval"]
    return (
        f"{name:52s} UAR {found['uar']:5.1f} [{low:4.1f}, {high:4.1f}]  WAR {found['war']:5.1f}  "
        f"F1 {found['macro_f1']:5.1f}"
    )


def command(argv: list[str]) -> str:
    """Return what was typed, less the folders, which differ from machine to machine."""
    folders = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--data", "--cache", "--results"):
        folders.add_argument(option)
    _, said = folders.parse_known_args(argv[1:])
    return shlex.join(["python", f"bench/science/{Path(argv[0]).name}", *said])


def write(options, name: str, content: dict, started: float) -> None:
    document = {
        "command": command(sys.argv),
        "stcorner": stcorner.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "seconds": round(time.perf_counter() - started, 1),
        **content,
    }
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"science_{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"wrote {path.name}")
