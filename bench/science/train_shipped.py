"""Train the models that ship, ``ravdess-av`` and ``ravdess-speech``, and write each with its card.

Scores are those of the voice, by cross-validation by actor (ravdess-luna5, restricted to the actors
present); the model itself then learns from all of them. The expression half of ``ravdess-av`` is the network
that ships.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from common import (
    REPOSITORY,
    VOICE_WEIGHTS,
    KeptNetwork,
    arguments,
    by_actor,
    clips_of,
    voice_model,
    write,
)
from stcorner import ClipFeatures, EmotionRecognizer, FeatureTable
from stcorner.evaluation import cross_validate
from stcorner.extraction.blocks import add_blocks
from stcorner.recognizer.card import model_card
from stcorner.recognizer.modelfile import write_model
from stcorner.recognizer.saving import to_model_file
from stcorner.video.expression_summary import expression_summary_names


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
    best, level = evaluation.probabilities.max(axis=1), voice_model().abstain_below
    unsure, right = best < level, predicted == np.asarray(evaluation.y_true)
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
        f"Below a best probability of {level:g} predictions are flagged (`abstain`): "
        f"{100 * unsure.mean():.1f} % of these clips, of which {100 * right[unsure].mean():.0f} % would have "
        f"been right, and of the others {100 * right[~unsure].mean():.0f} %.",
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


def audiovisual(name: str) -> EmotionRecognizer:
    """Return voice and expression side by side: the expression half learns nothing here, as no face is shown.

    Both halves are calibrated by themselves, the voice on people held out and the network on faces held out,
    so that their log probabilities count the same.
    """
    blocks = ("audio", "mel", "expression")
    return voice_model(name, blocks=blocks, weights={**VOICE_WEIGHTS, "expression": 1.0})


MODELS = {"ravdess-speech": voice_model, "ravdess-av": audiovisual}


def with_unseen_faces(features: ClipFeatures) -> ClipFeatures:
    """Return the features with an expression block that no clip has: the training files are sound alone."""
    names = expression_summary_names()
    missing = np.full((len(features.clip_index), len(names)), np.nan, np.float32)
    return dataclasses.replace(
        features,
        blocks={**features.blocks, "expression": missing},
        names={**features.names, "expression": names},
        status={**features.status, "expression": np.full(len(missing), "no_video")},
    )


def with_action_units(options, features: ClipFeatures):
    """Return the evaluation of the voice beside OpenFace's action units of the same takes."""
    units = FeatureTable(options.data / "ravdess" / "au_means" / "openface_au_means.csv", "openface")
    both = add_blocks(features, [*features.blocks, units.name], {units.name: units})
    model = voice_model(blocks=("audio", "mel", units.name), weights={**VOICE_WEIGHTS, units.name: 1.0})
    return by_actor(both, model, "voice and action units", "ravdess-luna5")[1]


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, nargs="*", default=list(MODELS))
    parser.add_argument("--without", default="", help="actors to leave out, such as 01,05")
    parser.add_argument(
        "--output", type=Path, help="file to write, with one --model (default: the package's own)"
    )
    parser.add_argument("--features", type=Path, help="table of `stcorner extract`, to save the extraction")
    parser.add_argument("--calibration-folds", type=int, default=3, help="inner models per fold, or 0")
    parser.add_argument("--no-scores", action="store_true", help="train alone, without cross-validation")
    parser.add_argument("--jobs", type=int, default=-1)
    options = parser.parse_args()
    KeptNetwork.folder = options.cache / "networks"
    if options.output and len(options.model) != 1:
        parser.error("--output is the file of one model: name it by --model")
    started = time.perf_counter()
    left_out = {name for name in options.without.split(",") if name}
    voice = voice_model()
    if options.features:
        features = ClipFeatures.from_parquet(options.features)
        features = features[[clip.subject not in left_out for clip in features.clips]]
    else:
        clips = [clip for clip in clips_of(options.data) if clip.subject not in left_out]
        features = voice.extract(
            clips,
            n_jobs=options.jobs,
            progress=lambda done, of: done % 200 or print(f"{done} of {of}", flush=True),
        )
    measured, evaluation = {}, None
    if not options.no_scores:
        evaluation = cross_validate(
            features,
            voice,
            protocol="ravdess-luna5",
            sound=False,
            calibration_folds=options.calibration_folds,
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
    extra = "" if evaluation is None else results(features.clips, evaluation)
    digests = {}
    for name in options.model:
        path = ship(options, name, features, measured, extra)
        digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digests[name]}", flush=True)
    if evaluation is not None and not left_out:
        low, high = evaluation.interval("uar")
        voice_row = {"uar": 100 * evaluation.uar, "interval": [100 * low, 100 * high]}
        table = {"voice": voice_row, "voice and action units": with_action_units(options, features)}
        content = {"table": table, "scores": measured, "sha256": digests, "summary": evaluation.summary()}
        write(options, "train_shipped", content, started)


def ship(options, name, features, measured, extra) -> Path:
    """Train a model on all clips and write it with its card."""
    model = MODELS[name](name)
    if "expression" in model.resolved_blocks()[0]:
        features = with_unseen_faces(features)
        measured = {f"voice_{each}": value for each, value in measured.items()}
    model.fit(features)
    whole = to_model_file(model, scores=measured)
    refuse_training_rows(whole)
    card = model_card(whole.document, extra=extra)
    target = options.output or REPOSITORY / "python" / "stcorner" / "models" / f"{name}.stcorner"
    target.parent.mkdir(parents=True, exist_ok=True)
    path = write_model(target, type(whole)(document=whole.document, arrays=whole.arrays, card=card))
    path.with_suffix(".md").write_text(card)
    return path


if __name__ == "__main__":
    main()
