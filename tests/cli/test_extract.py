"""``stcorner extract``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from extraction_files import write_tree
from stcorner.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyarrow")


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as end:
        main(["extract", *map(str, arguments)])
    return int(end.value.code or 0)


def test_extract_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = write_tree(tmp_path / "in", 3)
    out = tmp_path / "features.parquet"
    assert run(tree, "-o", out, "--modality", "audio", "--jobs", 1) == 0
    assert "3 files, 3 rows" in capsys.readouterr().out
    assert run(tree, "-o", out, "--modality", "audio", "--json") == 0
    assert json.loads(capsys.readouterr().out)["n_resumed"] == 3


def test_failed_inputs_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = write_tree(tmp_path / "in", 1)
    (tree / "empty.wav").touch()
    assert run(tree, "-o", tmp_path / "f.parquet", "--modality", "audio", "--jobs", 1) == 1
    said = capsys.readouterr()
    assert "empty.wav is empty (0 bytes)" in said.err
    assert "1 input(s) failed" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "3/2"], "--shard must be I/N with 1 <= I <= N, got '3/2'"),
        (["--face", "best"], "--face must be all, largest or a number, got 'best'"),
        (["--window", "0"], "window must be finite and >= 0.5"),
        pytest.param(
            ["--scheduler", "tcp://127.0.0.1:1"],
            "--scheduler must be the address of a scheduler",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    tree = write_tree(tmp_path / "in", 1)
    assert run(tree, "-o", tmp_path / "f.parquet", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = write_tree(tmp_path / "in", 1)
    (tmp_path / "file").touch()
    assert run(tree, "-o", tmp_path / "file" / "f.parquet", "--modality", "audio") == 1
    assert "cannot be written" in capsys.readouterr().err
