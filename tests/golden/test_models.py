"""Model files that an earlier version wrote still load, and decide as they did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import stcorner

FOLDER = Path(__file__).parent
ARCHIVE = sorted(FOLDER.glob("*.stcorner"))


@pytest.mark.parametrize("path", ARCHIVE, ids=lambda path: path.stem)
def test_archived_model_predicts_the_same(path: Path) -> None:
    kept = json.loads(path.with_suffix(".json").read_text())
    model = stcorner.load_model(path)
    assert list(model.classes_) == kept["classes"]
    features = stcorner.ClipFeatures(
        clips=[stcorner.Clip.of(f"{at}.mp4") for at in range(len(kept["probabilities"]))],
        blocks={name: np.array(rows, np.float32) for name, rows in kept["blocks"].items()},
        names=model.predictor_.names,
    )
    np.testing.assert_allclose(model.predict_proba(features), kept["probabilities"], atol=1e-5)


def test_the_video_of_an_archived_model_is_the_texture_map_it_learnt() -> None:
    plan = stcorner.load_model(FOLDER / "format-1-both.stcorner").predictor_.plan
    frames = np.random.default_rng(0).integers(0, 256, (12, 48, 48), dtype=np.uint8)
    described = plan.face_descriptions()["video"](frames)
    np.testing.assert_array_equal(described, stcorner.texture_map_histogram(frames, eps=1e-5 * 255**2))
    assert plan.feature_names()["video"] == stcorner.texture_map_names()


def test_there_is_an_archive_of_each_format_version() -> None:
    assert [path.stem for path in ARCHIVE] == ["format-1-audio", "format-1-both"]
