"""Arguments that agree with each other, for functions of the core that hardly any drawn ones would reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    from fuzz.source import Source

__all__ = ["core_arguments"]


def _floats(source: Source, *shape: int) -> np.ndarray:
    raw = np.frombuffer(bytes(source.byte() for _ in range(16)), np.int8)
    return np.resize(raw, shape).astype(np.float32)


def _frames(source: Source) -> dict[str, Any]:
    count, length = 1 + source.byte() % 40, 1 + source.byte() % 16
    return {
        "signal": _floats(source, 1 + source.byte()),
        "window": _floats(source, length),
        "starts": np.arange(count) * (1 + source.byte() % 9) - length // 2,
        "n_fft": length + (-length) % 30,
    }


def _band_spectra(source: Source) -> dict[str, Any]:
    frames, n_bands = _frames(source), 1 + source.byte() % 9
    return {
        **frames,
        "basis": _floats(source, n_bands, frames["n_fft"] // 2 + 1),
        "least": 1e-9,
        "scale": float(source.byte() % 2),
        "cosines": _floats(source, 1 + source.byte() % 4, n_bands) if source.byte() % 2 else None,
    }


def _resample_frames(source: Source) -> dict[str, Any]:
    return {**_frames(source), "n_bins": 1 + source.byte() % 11, "n_back": 22, "length": source.byte() % 23}


def _describe_tensor(source: Source) -> dict[str, Any]:
    shape = tuple(1 + source.byte() % 5 for _ in range(3))
    output, planes = source.choice((("eigenvalues", 3), ("eigen", 12), ("anisotropy", 4)))
    return {
        "tensor": _floats(source, 6, *shape),
        "out": np.zeros((planes, *shape), np.float32),
        "output": output,
    }


def _table(source: Source) -> dict[str, Any]:
    n = 1 + source.byte() % 80
    exact = _floats(source, n, 1 + source.byte() % 9)
    near, scale = _core.centre(exact, 1)
    some = {
        name: np.arange(n, dtype=np.int32) % (1 + source.byte() % 4) for name in ("labels", "groups", "sides")
    }
    return {
        **some,
        "exact": exact.astype(source.choice((np.float32, np.float64))),
        "near": near,
        "scale": scale,
        "k": 1 + source.byte() % n,
    }


def _scatter(source: Source) -> dict[str, Any]:
    n = 2 + source.byte() % 60
    to = (np.arange(n)[:, None] + [[1, n - 1]]) % n
    indptr, indices = _core.adjacency(n, None, np.where(source.byte() % 2, to, -1).astype(np.int32))
    return {"indptr": indptr, "indices": indices, "Z": _floats(source, n, source.byte() % 9).astype(float)}


def _subharmonic_pitch(source: Source) -> dict[str, Any]:
    n = 1 + source.byte() % 40
    return {
        "power": np.abs(_floats(source, n, 16 + source.byte() % 40)),
        "places": np.arange(n),
        "n_frames": n + source.byte() % 9,
        "sample_rate": 8000.0,
    }


def _track_pitch(source: Source) -> dict[str, Any]:
    options = _core.PitchOptions()
    options.sample_rate, options.fmin, options.fmax = 4000.0, 100.0, 400.0
    options.noise_adaptation, options.low_pass = source.byte() % 3, 500.0 * (source.byte() % 2)
    options.find_path, options.always_voiced = source.byte() % 2 == 0, source.byte() % 2 == 0
    return {
        "signal": _floats(source, 1 + 16 * source.byte()),
        "frame_length": 80 + source.byte() % 99,
        "hop_length": 1 + source.byte(),
        "first_start": source.byte() - 99,
        "n_frames": source.byte() % 50,
        "options": options,
    }


def _describe_spectra(source: Source) -> dict[str, Any]:
    shapes = {
        "power": (source.byte() % 9, 257),
        "bases": (28, 257),
        "slopes": (2, 49),
        "ear": (26,),
        "lifted": (4, 26),
    }
    return {name: _floats(source, *shape) for name, shape in shapes.items()}


def _harmonic_levels(source: Source) -> dict[str, Any]:
    n = source.byte() % 20
    return {
        "power": np.abs(_floats(source, n, 3 + source.byte() % 90)),
        "f0": 40 * _floats(source, n),
        "formants": 40 * np.abs(_floats(source, n, 3)),
        "sample_rate": 8000.0,
    }


def _solve_symmetric(source: Source) -> dict[str, Any]:
    n = source.byte() % 9
    half = _floats(source, n, n).astype(float)
    return {"A": half + half.T, "B": half @ half.T + np.eye(n)}


def _adjacency(source: Source) -> dict[str, Any]:
    n = 2 + source.byte() % 40
    source_rows = np.arange(n, dtype=np.int32)
    return {"n": n, "source": source_rows, "target": (source_rows + 1 + source.byte() % (n - 1)) % n}


def _suppress_neighbours(source: Source) -> dict[str, Any]:
    voxels = _floats(source, source.byte() % 40, 3).astype(np.int64)
    return {"coordinates": voxels, "min_distance": 1 + source.byte() % 9}


_MAKERS: dict[str, Callable[[Source], dict[str, Any]]] = {
    "adjacency": _adjacency,
    "band_spectra": _band_spectra,
    "describe_spectra": _describe_spectra,
    "describe_tensor": _describe_tensor,
    "harmonic_levels": _harmonic_levels,
    "nearest_neighbors": _table,
    "nearest_pairs": _table,
    "resample_frames": _resample_frames,
    "scatter": _scatter,
    "solve_symmetric": _solve_symmetric,
    "subharmonic_pitch": _subharmonic_pitch,
    "suppress_neighbours": _suppress_neighbours,
    "track_pitch": _track_pitch,
}


def core_arguments(name: str, source: Source) -> dict[str, Any]:
    """Return arguments that a function of the core takes, as far as they must fit; none for most."""
    return _MAKERS[name](source) if name in _MAKERS else {}
