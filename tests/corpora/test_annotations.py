"""Spans that Praat, ELAN or a table labels are clips to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import stcorner
from media_files import tone
from stcorner._base.tiers import Span, write_tiers
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

SPANS = [Span(0.0, 1.0, "Happy"), Span(1.25, 2.0, "sad")]


@pytest.fixture
def interviews(tmp_path: Path) -> Path:
    root = tmp_path / "Gespräche"
    for person in ("p01", "p02"):
        (root / person).mkdir(parents=True)
        soundfile.write(root / person / "talk.wav", tone(2.0, frequency=150), 16000)
    soundfile.write(root / "p01" / "bare.wav", tone(1.0), 16000)
    return root


def annotate(root: Path, ending: str) -> None:
    for person in ("p01", "p02"):
        file = root / person / f"talk.{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        if ending == "csv":
            rows = "".join(f"{span.start},{span.end},{span.label}\n" for span in SPANS)
            file.write_text(f"start,end,label\n{rows}0.1,0.2,?\n")
        else:
            write_tiers(file, {"emotion": SPANS}, end=2.0)


@pytest.mark.parametrize("ending", ["TextGrid", "eaf", "csv"])
def test_spans_become_clips(interviews: Path, tmp_path: Path, ending: str) -> None:
    if ending != "csv":
        pytest.importorskip("praatio" if ending == "TextGrid" else "pympi", reason="needs stcorner[tiers]")
    annotate(tmp_path / "notes", ending)
    clips = stcorner.load_corpus(interviews, annotations=tmp_path / "notes", subject=1)
    assert [(clip.clip_id, clip.label, clip.subject, clip.start, clip.end) for clip in clips] == [
        (f"{person}/talk@{begin}", label, person, start, end)
        for person in ("p01", "p02")
        for begin, label, start, end in (("0-1", "happy", 0.0, 1.0), ("1.25-2", "sad", 1.25, 2.0))
    ]
    assert {(clip.modality, clip.corpus, clip.take) for clip in clips if clip.start == 0} == {
        ("audio", "Gespräche", "p01/talk@0-1"),
        ("audio", "Gespräche", "p02/talk@0-1"),
    }
    skipped = [(row.clip_id, row.reason.split(",")[0]) for row in clips.skipped]
    assert ("p01/bare", "has no annotation") in skipped
    assert len(skipped) == (3 if ending == "csv" else 1), "a label of no letter is told"


def test_a_table_of_spans(interviews: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs stcorner[table]")
    annotate(interviews, "csv")
    clips = stcorner.load_annotations(interviews)
    run = stcorner.extract(clips, tmp_path / "t.parquet", modality="audio", augment=None, n_jobs=1)
    features = stcorner.ClipFeatures.from_parquet(run.features)
    assert features.labels.tolist() == ["happy", "sad"] * 2
    assert [clip.file for clip in features.clips] == ["p01/talk.wav"] * 2 + ["p02/talk.wav"] * 2
    y, sr = stcorner.load_audio(interviews / "p01" / "talk.wav")
    wanted = stcorner.clip_features(y[: round(sr)], sr=sr)
    np.testing.assert_allclose(features.blocks["audio"][0], wanted, rtol=1e-5, atol=1e-5)


def test_what_does_not_fit_is_refused(interviews: Path) -> None:
    with pytest.raises(DatasetError, match=r"annotations must lie beside the recordings of .*Gespräche"):
        stcorner.load_annotations(interviews)
    (interviews / "p01" / "talk.csv").write_text("start,end,label,tier\n0,1,happy,a\n1,2,sad,b\n")
    with pytest.raises(DatasetError, match=r"tier must name .*--tier.*talk\.csv has a, b"):
        stcorner.load_annotations(interviews)
    with pytest.raises(DatasetError, match=r"talk\.csv must have the tier 'c', got a, b"):
        stcorner.load_annotations(interviews, tier="c")
    assert [clip.label for clip in stcorner.load_annotations(interviews, tier="b")] == ["sad"]
    with pytest.raises(ParameterError, match="tier must come with annotations"):
        stcorner.load_corpus(interviews, tier="a")
