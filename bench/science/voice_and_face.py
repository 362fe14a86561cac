"""The audiovisual model on an actor whom neither half has seen: voice, face, both, and either missing.

``train_shipped.py --model ravdess-av --without 01,05 --output FILE`` trains it; it is tested on actor 05,
of whom the data hold crops of the face.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from common import arguments, write
from stcorner import Clip, ClipFeatures, load_model
from stcorner.corpora import corpus_readers
from stcorner.extraction.blocks import describe_clips
from stcorner.extraction.plan import Plan
from stcorner.video.expression_summary import pool_expressions
from stcorner.video.expressions import expression_log_probabilities


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="file that train_shipped.py wrote")
    parser.add_argument("--zoom", type=float, default=0.65, help="part of the crops' sides that is looked at")
    options = parser.parse_args()
    started = time.perf_counter()
    model = load_model(options.model).predictor_
    reader = corpus_readers()["ravdess"]
    with np.load(options.data / "faces" / "ravdess_actor05_faces.npz") as held:
        crops = {name: held[name] for name in held.files}
    clips, faces = [], []
    for name, frames in sorted(crops.items()):
        sound = options.data / "ravdess" / "audio_speech" / "Actor_05" / f"03{name[2:]}.flac"
        known = {"modality": "audio", **reader.parse(sound)}
        clips.append(Clip(path=sound, clip_id=name, corpus="ravdess", **known))
        seen = frames[frames.reshape(len(frames), -1).any(axis=1)]  # some are black: nobody was found there
        faces.append(pool_expressions(expression_log_probabilities(seen, zoom=options.zoom)))
    heard = ("audio", "mel")
    voice = describe_clips(clips, Plan.checked(heard), heard, {})
    whole = ClipFeatures(
        clips=clips,
        blocks={**voice.blocks, "expression": np.stack(faces)},
        names=model.names,
    )
    table = {}
    for title, missing in {"both": (), "voice alone": ("expression",), "face alone": heard}.items():
        blocks = dict(whole.blocks)
        for name in missing:
            blocks[name] = np.full_like(blocks[name], np.nan)
        probabilities = model.predict_proba(ClipFeatures(clips=clips, blocks=blocks, names=model.names))
        table[f"{title}, 8 classes"] = scored(whole.labels, probabilities, model.classes)
        known = np.flatnonzero(whole.labels != "calm")
        columns = [at for at, name in enumerate(model.classes) if name != "calm"]
        classes = [model.classes[at] for at in columns]
        table[f"{title}, without calm"] = scored(
            whole.labels[known], probabilities[known][:, columns], classes
        )
    for title, found in table.items():
        low, high = found["interval"]
        print(f"{title:28s} UAR {found['uar']:5.1f} [{low:.1f}, {high:.1f}]  {found['clips']} clips")
    write(options, "av", {"table": table}, started)


def scored(labels, probabilities, classes) -> dict:
    """Return UAR in percent with a 95 % interval by bootstrap over clips: there is one actor."""
    predicted = np.asarray(classes)[probabilities.argmax(axis=1)]
    names = np.unique(labels)

    def uar(rows):
        kept = [(predicted[rows] == name)[labels[rows] == name] for name in names]
        return 100 * float(np.mean([hits.mean() for hits in kept if len(hits)]))

    rng = np.random.default_rng(0)
    draws = [uar(rng.integers(0, len(labels), len(labels))) for _ in range(2000)]
    return {
        "uar": uar(np.arange(len(labels))),
        "interval": [float(value) for value in np.percentile(draws, [2.5, 97.5])],
        "war": 100 * float((predicted == labels).mean()),
        "clips": len(labels),
    }


if __name__ == "__main__":
    main()
