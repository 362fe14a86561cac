"""Voice, action units and a speech encoder of the same takes: every subset of blocks, every fusion of two.

Reads a table of features that ``stcorner extract`` wrote (``--features``); everything else is the public
interface: blocks, `FeatureTable`, `cross_validate`.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from common import arguments, write
from stcorner import ClipFeatures, EmotionRecognizer, FeatureTable, cross_validate
from stcorner.extraction.blocks import add_blocks

FUSIONS = ("mfa", "mfa_per_modality", "lda", "cca", "late")


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="table of `stcorner extract`")
    options = parser.parse_args()
    started = time.perf_counter()
    tables = {
        "openface": options.data / "ravdess" / "au_means" / "openface_au_means.csv",
        "wav2vec2": options.data / "embeddings" / "ravdess_wav2vec2.npz",
    }
    others = {name: FeatureTable(path, name) for name, path in tables.items()}
    voice = ClipFeatures.from_parquet(options.features)
    features = add_blocks(voice, [*voice.blocks, *others], others)
    names = ("audio", *others)
    results = {}

    def row(title, blocks, **parameters):
        begin = time.process_time()
        recognizer = EmotionRecognizer(blocks=blocks, **parameters)
        found = cross_validate(
            features, recognizer, protocol="ravdess-luna5", sound=False, calibration_folds=0
        )
        low, high = found.interval("uar")
        results[title] = {
            "uar": 100 * found.uar,
            "interval": [100 * low, 100 * high],
            "war": 100 * found.war,
            "macro_f1": 100 * found.macro_f1,
            "ece": 100 * found.ece(),
            "seconds": time.process_time() - begin,
        }
        print(f"{title:40s} UAR {100 * found.uar:5.1f} [{100 * low:.1f}, {100 * high:.1f}]", flush=True)

    for size in range(1, len(names) + 1):
        for blocks in itertools.combinations(names, size):
            row(" + ".join(blocks), blocks)
    for fusion in FUSIONS:
        row(f"audio + openface, {fusion}", ("audio", "openface"), fusion=fusion)
    row("audio + openface + wav2vec2, late", names, fusion="late")
    write(options, "fusion", {"table": results, "clips": len(features)}, started)


if __name__ == "__main__":
    main()
