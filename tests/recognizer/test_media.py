"""From files to rows: what is there is described, what is not is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from media_files import write_media
from stcorner import Clip, EmotionRecognizer, load_audio, make_corpus
from stcorner.errors import InternalError, MediaError, MissingExtraError, ParameterError
from stcorner.extraction import describe
from stcorner.extraction.describe import fault_of_input
from stcorner.extraction.plan import Plan
from stcorner.extraction.windows import FaceWindows, iter_sound_windows
from stcorner.media import load_video, probe
from stcorner.recognizer import load_predictor

if TYPE_CHECKING:
    from pathlib import Path

    from stcorner.corpora import ClipList

RATE = 16_000


def voice(seconds: float, f0: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * k * f0 * time) / k for k in range(1, 9))
    return (0.1 * wave * (1 + 0.3 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> ClipList:
    return make_corpus(
        tmp_path_factory.mktemp("corpus"), n_actors=2, n_takes=1, emotions=("angry", "sad"), n_jobs=1
    )


@pytest.fixture(scope="module")
def model(corpus: ClipList) -> EmotionRecognizer:
    return EmotionRecognizer(name="tiny", augment="speed").fit(corpus)


def test_clips_give_both_blocks_and_copies(corpus: ClipList) -> None:
    features = EmotionRecognizer(augment=("speed", "noise+gain")).extract(corpus[:2])
    assert features.clip_index.tolist() == [0, 0, 0, 1, 1, 1]
    assert features.augmented.tolist() == [False, True, True] * 2
    assert {name: block.shape for name, block in features.blocks.items()} == {
        name: (6, len(names)) for name, names in features.names.items()
    }
    assert all(np.isfinite(block).all() for block in features.blocks.values())
    np.testing.assert_array_equal(features.blocks["video"][0], features.blocks["video"][1])
    assert not np.array_equal(features.blocks["audio"][0], features.blocks["audio"][1])
    details = features.details[0]
    assert (details["sr"], details["fps"], details["face_id"]) == (16000, 25.0, 0)
    assert details["n_voiced"] > 0
    assert details["n_frames"] > 12


def test_the_babble_of_a_copy_is_the_speakers_other_clips(corpus: ClipList) -> None:
    def babbled(clips: list[Clip], n_jobs: int = 1) -> np.ndarray:
        learner = EmotionRecognizer("audio", augment="babble")
        return learner.extract(clips, n_jobs=n_jobs).blocks["audio"][1]

    first, mate = (clip for clip in corpus if clip.subject == corpus[0].subject)
    stranger = next(clip for clip in corpus if clip.subject != first.subject)
    alone = babbled([first])
    np.testing.assert_array_equal(babbled([first, stranger]), alone)
    other = babbled([first, mate, stranger])
    assert not np.array_equal(other, alone)
    np.testing.assert_array_equal(babbled([first, stranger, mate], n_jobs=2), other)


def test_a_mate_that_cannot_be_read_is_left_out_of_the_babble(corpus: ClipList, tmp_path: Path) -> None:
    damaged = replace(corpus[1], path=tmp_path / "damaged.wav", audio_path=None, subject=corpus[0].subject)
    damaged.path.write_bytes(b"RIFF")
    learner = EmotionRecognizer("audio", augment="babble")
    alone, both = learner.extract(corpus[:1]), learner.extract([corpus[0], damaged])
    np.testing.assert_array_equal(both.blocks["audio"][:2], alone.blocks["audio"])
    assert [error.path for error in both.errors] == [damaged.path]


@pytest.mark.slow
def test_processes_give_the_same_bits(corpus: ClipList) -> None:
    one, two = (EmotionRecognizer().extract(corpus, n_jobs=n) for n in (1, 2))
    assert one.clip_index.tolist() == two.clip_index.tolist()
    for name in one.blocks:
        np.testing.assert_array_equal(one.blocks[name], two.blocks[name])


def test_a_constant_offset_is_silence(tmp_path: Path) -> None:
    for rate in (RATE, 48_000):
        path = tmp_path / f"{rate}.wav"
        soundfile.write(path, np.full(rate, 0.5), rate)
        features = EmotionRecognizer("audio", augment=None).extract([path])
        assert features.status["audio"].tolist() == ["silent"]
        assert f"{rate}.wav is silent" in features.errors[0].error


def test_sound_without_a_voice_is_described_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, RATE), RATE)
    features = EmotionRecognizer("audio", augment=None).extract([path])
    assert features.present().all()
    assert features.details[0]["n_voiced"] == 0
    assert features.details[0]["warnings"] == [f"{path}: no voice was found in its sound"]


def test_faults_of_samples_name_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, 1e30 * voice(1.0, 140.0), RATE, subtype="FLOAT")
    features = EmotionRecognizer("audio", augment=None).extract([path])
    assert features.errors[0].error.startswith(f"{path}: y must be of magnitude")


def test_what_is_missing_is_named(tmp_path: Path, model: EmotionRecognizer, corpus: ClipList) -> None:
    sound, silence, text = tmp_path / "sound.wav", tmp_path / "silence.wav", tmp_path / "text.wav"
    soundfile.write(sound, load_audio(corpus[0].sound, RATE)[0], RATE)
    soundfile.write(silence, np.zeros(RATE), RATE)
    text.write_text("not a sound")
    rows = model.predict_table([sound, silence, text, tmp_path / "none.wav"])
    assert [row["status"] for row in rows] == ["audio only", "silent", "failed", "failed"]
    assert "no video stream" in rows[0]["message"]
    assert "is silent" in rows[1]["message"]
    assert all(row["label"] is None and row["p_sad"] is None for row in rows[1:])
    assert all(row["message"] for row in rows)
    shares = [rows[0][f"p_{label}"] for label in model.classes_]
    assert sum(shares) == pytest.approx(1)
    with pytest.raises(MediaError, match="1 of 2 clips gave nothing to predict from"):
        model.predict_proba([sound, silence])


def test_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "two.wav"
    soundfile.write(path, np.concatenate([voice(1.5, 120.0), voice(1.5, 240.0)]), RATE)

    def part(start: float | None, end: float | None) -> Clip:
        known = {"clip_id": "x", "label": "sad", "subject": "1", "take": "1", "corpus": "mine"}
        return Clip(path=path, modality="audio", start=start, end=end, **known)

    parts = [part(None, 1.5), part(1.5, None), part(5.0, None)]
    features = EmotionRecognizer("audio", augment=None).extract(parts)
    assert features.present().tolist() == [True, True, False]
    median = features.blocks["audio"][:, features.names["audio"].index("f0_semitones_p50")]
    assert median[1] - median[0] == pytest.approx(12, abs=0.5), "an octave, in semitones"
    assert "before offset" in features.errors[0].error


def test_fit_predict_and_labels(corpus: ClipList, model: EmotionRecognizer, tmp_path: Path) -> None:
    assert model.classes_.tolist() == ["angry", "sad"]
    assert model.training_.n_clips == len(corpus)
    assert model.training_.n_rows == 2 * len(corpus)
    assert model.score(corpus) == 1.0
    assert model.training_.corpora == ("synthetic",)
    first = model.predict_proba(corpus[0].path)
    assert first.shape == (2,)
    assert model.predict(str(corpus[0].path)) == model.classes_[first.argmax()]
    assert model.predict(list(corpus)).shape == (len(corpus),)
    renamed = EmotionRecognizer("audio", label_map={"sad": "calm"}, augment=None).fit(corpus)
    assert renamed.classes_.tolist() == ["angry", "calm"]


def test_windows_are_cut_without_drift(tmp_path: Path) -> None:
    path = tmp_path / "ramp.wav"
    y = np.linspace(-0.5, 0.5, int(25.3 * RATE)).astype(np.float32)
    soundfile.write(path, y, RATE, subtype="FLOAT")
    *windows, (last, samples) = iter_sound_windows(path, window=2.0, hop=0.3)
    assert last == pytest.approx(23.3)
    np.testing.assert_array_equal(samples, y[-2 * RATE :])
    assert len(windows) == 1 + int((len(y) - 2 * RATE) / (0.3 * RATE))
    for index, (start, samples) in enumerate(windows):
        assert start == pytest.approx(0.3 * index)
        first = round(index * 0.3 * RATE)
        np.testing.assert_array_equal(samples, y[first : first + 2 * RATE])
    soundfile.write(path, y[:8000], RATE, subtype="FLOAT")
    assert [(start, len(samples)) for start, samples in iter_sound_windows(path, window=2.0, hop=1.0)] == [
        (0.0, 8000)
    ]


def test_timeline_has_a_row_per_window(corpus: ClipList, model: EmotionRecognizer) -> None:
    *rows, last = model.timeline(corpus[0].path, window=0.6, hop=0.2)
    assert len(rows) > 2
    assert 0 < last["start"] - rows[-1]["start"] <= 0.2
    assert last["end"] == pytest.approx(probe(corpus[0].path).duration, abs=0.05)
    assert [row["start"] for row in rows] == pytest.approx([0.2 * i for i in range(len(rows))])
    assert all(row["end"] - row["start"] == pytest.approx(0.6) for row in rows)
    assert rows[0]["status"] == "ok"
    for parameters in ({"window": 0.1}, {"hop": 0.0}, {"window": 1.0, "hop": 2.0}):
        with pytest.raises(ParameterError):
            model.timeline(corpus[0].path, **parameters)


def test_faults_of_the_code_are_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundfile as library

    for error, text in (
        (MediaError("a.wav is empty"), "a.wav is empty"),
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
        (MemoryError(), "MemoryError: "),
        (library.LibsndfileError(1, "a: "), "LibsndfileError: "),
    ):
        assert fault_of_input(error, "a.wav").startswith(text)
    with pytest.raises(MissingExtraError):
        fault_of_input(MissingExtraError("a", "b", "c"), "a.wav")

    def stale(*args: object, **kwargs: object) -> None:
        raise AttributeError("no attribute 'newer'")

    soundfile.write(tmp_path / "a.wav", voice(1.0, 140.0), RATE)
    monkeypatch.setattr(describe, "describe_sound", stale)
    with pytest.raises(InternalError, match=r"a\.wav: AttributeError: no attribute 'newer'"):
        EmotionRecognizer("audio", augment=None).extract([tmp_path / "a.wav"])


class Everywhere:
    """A detector that sees one face in every picture."""

    def detect(self, gray: np.ndarray) -> np.ndarray:
        return np.array([[20, 20, 60, 60, 1.0]], np.float32)


@pytest.mark.parametrize("begin", [0.0, 0.6, 3.2])
def test_windows_of_faces_count_from_the_zero_of_the_recording(begin: float) -> None:
    """Also where pictures begin after the sound: frame k is as bright as its time says."""
    windows = FaceWindows(Plan(blocks=("video",)), window=1.0, hop=0.6, detector=Everywhere())
    found = []
    texture = np.random.default_rng(0).integers(0, 8, (100, 100), dtype=np.uint8)
    for k in range(100):
        found += windows.push(texture + np.uint8(2 * k), begin + k / 25)
    found += windows.flush()
    rows = round(begin * 25) + 100
    regular = 1 + (rows - 25) // 15
    starts = [0.6 * i for i in range(regular)]
    if (rows - 25) % 15:  # the last ends with the recording
        starts.append((rows - 25) / 25)
    assert [window.start for window in found] == pytest.approx(starts)
    for window in found:
        times = window.start + np.arange(25) / 25
        np.testing.assert_array_equal(window.seen, times > begin - 0.02)
        bright = window.frames[window.seen].mean(axis=(1, 2)) - texture[15:85, 15:85].mean()
        np.testing.assert_allclose(bright, 50 * (times[window.seen] - begin), atol=1.5)


def test_a_clip_shorter_than_a_syllable_is_remarked(tmp_path: Path) -> None:
    for name, seconds in (("short", 0.05), ("long", 0.3)):
        soundfile.write(tmp_path / f"{name}.wav", voice(seconds, 150.0), RATE)
    found = EmotionRecognizer("audio", augment=None).extract(sorted(tmp_path.iterdir()))
    long, short = (row["warnings"] for row in found.details)
    assert [text.partition("short.wav: ")[2][:16] for text in short] == ["0.050 s of sound"]
    assert [text.partition("long.wav: ")[2] for text in long] == ["its sound is not that of a voice"]


def test_two_faces_and_one_that_leaves_are_remarked(real_data: Path, tmp_path: Path) -> None:
    one, two = (load_video(real_data / "video" / f"grid_{name}.mpg")[0] for name in ("bbaf2n", "lbax4n"))
    both = np.concatenate([one[:50, :, 60:300], two[:50, :, 60:300]], axis=2)
    both[:, :, 240:] = both[:, :, 240:] // 2 + 40
    model = load_predictor()
    (row,) = model.predict_table([write_media(tmp_path / "two.mp4", both)])
    assert row["status"] == "expression only"
    assert "2 faces were found, and face" in row["message"]
    one = one[:50].copy()
    one[20:] = 90
    (row,) = model.predict_table([write_media(tmp_path / "leaves.mp4", one)])
    assert row["label"] is not None
    assert "the face is in view for" in row["message"]


@pytest.mark.parametrize(
    ("runs", "blocks"), [((1,), ["expression"]), ((8, 8), ["expression"]), ((13,), ["video", "expression"])]
)
def test_how_long_a_face_must_be_seen(runs: tuple[int, ...], blocks: list[str]) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (2 * sum(runs) - 1, 96, 96), dtype=np.uint8)
    seen = np.concatenate([np.arange(2 * run) < run for run in runs])[: len(frames)]
    for named in (["expression"], ["video", "expression"]):
        plan = Plan.checked(tuple(named))
        if named == ["expression"] or "video" in blocks:
            vectors, found = describe.describe_face(frames, seen, plan, name="a.mp4")
            assert list(vectors) == named
            assert found["n_frames"] == max(runs)
        else:
            with pytest.raises(describe.MissingStreamError, match=r"a.mp4: no face was seen long enough: in"):
                describe.describe_face(frames, seen, plan, name="a.mp4")
    short = np.arange(100) < 5
    with pytest.raises(describe.MissingStreamError, match="in 5 of 100 frames, 5 in a row"):
        describe.describe_face(
            np.repeat(frames[:1], 100, axis=0), short, Plan.checked(("expression",)), name="a.mp4"
        )
