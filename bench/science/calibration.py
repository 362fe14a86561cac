"""Do the default recogniser's probabilities on unseen actors mean what they say?

The classifier sets its own sharpness on rows that it holds out; temperature scaling on validation actors
comes on top. Both are scored, with the accuracy that is left when the least sure answers are withheld.
"""

from __future__ import annotations

import time

import numpy as np

from common import arguments, clips_of, write
from stcorner import EmotionRecognizer
from stcorner.evaluation import cross_validate


def log_loss(evaluation, probabilities):
    columns = [list(evaluation.classes).index(label) for label in evaluation.y_true]
    return float(-np.log(probabilities[np.arange(len(columns)), columns]).mean())


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--calibration-folds", type=int, default=2, help="inner models per fold")
    options = parser.parse_args()
    started = time.perf_counter()
    clips, recognizer = clips_of(options.data), EmotionRecognizer("audio")
    evaluation = cross_validate(
        recognizer.extract(clips, n_jobs=-1), recognizer, protocol="ravdess-luna5",
        sound=False, calibration_folds=options.calibration_folds,
        progress=lambda done, of: print(f"{done} of {of}", flush=True),
    )  # fmt: skip
    kinds, curves = [], {}
    for name, calibrated in (("the classifier's own", False), ("temperature on validation actors", True)):
        shares = evaluation.calibrated if calibrated else evaluation.probabilities
        kinds.append(
            {
                "probabilities": name,
                "ECE %": 100 * evaluation.ece(calibrated=calibrated),
                "ECE %, bins of equal mass": 100 * evaluation.ece(calibrated=calibrated, binning="mass"),
                "log loss, nats": log_loss(evaluation, shares),
            }
        )
        curves[name] = evaluation.abstention(calibrated=calibrated, n_points=10)
        print(kinds[-1], flush=True)
    own, scaled = curves.values()
    abstention = [
        {
            "answers kept %": 100 * share,
            "right %, own": 100 * own.war[i],
            "UAR %, own": 100 * own.uar[i],
            "right %, temperature": 100 * scaled.war[i],
            "UAR %, temperature": 100 * scaled.uar[i],
        }
        for i, share in enumerate(own.coverage)
    ]
    temperatures = [{"fold": fold, "temperature": t} for fold, t in evaluation.temperatures.items()]
    content = {"kinds": kinds, "abstention": abstention, "temperatures": temperatures}
    write(options, "calibration", {"clips": len(clips), **content}, started)


if __name__ == "__main__":
    main()
