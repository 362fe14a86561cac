"""Train the model that ships, ``ravdess-speech``, and write it with its card into the package.

Scores are those of cross-validation by actor (ravdess-luna5, restricted to the actors present); the model
itself then learns from all of them.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from common import REPOSITORY, arguments, clips_of, write
from stcorner import EmotionRecognizer
from stcorner.evaluation import cross_validate
from stcorner.recognizer.card import model_card
from stcorner.recognizer.modelfile import write_model
from stcorner.recognizer.saving import to_model_file

NAME = "ravdess-speech"


def table(title: str, rows) -> list[str]:
    head = [f"| {title} | right | clips |", "|---|---|---|"]
    return [
        *head,
        *(f"| {name} | {100 * right / count:.1f} % | {count} |" for name, right, count in rows),
        "",
    ]


def results(clips, evaluation) -> str:
    """Return Markdown: how it was measured, per actor, per sex, per emotion."""
    low, high = evaluation.interval("uar")
    predicted = np.asarray(evaluation.y_pred)
    known = {clip.clip_id: clip for clip in clips}
    counts = {kind: defaultdict(lambda: [0, 0]) for kind in ("actor", "sex", "emotion")}
    for clip_id, label, guess in zip(evaluation.clip_ids, evaluation.y_true, predicted, strict=True):
        clip = known[clip_id]
        for kind, key in (("actor", clip.subject), ("sex", clip.sex), ("emotion", label)):
            counts[kind][str(key)][0] += int(label == guess)
            counts[kind][str(key)][1] += 1
    lines = [
        f"Protocol: ravdess-luna5 restricted to the {len({clip.subject for clip in clips})} actors present: "
        "every actor is predicted by a model that never heard her or him. 95 % interval of the UAR by "
        f"bootstrap over actors: {100 * low:.1f} to {100 * high:.1f} %. Chance is 12.5 %. The file's own "
        "model learnt from all of these actors: only people outside them test it.",
        "",
    ]
    for kind, found in counts.items():
        lines += table(kind, [(key, *found[key]) for key in sorted(found)])
    return "\n".join(lines)


def refuse_training_rows(file) -> None:
    """Stop if an array has an entry for each training row, clip or person: nobody's features ship."""
    training = file.document.training
    counts = {training.n_rows: "rows", training.n_clips: "clips", len(training.subjects): "people"}
    for name, array in file.arrays.items():
        for length in set(array.shape) & counts.keys():
            raise SystemExit(f"array {name} of shape {array.shape} holds something of all {counts[length]}")


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=REPOSITORY / "python" / "stcorner" / "models")
    parser.add_argument("--calibration-folds", type=int, default=3, help="inner models per fold, or 0")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    clips = clips_of(options.data)
    model = EmotionRecognizer(modality="audio", name=NAME)
    features = model.extract(
        clips,
        n_jobs=options.jobs,
        progress=lambda done, of: done % 200 or print(f"{done} of {of}", flush=True),
    )
    evaluation = cross_validate(
        features, model, protocol="ravdess-luna5", calibration_folds=options.calibration_folds
    )
    measured = {
        "uar": evaluation.uar,
        "war": evaluation.war,
        "macro_f1": evaluation.macro_f1,
        "ece": evaluation.ece(),
    }
    if options.calibration_folds:
        measured["ece_calibrated"] = evaluation.ece(calibrated=True)
    print(measured, flush=True)
    model.fit(features)
    whole = to_model_file(model, scores=measured)
    refuse_training_rows(whole)
    card = model_card(whole.document, extra=results(clips, evaluation))
    options.output.mkdir(parents=True, exist_ok=True)
    path = write_model(
        options.output / f"{NAME}.stcorner",
        type(whole)(document=whole.document, arrays=whole.arrays, card=card),
    )
    (options.output / f"{NAME}.md").write_text(card)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}")
    write(
        options, "train_shipped",
        {"scores": measured, "sha256": digest, "bytes": path.stat().st_size, "summary": evaluation.summary()},
        started,
    )  # fmt: skip


if __name__ == "__main__":
    main()
