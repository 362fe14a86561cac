"""Ctrl-C in a long call comes back quickly and leaves a core that works."""

from __future__ import annotations

import sys

import pytest

from robust.test_processes import run

# Calls of several seconds each.
LONG = {
    "harris": "stcorner.corner_harris_3d(np.zeros((600, 400, 400), np.uint8), n_threads=1)",
    "stips": "stcorner.detect_stips(np.zeros((600, 400, 400), np.uint8), n_threads=1)",
}
# SIGPROF comes after a second of processor time and is turned into what Ctrl-C raises, so that the
# latency, in processor time too, does not depend on what else the machine is doing.
CODE = """
import signal, time
import numpy as np, stcorner
from robust.work import digests
before = digests()
signal.signal(signal.SIGPROF, signal.default_int_handler)
try:
    while True:
        signal.setitimer(signal.ITIMER_PROF, 1.0)
        due = time.process_time() + 1.0
        {call}
except KeyboardInterrupt:
    print(time.process_time() - due)
assert digests() == before
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no processor-time signals")
@pytest.mark.parametrize("name", LONG)
def test_interrupt(name):
    assert float(run(CODE.format(call=LONG[name]), OPENBLAS_NUM_THREADS="1")) < 0.2
