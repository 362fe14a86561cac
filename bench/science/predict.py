"""Whole-process time of ``stcorner predict`` where nothing but the wheel and its requirements is installed.

Make such an environment first, and name its interpreter:
``uv build --wheel -o dist . && uv venv clean && uv pip install --python clean dist/stcorner*.whl``
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from common import arguments, write

FILES = (
    "ravdess/av_speech/*/*.mp4",
    "ravdess/audio_speech/Actor_02/03-01-05-01-01-01-02.flac",
    "crema-d/VideoFlash/1001_DFA_ANG_XX.flv",
    "video/grid_bbaf2n.mpg",
)


def measured(command):
    """Return seconds on the clock and of the processor, and what was printed."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, run.stdout


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the clean environment")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    started = time.perf_counter()
    extras = "import importlib.util as u; print(*[n for n in ('keras', 'jax', 'pandas') if u.find_spec(n)])"
    found = subprocess.run([options.python, "-c", extras], capture_output=True, text=True, check=True).stdout
    command = [options.python, "-c", "from stcorner.cli import main; main()", "predict", "--json"]
    table = []
    for path in (path for pattern in FILES for path in sorted(options.data.glob(pattern))):
        runs = [measured([*command, path]) for _ in range(options.repeats)]
        walls, processors = ([run[part] for run in runs] for part in (0, 1))
        (answer,) = json.loads(runs[0][2])
        table.append(
            {
                "file": path.name,
                "answer": answer["label"],
                "used": "voice and face" if answer["status"] == "ok" else answer["status"],
                "seconds, median": float(np.median(walls)),
                "seconds, least": min(walls),
                "seconds of the processor, median": float(np.median(processors)),
            }
        )
        print(table[-1], flush=True)
    load = [round(value, 1) for value in os.getloadavg()]
    document = {"extras_installed": found.split() or "none", "load": load, "files": table}
    write(options, "predict", document, started)


if __name__ == "__main__":
    main()
