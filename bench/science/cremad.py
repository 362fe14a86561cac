"""CREMA-D by actor at its real size, from features that others computed: classifiers and fusions compared.

Two blocks of the same clips: a speech encoder's embedding, and the first coefficients of the cosine transform
of the log-mel spectrogram over time.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

from common import arguments, by_actor, write
from stcorner import Clip, ClipFeatures, EmotionRecognizer, FeatureTable
from stcorner.corpora import corpus_readers
from stcorner.extraction.blocks import add_blocks

BLOCKS = {"wav2vec2": "cremad_wav2vec2.npz", "logmel": "cremad_logmel_dct.npz"}


def clips_of(ids):
    reader = corpus_readers()["crema-d"]
    clips = []
    for name in sorted(ids):
        path = Path(f"{name}.wav")
        known = {"clip_id": name, "modality": "audio", **reader.parse(path)}
        if known["clip_id"] not in reader.broken:
            clips.append(Clip(path=path, corpus=reader.name, **known))
    return clips


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", help="rows to compute")
    parser.add_argument("--epochs", type=int, default=25, help="of FERCNN")
    options = parser.parse_args()
    started = time.perf_counter()
    others = {name: FeatureTable(options.data / "embeddings" / file, name) for name, file in BLOCKS.items()}
    clips = clips_of(set.intersection(*(set(table.clip_ids) for table in others.values())))
    features = add_blocks(ClipFeatures(clips=clips, blocks={}), tuple(others), others)
    print(features, flush=True)
    both = tuple(BLOCKS)
    rows = {
        "wav2vec2": {"blocks": ("wav2vec2",)},
        "logmel": {"blocks": ("logmel",)},
        "both": {"blocks": both},
        "both, late": {"blocks": both, "fusion": "late"},
        "both, mfa": {"blocks": both, "fusion": "mfa"},
        "both, lda": {"blocks": both, "fusion": "lda"},
        "wav2vec2, mfa": {"blocks": ("wav2vec2",), "fusion": "mfa"},
        "logmel, mfa": {"blocks": ("logmel",), "fusion": "mfa"},
        "wav2vec2, fercnn": {
            "blocks": ("wav2vec2",),
            "classifier": "fercnn",
            "classifier_params": {"n_epochs": options.epochs},
        },
    }
    table = {}
    for title, parameters in rows.items():
        if options.only and title not in options.only:
            continue
        _, row = by_actor(features, EmotionRecognizer(**parameters), title, "cremad-hicmae5")
        table[title] = {**row, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    write(options, "cremad", {"table": table, "clips": len(features)}, started)


if __name__ == "__main__":
    main()
