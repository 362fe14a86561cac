"""Marginal Fisher Analysis against its peers: graphs and whole fits, equal neighbours checked first.

Data: six overlapping classes in CREMA-D's proportions, 162 columns, float32, in two kinds:
``lowrank``, 40 directions of falling variance and noise, as concatenated audio and video features are, and
``isotropic``, pure noise of equal variance, where bounds by principal directions cannot help.

Work: ``intrinsic`` (5 nearest of the same class), ``pairs`` (the nearest pairs between each class and the
rest), ``fit`` (both graphs, Laplacians, eigenproblem; no principal components dropped). Peers do the same
job in the best way that their interface allows: a search within each class; for pairs, the nearest other
row of each row, a bound from those, and an exact search among the rows within it.

Each peer runs in a process of its own (thread pools of several libraries disturb one another), and the
processes take turns: round after round, one repetition each, until the rounds or the seconds of a row are
spent. All begin with a few of the rows, which is not counted. The first run of all rows counts only where
it takes longer than SLOW, and then it is the only one. Reported: medians, and ratios of medians. A peer
that is not installed, or fails, is named.

    python bench/fusion.py --out bench/results/fusion.json
    python bench/fusion.py --sizes 7442 --work intrinsic --rounds 3
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

D, K1 = 162, 5
PEERS = ("stcorner", "faiss", "scikit-learn-intelex", "scikit-learn", "dense", "metric-learn")
PACKAGES = {"faiss": "faiss-cpu", "dense": "numpy"}
# Which sizes are worth their time: the dense ways need several n x n matrices.
LARGEST = {"dense": 7442, "metric-learn": 7442}
SLOW = 4.0


def make_data(n, kind):
    rng = np.random.default_rng(n)
    share = np.array([1271] * 5 + [1087]) / 7442
    counts = np.floor(share * n).astype(int)
    counts[0] += n - counts.sum()
    y = np.repeat(np.arange(6, dtype=np.int32), counts)
    if kind == "isotropic":
        X = rng.standard_normal((n, D)) + 0.1 * rng.standard_normal((6, D))[y]
    else:
        axes = rng.standard_normal((40, D)) * np.linspace(1.5, 0.2, 40)[:, None]
        X = (0.5 * rng.standard_normal((6, 40))[y] + rng.standard_normal((n, 40))) @ axes
        X += 0.5 * rng.standard_normal((n, D))
    order = rng.permutation(n)
    return X[order].astype(np.float32), y[order]


# ---- peers: search(queries, base, k) -> squared distances, rows


def search_faiss(n_threads):
    import faiss

    faiss.omp_set_num_threads(n_threads)
    return lambda Q, B, k: faiss.knn(np.ascontiguousarray(Q), np.ascontiguousarray(B), k)


def search_sklearn(n_threads, metric="sqeuclidean"):
    from sklearn.neighbors import NearestNeighbors

    def search(Q, B, k):
        model = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric, n_jobs=n_threads)
        distance, rows = model.fit(B).kneighbors(Q)
        return (distance if metric == "sqeuclidean" else distance * distance), rows

    return search


def search_intelex(n_threads):
    from sklearnex import patch_sklearn

    patch_sklearn(verbose=False)
    return search_sklearn(n_threads, metric="euclidean")


SEARCHES = {"faiss": search_faiss, "scikit-learn": search_sklearn, "scikit-learn-intelex": search_intelex}


def peer_intrinsic(X, y, search):
    rows = np.empty((len(X), K1), dtype=np.int64)
    for label in range(6):
        own = np.flatnonzero(y == label)
        block = np.ascontiguousarray(X[own])
        found = search(block, block, K1 + 1)[1]
        keep = found != np.arange(len(own))[:, None]
        keep[keep.all(axis=1), -1] = False  # the row itself was not among its own nearest: duplicates
        rows[own] = own[found[keep].reshape(len(own), K1)]
    return rows


def peer_pairs(X, y, search, k2):
    squares = np.einsum("ij,ij->i", X, X)
    lists = []
    for label in range(6):
        own, rest = np.flatnonzero(y == label), np.flatnonzero(y != label)
        inside, outside = X[own], X[rest]
        nearest = search(inside, outside, 1)[0][:, 0]
        place = min(k2, len(own)) - 1
        near = np.flatnonzero(nearest <= np.partition(nearest, place)[place] * 1.00001)
        # The k2-th smallest of these distances bounds the k2-th nearest pair (with fewer rows than pairs
        # asked for, all rows stay); searched by blocks, the best are kept.
        best = []
        for start in range(0, len(near), 512):
            part = near[start : start + 512]
            distance = inside[part] @ outside.T
            distance *= -2
            distance += squares[rest]
            distance += squares[own[part]][:, None]
            flat = distance.ravel()
            few = np.argpartition(flat, k2)[:k2] if flat.size > k2 else np.arange(flat.size)
            best.append(np.stack([flat[few], own[part[few // len(rest)]], rest[few % len(rest)]], axis=1))
        best = np.concatenate(best)
        lists.append(best[np.argsort(best[:, 0], kind="stable")[:k2], 1:].astype(np.int64))
    return np.concatenate(lists)


def peer_fit(X, neighbors, pairs):
    from scipy.linalg import eigh
    from scipy.sparse import csr_array

    n = len(X)

    def scatter(first, second):
        W = csr_array((np.ones(len(first), np.float32), (first, second)), shape=(n, n))
        W = W.maximum(W.T)
        W.data[:] = 1
        product = X * np.asarray(W.sum(axis=1)).reshape(-1, 1) - W @ X
        return (X.T @ product).astype(np.float64)

    within = scatter(np.repeat(np.arange(n), K1), neighbors.ravel())
    between = scatter(pairs[:, 0], pairs[:, 1])
    within = (within + within.T) / 2 + 1e-3 * np.trace(within) / D * np.eye(D)
    return eigh((between + between.T) / 2, within)[0][::-1]


def dense_fit(X, y, k2):
    """The way of the public implementations: n x n distances, full sorts, dense Laplacians."""
    from scipy.linalg import eigh

    X = X.astype(np.float64)
    squares = (X * X).sum(axis=1)
    distance = np.maximum(squares[:, None] + squares - 2 * X @ X.T, 0)
    same = y[:, None] == y
    order = np.argsort(np.where(same, distance, np.inf), axis=1)[:, 1 : K1 + 1]
    W, P = np.zeros_like(distance), np.zeros_like(distance)
    W[np.repeat(np.arange(len(X)), K1), order.ravel()] = 1
    for label in range(6):
        own, rest = np.flatnonzero(y == label), np.flatnonzero(y != label)
        few = np.argsort(distance[np.ix_(own, rest)], axis=None)[:k2]
        P[own[few // len(rest)], rest[few % len(rest)]] = 1
    within, between = (
        X.T @ ((np.diag(G.sum(axis=1)) - G) @ X) for G in (np.maximum(W, W.T), np.maximum(P, P.T))
    )
    return eigh(between, within + 1e-3 * np.trace(within) / D * np.eye(D))[0][::-1]


def lfda_fit(X, y):
    import metric_learn._util as util

    def renamed(inner):
        def call(*args, **kwargs):  # metric-learn 0.7 passes scikit-learn's former argument name
            if "force_all_finite" in kwargs:
                kwargs["ensure_all_finite"] = kwargs.pop("force_all_finite")
            return inner(*args, **kwargs)

        return call

    util.check_X_y, util.check_array = renamed(util.check_X_y), renamed(util.check_array)
    from metric_learn import LFDA

    return LFDA(n_components=20, k=K1).fit(X, y)


def make_job(peer, work, X, y, k2, n_threads):
    """Return a function that does the work once and returns what is compared."""
    if peer == "stcorner":
        import stcorner
        from stcorner.fusion.neighbors import nearest_neighbors, nearest_pairs, prepare

        def intrinsic():
            samples = prepare(X, turn=len(X) >= 160 * D, n_threads=n_threads)
            return nearest_neighbors(samples, y, K1, n_threads=n_threads).rows

        def fit():
            mfa = stcorner.MarginalFisherAnalysis(
                n_neighbors=K1, n_pairs=k2, pca_variance=1.0, shrinkage=1e-3, n_threads=n_threads
            )
            return 1 / mfa.fit(X, y).ratios_

        return {
            "intrinsic": intrinsic,
            "pairs": lambda: nearest_pairs(prepare(X, n_threads=n_threads), y, k2, n_threads=n_threads).rows,
            "fit": fit,
        }[work]
    if peer == "dense":
        return lambda: dense_fit(X, y, k2)
    if peer == "metric-learn":
        return lambda: lfda_fit(X, y)
    search = SEARCHES[peer](n_threads)
    return {
        "intrinsic": lambda: peer_intrinsic(X, y, search),
        "pairs": lambda: peer_pairs(X, y, search, k2),
        "fit": lambda: peer_fit(X, peer_intrinsic(X, y, search), peer_pairs(X, y, search, k2)),
    }[work]


# ---- measuring: a child answers one line per command


def child(peer, work, n, kind, k2, n_threads):
    X, y = make_data(n, kind)
    few = [np.ascontiguousarray(each[:: max(1, n // 800)]) for each in (X, y)]
    make_job(peer, work, *few, min(k2, 100), n_threads)()  # imports, threads
    job = make_job(peer, work, X, y, k2, n_threads)
    for line in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        result = job()
        answer = {
            "seconds": time.perf_counter() - start,
            "cpu": time.process_time() - cpu,
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        if line.startswith("check") and isinstance(result, np.ndarray):
            answer["result"] = result.tolist()
        print(json.dumps(answer), flush=True)


class Runner:
    """A peer in a process of its own."""

    def __init__(self, arguments, n_threads):
        threads = str(n_threads)
        # Without the time-out, OpenBLAS's spinning pool keeps the cores from the OpenMP pool beside it.
        env = {**os.environ, "OPENBLAS_THREAD_TIMEOUT": "4"}
        env |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        command = [sys.executable, __file__, "--child", *map(str, arguments)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )

    def once(self, command="run"):
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else None

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def agreement(work, truth, found):
    """Share of equal answers: neighbours per row, pairs per class list, or eigenvalues within 0.1 %."""
    a, b = np.asarray(truth), np.asarray(found)
    if work == "fit":
        n = min(len(a), len(b), 20)
        return float(np.mean(np.isclose(a[:n], b[:n], rtol=1e-3)))
    if work == "intrinsic":
        return float(
            np.mean([len(set(p) & set(q)) / K1 for p, q in zip(a.tolist(), b.tolist(), strict=True)])
        )
    pairs = [{tuple(sorted(p)) for p in each.tolist()} for each in (a, b)]
    return len(pairs[0] & pairs[1]) / max(1, len(pairs[0]))


def compare(work, n, kind, k2, n_threads, peers, rounds, budget):
    """Time one kind of work; returns the rows and the peers that gave none."""
    runners, first, rows, absent = {}, {}, [], []
    for peer in peers:
        if n > LARGEST.get(peer, n) or (work != "fit" and peer in LARGEST):
            continue
        runner = Runner((peer, work, n, kind, k2, n_threads), n_threads)
        answer = runner.once("check")  # also warms up
        if answer is None:
            print(f"{peer}: not run here ({work}, n={n}, {kind})", file=sys.stderr)
            absent.append({"work": work, "n": n, "data": kind, "peer": peer})
            runner.close()
            continue
        runners[peer], first[peer] = runner, answer
    times = {peer: [answer] if answer["seconds"] > SLOW else [] for peer, answer in first.items()}
    quick = [peer for peer in runners if not times[peer]]
    start = time.perf_counter()
    for done in range(rounds):
        if done and time.perf_counter() - start > budget:
            break
        for peer in quick:
            times[peer].append(runners[peer].once())
    truth = first["stcorner"].get("result")
    for peer, runner in runners.items():
        runner.close()
        median, cpu = (statistics.median(each[key] for each in times[peer]) for key in ("seconds", "cpu"))
        row = {
            "work": work, "n": n, "d": D, "data": kind, "k1": K1, "k2": k2, "threads": n_threads,
            "peer": peer,
            "median_s": round(median, 5), "cpu_s": round(cpu, 5), "rounds": len(times[peer]),
            "peak_mb": first[peer]["peak_mb"],
            "ratio": round(median / statistics.median(each["seconds"] for each in times["stcorner"]), 2),
        }  # fmt: skip
        if "result" in first[peer] and truth is not None:
            row["agreement"] = round(agreement(work, truth, first[peer]["result"]), 6)
        rows.append(row)
        print("  ".join(f"{key}={row[key]}" for key in row if key not in ("d", "k1")), flush=True)
    return rows, absent


def versions():
    names = ["numpy", "scipy", "scikit-learn", "scikit-learn-intelex", "faiss-cpu", "metric-learn"]
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="7442,20000,60359")
    parser.add_argument("--data", default="lowrank,isotropic")
    parser.add_argument("--work", default="intrinsic,pairs,fit")
    parser.add_argument("--pairs", default="100,2000")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=10.0, help="seconds for the rounds of a row")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        peer, work, n, kind, k2, threads = options.child
        child(peer, work, int(n), kind, int(k2), int(threads))
        return
    import stcorner

    record = {
        "command": "python bench/fusion.py " + " ".join(sys.argv[1:]), "processor": processor(),
        "cores": os.cpu_count(), "load": [round(x, 2) for x in os.getloadavg()],
        "isa": stcorner.active_isa(),
        "stcorner": stcorner.__version__, "python": platform.python_version(), "versions": versions(),
        "rows": [], "absent": [],
    }  # fmt: skip
    for n in map(int, options.sizes.split(",")):
        for kind in options.data.split(","):
            for work in options.work.split(","):
                for k2 in map(int, options.pairs.split(",")) if work == "pairs" else (100,):
                    peers = options.peers.split(",")
                    found, missing = compare(
                        work, n, kind, k2, options.threads, peers, options.rounds, options.budget
                    )
                    record["rows"] += found
                    record["absent"] += missing
                    if options.out:  # at once: a run that is cut short keeps what it has
                        options.out.parent.mkdir(parents=True, exist_ok=True)
                        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
