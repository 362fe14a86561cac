"""Every column of every table has an entry in the codebook, and the page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

import stcorner
from stcorner.cli.probe import _row
from stcorner.cli.stips import _COLUMNS as POINTS
from stcorner.errors import ParameterError
from stcorner.extraction.clipfeatures import _CLIP, _REAL, _WHOLE
from stcorner.extraction.codebook import TABLES, codebook_page, column_of
from stcorner.extraction.finding import IDENTITY
from stcorner.extraction.plan import BUILT_IN, Plan
from stcorner.extraction.store import _ERRORS
from stcorner.recognizer import clip_columns
from stcorner.recognizer.moments import timeline_columns
from stcorner.video.facetable import FACE_COLUMNS

PREDICTED = clip_columns(["angry", "boredom"])
HELD = {
    "extract": [*_CLIP, *_REAL, *_WHOLE, "audio_status", "openface_status", "warnings"],
    "predict": PREDICTED,
    "timeline": timeline_columns(["angry", "boredom"]),
    "live": [*PREDICTED, "latency", "dropped_frames"],
    "frames": [*IDENTITY, *stcorner.frame_table([0.0] * 1600, sr=16000, descriptors="all")],
    "faces": [*IDENTITY, *FACE_COLUMNS],
    "points": POINTS,
    "errors": _ERRORS,
}


@pytest.mark.parametrize("table", HELD)
def test_every_column_has_an_entry(table: str) -> None:
    assert [name for name in HELD[table] if column_of(name, table) is None] == []


def test_every_block_has_its_entries() -> None:
    for recipe in ("rich", "egemaps", "paper162", "notebook162"):
        names = Plan.checked(("audio",), recipe=recipe).feature_names()["audio"]
        assert [name for name in names if column_of(name, f"block audio, recipe {recipe}") is None] == []
    for block in (name for name in BUILT_IN if name != "audio"):
        names = Plan.checked((block,)).feature_names()[block]
        assert [name for name in names if column_of(name, f"block {block}") is None] == []


def test_probe_has_its_entries(small_corpus: Path) -> None:
    row = _row(next(small_corpus.rglob("*.mp4")))
    assert [name for name in [*row, "error"] if column_of(name, "probe") is None] == []


def test_entries_say_all_there_is_to_say() -> None:
    rows = stcorner.columns()
    assert {row["table"] for row in rows} == set(TABLES)
    for row in rows:
        assert row["meaning"].endswith("."), row
        assert row["source"], row
    (row,) = stcorner.columns("f0_semitones_rise_share")
    assert (row["unit"], row["range"], row["table"]) == ("", "0 to 1", "block audio, recipe rich")
    assert [row["range"] for row in stcorner.columns("logp_sad_m[ea]*")] == ["up to 0", "up to 0"]
    with pytest.raises(ParameterError, match="pattern must fit a column, got 'no such'"):
        stcorner.columns("no such")


def test_the_page_is_fresh() -> None:
    page = Path(__file__).parents[2] / "docs" / "columns.md"
    assert page.read_text(encoding="utf-8") == codebook_page(), (
        "write it anew: python -m stcorner.extraction.codebook > docs/columns.md"
    )
