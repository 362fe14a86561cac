"""Voice, action units and a speech encoder of the same takes: every subset of blocks, every fusion of two.

Reads a table of features that ``stcorner extract`` wrote (``--features``); everything else is the public
interface: blocks, `FeatureTable`, `cross_validate`. ``stcorner evaluate`` evaluates every subset too, and the
largest difference of its probabilities is written down.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from common import arguments, by_actor, write
from stcorner import ClipFeatures, EmotionRecognizer, Evaluation, FeatureTable
from stcorner.extraction.blocks import add_blocks

FUSIONS = ("mfa", "mfa_per_modality", "lda", "cca", "late")


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="table of `stcorner extract`")
    parser.add_argument("--evaluations", type=Path, help="folder of what the command line writes")
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
        found, results[title] = by_actor(
            features, EmotionRecognizer(blocks=blocks, **parameters), title, "ravdess-luna5"
        )
        return found

    def by_command(blocks):
        path = (options.evaluations or options.cache) / f"{'+'.join(blocks)}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            given = [f"--block={name}={tables[name]}" for name in blocks if name in tables]
            code = "import sys; from stcorner.cli import main; sys.exit(main())"
            command = [sys.executable, "-c", code, "evaluate", "--features", options.features]
            command += ["--blocks", ",".join(blocks), *given, "--protocol", "ravdess-luna5", "-o", path]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return Evaluation.from_json(path)

    for size in range(1, len(names) + 1):
        for blocks in itertools.combinations(names, size):
            found, other = row(" + ".join(blocks), blocks), by_command(blocks)
            order = [list(other.clip_ids).index(name) for name in found.clip_ids]
            difference = np.abs(found.probabilities - other.probabilities[order]).max()
            results[" + ".join(blocks)]["difference_from_command"] = float(difference)
    for fusion in FUSIONS:
        row(f"audio + openface, {fusion}", ("audio", "openface"), fusion=fusion)
    row("audio + openface + wav2vec2, late", names, fusion="late")
    write(options, "fusion", {"table": results, "clips": len(features)}, started)


if __name__ == "__main__":
    main()
