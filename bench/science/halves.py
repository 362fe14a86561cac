"""The two halves of the default classifier, and what stands for the exact kernel, which keeps all rows.

The exact kernel half is solved here with every training row; the package's own has random waves in their
place. Sizes are those of the arrays of the last fold's model.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.linalg import solve

from common import arguments, clips_of, cremad, default_copies, rich, write
from stcorner import DiscriminantClassifier
from stcorner.classifiers.algebra import balance, rbf
from stcorner.corpora import load_protocol
from stcorner.evaluation import expected_calibration_error


class ExactKernel(DiscriminantClassifier):
    """The classifier with the kernel that the waves approximate."""

    def _fit_parts(self, features, shares):
        super()._fit_parts(features, shares)
        weight = balance(shares) * shares.sum()
        total, n_classes = weight.sum(axis=1), shares.shape[1]
        rows = self._standardise(features)
        kernel = rbf(rows, rows, self.gamma)
        kernel.flat[:: len(kernel) + 1] += self.ridge / total
        target = (n_classes * weight / total[:, None] - 1) / (n_classes - 1)
        self.rows_, self.dual_ = rows, solve(kernel, target, assume_a="pos")


SYSTEMS = {
    "linear half alone": lambda: DiscriminantClassifier(kernel_weight=0.0),
    "with 500 frequencies": lambda: DiscriminantClassifier(n_frequencies=500),
    "with 1,000 frequencies (default)": DiscriminantClassifier,
    "with the exact kernel": lambda: ExactKernel(n_frequencies=1),
}


def evaluate(make, X, copies, y, actors, folds):
    classes, codes = np.unique(y, return_inverse=True)
    table = np.zeros((len(y), len(classes)))
    started = time.process_time()
    for members in folds:
        test = np.isin(actors, members)
        if not test.any():
            continue
        rows = np.concatenate([block[~test] for block in (X, *copies)])
        labels, groups = (np.tile(part[~test], 1 + len(copies)) for part in (y, actors))
        model = make().fit(rows, labels, groups=groups)
        table[test] = model.predict_proba(X[test])
    hits = table.argmax(axis=1) == codes
    return {
        "uar": 100 * float(np.mean([hits[codes == code].mean() for code in range(len(classes))])),
        "ece": 100 * expected_calibration_error(table, codes),
        "log_loss": -float(np.log(np.maximum(table[np.arange(len(y)), codes], 1e-12)).mean()),
        "bytes": sum(array.nbytes for array in model.get_state()[1].values()),
        "cpu_seconds": time.process_time() - started,
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--exact", action="store_true", help="the exact kernel too: minutes, and gigabytes")
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    y, actors = (np.asarray([getattr(clip, key) for clip in clips]) for key in ("label", "subject"))
    voice, people = rich(options.cache, clips), load_protocol("ravdess-luna5").test
    corpora = {
        "RAVDESS, voice and 3 copies": (voice, default_copies(options.cache, clips), y, actors, people),
        "RAVDESS, voice": (voice, [], y, actors, people),
    }
    for name in ("logmel_dct", "wav2vec2"):
        rows, *others = cremad(options.data, name)
        corpora[f"CREMA-D, {name}"] = (rows, [], *others)
    table = {}
    for corpus, data in corpora.items():
        for system, make in SYSTEMS.items():
            if system == "with the exact kernel" and not options.exact:
                continue
            found = table.setdefault(corpus, {})[system] = evaluate(make, *data)
            print(
                f"{corpus:30s} {system:34s} UAR {found['uar']:.1f}  ECE {found['ece']:.1f}  log loss "
                f"{found['log_loss']:.3f}  {found['bytes'] / 1e3:.0f} kB  {found['cpu_seconds']:.0f} s",
                flush=True,
            )
            write(options, "halves", {"systems": table}, started)


if __name__ == "__main__":
    main()
