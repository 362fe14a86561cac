"""Ctrl-C in a long call comes back quickly and leaves a core that works."""

from __future__ import annotations

import sys

import pytest

from robust.test_processes import run

# Long calls, made again until the signal comes.
ROWS = "(np.random.default_rng(0).standard_normal((12000, 96)), np.arange(12000) % 3)"
LONG = {
    "harris": "stcorner.corner_harris_3d(np.zeros((600, 400, 400), np.uint8), n_threads=1)",
    "stips": "stcorner.detect_stips(np.zeros((600, 400, 400), np.uint8), n_threads=1)",
    "intrinsic_graph": "stcorner.intrinsic_graph(*rows, n_threads=1)",
    "class_pairs": "stcorner.penalty_graph(*rows, n_pairs=200_000, n_threads=1)",
    "sample_neighbors": 'stcorner.penalty_graph(*rows, penalty="sample_neighbors", n_pairs=400, n_threads=1)',
    "fit": """stcorner.MarginalFisherAnalysis(
            n_neighbors=200, n_pairs=400, penalty="sample_neighbors", n_threads=1).fit(*rows)""",
}
# SIGPROF comes after a second of processor time and is turned into what Ctrl-C raises, so that the
# latency, in processor time too, does not depend on what else the machine is doing.
CODE = """
import signal, time
import numpy as np, stcorner
from robust.work import digests
before, rows = digests(), {rows}
signal.signal(signal.SIGPROF, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_PROF, 1.0)
    due = time.process_time() + 1.0
    while True:
        {call}
except KeyboardInterrupt:
    print(time.process_time() - due)
assert digests() == before
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no processor-time signals")
@pytest.mark.parametrize("name", LONG)
def test_interrupt(name: str) -> None:
    assert float(run(CODE.format(call=LONG[name], rows=ROWS), OPENBLAS_NUM_THREADS="1")) < 0.2
