"""Train and predict on real clips, as a person does it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2e.conftest import RunCommand


@pytest.fixture(scope="module")
def trained(real_data: Path, tmp_path_factory: pytest.TempPathFactory, stcorner_command: RunCommand) -> Path:
    """Model of the sound of two actors: enough to walk the whole way."""
    folder = tmp_path_factory.mktemp("train")
    for actor in ("Actor_01", "Actor_02"):
        source = real_data / "ravdess" / "audio_speech" / actor
        if not source.is_dir():
            pytest.skip(f"no real clips in {source}")
        (folder / actor).mkdir()
        for clip in sorted(source.glob("*.flac"))[::2]:
            (folder / actor / clip.name).symlink_to(clip)
    model = folder / "m.stcorner"
    result = stcorner_command(
        "train", folder, "--modality", "audio", "--augment", "none", "-o", model, "--jobs", "1"
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "60 clips of 2 people" in result.stdout
    return model


def test_predict_mixed_files(
    real_data: Path, trained: Path, stcorner_command: RunCommand, tmp_path: Path
) -> None:
    files = [
        *sorted((real_data / "ravdess" / "av_speech").rglob("*.mp4")),
        *sorted((real_data / "crema-d" / "VideoFlash").glob("*.flv")),
        *sorted((real_data / "video").glob("grid_*.mpg")),
    ]
    table = tmp_path / "table.csv"
    result = stcorner_command("predict", "--model", trained, *files, "-o", table)
    assert result.returncode == 0, "a silent file is a row without a label"
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["root"], row["file"]) for row in rows] == files
    for row in rows:
        shares = [float(value) for name, value in row.items() if name.startswith("p_") and value]
        if "/02-" in row["file"]:
            assert (row["status"], row["label"], shares) == ("silent", "", [])
            assert "silent" in row["message"]
            assert row["message"] in result.stderr
        else:
            assert row["status"] == "ok"
            assert len(shares) == 8
            assert sum(shares) == pytest.approx(1, abs=1e-6)
            assert row["label"] in result.stdout


def test_a_folder_with_odd_names(
    real_data: Path, trained: Path, stcorner_command: RunCommand, tmp_path: Path
) -> None:
    source = next((real_data / "ravdess" / "audio_speech" / "Actor_03").glob("*.flac"))
    folder = tmp_path / "a b [red] ü"
    folder.mkdir()
    shutil.copy(source, folder / "clip [bold].flac")
    (folder / "empty.wav").touch()
    result = stcorner_command("predict", "-m", trained, folder)
    assert result.returncode == 1
    assert "clip [bold].flac" in result.stdout
    assert "empty.wav" in result.stderr
