"""What commands that measure print and write is what the functions return."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3
import numpy as np
import pytest
import soundfile

import stcorner
from media_files import tone
from stcorner.extraction.finding import IDENTITY

if TYPE_CHECKING:
    from e2e.conftest import Call


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two actors, two emotions, sound and picture."""
    folder = tmp_path_factory.mktemp("corpus")
    stcorner.make_corpus(folder, n_actors=2, n_takes=1, emotions=("angry", "sad"), n_jobs=1)
    return folder


@pytest.fixture(scope="module")
def clip(corpus: Path) -> Path:
    return next(iter(sorted(corpus.rglob("01-*.mp4"))))


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


class TestFeatures:
    def test_a_table_of_files_keeps_the_good_beside_the_bad(
        self, call: Call, clip: Path, tmp_path: Path
    ) -> None:
        bad, table = tmp_path / "bad.wav", tmp_path / "f.csv"
        bad.write_bytes(b"no sound")
        code, out, err = call("features", clip, bad, "-o", table)
        (row,) = rows_of(table)
        y, sr = stcorner.load_audio(clip)
        names = stcorner.feature_names("rich")
        assert list(row) == [*IDENTITY, *names]
        assert Path(row["root"], row["file"]) == clip
        wanted = stcorner.clip_features(y, sr=sr)
        np.testing.assert_allclose([float(row[name]) for name in names], wanted, rtol=1e-6)
        assert (code, out) == (1, "")
        assert "bad.wav" in err
        assert "wrote 1 rows of 529 columns" in err

    def test_json_of_picture_and_sound(self, call: Call, clip: Path) -> None:
        code, out, err = call("features", clip, "--modality", "both", "--recipe", "paper162", "--json")
        (row,) = json.loads(out)
        recognizer = stcorner.EmotionRecognizer("both", recipe="paper162")
        found = recognizer.extract([clip], augment=False)
        assert (code, err) == (0, "")
        for modality, block in found.blocks.items():
            values = [row[name] for name in found.names[modality]]
            np.testing.assert_allclose(values, block[0], rtol=1e-6)

    def test_on_a_screen_names_stand_below_each_other(self, call: Call, clip: Path) -> None:
        code, out, _ = call("features", clip, "--recipe", "paper162")
        lines = out.splitlines()
        assert (code, len(lines)) == (0, 163)
        assert lines[0].split() == ["feature", clip.name]
        assert [line.split()[0] for line in lines[1:]] == stcorner.feature_names("paper162")

    def test_frame_by_frame(self, call: Call, clip: Path, tmp_path: Path) -> None:
        y, sr = stcorner.load_audio(clip)
        wanted = stcorner.frame_table(y, sr=sr)
        code, out, _ = call("features", clip, "--frames", "--json")
        rows = json.loads(out)
        assert code == 0
        assert list(rows[0]) == [*IDENTITY, *wanted]
        f0 = np.asarray([np.nan if row["f0"] is None else row["f0"] for row in rows])
        np.testing.assert_allclose(f0, wanted["f0"], rtol=1e-6)
        code, out, err = call("features", clip, tmp_path / "none.wav", "--frames")
        assert (code, len(out.splitlines())) == (1, len(rows) + 1)
        assert "none.wav" in err


class TestStips:
    def test_points_shown_written_and_drawn(self, call: Call, clip: Path, tmp_path: Path) -> None:
        found = stcorner.detect_stips(clip, num_peaks=1000)
        assert len(found) > 20
        code, out, _ = call("stips", clip)
        lines = out.splitlines()
        assert (code, len(lines)) == (0, 22)
        assert lines[0].split() == ["t", "y", "x", "time", "sigma", "tau", "response"]
        t, height, width = found.shape
        assert lines[-1] == f"{len(found)} points in {t} frames of {width} x {height}, the strongest 20 shown"
        table, strip = tmp_path / "p.csv", tmp_path / "s.png"
        code, out, err = call("stips", clip, "-o", table, "--overlay", strip)
        rows = rows_of(table)
        assert code == 0
        assert f"wrote {len(found)} points to {table}" in err
        assert f"drew {strip}" in err
        coordinates = [[float(row[axis]) for axis in "tyx"] for row in rows]
        np.testing.assert_allclose(coordinates, found.coordinates, rtol=1e-6)
        assert imageio.v3.imread(strip).std() > 5, "a strip of frames is not one colour"

    def test_laptev_text_and_json_of_chosen_scales(self, call: Call, clip: Path, tmp_path: Path) -> None:
        scales = ["--sigma", "2", "--tau", "1.5", "--points", "3", "--threshold", "0.02"]
        found = stcorner.detect_stips(clip, sigmas=2.0, taus=1.5, num_peaks=3, threshold_rel=0.02)
        code, out, _ = call("stips", clip, *scales, "--json", "-o", tmp_path / "p.txt")
        rows = json.loads(out)
        assert (code, len(rows)) == (0, 3)
        np.testing.assert_allclose([row["response"] for row in rows], found.response, rtol=1e-6)
        assert {(row["sigma"], row["tau"]) for row in rows} == {(2.0, 1.5)}
        back = stcorner.Stips.load(tmp_path / "p.txt")
        np.testing.assert_allclose(back.coordinates, found.coordinates, atol=0.51)

    def test_refusals(self, call: Call, clip: Path, tmp_path: Path) -> None:
        code, _, err = call("stips", clip, "-o", tmp_path / "p.xyz")
        assert code == 2
        assert "--output must" in err
        code, _, err = call("stips", tmp_path / "none.mp4")
        assert code == 1
        assert "none.mp4" in err


class TestAudit:
    def test_actors_apart_are_clean(self, call: Call, corpus: Path) -> None:
        code, out, _ = call("audit", corpus, "--protocol", "actor-k2", "--jobs", "1", "--json")
        reports = json.loads(out)
        assert code == 0
        assert len(reports) == 2
        assert all(report["ok"] for report in reports.values())
        code, out, _ = call("audit", corpus, "--protocol", "actor-k2", "--no-sound")
        assert (code, len(out.splitlines()) >= 2) == (0, True)

    def test_the_same_recording_under_another_name_is_found(
        self, call: Call, corpus: Path, clip: Path, tmp_path: Path
    ) -> None:
        y, sr = stcorner.load_audio(clip, sr=None)
        (tmp_path / "sad").mkdir()
        soundfile.write(tmp_path / "sad" / "renamed.wav", y, sr)
        code, out, _ = call("audit", corpus, tmp_path, "--jobs", "1")
        assert code == 1
        assert "renamed" in out
        code, out, _ = call("audit", corpus, tmp_path, "--no-sound", "--json")
        (report,) = json.loads(out).values()
        assert code == 0, "a new name hides a copy from whoever does not listen"
        assert report["ok"]


@pytest.mark.slow
def test_paper_prints_ours_beside_its_own(call: Call, tmp_path: Path, rng: np.random.Generator) -> None:
    for actor in ("01", "02"):
        for emotion in ("04", "05"):
            for repetition in ("01", "02"):
                y = tone(2.0, 16000, 150.0 + 40 * int(emotion)) + 0.01 * rng.standard_normal(32000)
                name = f"03-01-{emotion}-01-01-{repetition}-{actor}.wav"
                soundfile.write(tmp_path / name, y, 16000)
    arguments = ["paper", "ravdess", tmp_path, "--modality", "audio", "--epochs", "1"]
    code, out, err = call(*arguments, "--json")
    result = json.loads(out)
    assert {run["protocol"] for run in result["runs"]} == {"paper-leaky", "actors"}
    assert result["n_epochs"] == 1
    assert result["notes"]
    assert code == 0
    assert "leak" in err
    code, text, _ = call(*arguments)
    assert code == 0
    assert "Table II" in text
    ours = next(run for run in result["runs"] if run["protocol"] == "paper-leaky")
    assert f"{100 * ours['test_accuracy']:.2f}" in text or f"{100 * ours['test_accuracy']:.3f}" in text


def test_probe_tells_good_files_beside_bad_ones(call: Call, clip: Path, tmp_path: Path) -> None:
    code, out, err = call("probe", clip, tmp_path / "none.mp4", "--json")
    good, bad = json.loads(out)
    info = stcorner.probe(clip)
    assert info.video is not None
    assert (good["seconds"], good["width"], good["fps"]) == (info.duration, info.video.width, info.video.fps)
    assert set(bad) == {"file", "error"}
    assert code == 1
    assert "none.mp4" in err
    code, out, _ = call("probe", clip)
    assert code == 0
    assert out.splitlines()[0].split()[:3] == ["file", "format", "seconds"]


def test_models_are_listed_and_described(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("models", "--json")
    listed = json.loads(out)
    assert code == 0
    names = [row["name"] for row in listed]
    assert len(names) >= 1
    assert all(name in call("models")[1] for name in names)
    code, out, _ = call("models", names[0])
    assert code == 0
    assert out.startswith("# ")
    code, out, _ = call("models", names[0], "--json")
    assert json.loads(out) == listed[0]
    shutil.copy(stcorner.load_model.__code__.co_filename, tmp_path / "fake.stcorner")
    code, _, err = call("models", tmp_path / "fake.stcorner")
    assert code == 2
    assert "fake.stcorner" in err
