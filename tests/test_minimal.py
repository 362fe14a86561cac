"""If only one file of tests can be run, this is the one: every kernel, on every instruction set, in seconds.

It needs the package and nothing else: ``python tests/test_minimal.py`` runs it without pytest, for valgrind.
"""

from __future__ import annotations

import numpy as np

import stcorner


def work() -> dict[str, np.ndarray]:
    """Return what each kernel makes of odd sizes, which leave a tail in every vector loop."""
    rng = np.random.default_rng(1)
    video = rng.integers(0, 256, (9, 13, 19), dtype=np.uint8)
    y = np.sin(np.arange(1511) * 0.07).astype(np.float32) + rng.normal(0, 0.01, 1511).astype(np.float32)
    X, labels = rng.standard_normal((31, 5)), np.arange(31) % 3
    points = stcorner.detect_stips(video, sigmas=1.0, taus=1.0)
    zcr, rms = stcorner.zcr_and_rms(y, frame_length=101, hop_length=33)
    return {
        "harris": stcorner.corner_harris_3d(video, sigma=1.0, tau=1.0),
        "tensor": stcorner.structure_tensor_3d(video.astype(float), sigma=1.0, tau=1.0),
        "response": np.sort(points.response),
        "hoghof": stcorner.describe_stips(video, points).sum(0),
        "texture": stcorner.texture_map_histogram(video, grid=(2, 2), segments=1),
        "zcr": zcr,
        "rms": rms,
        "autocorrelation": stcorner.autocorrelate(y, frame_length=101, hop_length=33),
        "pitch": np.nan_to_num(stcorner.pitch_autocorrelation(y, sr=8000)[0]),
        "mel": stcorner.melspectrogram(y, sr=8000, n_fft=90, hop_length=31, n_mels=7),
        "nearest": stcorner.intrinsic_graph(X, labels).toarray(),
        "pairs": stcorner.penalty_graph(X, labels, n_pairs=5).toarray(),
    }


def test_instruction_sets_agree() -> None:
    found = {}
    for name in stcorner.available_isas():
        stcorner.set_isa(name)
        assert stcorner.active_isa() == name
        found[name] = work()
    stcorner.set_isa("auto")
    for results in found.values():
        for name, expected in found["baseline"].items():
            slack = 1e-5 * np.abs(expected).max()
            np.testing.assert_allclose(results[name], expected, rtol=0, atol=slack, err_msg=name)


def test_versions_can_be_shown() -> None:
    assert stcorner.show_versions()["stcorner"] == stcorner.__version__


if __name__ == "__main__":
    for name, function in list(globals().items()):
        if name.startswith("test_"):
            function()
            print(name, "passed")
