"""Rows on disk and rows on a cluster give the bits of rows in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from stcorner.fusion import MarginalFisherAnalysis, ParquetRows, intrinsic_graph, penalty_graph
from stcorner.fusion.neighbors import prepare
from stcorner.fusion.search import ClusterSearch, LocalSearch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ["class_pairs", "global_pairs", "sample_neighbors"]


def table(rng: np.random.Generator, n: int = 9000, d: int = 6) -> tuple[np.ndarray, np.ndarray]:
    y = rng.integers(0, 4, n)
    return rng.standard_normal((n, d)) + y[:, None] * 0.2, y


def test_memory_map_gives_the_same_bits(rng: np.random.Generator, tmp_path: Path) -> None:
    X, y = table(rng)
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    base = MarginalFisherAnalysis(n_pairs=50).fit(X, y)
    disk = MarginalFisherAnalysis(n_pairs=50).fit(mapped, y)
    np.testing.assert_array_equal(disk.components_, base.components_)


@pytest.mark.parametrize("group", [100, 4096, 9000])
def test_parquet_gives_the_same_bits(rng: np.random.Generator, tmp_path: Path, group: int) -> None:
    X, y = table(rng)
    names = [f"f{i}" for i in range(6)]
    path = tmp_path / "rows.parquet"
    pd.DataFrame(X, columns=names).assign(clip="x").to_parquet(path, row_group_size=group)
    rows = ParquetRows(path, names)
    assert rows.shape == X.shape
    disk = MarginalFisherAnalysis(n_pairs=50).fit(rows, y)
    np.testing.assert_array_equal(disk.components_, MarginalFisherAnalysis(n_pairs=50).fit(X, y).components_)
    assert disk.feature_names_in_.tolist() == names


def test_parquet_refusals(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]}).to_parquet(path)
    with pytest.raises(ValueError, match="column 'b' must be numeric"):
        ParquetRows(path)
    with pytest.raises(ValueError, match="must have the column 'c'"):
        ParquetRows(path, ["c"])
    with pytest.raises(ValueError, match="column 'a' must have no empty cells"):
        MarginalFisherAnalysis().fit(ParquetRows(path, ["a"]), [0, 1])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match="must be a readable Parquet file"):
        ParquetRows(tmp_path / "bad.parquet")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    # Threads of this process serve as workers here; test_on_worker_processes has real ones.
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as made,
    ):
        yield made


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("block_rows", [97, 150, 1000])
def test_cluster_equals_local(rng: np.random.Generator, client: Any, block_rows: int) -> None:
    X = rng.integers(0, 4, (300, 4)).astype(float)  # many ties
    y, groups = rng.integers(0, 3, 300).astype(np.int32), rng.integers(0, 90, 300).astype(np.int32)
    there, here = ClusterSearch(X, client, block_rows), LocalSearch(prepare(X), 1)
    for given in (None, groups):
        for other in (False, True):
            np.testing.assert_array_equal(
                there.neighbors(y, 6, other=other, groups=given),
                here.neighbors(y, 6, other=other, groups=given),
            )
        for per_class in (False, True):
            for a, b in zip(
                there.pairs(y, 40, per_class=per_class, groups=given),
                here.pairs(y, 40, per_class=per_class, groups=given),
                strict=True,
            ):
                np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_on_worker_processes(rng: np.random.Generator) -> None:
    distributed = pytest.importorskip("distributed")
    X, y = table(rng, 3000)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as made,
    ):
        for kind in KINDS:
            base = MarginalFisherAnalysis(n_pairs=30, penalty=kind).fit(X, y)
            far = MarginalFisherAnalysis(n_pairs=30, penalty=kind).fit(X, y, client=made)
            np.testing.assert_array_equal(far.components_, base.components_)
        assert (intrinsic_graph(X, y, client=made) != intrinsic_graph(X, y)).nnz == 0
        assert (penalty_graph(X, y, client=made) != penalty_graph(X, y)).nnz == 0


def test_a_wrong_client_is_refused() -> None:
    with pytest.raises(ValueError, match=r"client must be a distributed\.Client, got str"):
        intrinsic_graph(np.eye(3), [0, 1, 1], client="tcp://nowhere")
