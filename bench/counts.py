"""Instruction counts of the kernels: a gate that does not care how busy the machine is.

``python bench/counts.py check``   compares with bench/counts.json; exit 1 beyond the tolerance
``python bench/counts.py record``  writes that file anew

One run of ``python bench/counts.py work`` under callgrind, on one thread and the AVX2 kernels (valgrind knows
no AVX-512), counts the instructions that each function of ``stcorner::kernels`` executes itself. The
extension must have its symbols: ``nox -s counts`` builds it so. Counts repeat exactly for one compiler; the
file names it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BASELINE = Path(__file__).with_name("counts.json")
TOLERANCE = 0.03
LINE = re.compile(r"^\s*([\d,]+)\s*(?:\([ \d.]+%\))?\s+\S+:stcorner::kernels::avx2::([\w:]+)")


def work() -> None:
    """Run every kernel once on inputs of fixed size."""
    import numpy as np

    import stcorner

    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (32, 64, 80), dtype=np.uint8)
    stcorner.corner_harris_3d(video, n_threads=1)
    points = stcorner.detect_stips(video, n_threads=1)
    stcorner.describe_stips(video, points, n_threads=1)
    stcorner.orientation_histogram(video, n_threads=1)
    stcorner.structure_tensor_3d(video, output="anisotropy", n_threads=1)
    stcorner.texture_map_histogram(video, n_threads=1)
    y = np.sin(np.arange(16000) * (2 * np.pi * 150 / 16000)).astype(np.float32)
    stcorner.zcr_and_rms(y, n_threads=1)
    stcorner.autocorrelate(y, frame_length=1024, hop_length=256, max_lag=400, n_threads=1)
    stcorner.pitch_autocorrelation(y, sr=16000)
    stcorner.pitch_autocorrelation(np.repeat(y, 3), sr=48000)
    stcorner.melspectrogram(y, sr=16000)
    stcorner.clip_features(y, sr=16000, recipe="egemaps")
    X, labels = rng.standard_normal((600, 64)), np.arange(600) % 4
    stcorner.intrinsic_graph(X, labels, n_threads=1)
    stcorner.penalty_graph(X, labels, n_threads=1)


def count() -> dict[str, int]:
    """Return the instructions of each kernel in one run of `work`."""
    for tool in ("valgrind", "callgrind_annotate"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is needed: apt-get install valgrind")
    fixed = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "STCORNER_ISA": "avx2",
        "PYTHONHASHSEED": "0",
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command = [*tool, sys.executable, __file__, "work"]
        subprocess.run(command, env={**os.environ, **fixed}, check=True, capture_output=True)
        annotate = ["callgrind_annotate", "--threshold=100", "--auto=no", str(out)]
        listed = subprocess.run(annotate, check=True, capture_output=True, text=True).stdout
    counts: dict[str, int] = {}
    for found in map(LINE.match, listed.splitlines()):
        if found:
            counts[found[2]] = counts.get(found[2], 0) + int(found[1].replace(",", ""))
    if not counts:
        sys.exit("no kernel was seen: is the extension built with its symbols? (nox -s counts does that)")
    return counts


def compiler() -> str:
    """Return what compiled the core."""
    from stcorner import show_versions

    return str(show_versions()["core"]["compiler"])  # type: ignore[index]


def check() -> int:
    """Compare with the baseline; return the exit code."""
    kept, found = json.loads(BASELINE.read_text()), count()
    if kept["compiler"] != compiler():
        print(f"not compared: counted with {kept['compiler']}, built with {compiler()}")
        return 0
    status = 0
    for name in sorted({*kept["instructions"], *found}):
        before, now = kept["instructions"].get(name, 0), found.get(name, 0)
        change = (now - before) / max(before, 1)
        # Kernels of a few thousand instructions are entry and exit, not work.
        bad = change > TOLERANCE and now - before > 10_000
        status |= bad
        print(f"{name:45s} {before:>14,} {now:>14,} {change:+8.2%}{'  too many' if bad else ''}")
    return int(status)


def record() -> int:
    """Write the baseline."""
    content = {"command": "python bench/counts.py record", "compiler": compiler(), "instructions": count()}
    BASELINE.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    actions = {"work": work, "check": check, "record": record}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    sys.exit(actions[sys.argv[1]]())
