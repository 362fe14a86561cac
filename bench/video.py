"""Space-time corners against the peers, in one run on the same clip.

    python bench/video.py              all workloads with 1 and 2 threads; writes bench/results/video.json
    python bench/video.py --hour       one hour of generated 640 x 480 video through detect_stips: peak memory
    python bench/video.py --sizes      the response from 640 x 480 to 3840 x 2160, points of 4K, and peers
    python bench/video.py --quick      the face crop only

Results are compared before anything is timed. Ratios are of medians; all cases of a thread count run in
turn, round after round, in one process. `share` is the part of the measured multiply-add peak
that an ideal folded separable filter (235 multiply-adds a voxel) needs for the same throughput.

`four calls over four scales` has little to win: four scales share the reading and the spatial smoothing,
44 of the 1,104 multiply-adds a voxel of four calls. Four tensors with four integration windows remain, and
more rings than the caches hold. What is saved beside is a stored response and a search of its own for each.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import RESULTS, interleaved, version, write_results
from video_peers import INNER_T, INNER_X, MARGIN, OUTER_T, OUTER_X, PEERS, SIGMA, TAU

WORKLOADS = {"face": (100, 128, 128), "vga": (90, 480, 640)}
# One multiply-add a folded tap: y, x and t of the smoothing, then of the six products.
IDEAL = 2 * len(INNER_X) + len(INNER_T) + 6 * (2 * len(OUTER_X) + len(OUTER_T))


def make_clip(shape: tuple[int, int, int]) -> np.ndarray:
    """Texture, blobs that bounce, and noise; values of 0 to 255 as float32."""
    rng = np.random.default_rng(5)
    t, y, x = (np.arange(n, dtype=np.float32) for n in shape)
    video = 110 + 35 * np.sin(x / 9 + 0.02 * t[:, None, None]) * np.cos(y / 13)[:, None]
    for _ in range(max(6, shape[1] * shape[2] // 6000)):
        (cy, cx), (vy, vx) = rng.uniform((0, 0), shape[1:]), rng.uniform(-2, 2, 2)
        size, turn, gain = rng.uniform(2, 6), rng.uniform(0, shape[0]), rng.uniform(-90, 90)
        way = np.abs(t - turn)
        along_y = np.exp(-((y[None] - (cy + vy * way)[:, None]) ** 2) / (2 * size**2))
        along_x = np.exp(-((x[None] - (cx + vx * way)[:, None]) ** 2) / (2 * size**2))
        video += gain * along_y[:, :, None] * along_x[:, None]
    video += rng.normal(0, 2, shape)
    return np.clip(video.round(), 0, 255).astype(np.float32)


def peak(threads: int) -> float:
    """Multiply-adds a second of the cores used, measured with sgemm, which reaches about 90 % of it."""
    from threadpoolctl import threadpool_limits

    a = np.random.default_rng(0).random((2048, 2048), dtype=np.float32)
    best = math.inf
    with threadpool_limits(threads):
        for _ in range(4):
            start = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - start)
    return 2048**3 / best


def child(name: str, threads: int, repeats: int) -> dict[str, Any]:
    import stcorner

    shape = WORKLOADS[name]
    video = make_clip(shape)
    pixels = video.astype(np.uint8)
    one = {"sigma": SIGMA, "tau": TAU, "scale_normalize": False, "n_threads": threads}
    sigmas, taus = (SIGMA, SIGMA * math.sqrt(2)), (TAU, 2.0)

    def four_calls() -> None:
        for sigma in sigmas:
            for tau in taus:
                response = stcorner.corner_harris_3d(video, sigma=sigma, tau=tau, n_threads=threads)
                stcorner.corner_peaks_3d(response, n_threads=threads)

    cases: dict[str, Any] = {
        "stcorner": lambda: stcorner.corner_harris_3d(video, **one),
        "stcorner uint8": lambda: stcorner.corner_harris_3d(pixels, **one),
        "detect_stips": lambda: stcorner.detect_stips(video, sigmas=SIGMA, taus=TAU, n_threads=threads),
        "four scales": lambda: stcorner.detect_stips(video, sigmas=sigmas, taus=taus, n_threads=threads),
        "four calls": four_calls,
        "describe": lambda: stcorner.describe_stips(pixels, points, n_threads=threads),
        "texture map": lambda: stcorner.texture_map_histogram(
            pixels, scales=[(SIGMA, TAU)], n_threads=threads
        ),
        "orientations": lambda: stcorner.orientation_histogram(pixels, n_threads=threads),
    }
    points = stcorner.detect_stips(pixels, n_threads=threads, num_peaks=1600)
    wanted = stcorner.corner_harris_3d(video, **one)
    inside = tuple(slice(m, -m) for m in MARGIN)
    errors, missing = {}, []
    for peer, make in PEERS.items():
        if version({"opencv": "opencv-python-headless"}.get(peer, peer)) is None:
            missing.append(peer)
            continue
        run = make(shape, threads)
        difference = np.abs(run(video)[inside] - wanted[inside]).max() / np.abs(wanted[inside]).max()
        errors[peer] = float(difference)
        if difference > 1e-4:
            raise SystemExit(f"{peer} disagrees by {difference:g} of the largest response")
        cases[peer] = lambda run=run: run(video)
    budget = 90 if name == "face" else 150
    times = interleaved(cases, repeats=repeats, budget=budget, resident=3 * video.nbytes)
    best = peak(threads)
    rate = video.size / times["stcorner"]["median_s"]
    ratios = {f"against {peer}": times[peer]["median_s"] / times["stcorner"]["median_s"] for peer in errors}
    ratios["detect_stips over response"] = times["detect_stips"]["median_s"] / times["stcorner"]["median_s"]
    ratios["uint8 over float32"] = times["stcorner uint8"]["median_s"] / times["stcorner"]["median_s"]
    ratios["describe over four scales"] = times["describe"]["median_s"] / times["four scales"]["median_s"]
    ratios["texture map over uint8"] = times["texture map"]["median_s"] / times["stcorner uint8"]["median_s"]
    ratios["four calls over four scales"] = times["four calls"]["median_s"] / times["four scales"]["median_s"]
    return {
        "workload": name, "shape": shape, "threads": threads, "times": times,
        "Mvoxel_per_s": {case: video.size / each["median_s"] / 1e6 for case, each in times.items()},
        "peers_error": errors, "peers_missing": missing, "ratios": ratios,
        "multiply_adds_per_voxel": IDEAL, "peak_multiply_adds_per_s": best, "share": rate * IDEAL / best,
        "versions": {p: version({"opencv": "opencv-python-headless"}.get(p, p)) for p in PEERS},
    }  # fmt: skip


SIZES = {"vga": (480, 640), "1080p": (1080, 1920), "4k": (2160, 3840)}


def size(name: str) -> dict[str, Any]:
    """One thread, uint8, the response of clips of 48 frames, 400 million voxels in all; peak of the process.

    What the system needs to zero the memory of results, which larger frames cannot reuse, is kept apart.
    """
    import stcorner

    height, width = SIZES[name.removesuffix(" points")]
    frame = np.tile(make_clip((8, 480, 640)).astype(np.uint8), (1, 5, 6))[:, :height, :width].copy()
    n_frames = 48
    n_clips = max(1, round(400e6 / (n_frames * frame[0].size)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    class Looped:  # an array that is made as it is read
        shape, dtype = (n_frames, *frame.shape[1:]), frame.dtype

        def __getitem__(self, key: slice) -> np.ndarray:
            return frame[np.arange(key.start, min(key.stop, n_frames)) % 8]

    start = os.times()
    if name.endswith("points"):
        n_clips = 1
        found = len(stcorner.detect_stips(Looped(), threshold_rel=0.2, n_threads=1))
    else:
        found = 0
        for _ in range(n_clips):
            stream = stcorner.HarrisStream(frame.shape[1:], sigma=SIGMA, tau=TAU, n_threads=1)
            found += sum(len(stream.push(frame)) for _ in range(n_frames // 8)) + len(stream.flush())
    end = os.times()
    voxels = n_clips * n_frames * frame[0].size
    return {
        "what": name, "frames": n_frames, "clips": n_clips, "found": found, "user_s": end.user - start.user,
        "system_s": end.system - start.system, "Mvoxel_per_user_s": voxels / (end.user - start.user) / 1e6,
        "peak_beyond_start_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before,
    }  # fmt: skip


def size_of_peer(name: str, case: str, threads: int) -> dict[str, Any]:
    """The response of one clip of 24 frames in memory; the best wall time of a few runs, and what it holds.

    Peers hold the whole clip and its six products, so that memory ends their clips; a longer one streams.
    """
    import stcorner

    shape = (24, *SIZES[name])
    frames = np.tile(make_clip((8, 480, 640)), (1, 5, 6))[:, : shape[1], : shape[2]]
    video = np.empty(shape, np.float32)
    for start in range(0, shape[0], len(frames)):
        video[start : start + len(frames)] = frames
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    best = math.inf
    try:
        if case == "stcorner":
            options = {"sigma": SIGMA, "tau": TAU, "scale_normalize": False, "n_threads": threads}
            run = lambda clip: stcorner.corner_harris_3d(clip, **options)  # noqa: E731
        else:
            run = PEERS[case](shape, threads)
        for _ in range({"vga": 5, "1080p": 3, "4k": 2}[name]):
            start_s = time.perf_counter()
            run(video)
            best = min(best, time.perf_counter() - start_s)
    except (ImportError, MemoryError) as error:
        return {"what": name, "case": case, "threads": threads, "not_measured": repr(error)}
    return {
        "what": name, "case": case, "threads": threads, "frames": shape[0], "best_s": best,
        "Mvoxel_per_s": video.size / best / 1e6,
        "peak_beyond_clip_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before,
    }  # fmt: skip


def hour(minutes: float) -> dict[str, Any]:
    """Generated 25 fps VGA video through detect_stips; frames are made as they are read."""
    import stcorner

    base = make_clip((16, 480, 640)).astype(np.uint8)
    n_blocks = round(minutes * 60 * 25 / 16)
    levels: list[float] = []

    def blocks() -> Any:
        for i in range(n_blocks):
            yield np.roll(base, (i * 7) % 640, axis=2)
            if i % max(1, n_blocks // 20) == 0:
                levels.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    start = time.perf_counter()
    points = stcorner.detect_stips(blocks(), threshold_rel=0.2)
    return {
        "minutes": minutes, "frames": 16 * n_blocks, "points": len(points),
        "seconds": time.perf_counter() - start, "peak_MB": levels,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the face crop only, fewer rounds")
    parser.add_argument(
        "--hour", type=float, nargs="?", const=60.0, metavar="MINUTES", help="memory of a long stream"
    )
    parser.add_argument("--sizes", action="store_true", help="rate and memory by the size of a frame")
    parser.add_argument("--size", help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument(
        "--out", type=Path, default=RESULTS, metavar="FOLDER", help="where the JSON goes (bench/results)"
    )
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(arguments.child[0], int(arguments.child[1]), arguments.repeats)))
        return
    if arguments.size:
        what, *peer = arguments.size.split(":")
        row = size_of_peer(what, peer[0], int(peer[1])) if peer else size(what)
        print(json.dumps(row))
        return
    if arguments.sizes:
        rows = []
        # Twice, so that a busy minute shows.
        names = [*SIZES, *SIZES, "4k points"]
        names += [f"{name}:{case}:{n}" for name in SIZES for n in (1, 2) for case in ("stcorner", *PEERS)]
        for name in names:
            limits = ("OMP", "OPENBLAS", "NUMBA", "HL")
            env = {**os.environ, **{f"{each}_NUM_THREADS": name[-1] for each in limits if ":" in name}}
            run = subprocess.run(
                [sys.executable, __file__, "--size", name], env=env, stdout=subprocess.PIPE, text=True
            )
            if run.returncode:  # ended by the system, which had no more memory
                rows.append({"what": name, "not_measured": f"exit status {run.returncode}"})
            else:
                rows.append(json.loads(run.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
        print(write_results("video_sizes", rows, arguments.out))
        return
    if arguments.hour:
        result = hour(arguments.hour)
        print(json.dumps(result, indent=1))
        write_results("video_hour", result, arguments.out)
        return
    results = []
    for name in ["face"] if arguments.quick else list(WORKLOADS):
        for threads in (1, 2):
            limits = ("OMP", "OPENBLAS", "NUMBA", "HL")
            env = {**os.environ, **{f"{each}_NUM_THREADS": str(threads) for each in limits}}
            repeats = 3 if arguments.quick else arguments.repeats
            command = [sys.executable, __file__, "--repeats", str(repeats), "--child", name, str(threads)]
            run = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True)
            if run.returncode:
                raise SystemExit(f"{name} with {threads} thread(s) failed")
            results.append(json.loads(run.stdout.splitlines()[-1]))
            row = results[-1]
            rates = ", ".join(f"{case} {value:.1f}" for case, value in row["Mvoxel_per_s"].items())
            print(f"{name}, {threads} thread(s), Mvoxel/s: {rates}")
            print("   " + ", ".join(f"{what} {value:.2f}" for what, value in row["ratios"].items()), end="")
            print(f", share of peak {row['share']:.0%}", flush=True)
            if row["peers_missing"]:
                print(f"   not measured, not installed: {', '.join(row['peers_missing'])}", flush=True)
    print(write_results("video", results, arguments.out))


if __name__ == "__main__":
    main()
