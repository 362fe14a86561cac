"""Processes that start after the core has run, and orders of import that put other OpenMP runtimes first."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from robust.work import WORK, digest, digests

TESTS = Path(__file__).parents[1]


def run(code: str, *, timeout: float = 120, **environment: str) -> str:
    """Run `code` in a new interpreter that finds the tests' modules; return what it printed."""
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_fork_after_use() -> None:
    # The parent has a team of OpenMP threads; the child must not wait for theirs.
    code = (
        "import os, warnings; warnings.simplefilter('ignore'); from robust.work import digests\n"
        "before = digests()\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(0 if digests() == before else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n"
        "assert digests() == before\n"
    )
    run(code, OMP_NUM_THREADS="2")


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", [m for m in ("spawn", "forkserver") if m in multiprocessing.get_all_start_methods()]
)
def test_pool_of_new_interpreters(method: str) -> None:
    names = list(WORK)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert dict(zip(names, pool.map(digest, names), strict=True)) == digests()


@pytest.mark.slow
def test_joblib_workers() -> None:
    joblib = pytest.importorskip("joblib")
    names = list(WORK)
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(digest)(name) for name in names)
    assert dict(zip(names, found, strict=True)) == digests()


def test_dask_threads() -> None:
    dask = pytest.importorskip("dask")
    tasks = {name: dask.delayed(digest)(name) for name in WORK}
    assert dask.compute(tasks, scheduler="threads", num_workers=4)[0] == digests()


# Each brings an OpenMP or another thread pool of its own.
NEIGHBOURS = {
    "sklearn": "from sklearn.cluster import KMeans; KMeans(2, n_init=1).fit([[0.0], [1.0], [9.0]])",
    "jax": "import jax.numpy as jnp; jnp.ones(3).sum().block_until_ready()",
    "cv2": "import cv2",
    "us": "from robust.work import digests; first = digests()",
}


@pytest.mark.slow
@pytest.mark.parametrize("order", [*permutations(("us", "sklearn", "jax"))], ids="-".join)
def test_import_orders(order: tuple[str, ...]) -> None:
    pytest.importorskip("jax")
    first, *others = order
    lines = [NEIGHBOURS[name] for name in (first, "cv2", *others)]
    lines += ["import json; assert digests() == first; print(json.dumps(first))"]
    assert json.loads(run("\n".join(lines))) == digests()


def test_threadpool_limits_reach_the_core() -> None:
    code = (
        "import stcorner; from stcorner import _core; from threadpoolctl import threadpool_limits\n"
        "with threadpool_limits(1): print(_core.effective_threads(0, 100), end=' ')\n"
        "print(_core.effective_threads(0, 100))"
    )
    assert run(code, OMP_NUM_THREADS="3") == "1 3"


def test_exit_while_a_thread_is_in_the_core() -> None:
    code = (
        "import threading, time; from robust.work import digests\n"
        "def forever():\n    while True: digests()\n"
        "for _ in range(2): threading.Thread(target=forever, daemon=True).start()\n"
        "time.sleep(0.5)\n"
    )
    run(code, timeout=60)
