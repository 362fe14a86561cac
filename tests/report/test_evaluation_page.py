"""The page of evaluations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stcorner.cli import main
from stcorner.evaluation import Evaluation
from stcorner.report import build_report

if TYPE_CHECKING:
    from pathlib import Path

    import stcorner


def _evaluation(rng: np.random.Generator, model: str, skill: float, **details: Any) -> stcorner.Evaluation:
    classes = ["angry", "happy", "sad"]
    y = [classes[i % 3] for i in range(60)]
    scores = rng.normal(size=(60, 3)) + skill * np.eye(3)[[classes.index(label) for label in y]]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Evaluation(
        model=model, protocol="actor-k5", classes=classes, clip_ids=[f"c{i}" for i in range(60)], y_true=y,
        groups=[f"a{i // 6}" for i in range(60)], folds=[str(i // 12) for i in range(60)], probabilities=p,
        strata={"sex": ["female" if i % 2 else "male" for i in range(60)]}, details=details,
    )  # fmt: skip


@pytest.fixture
def pair(rng: np.random.Generator) -> list[stcorner.Evaluation]:
    history = {"loss": [2.0, 1.0, 0.5], "val_loss": [2.1, 1.4, 1.2]}
    return [
        _evaluation(rng, "good <1>", 3.0, history=history, audit=["no leak found"]),
        _evaluation(rng, "poor", 0.2, warnings=["This split leaks."]),
    ]


def test_models_stand_side_by_side(pair: list[stcorner.Evaluation], tmp_path: Path) -> None:
    build_report(pair, tmp_path / "e.html")
    text = (tmp_path / "e.html").read_text()
    assert f"{100 * pair[0].uar:.1f}" in text
    assert "good &lt;1&gt;" in text
    assert "This split leaks." in text
    assert "Learning curves" in text
    assert "no leak found" in text
    assert text.count("Confusion matrix") == 2
    low, high = pair[0].per_actor[0].war_interval
    assert f"{100 * low:.1f} to {100 * high:.1f}" in text
    low, high = pair[0].recall_intervals()[0]
    assert f"{100 * low:.1f} to {100 * high:.1f}" in text
    assert "corrected for the number of comparisons" in text
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == []
    assert "script-src &#39;none&#39;" in text


def test_one_model_has_no_comparison(pair: list[stcorner.Evaluation], tmp_path: Path) -> None:
    build_report(pair[1], tmp_path / "e.html")
    text = (tmp_path / "e.html").read_text()
    assert "Evaluation of poor" in text
    assert "corrected for the number" not in text


def test_evaluate_writes_the_fused_plane_that_the_page_draws(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "e.json"
    with pytest.raises(SystemExit) as left:
        main([
            "evaluate", str(small_corpus), "--modality", "audio", "--augment", "none",
            "--protocol", "actor-k2", "--jobs", "1", "-o", str(written),
        ])  # fmt: skip
    assert left.value.code == 0
    evaluation = Evaluation.from_json(written)
    plane = evaluation.details["plane"]
    tested = [i for i, fold in enumerate(evaluation.folds) if fold == plane["fold"]]
    assert sorted(plane["labels"]) == sorted(evaluation.y_true[i] for i in tested)
    assert np.shape(plane["points"]) == (len(tested), 2)
    build_report(evaluation, tmp_path / "e.html")
    text = (tmp_path / "e.html").read_text()
    assert f"Held-out clips of fold {plane['fold']} in two fused directions" in text
    drawn = text[text.index("<title>Fused plane") :]
    assert drawn[: drawn.index("</svg>")].count("<circle") == len(tested)
