"""The clip table."""

from __future__ import annotations

import numpy as np

from stcorner.corpora import Clip
from stcorner.extraction import ClipFeatures
from stcorner.recognizer.predictions import clip_columns, prediction_rows


def features_of(audio: np.ndarray, video: np.ndarray) -> ClipFeatures:
    n = len(audio)
    return ClipFeatures(
        clips=[Clip.of(f"{i}.mp4") for i in range(n)],
        blocks={"audio": audio, "video": video},
        names={"audio": ["a"], "video": ["v"]},
        details=[{"errors": ["no face"] * (i == 1), "warnings": []} for i in range(n)],
    )


def test_rows_have_every_column_in_order() -> None:
    features = features_of(np.array([[0.0], [1.0], [np.nan]]), np.array([[0.0], [np.nan], [np.nan]]))
    probabilities = np.array([[0.25, 0.75], [0.9, 0.1], [np.nan, np.nan]])
    rows = prediction_rows(features, probabilities, ["happy", "sad"], model="m", abstain_below=0.8)
    assert all(list(row) == clip_columns(["happy", "sad"]) for row in rows)
    assert [row["label"] for row in rows] == ["sad", "happy", None]
    assert [row["status"] for row in rows] == ["ok", "audio only", "failed"]
    assert [row["abstain"] for row in rows] == [True, False, None]
    assert [row["p_sad"] for row in rows] == [0.75, 0.1, None]
    assert rows[1]["message"] == "no face"
    assert rows[0]["entropy"] == np.float64(-0.25 * np.log2(0.25) - 0.75 * np.log2(0.75))


def test_take_keeps_everything_together() -> None:
    features = features_of(np.array([[0.0], [1.0], [2.0]]), np.array([[3.0], [4.0], [5.0]]))
    for rows in ([2, 0], np.array([False, True, False])):
        part = features[rows]
        expected = [2, 0] if isinstance(rows, list) else [1]
        assert part.clip_index.tolist() == list(range(len(expected)))
        assert part.blocks["video"][:, 0].tolist() == [3.0 + i for i in expected]
        assert [clip.clip_id for clip in part.clips] == [str(i) for i in expected]
        assert len(part) == len(expected)
