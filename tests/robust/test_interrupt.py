"""Ctrl-C in a long call comes back quickly and leaves a core that works."""

from __future__ import annotations

import sys

import pytest

from robust.test_processes import run

# Long calls, made again until the signal comes.
ROWS = "rows = np.random.default_rng(0).standard_normal((12000, 96)), np.arange(12000) % 3"
SOUND = "sound = np.random.default_rng(0).standard_normal(20_000_000).astype(np.float32)"
POINTS = """clip = np.random.default_rng(0).random((40, 150, 150), dtype=np.float32)
points = stcorner.detect_stips(clip, threshold_rel=0.0)
points = points[np.arange(200_000) % len(points)]"""
VOXELS = "voxels = np.random.default_rng(0).integers(0, 400, (2_000_000, 3))"
LONG = {
    "harris": "stcorner.corner_harris_3d(np.zeros((600, 400, 400), np.uint8), n_threads=1)",
    "stips": "stcorner.detect_stips(np.zeros((600, 400, 400), np.uint8), n_threads=1)",
    "stream": "stcorner.HarrisStream(shape=(400, 400), n_threads=1).push(np.zeros((600, 400, 400)))",
    "suppress": "stcorner._core.suppress_neighbours(voxels, min_distance=2)",
    "describe": "stcorner.describe_stips(clip, points, n_threads=1)",
    "orientation": "stcorner.orientation_histogram(np.zeros((24, 1080, 1920)), grid=(1, 1), n_threads=1)",
    "autocorrelate": "stcorner.autocorrelate(sound, frame_length=800, hop_length=160, n_threads=1)",
    "spectra": "stcorner.power_spectrogram(sound, n_fft=4096, hop_length=1024, n_threads=1)",
    "mel": "stcorner.melspectrogram(sound, n_fft=4096, hop_length=1024)",
    "pitch": "stcorner.pitch_autocorrelation(sound, sr=16000, n_threads=1)",
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
before = digests()
{setup}
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
    needs = {"rows": ROWS, "sound": SOUND, "points": POINTS, "voxels": VOXELS}
    setup = "\n".join(lines for word, lines in needs.items() if word in LONG[name])
    assert float(run(CODE.format(call=LONG[name], setup=setup), OPENBLAS_NUM_THREADS="1")) < 0.2
