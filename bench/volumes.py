"""Structure tensor and eigenvalues of a 3-D image, beside scikit-image, structure-tensor and OrientationPy.

``python bench/volumes.py``                     peers on a small volume, then 512 x 512 x 512 alone
``python bench/volumes.py --stream FOLDER``     1024 x 1024 x 1024 from one Zarr array to another

Every case runs in a process of its own, on one thread, for its peak memory is asked for; seconds are those
of the processor. Peers smooth with the same standard deviations; scikit-image takes the gradient before it
smooths, OrientationPy smooths with a standard deviation of 1 and tells fibres from sheets by the tensor's
invariants.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from common import version, write_results

SIGMA, RHO = 1.5, 1.5 * 2**0.5
CASES = (
    "stcorner, eigenvalues",
    "stcorner, eigen",
    "stcorner, anisotropy",
    "scikit-image",
    "structure-tensor",
    "OrientationPy",
)


def volume(size: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.random((size, size, size), dtype=np.float32)


def work(case: str, array: np.ndarray) -> None:
    if case.startswith("stcorner"):
        import stcorner

        output = case.split(", ")[1]
        stcorner.structure_tensor_3d(array, sigma=(SIGMA,) * 3, output=output, n_threads=1)  # type: ignore[call-overload]
    elif case == "scikit-image":
        from skimage.feature import structure_tensor, structure_tensor_eigenvalues

        structure_tensor_eigenvalues(structure_tensor(array, sigma=RHO))
    elif case == "OrientationPy":
        import orientationpy

        tensor = orientationpy.computeStructureTensor(orientationpy.computeGradient(array), sigma=RHO)
        orientationpy.computeStructureType(tensor)
    else:
        from structure_tensor import eig_special_3d, structure_tensor_3d

        eig_special_3d(structure_tensor_3d(array, SIGMA, RHO), full=False)


def stream(folder: Path, size: int) -> None:
    """Anisotropy of an array on disk to an array on disk."""
    import zarr

    import stcorner

    options = {"overwrite": True, "compressors": None}  # noise would not shrink
    source = zarr.create_array(
        folder / "in.zarr", shape=(size,) * 3, chunks=(32, 256, 256), dtype="uint8", **options
    )
    rng = np.random.default_rng(0)
    for start in range(0, size, 32):
        source[start : start + 32] = rng.integers(0, 256, (32, size, size), dtype=np.uint8)
    out = zarr.create_array(
        folder / "out.zarr",
        shape=(4, size, size, size),
        chunks=(1, 8, 256, 256),
        dtype="float32",
        **options,
    )
    stcorner.structure_tensor_3d(source, sigma=(SIGMA,) * 3, output="anisotropy", out=out)


def one(case: str, size: int, folder: str | None) -> None:
    """Print seconds and the peak of this process, less what it held before."""
    array = None if folder else volume(size)
    if not folder:
        work(case, volume(16))  # imports and compilers
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    if folder:
        stream(Path(folder), size)
    elif array is not None:
        work(case, array)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row = {
        "case": case,
        "size": size,
        "cpu_s": round(time.process_time() - cpu, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "Mvoxel_per_cpu_s": round(size**3 / (time.process_time() - cpu) / 1e6, 2),
        "peak_MB": round(peak / 1024),
        "peak_beyond_input_MB": round((peak - before) / 1024),
    }
    print(json.dumps(row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=192, help="side of the volume that peers get too")
    parser.add_argument(
        "--large", type=int, default=512, help="side of the volume of stcorner alone; 0: none"
    )
    parser.add_argument("--stream", metavar="FOLDER", help="stream a Zarr array instead, written there")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        return one(options.case, options.size, options.stream)
    plan = [(case, options.size) for case in CASES]
    plan += [(case, options.large) for case in CASES[:3] if options.large]
    if options.stream:
        plan = [("stcorner, anisotropy, Zarr to Zarr", 1024 if options.size == 192 else options.size)]
    rows = []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for case, size in plan:
        command = [sys.executable, __file__, "--case", case, "--size", str(size)]
        command += ["--stream", options.stream] if options.stream else []
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            print(f"{case}: not measured: {done.stderr.strip().splitlines()[-1]}")
            continue
        package = case.split(",")[0].lower()
        rows.append(json.loads(done.stdout.splitlines()[-1]) | {"version": version(package)})
        print(rows[-1], flush=True)
    print(write_results("volumes_stream" if options.stream else "volumes", rows))
    return None


if __name__ == "__main__":
    main()
