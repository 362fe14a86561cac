"""Where a neighbour search runs: in this process, or over row blocks on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from stcorner.errors import MissingExtraError, ParameterError
from stcorner.fusion.neighbors import Neighbors, Pairs, nearest_neighbors, nearest_pairs, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from stcorner.fusion.neighbors import Codes, Samples

__all__ = ["ClusterSearch", "LocalSearch", "Search"]


class Search(Protocol):
    """Nearest rows and nearest pairs of the rows it was made for."""

    def neighbors(self, labels: Codes, k: int, *, other: bool, groups: Codes | None) -> NDArray[np.int32]:
        """Nearest rows (n, k) of the same label, or of another one; -1 where there are fewer."""
        ...

    def pairs(self, labels: Codes, k: int, *, per_class: bool, groups: Codes | None) -> Pairs:
        """Nearest pairs of different labels, for each class or over all."""
        ...


class LocalSearch:
    """Search in this process, on `n_threads` threads."""

    def __init__(self, samples: Samples, n_threads: int) -> None:
        self._samples = samples
        self._n_threads = n_threads

    def neighbors(self, labels: Codes, k: int, *, other: bool, groups: Codes | None) -> NDArray[np.int32]:
        """Nearest rows (n, k) of the same label, or of another one; -1 where there are fewer."""
        return nearest_neighbors(
            self._samples, labels, k, other=other, groups=groups, distances=False, n_threads=self._n_threads
        ).rows

    def pairs(self, labels: Codes, k: int, *, per_class: bool, groups: Codes | None) -> Pairs:
        """Nearest pairs of different labels, for each class or over all."""
        return nearest_pairs(
            self._samples, labels, k, per_class=per_class, groups=groups, n_threads=self._n_threads
        )


def merge_neighbors(parts: list[Neighbors], k: int) -> Neighbors:
    """Return the `k` nearest of several lists of the same rows, ties by row number."""
    rows = np.concatenate([part.rows for part in parts], axis=1)
    distance = np.concatenate([part.distance for part in parts], axis=1)
    order = np.lexsort((np.where(rows < 0, np.iinfo(np.int32).max, rows), distance), axis=1)[:, :k]
    return Neighbors(np.take_along_axis(rows, order, axis=1), np.take_along_axis(distance, order, axis=1))


def merge_pairs(parts: list[Pairs], k: int) -> Pairs:
    """Return the `k` nearest pairs of each class, ties by row numbers; no pair may be in two parts."""
    rows, distance, owner = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((rows[:, 1], rows[:, 0], distance, owner))
    rows, distance, owner = rows[order], distance[order], owner[order]
    first = np.searchsorted(owner, owner)  # where the list of each pair's class begins
    keep = np.arange(len(owner)) - first < k
    return Pairs(rows[keep], distance[keep], owner[keep])


def _compare(
    first: NDArray[Any], second: NDArray[Any] | None, kind: str, k: int, flag: bool, labels: Codes,
    groups: Codes | None,
) -> Neighbors | Pairs:  # fmt: skip
    """Search one block of rows, or between two blocks; runs on a worker, on one thread."""
    rows = first if second is None else np.concatenate([first, second])
    sides = None if second is None else np.repeat(np.arange(2, dtype=np.int32), [len(first), len(second)])
    samples = prepare(rows, n_threads=1)
    if kind == "neighbors":
        k = min(k, len(rows))
        return nearest_neighbors(samples, labels, k, other=flag, groups=groups, sides=sides, n_threads=1)
    return nearest_pairs(samples, labels, k, per_class=flag, groups=groups, sides=sides, n_threads=1)


def _finished(tasks: dict[Any, Any]) -> Iterator[tuple[Any, Any]]:
    import distributed

    as_completed: Any = distributed.as_completed
    yield from as_completed(list(tasks), with_results=True)


class ClusterSearch:
    """Search over pairs of row blocks on the workers of a Dask client, merged exactly.

    Each task holds two blocks only, so no worker needs memory for all rows. Distances have the same
    bits everywhere, so the merged result is that of `LocalSearch`.
    """

    def __init__(self, X: NDArray[Any], client: Any, block_rows: int | None = None) -> None:
        try:
            import distributed
        except ImportError:
            raise MissingExtraError("client=", "distributed", "cluster") from None
        is_client: bool = isinstance(client, distributed.Client)
        if not is_client:
            raise ParameterError(f"client must be a distributed.Client, got {type(client).__name__}")
        n = len(X)
        if block_rows is None:  # enough pairs of blocks to keep every core of the cluster busy
            cores = max(1, sum(client.ncores().values()))
            block_rows = max(1024, -(-n // (2 * cores)))
        self._client = client
        self._starts = list(range(0, n, block_rows))
        self._ends = [*self._starts[1:], n]
        self._blocks = client.scatter(
            [X[a:b] for a, b in zip(self._starts, self._ends, strict=True)], hash=False
        )
        self._n = n

    def _submit(self, kind: str, k: int, flag: bool, labels: Codes, groups: Codes | None) -> dict[Any, Any]:
        tasks = {}
        for i, first in enumerate(self._blocks):
            for j in range(i, len(self._blocks)):
                take = np.arange(self._starts[i], self._ends[i])
                if j > i:
                    take = np.concatenate([take, np.arange(self._starts[j], self._ends[j])])
                task = self._client.submit(
                    _compare, first, self._blocks[j] if j > i else None, kind, k, flag, labels[take],
                    None if groups is None else groups[take], pure=False,
                )  # fmt: skip
                tasks[task] = take.astype(np.int32)
        return tasks

    def neighbors(self, labels: Codes, k: int, *, other: bool, groups: Codes | None) -> NDArray[np.int32]:
        """Nearest rows (n, k) of the same label, or of another one; -1 where there are fewer."""
        merged = Neighbors(np.full((self._n, k), -1, dtype=np.int32), np.full((self._n, k), np.inf))
        tasks = self._submit("neighbors", k, other, labels, groups)
        for task, part in _finished(tasks):
            take = tasks[task]
            found = np.where(part.rows < 0, np.int32(-1), take[part.rows])
            best = merge_neighbors(
                [Neighbors(merged.rows[take], merged.distance[take]), Neighbors(found, part.distance)], k
            )
            merged.rows[take], merged.distance[take] = best.rows, best.distance
            task.release()
        return merged.rows

    def pairs(self, labels: Codes, k: int, *, per_class: bool, groups: Codes | None) -> Pairs:
        """Nearest pairs of different labels, for each class or over all."""
        merged = Pairs(np.empty((0, 2), dtype=np.int32), np.empty(0), np.empty(0, dtype=np.int32))
        tasks = self._submit("pairs", k, per_class, labels, groups)
        for task, part in _finished(tasks):
            merged = merge_pairs([merged, Pairs(tasks[task][part.rows], part.distance, part.owner)], k)
            task.release()
        return merged
