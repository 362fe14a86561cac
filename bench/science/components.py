"""How many components of Marginal Fisher Analysis to keep: recall and calibration by their number."""

from __future__ import annotations

import time

import numpy as np

from common import action_units, arguments, clips_of, cremad, embedding, rich, write
from stcorner import DiscriminantClassifier, ModalityFusion
from stcorner.corpora import load_protocol
from stcorner.evaluation import expected_calibration_error

COUNTS = (7, 15, 30, 60, 100, 200, None)


def evaluate(blocks, y, actors, folds):
    """Return UAR and calibration error in percent, for each number of components."""
    classes, codes = np.unique(y, return_inverse=True)
    shares = {count: np.zeros((len(y), len(classes))) for count in COUNTS}
    for members in folds:
        test = np.isin(actors, members)
        if not test.any():
            continue
        fusion = ModalityFusion("mfa", n_components=10**6).fit([block[~test] for block in blocks], y[~test])
        rows, new = (fusion.transform([block[side] for block in blocks]) for side in (~test, test))
        for count in COUNTS:
            model = DiscriminantClassifier(standardize=False, calibration_folds=3)
            model.fit(rows[:, :count], y[~test], groups=actors[~test])
            shares[count][test] = model.predict_proba(new[:, :count])
    found = {}
    for count, table in shares.items():
        hits = table.argmax(axis=1) == codes
        uar = np.mean([hits[codes == code].mean() for code in range(len(classes))])
        found[str(count)] = [100 * float(uar), 100 * expected_calibration_error(table, codes)]
    return found


def main() -> None:
    options = arguments(__doc__).parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    y, actors = (np.asarray([getattr(clip, key) for clip in clips]) for key in ("label", "subject"))
    voice, face = rich(options.cache, clips), action_units(options.data, clips)
    deep = embedding(options.data, "ravdess_wav2vec2", clips)
    people = load_protocol("ravdess-luna5").test
    systems = {
        "RAVDESS, voice": ([voice], y, actors, people),
        "RAVDESS, voice and action units": ([voice, face], y, actors, people),
        "RAVDESS, voice, action units and wav2vec2": ([voice, face, deep], y, actors, people),
    }
    for name in ("logmel_dct", "wav2vec2"):
        rows, *others = cremad(options.data, name)
        systems[f"CREMA-D, {name}"] = ([rows], *others)
    table = {}
    for name, system in systems.items():
        table[name] = evaluate(*system)
        row = "  ".join(f"{count}: {uar:.1f} ({error:.1f})" for count, (uar, error) in table[name].items())
        print(f"{name:42s} {row}", flush=True)
        write(options, "components", {"systems": table}, started)


if __name__ == "__main__":
    main()
