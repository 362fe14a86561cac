"""The tensor of volumes: eigenvalues, anisotropy, axes of their own, arrays on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from oracles import video as oracle

if TYPE_CHECKING:
    from pathlib import Path


def volume(shape: tuple[int, int, int] = (19, 21, 26), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def matrices(planes: np.ndarray) -> np.ndarray:
    tt, ty, tx, yy, yx, xx = planes.astype(np.float64)
    return np.stack([tt, ty, tx, ty, yy, yx, tx, yx, xx], axis=-1).reshape(*tt.shape, 3, 3)


def made(**options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues by LAPACK, descending, and the matrices, of the same float32 tensor."""
    found = matrices(stcorner.structure_tensor_3d(volume(), **options))
    return np.moveaxis(np.linalg.eigvalsh(found)[..., ::-1], -1, 0), found


def test_eigenvalues_equal_lapack(isa: str, n_threads: int) -> None:
    wanted, _ = made(sigma=1.0, tau=1.0)
    actual = stcorner.structure_tensor_3d(
        volume(), sigma=1.0, tau=1.0, output="eigenvalues", n_threads=n_threads
    )
    np.testing.assert_allclose(actual, wanted, atol=1e-6 * wanted.max())
    np.testing.assert_allclose(actual[0], wanted[0], rtol=1e-6)
    assert (np.diff(actual, axis=0) <= 0).all()
    assert (actual >= 0).all()


def test_eigenvectors_solve_their_equation(isa: str) -> None:
    _, found = made(sigma=1.5, tau=1.0)
    planes = stcorner.structure_tensor_3d(volume(), sigma=1.5, tau=1.0, output="eigen")
    values, vectors = (
        planes[:3].astype(np.float64),
        planes[3:].reshape(3, 3, *planes.shape[1:]).astype(np.float64),
    )
    applied = np.einsum("tyxij,kjtyx->kityx", found, vectors)
    scale = values[0].max()
    np.testing.assert_allclose(applied, values[:, None] * vectors, atol=1e-6 * scale)
    products = np.einsum("kityx,lityx->kltyx", vectors, vectors)
    np.testing.assert_allclose(
        products, np.broadcast_to(np.eye(3)[:, :, None, None, None], products.shape), atol=1e-6
    )
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    assert (largest > 0).all()


def test_degenerate_tensors_have_unit_vectors_too() -> None:
    y, x = np.mgrid[:24, :24]
    cases = [np.zeros((24, 24, 24)), np.tile(x, (24, 1, 1)), np.tile((x + y) % 7, (24, 1, 1))]
    for case in cases:
        planes = stcorner.structure_tensor_3d(case.astype(np.float32), sigma=1.0, tau=1.0, output="eigen")
        vectors = planes[3:].reshape(3, 3, *planes.shape[1:])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(np.abs(np.einsum("itxy,itxy->txy", vectors[0], vectors[2])), 0, atol=1e-6)


def test_anisotropy_is_made_of_the_eigenvalues(isa: str) -> None:
    (a, b, c), _ = made(sigma=1.0, tau=1.0)
    linear, planar, spherical, coherence = stcorner.structure_tensor_3d(
        volume(), sigma=1.0, tau=1.0, output="anisotropy"
    )
    np.testing.assert_allclose(linear, (b - c) / a, atol=1e-5)
    np.testing.assert_allclose(planar, (a - b) / a, atol=1e-5)
    np.testing.assert_allclose(spherical, c / a, atol=1e-5)
    spread = np.sqrt(((a - b) ** 2 + (b - c) ** 2 + (a - c) ** 2) / (2 * (a**2 + b**2 + c**2)))
    np.testing.assert_allclose(coherence, spread, atol=1e-5)
    even = stcorner.structure_tensor_3d(np.full((9, 9, 9), 5, np.uint8), output="anisotropy")
    assert (even == 0).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_fibre_is_linear_and_the_last_vector_runs_along_it(axis: int) -> None:
    t, y, x = np.mgrid[:32, :32, :32] - 15.5
    across = np.delete(np.stack([t, y, x]), axis, axis=0)
    fibre = np.exp(-(across**2).sum(axis=0) / 8).astype(np.float32)
    linear, _, spherical, _ = stcorner.structure_tensor_3d(fibre, sigma=(1.0,) * 3, output="anisotropy")[
        :, 15, 15, 15
    ]
    assert linear > 0.8
    assert spherical < 1e-3
    vector = stcorner.structure_tensor_3d(fibre, sigma=(1.0,) * 3, output="eigen")[9:, 15, 15, 15]
    np.testing.assert_allclose(vector, np.eye(3)[axis], atol=1e-3)


def test_every_axis_has_its_sigma(isa: str, n_threads: int) -> None:
    sigmas = (0.7, 1.0, 1.9)
    actual = stcorner.structure_tensor_3d(volume(), sigma=sigmas, n_threads=n_threads)
    level = volume().astype(float)
    for axis, sd in enumerate(sigmas):
        level = oracle.filter_axis(level, oracle.gaussian(sd), axis, "reflect")
    padded = np.pad(level, 1, mode="edge")
    ahead = (padded[2:, 1:-1, 1:-1], padded[1:-1, 2:, 1:-1], padded[1:-1, 1:-1, 2:])
    behind = (padded[:-2, 1:-1, 1:-1], padded[1:-1, :-2, 1:-1], padded[1:-1, 1:-1, :-2])
    gradient = [0.5 * sd * (a - b) for sd, a, b in zip(sigmas, ahead, behind, strict=True)]
    for plane, (i, j) in zip(actual, oracle.PAIRS, strict=True):
        wanted = gradient[i] * gradient[j]
        for axis, sd in enumerate(sigmas):
            wanted = oracle.filter_axis(wanted, oracle.gaussian(sd * 2**0.5), axis, "reflect")
        np.testing.assert_allclose(plane, wanted, atol=1e-6)
    np.testing.assert_array_equal(stcorner.structure_tensor_3d(volume(), sigma=(1.0, 1.9), tau=0.7), actual)


def test_turned_volumes_have_turned_tensors() -> None:
    plain = stcorner.structure_tensor_3d(volume(), sigma=(0.7, 1.0, 1.9), output="eigenvalues")
    turned = stcorner.structure_tensor_3d(
        np.ascontiguousarray(volume().transpose(2, 0, 1)), sigma=(1.9, 0.7, 1.0), output="eigenvalues"
    )
    np.testing.assert_allclose(turned.transpose(0, 2, 3, 1), plain, atol=1e-7)


class Sliced:
    """Nothing but what a store on disk has."""

    def __init__(self, array: np.ndarray, chunks: tuple[int, ...] | None = None) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads: list[Any] = []
        if chunks:
            self.chunks = chunks

    def __getitem__(self, key: Any) -> np.ndarray:
        self.reads.append(key)
        return self.array[key]

    def __setitem__(self, key: Any, value: np.ndarray) -> None:
        self.reads.append(key)
        self.array[key] = value


@pytest.mark.parametrize("output", ["tensor", "eigenvalues", "eigen", "anisotropy"])
@pytest.mark.parametrize("chunks", [None, (5, 7, 9)])
def test_arrays_on_disk_give_the_same_bits(output: Any, chunks: tuple[int, int, int] | None) -> None:
    array = volume((37, 20, 23))
    wanted = stcorner.structure_tensor_3d(array, output=output)
    out = Sliced(np.zeros(wanted.shape, np.float32), chunks and (1, *chunks))
    source = Sliced(array, chunks)
    assert stcorner.structure_tensor_3d(source, output=output, out=out) is out
    np.testing.assert_array_equal(out.array, wanted)
    if chunks:
        starts = [key[1].start for key in out.reads]
        assert all(start % 5 == 0 for start in starts)


def test_memory_maps_hdf5_and_dask(tmp_path: Path) -> None:
    array = (volume((40, 18, 17)) * 999).astype(np.int16)
    wanted = stcorner.structure_tensor_3d(array.astype(np.float64), output="anisotropy")
    np.save(tmp_path / "volume.npy", array)
    kept = np.load(tmp_path / "volume.npy", mmap_mode="r")
    np.testing.assert_array_equal(stcorner.structure_tensor_3d(kept, output="anisotropy"), wanted)
    da = pytest.importorskip("dask.array")
    chunked = da.from_array(array, chunks=(7, 9, 9))
    np.testing.assert_array_equal(stcorner.structure_tensor_3d(chunked, output="anisotropy"), wanted)
    np.testing.assert_array_equal(
        stcorner.detect_stips(kept).coordinates, stcorner.detect_stips(array.astype(np.float64)).coordinates
    )
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "volume.h5", "w") as file:
        data = file.create_dataset("in", data=array, chunks=(8, 18, 17))
        out = file.create_dataset("out", (4, 40, 18, 17), "f4", chunks=(1, 8, 18, 17))
        stcorner.structure_tensor_3d(data, output="anisotropy", out=out)
        np.testing.assert_array_equal(out[:], wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"output": "vectors"},
            "output must be one of 'tensor', 'eigenvalues', 'eigen', 'anisotropy', got 'vectors'",
        ),
        ({"sigma": (1, 2, 3, 4)}, r"sigma must be one value, \(y, x\) or \(t, y, x\), got \(1, 2, 3, 4\)"),
        ({"sigma": (1, 2, 3), "tau": 2.0}, "tau must be left out where sigma has three values, got 2.0"),
        ({"sigma": (1, 0, 3)}, "sigma must be finite and >= 0.1 and <= 64, got 0"),
        (
            {"out": np.zeros((6, 1, 1, 1), np.float32)},
            r"out must have shape \(6, 19, 21, 26\), got \(6, 1, 1, 1\)",
        ),
        ({"out": 5}, r"out must have shape \(6, 19, 21, 26\), got int"),
        ({"out": np.zeros((6, 19, 21, 26), int)}, "out must hold floating-point numbers, got int64"),
        (
            {"out": np.broadcast_to(np.float32(0), (6, 19, 21, 26))},
            "out must be writable, got a read-only array",
        ),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(stcorner.ParameterError, match=message):
        stcorner.structure_tensor_3d(volume(), **options)


def test_refusals_of_arrays_on_disk() -> None:
    with pytest.raises(stcorner.ParameterError, match=r"video must have 3 dimension\(s\), got 2"):
        stcorner.structure_tensor_3d(Sliced(np.zeros((4, 5))))
    with pytest.raises(stcorner.ParameterError, match="video must not be empty"):
        stcorner.structure_tensor_3d(Sliced(np.zeros((0, 5, 5))))
