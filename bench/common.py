"""Shared by the benchmarks: interleaved timing, medians, and result files that say where they come from."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RESULTS = Path(__file__).parent / "results"


def interleaved(
    cases: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 7,
    budget: float = 60.0,
    resident: int = 0,
) -> dict[str, dict[str, float]]:
    """Time all cases in turn, round after round, so that a busy minute falls on all of them alike.

    One warm-up round is not counted. Rounds end after `repeats` or when `budget` seconds are spent, but
    not before three. Gives seconds: median, min and max of the wall clock, and the least CPU time.

    `resident` bytes are written and given back before every run. A virtual machine may return free pages
    to its host; whoever next allocates a large result then waits for them (0.01 to 0.37 s for one of 110 MB
    on one machine), and which case that is depends on the order alone. With as much memory just in use,
    every case finds its pages in the same state.
    """
    for run in cases.values():
        run()
    wall: dict[str, list[float]] = {name: [] for name in cases}
    cpu: dict[str, list[float]] = {name: [] for name in cases}
    start = time.perf_counter()
    for done in range(repeats):
        if done >= 3 and time.perf_counter() - start > budget:
            break
        for name, run in cases.items():
            if resident:
                np.full(resident, 1, np.uint8)
            a, b = time.perf_counter(), time.process_time()
            run()
            cpu[name].append(time.process_time() - b)
            wall[name].append(time.perf_counter() - a)
    return {
        name: {
            "median_s": statistics.median(times),
            "min_s": min(times),
            "max_s": max(times),
            "cpu_min_s": min(cpu[name]),
            "repeats": len(times),
        }
        for name, times in wall.items()
    }


def machine() -> dict[str, Any]:
    """Processor, load, compiler and versions."""
    import stcorner

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "commit": commit.stdout.strip() or None,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": stcorner.show_versions(),
    }


def version(package: str) -> str | None:
    """Version of a peer, or None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def write_results(name: str, results: Any, folder: Path = RESULTS) -> Path:
    """Write NAME.json, in bench/results unless told otherwise: the machine and the results."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), "results": results}, indent=1) + "\n")
    return path
