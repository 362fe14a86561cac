"""Every moment of a recording is in a window, by one rule for tables, timelines and live sound."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import stcorner
from extraction_files import table, voice
from media_files import write_media
from stcorner.extraction.plan import SAMPLE_RATE, Plan
from stcorner.extraction.windows import (
    FaceWindows,
    SoundWindows,
    iter_face_windows,
    iter_sound_windows,
    window_rows,
)

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)


class Everywhere:
    """A detector that sees one face in every picture."""

    def detect(self, gray: np.ndarray) -> np.ndarray:
        return np.array([[8, 8, 40, 40, 1.0]], np.float32)


@pytest.mark.parametrize("seconds", [0.6, 1.0, 1.009, 1.02, 3.0, 3.27, 3.999, 7.4])
@pytest.mark.parametrize(("window", "hop"), [(1.0, 1.0), (1.0, 0.3), (2.0, 0.5)])
@pytest.mark.parametrize("block", [1000, 160_000])
def test_sound(seconds: float, window: float, hop: float, block: int) -> None:
    y = RNG.uniform(-0.5, 0.5, round(seconds * SAMPLE_RATE)).astype(np.float32)
    windows = SoundWindows(window=window, hop=hop)
    found = [one for at in range(0, len(y), block) for one in windows.push(y[at : at + block])]
    found += windows.flush()
    length = min(len(y), round(window * SAMPLE_RATE))
    seen = np.zeros(len(y), bool)
    for start, samples in found:
        at = round(start * SAMPLE_RATE)
        np.testing.assert_array_equal(samples, y[at : at + length])
        seen[at : at + length] = True
    assert (~seen).sum() < 0.01 * SAMPLE_RATE  # less than a frame of the descriptors is not worth a window
    starts = [one.start for one in found]
    assert starts[:-1] == pytest.approx([index * hop for index in range(len(found) - 1)])
    assert all(0 < later - earlier <= hop + 1e-9 for earlier, later in pairwise(starts))


@pytest.mark.parametrize("n", [10, 25, 26, 40, 99])
@pytest.mark.parametrize("hop", [0.3, 1.0])
def test_faces(n: int, hop: float) -> None:
    windows = FaceWindows(Plan(blocks=("video",)), window=1.0, hop=hop, detector=Everywhere())
    texture = RNG.integers(0, 100, (56, 56), dtype=np.uint8)
    found = [one for index in range(n) for one in windows.push(texture, index / 25)] + windows.flush()
    seen = np.zeros(n, bool)
    for window in found:
        at = round(window.start * 25)
        assert len(window.frames) == min(n, 25)
        assert window.seen.all()
        seen[at : at + len(window.frames)] = True
    assert seen.all()


def test_a_table_has_a_row_for_the_tail(tmp_path: Path) -> None:
    time = np.arange(round(3.27 * 16000)) / 16000
    y = 0.3 * np.sin(2 * np.pi * 150 * time) * np.sin(2 * np.pi * 2 * time)
    soundfile.write(tmp_path / "a.wav", y, 16000)
    soundfile.write(tmp_path / "b.wav", y[:9600], 16000)
    for name, hop, wanted in (
        ("a.wav", None, [(0, 1), (1, 2), (2, 3), (2.27, 3.27)]),
        ("a.wav", 0.5, [(0, 1), (0.5, 1.5), (1, 2), (1.5, 2.5), (2, 3), (2.27, 3.27)]),
        ("b.wav", None, [(0, 0.6)]),
    ):
        run = stcorner.extract(
            tmp_path / name,
            tmp_path / f"{name}{hop}.parquet",
            modality="audio",
            window=1.0,
            hop=hop,
            n_jobs=1,
        )
        spans = [(row["start"], row["end"]) for row in table(run.features)]
        np.testing.assert_allclose(spans, wanted, atol=1e-4)


def test_streams_that_end_apart_share_their_last_window(tmp_path: Path) -> None:
    from stcorner.extraction.windows import together

    picture = RNG.integers(0, 100, (64, 64), dtype=np.uint8)
    sound = RNG.uniform(-0.3, 0.3, round(3.30 * 16000)).astype(np.float32)
    path = write_media(tmp_path / "a.mkv", [picture] * 82, sound, codec="ffv1", audio_codec="flac")
    plan: Any = Plan(blocks=("audio", "video"))
    heard = list(iter_sound_windows(path, window=1.0, hop=0.5))
    shown = list(iter_face_windows(path, plan, window=1.0, hop=0.5))
    assert heard[-1].start == pytest.approx(2.30, abs=0.01)
    assert shown[-1].start == pytest.approx(2.28, abs=0.01)
    assert set(together({"audio": heard[-1], "video": shown[-1]}, 0.5)) == {"audio", "video"}
    assert set(together({"audio": heard[-1], "video": shown[-2]}, 0.5)) == {"video"}


def test_what_is_missing_is_named_by_the_file_that_lacks_it(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mkv", [np.full((64, 64), 90, np.uint8)] * 50, codec="ffv1")
    soundfile.write(tmp_path / "b.wav", voice(1.0, 0), 16000)
    clip = replace(stcorner.Clip.of(path), audio_path=tmp_path / "b.wav")
    assert [clip.source(stream) for stream in ("audio", "video")] == [tmp_path / "b.wav", path]
    first, second = window_rows(clip, Plan(blocks=("audio", "video"), window=1.0, hop=1.0))
    assert [failed.path.name for failed in first.errors] == ["a.mkv"]
    assert [failed.path.name for failed in second.errors] == ["b.wav", "a.mkv"]
    assert second.errors[0].error == f"{tmp_path / 'b.wav'} from 1 s on has no audio"


def test_windows_move_on() -> None:
    from stcorner.extraction.plan import check_window

    assert check_window(2.0, 2.0) == (2.0, 2.0)
    for window, hop in ((0.4, 0.1), (61.0, 1.0), (2.0, 0.0), (2.0, 2.1)):
        with pytest.raises(ValueError, match="must be"):
            check_window(window, hop)
