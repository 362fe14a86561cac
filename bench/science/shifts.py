"""Do the shipped voice's probabilities hold for voices and recordings unlike those it learnt from?

The 19 conditions, and voices made higher, lower, faster or slower than any copy is; and other people: the
WORLD vocoder (pyworld) speaks the clips anew through a longer or shorter vocal tract. A temperature that
follows the distance to the training rows is tried beside the classifier's own probabilities. It is fitted on
clips that get a label under the other kinds of change in the other folds, so that the change it is scored on
is new to it, too.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from conditions import CONDITIONS, SHIFTS, calibration_error, features_of

from common import KeptNetwork, arguments, clips_of, folds_of, uar, voice_model, write
from stcorner import ClipFeatures


def learnt(fold, table):
    """Return the predictor of a fold."""
    return voice_model().fit(ClipFeatures.from_parquet(table)[fold.train]).predictor_


def kind(name):
    return name.split()[0].rstrip(",")


def sharpened(shares, distances, weights):
    """Multiply log probabilities by the exponential of a polynomial in the log distance."""
    factor = np.exp(np.polynomial.polynomial.polyval(np.log(distances), weights))[:, None]
    powers = np.maximum(shares, 1e-12) ** factor
    return powers / powers.sum(axis=1, keepdims=True)


def fitted_weights(parts, degree):
    from scipy.optimize import minimize

    shares, distances, codes = (np.concatenate(part) for part in zip(*parts, strict=True))
    rows = np.arange(len(codes))

    def loss(weights):
        return -np.log(sharpened(shares, distances, weights)[rows, codes]).mean()

    return minimize(loss, np.zeros(degree + 1), method="Nelder-Mead").x


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="table of `stcorner extract`")
    parser.add_argument("--every", type=int, default=3, help="of the clips, one in so many is tested")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    KeptNetwork.folder = options.cache / "networks"
    started = time.perf_counter()
    clips = clips_of(options.data)
    tested = np.arange(0, len(clips), options.every)
    folds = folds_of(clips)
    with ProcessPoolExecutor(options.jobs) as pool:
        models = list(pool.map(partial(learnt, table=options.features), folds))
    classes = models[0].classes
    found = {}
    for name in (*CONDITIONS, *SHIFTS):
        rows = features_of(options, clips, name)
        found[name] = []
        for model, fold in zip(models, folds, strict=True):
            part = rows[np.flatnonzero(np.isin(tested, fold.test))]
            codes = np.searchsorted(classes, [clip.label for clip in part.clips])
            head = next(iter(model.heads.values())).classifier
            labelled = np.array([row["label"] is not None for row in model.rows(part)])
            distances = head.distances(part.blocks["audio"])
            found[name].append((model.predict_proba(part), distances, codes, labelled))
    table = []
    for name, parts in found.items():
        codes, labelled = (np.concatenate([part[at] for part in parts]) for at in (2, 3))
        row = {"condition": name, "no label %": 100 * float(1 - labelled.mean())}
        for title, degree in (("own", None), ("one temperature", 0), ("temperature by distance", 1)):
            shares = []
            for at, (own, distances, *_) in enumerate(parts):
                others = [[value[each[3]] for value in each[:3]]
                          for other, kept in found.items() if kind(other) != kind(name)
                          for fold, each in enumerate(kept) if fold != at]  # fmt: skip
                weights = (0.0,) if degree is None else fitted_weights(others[::3], degree)
                shares.append(sharpened(own, distances, weights))
            stacked = np.concatenate(shares)
            row[f"ECE %, {title}"] = calibration_error(stacked, stacked.argmax(axis=1) == codes)
        row["UAR %"] = uar(codes, stacked.argmax(axis=1) == codes)
        table.append(row)
        print(row, flush=True)
    write(options, "shifts", {"clips": len(tested), "conditions": table}, started)


if __name__ == "__main__":
    main()
