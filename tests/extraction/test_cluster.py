"""The same table from a real Dask cluster of processes, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

import stcorner
from extraction_files import StalePlan, hashes, kill_at_clip_2, table, write_tree
from stcorner.errors import InternalError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of distributed and tornado, which are not ours to mend
]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_equals_the_local_run(tmp_path: Path, client: Any) -> None:
    tree = write_tree(tmp_path / "in", 6)
    (tree / "empty.wav").touch()
    local = stcorner.extract(tree, tmp_path / "a" / "features.parquet", modality="audio", n_jobs=1)
    seen = []
    remote = stcorner.extract(
        tree,
        tmp_path / "b" / "features.parquet",
        modality="audio",
        client=client,
        progress=lambda *at: seen.append(at),
    )
    assert hashes(remote) == hashes(local)
    assert remote.n_errors == 1
    assert seen[-1] == (7, 7)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a cluster after a second instead of a minute."""
    from stcorner.extraction import cluster

    monkeypatch.setattr(cluster, "_PATIENCE", 1.0)
    monkeypatch.setattr(cluster, "_ASK_AGAIN", 0.2)


@pytest.mark.usefixtures("impatient")
def test_a_cluster_without_workers_is_an_error(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "in", 2)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as empty,
        distributed.Client(empty) as client,
        pytest.raises(ParameterError, match=r"client must have a worker, got none for 1 s"),
    ):
        stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", client=client)


@pytest.mark.usefixtures("impatient")
def test_workers_that_leave_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.extraction import run

    monkeypatch.setattr(run, "_BATCH", 1)
    tree = write_tree(tmp_path / "in", 20)
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as leaving,
        distributed.Client(leaving) as client,
        pytest.raises(ParameterError, match="client must have a worker"),
    ):
        stcorner.extract(
            tree,
            tmp_path / "f.parquet",
            modality="audio",
            client=client,
            progress=lambda *_: leaving.scale(0),
        )


def test_a_worker_killed_in_the_middle(tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.extraction import run

    monkeypatch.setattr(run, "_BATCH", 2)
    tree = write_tree(tmp_path / "in", 60)
    done = threading.Event()
    killed = []

    def progress(n_done: Any, n_total: Any) -> None:
        if n_done >= 6:
            done.set()

    def killer() -> None:
        done.wait(60)
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    thread = threading.Thread(target=killer)
    thread.start()
    remote = stcorner.extract(
        tree, tmp_path / "b" / "features.parquet", modality="audio", client=client, progress=progress
    )
    thread.join()
    assert killed
    local = stcorner.extract(tree, tmp_path / "a" / "features.parquet", modality="audio", n_jobs=2)
    assert hashes(remote) == hashes(local)
    assert (remote.n_rows, remote.n_errors) == (60, 0)


def test_the_command_takes_a_scheduler(
    tmp_path: Path, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from stcorner.cli import main

    tree = write_tree(tmp_path / "in", 4)
    out = tmp_path / "features.parquet"
    with pytest.raises(SystemExit) as end:
        main(
            [
                "extract",
                str(tree),
                "-o",
                str(out),
                "--modality",
                "audio",
                "--scheduler",
                client.scheduler.address,
            ]
        )
    assert end.value.code == 0
    assert "4 files, 4 rows" in capsys.readouterr().out


def test_a_file_that_kills_every_worker(tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.extraction import cluster

    tree = write_tree(tmp_path / "in", 4)
    monkeypatch.setattr(cluster, "run_batch", kill_at_clip_2)
    run = stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", client=client)
    assert (run.n_rows, run.n_errors) == (3, 1)
    assert "died" in table(run.errors)[0]["error"]


def test_a_fault_of_the_code_comes_back_from_the_cluster(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stcorner.extraction import run

    monkeypatch.setattr(run, "Plan", StalePlan)
    tree = write_tree(tmp_path / "in", 8)
    with pytest.raises(InternalError, match=r"clip \d é.wav: AttributeError"):
        stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", client=client)
