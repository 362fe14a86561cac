"""The demo: what a newcomer runs first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stcorner import load_model
from stcorner.evaluation import Evaluation

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.conftest import RunCommand


@pytest.mark.slow
def test_demo_without_the_network(stcorner_command: RunCommand, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = stcorner_command("demo", out, "--actors", 4, "--takes", 1, "--no-cnn", "--json", timeout=300)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert [row["key"] for row in answer["results"]] == ["audio", "video", "both", "mfa", "random"]
    for row in answer["results"]:
        evaluation = Evaluation.from_json(out / f"evaluation-{row['key']}.json")
        assert evaluation.uar == pytest.approx(row["uar"])
        assert len(evaluation.y_true) == 24
    model = load_model(answer["model"])
    clip = next((out / "corpus").rglob("*.mp4"))
    assert model.predict(clip) in model.classes_
