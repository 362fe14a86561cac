"""Calls that go through the compiled core, one or more of each room, on small inputs made here.

Each returns arrays that must be the same bits every time: in any thread, process, or order.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

import stcorner

if TYPE_CHECKING:
    from collections.abc import Callable


def _samples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y = np.repeat(np.arange(4), 30)
    return rng.standard_normal((120, 24)) + y[:, None] * 0.3, y


def _video() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (24, 40, 52), dtype=np.uint8)


def harris() -> list[np.ndarray]:
    return [stcorner.corner_harris_3d(_video()), stcorner.structure_tensor_3d(_video())]


def points() -> list[np.ndarray]:
    found = stcorner.detect_stips(_video())
    return [found.coordinates, found.response, stcorner.corner_peaks_3d(stcorner.corner_harris_3d(_video()))]


def texture() -> list[np.ndarray]:
    return [stcorner.texture_map_histogram(_video())]


def _voice() -> np.ndarray:
    t = np.arange(8000) / 16000
    noise = np.random.default_rng(5).standard_normal(8000)
    return (0.3 * np.sin(2 * np.pi * (120 + 40 * t) * t) + 0.01 * noise).astype(np.float32)


def descriptors() -> list[np.ndarray]:
    found = stcorner.detect_stips(_video())
    return [stcorner.describe_stips(_video(), found)]


def frames() -> list[np.ndarray]:
    y = _voice()
    return [*stcorner.zcr_and_rms(y), stcorner.autocorrelate(y, frame_length=512, hop_length=160)]


def pitch() -> list[np.ndarray]:
    return list(stcorner.pitch_autocorrelation(_voice(), sr=16000))


def spectra() -> list[np.ndarray]:
    y = _voice()
    return [stcorner.power_spectrogram(y), stcorner.melspectrogram(y, sr=16000), stcorner.mfcc(y, sr=16000)]


def clip() -> list[np.ndarray]:
    return [stcorner.clip_features(_voice(), sr=16000)]


def graphs() -> list[np.ndarray]:
    X, y = _samples()
    return [graph.toarray() for graph in (stcorner.intrinsic_graph(X, y), stcorner.penalty_graph(X, y))]


def fisher() -> list[np.ndarray]:
    X, y = _samples()
    return [stcorner.MarginalFisherAnalysis(n_components=3).fit(X, y).transform(X)]


WORK: dict[str, Callable[[], list[np.ndarray]]] = {
    function.__name__: function
    for function in (harris, points, texture, descriptors, frames, pitch, spectra, clip, graphs, fisher)
}


def digest(name: str) -> str:
    """Return the SHA-256 of everything that the work `name` returns."""
    whole = hashlib.sha256()
    for array in WORK[name]():
        whole.update(repr((array.shape, array.dtype.str)).encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()


def digests() -> dict[str, str]:
    """Return the digest of every work."""
    return {name: digest(name) for name in WORK}
