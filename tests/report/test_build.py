"""Reports of real inputs: what is in the page, and that it needs nothing outside itself."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from media_files import noise_pictures, write_media
from stcorner.corpora import load_ravdess
from stcorner.media import probe
from stcorner.recognizer import EmotionRecognizer
from stcorner.report import build_report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def trained(small_corpus: Path) -> tuple[list[stcorner.Clip], stcorner.EmotionRecognizer]:
    clips = load_ravdess(small_corpus)[:24]
    return clips, EmotionRecognizer("both", augment=False, name="small").fit(clips)


@pytest.fixture(scope="module")
def made(
    trained: tuple[list[stcorner.Clip], stcorner.EmotionRecognizer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, str]:
    clips, recognizer = trained
    page = tmp_path_factory.mktemp("report") / "clip.html"
    return build_report(clips[0].path, page, recognizer=recognizer), page.read_text(encoding="utf-8")


def _data(text: str) -> dict[str, Any]:
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1]
    )


def test_the_page_holds_everything_and_asks_for_nothing(made: tuple[Any, str]) -> None:
    report, text = made
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == []
    assert "default-src 'none'" in html.unescape(text)
    assert 'style="' not in text
    data = _data(text)
    assert data["classes"] == report.classes
    assert len(data["sound"]["time"]) == len(data["sound"]["f0"]) == data["sound"]["mfcc"]["columns"]
    assert data["faces"]["time"] == sorted(data["faces"]["time"])
    assert all(
        0 <= p["x"] <= 1 and 0 <= p["y"] <= 1 and 0 <= p["t"] <= report.duration for p in data["points"]
    )
    for shares in data["timeline"]["p"]:
        assert sum(shares) == pytest.approx(1, abs=1e-3)


def test_the_decision_is_the_recognizers_own(
    trained: tuple[list[stcorner.Clip], stcorner.EmotionRecognizer], made: tuple[Any, str]
) -> None:
    clips, recognizer = trained
    report, text = made
    assert report.prediction["label"] == recognizer.predict(clips[0].path)
    assert f"<strong>{report.prediction['label']}</strong>" in text
    parts = report.explanation
    assert parts.offset + sum(parts.parts.values()) == pytest.approx(parts.total, abs=1e-6)
    assert parts.face_map() is not None


def test_features_only(
    trained: tuple[list[stcorner.Clip], stcorner.EmotionRecognizer], tmp_path: Path
) -> None:
    clips, _ = trained
    report = build_report(clips[0].path, tmp_path / "r.html")
    assert report.prediction is None
    assert "This page shows measurements only" in (tmp_path / "r.html").read_text()


def test_sound_alone(tmp_path: Path, rng: np.random.Generator) -> None:
    import soundfile

    t = np.arange(16_000) / 16_000
    soundfile.write(tmp_path / "a <b>.wav", 0.3 * np.sin(2 * np.pi * 150 * t) * np.sin(np.pi * t), 16_000)
    report = build_report(tmp_path / "a <b>.wav", tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    assert "a &lt;b&gt;.wav" in text
    assert report.picture is None
    assert 'src="data:audio/mp4' in text
    voiced = [f for f in report.sound["f0"] if f is not None]
    assert np.median(voiced) == pytest.approx(150, rel=0.01)


def test_what_no_model_decides_on_is_not_called_unasked(
    trained: tuple[list[stcorner.Clip], stcorner.EmotionRecognizer], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    clip = write_media(tmp_path / "no face.mp4", noise_pictures(7, 48, 64))
    build_report(clip, page, recognizer=trained[1])
    text = page.read_text()
    assert "No decision could be made." in text
    assert "The model gave no label" in text
    ticks = re.findall(r"<span>([\d.]+) s</span>", text)
    assert len(set(ticks)) == 6, "a clip of 0.28 s has six different ticks"


def test_names_of_classes_cannot_end_or_prolong_the_data() -> None:
    from stcorner.report.page import render_page

    classes = ["</script><script>alert(1)</script>", "<!--<script>"]
    values = dict.fromkeys(
        ("asked", "name", "label", "model", "picture", "media", "media_type", "faces", "points", "response",
         "timeline", "explanation", "title", "abstain", "moments", "reasons", "people"), "",
    )  # fmt: skip
    text = render_page(
        "clip.html.j2", script="1", data={"classes": classes}, **values, warnings=[], probabilities=[],
        legend=[], ticks=[], provenance={}, duration=1.0,
    )  # fmt: skip
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert "<" not in data[1]
    assert json.loads(data[1]) == {"classes": classes}


def test_a_long_clip_is_cut_and_says_so(
    trained: tuple[list[stcorner.Clip], stcorner.EmotionRecognizer], tmp_path: Path
) -> None:
    clips, _ = trained
    report = build_report(clips[0].path, tmp_path / "r.html", max_duration=0.8)
    assert report.duration == pytest.approx(0.8)
    assert "The page shows the first 0.8 s" in report.warnings[0]


def test_a_portrait_video_of_a_phone_stands_upright(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4", noise_pictures(25, 48, 96), rotation=90)
    assert probe(path).video.rotation == 90
    report = build_report(path, tmp_path / "r.html")
    assert (report.picture["width"], report.picture["height"]) == (48, 96)


def test_what_cannot_be_reported(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"missing\.mp4"):
        build_report(tmp_path / "missing.mp4", tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()
    with pytest.raises(ValueError, match="result must be a media file, an Evaluation or a list of them, got"):
        build_report([3], tmp_path / "r.html")
    with pytest.raises(ValueError, match="max_duration must be finite and > 0, got 0"):
        build_report(tmp_path / "a.mp4", tmp_path / "r.html", max_duration=0)


@pytest.mark.parametrize("link", [False, True])
def test_a_clip_is_never_written_over(tmp_path: Path, link: bool) -> None:
    clip = write_media(tmp_path / "a.mp4", noise_pictures(7, 48, 64))
    target = clip
    if link:
        target = tmp_path / "b.html"
        target.symlink_to(clip)
    before = clip.read_bytes()
    with pytest.raises(ValueError, match="path must be another file than the one that is read"):
        build_report(clip, target)
    assert clip.read_bytes() == before


def test_expressions_and_both_halves_of_the_shipped_model(real_data: Path, tmp_path: Path) -> None:
    clip = real_data / "video" / "grid_bbaf2n.mpg"
    report = build_report(clip, tmp_path / "r.html", recognizer=stcorner.load_model("ravdess-av"))
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    curves = _data(text)["expressions"]
    table = stcorner.face_table(clip, rule="largest")
    assert curves["names"] == stcorner.face_expression_names()
    np.testing.assert_allclose(curves["time"], table["time"], atol=1e-3)
    for at, name in enumerate(curves["names"]):
        np.testing.assert_allclose([row[at] for row in curves["p"]], table[f"expression_{name}"], atol=1e-4)
    told = report.explanation
    assert sum(told.blocks.values()) + told.offset == pytest.approx(told.total, abs=1e-6)
    for name, block in (("voice", "audio"), ("face: expression", "expression")):
        assert f'<th scope="row">{name}</th><td class="number">{told.blocks[block]:+.3f}</td>' in text
