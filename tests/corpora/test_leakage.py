"""The auditor: each check is triggered by a planted leak and silent on clean folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import stcorner
from stcorner import corpora
from stcorner.corpora import (
    CHECKS,
    Clip,
    SoundFingerprint,
    audit_folds,
    fingerprint,
    load_ravdess,
    make_corpus,
    match_sounds,
)
from stcorner.corpora.synthetic.factors import Factors, make_actor, perform
from stcorner.corpora.synthetic.voice import SAMPLE_RATE, speak, syllable_times
from stcorner.errors import LeakageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def say(actor: int, take: int, emotion: str = "happy") -> NDArray[np.float32]:
    rng = np.random.default_rng([actor, take])
    person = make_actor(actor, 0, Factors())
    done = perform(person, emotion, strong=False, factors=Factors(), rng=rng)
    return speak(person, done.voice, syllable_times(0, done.voice["tempo"], rng), rng)


def write(folder: Path, name: str, sound: NDArray[np.float32], sr: int = SAMPLE_RATE) -> Path:
    path = folder / name
    soundfile.write(path, sound, sr)
    return path


def clip(path: Path, subject: str, take: str, **changes: object) -> Clip:
    fields = {"modality": "audio", "corpus": "mine", "label": "happy", "sentence": f"sentence of {subject}"}
    return Clip(path=path, clip_id=path.stem, subject=subject, take=take, **{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Clip], list[Clip]]:
    """Two sides that share nothing."""
    folder = tmp_path_factory.mktemp("clean")
    made = [
        [
            clip(write(folder, f"{a}-{t}.wav", say(a, t)), f"actor {a}", f"{a}-{t}")
            for a in actors
            for t in (1, 2)
        ]
        for actors in ((1, 2), (3, 4))
    ]
    return made[0], made[1]


EVERYTHING = ("take", "actor", "sentence")


def test_clean_sides_are_silent(sides: tuple[list[Clip], list[Clip]]) -> None:
    report = stcorner.audit_leakage(*sides, forbid=EVERYTHING)
    assert report.ok
    assert not report.notes
    assert not report.unchecked
    assert set(report.counts) == set(CHECKS)
    assert not any(report.counts.values())
    assert str(report).startswith(
        "no leak between 4 training and 4 test clip(s); checked: copy, take, frames"
    )
    report.raise_if_leaky()
    deaf = stcorner.audit_leakage(*sides, forbid=EVERYTHING, sound=False)
    assert str(deaf).endswith("checked: copy, take, frames, actor, sentence")


def plant_copy(train: list[Clip], test: list[Clip]) -> None:
    # What an augmented row of a training clip looks like on the test side: the same file.
    test.append(replace(train[0], subject="someone", sentence="else", take="other"))


def plant_take(train: list[Clip], test: list[Clip]) -> None:
    # 01-... and 03-... of one take, whose sound this check does not need.
    silent = train[0].path.with_name("video.mp4")
    test.append(replace(train[0], path=silent, clip_id="video", subject="someone", sentence="else"))


def plant_frames(train: list[Clip], test: list[Clip]) -> None:
    train.append(replace(train[0], clip_id="first half", start=0.0, end=0.5, take="x"))
    fields = {"start": 0.5, "end": 1.2, "take": "y", "subject": "someone", "sentence": "else"}
    test.append(replace(train[0], clip_id="second half", **fields))
    train.remove(train[0])


def plant_actor(train: list[Clip], test: list[Clip]) -> None:
    test[0] = replace(test[0], subject=train[0].subject)


def plant_sentence(train: list[Clip], test: list[Clip]) -> None:
    test[0] = replace(test[0], sentence=train[0].sentence)


def plant_sound(train: list[Clip], test: list[Clip]) -> None:
    # The same recording, louder, at another rate and under another name.
    import soxr

    sound, sr = soundfile.read(train[0].path, dtype="float32")
    path = write(train[0].path.parent, "renamed.wav", soxr.resample(sound, sr, 22050) * 1.5, 22050)
    test.append(clip(path, "someone", "new"))


@pytest.mark.parametrize(
    ("check", "plant"),
    [
        ("copy", plant_copy),
        ("take", plant_take),
        ("frames", plant_frames),
        ("actor", plant_actor),
        ("sentence", plant_sentence),
        ("sound", plant_sound),
    ],
)
def test_each_planted_leak_is_found_alone(
    sides: tuple[list[Clip], list[Clip]], check: str, plant: Callable[[list[Clip], list[Clip]], None]
) -> None:
    train, test = list(sides[0]), list(sides[1])
    plant(train, test)
    report = stcorner.audit_leakage(train, test, forbid=EVERYTHING)
    assert {leak.check for leak in report.leaks} == {check}
    assert report.counts[check] >= 1
    with pytest.raises(LeakageError, match=f"LEAK: {CHECKS[check]}: "):
        report.raise_if_leaky()
    assert report.leaks[0].train
    assert report.leaks[0].test


def test_what_a_split_shares_by_design_is_a_note(sides: tuple[list[Clip], list[Clip]]) -> None:
    train, test = list(sides[0]), list(sides[1])
    plant_actor(train, test)
    report = stcorner.audit_leakage(train, test, forbid=("take",), sound=False)
    assert report.ok
    assert [note.check for note in report.notes] == ["actor"]
    assert "shared by design: the same actor: 1 test clip(s)" in str(report)


def test_what_cannot_be_checked_is_said(sides: tuple[list[Clip], list[Clip]], tmp_path: Path) -> None:
    train, test = list(sides[0]), list(sides[1])
    test.append(clip(tmp_path / "gone.wav", "", "x"))
    test.append(clip(write(tmp_path, "hush.wav", np.zeros(8000, np.float32)), "z", "y"))
    report = stcorner.audit_leakage(train, test)
    assert report.ok
    reasons = "\n".join(report.unchecked)
    assert "actor: 1 clip(s) have no subject" in reasons
    assert "gone.wav" in reasons
    assert "hush.wav is silent or too short" in reasons
    assert str(report).count("not checked: ") == 3


def test_many_findings_are_summed_up(sides: tuple[list[Clip], list[Clip]]) -> None:
    train = [
        replace(sides[0][0], path=Path(f"{i}.wav"), clip_id=f"train {i}", take=str(i)) for i in range(40)
    ]
    test = [replace(one, path=Path(f"{one.take}.mp4"), clip_id=f"test {one.take}") for one in train]
    text = str(stcorner.audit_leakage(train, test, forbid=("take",), sound=False))
    assert "LEAK: the same take in another file or modality: 40 test clip(s)" in text
    assert text.count("train ") == 8


def test_audit_refuses(sides: tuple[list[Clip], list[Clip]]) -> None:
    with pytest.raises(ValueError, match="train must not be empty"):
        stcorner.audit_leakage([], sides[1])
    with pytest.raises(ValueError, match="test must not be empty"):
        stcorner.audit_leakage(sides[0], [])
    with pytest.raises(ValueError, match="forbid must be one of"):
        stcorner.audit_leakage(*sides, forbid=("luck",))
    with pytest.raises(ValueError, match="sound must be"):
        stcorner.audit_leakage(*sides, sound=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_jobs must be"):
        stcorner.audit_leakage(*sides, n_jobs=0)


def test_folds_of_the_synthetic_corpus(tmp_path: Path) -> None:
    clips = make_corpus(tmp_path / "c", n_actors=3, n_takes=2, emotions=("angry", "sad"), size=96)
    for report in audit_folds(clips, stcorner.actor_folds(clips)):
        assert report.ok
        assert {note.check for note in report.notes} == {"sentence"}
        assert not report.unchecked
    (leaky,) = audit_folds(clips, stcorner.actor_folds(clips, "paper-leaky"), sound=False)
    assert leaky.ok  # it forbids nothing, and says what it shares
    assert leaky.counts["copy"] > 0.8 * len({clip.clip_id for clip in clips}) * 0.7
    assert {"copy", "actor", "sentence"} <= {note.check for note in leaky.notes}


def test_takes_across_modalities_of_real_files(real_data: Path) -> None:
    root = real_data / "ravdess"
    pictures = load_ravdess(root / "av_speech", modality="files")
    sounds = load_ravdess(root / "audio_speech")
    train = [one for one in sounds if one.subject == "05" and one.sentence == "dogs"]
    videos = [one for one in pictures if one.subject == "05" and one.sentence == "dogs"]
    report = stcorner.audit_leakage(train, videos, forbid=("take",))
    assert report.counts["take"] == len(videos)
    renamed = [replace(one, take=f"?{one.take}", subject="?") for one in videos]
    heard = stcorner.audit_leakage(train, renamed, forbid=("take",))
    with_sound = [one for one in videos if one.modality == "both"]
    assert heard.counts["sound"] == len(with_sound)
    assert len(heard.unchecked) == len(videos) - len(with_sound)
    clean = [one for one in train if one.take not in {video.take for video in videos}]
    assert stcorner.audit_leakage(clean, renamed, forbid=("take",)).ok


# ------------------------------------------------------------------ fingerprints


def noisy(sound: NDArray[np.float32], decibels: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(1).standard_normal(len(sound))
    level = np.sqrt(np.mean(sound**2)) * 10 ** (-decibels / 20)
    return (sound + level * noise).astype(np.float32)


def faster(sound: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    import soxr

    return soxr.resample(sound, 16000 * factor, 16000)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gain": lambda y: 0.01 * y,
    "16 bit": lambda y: np.round(y * 32767).astype(np.float32) / 32767,
    "noise at 20 dB": lambda y: noisy(y, 20),
    "noise at 10 dB": lambda y: noisy(y, 10),
    "1 % faster": lambda y: faster(y, 1.01),
    "1 % slower": lambda y: faster(y, 0.99),
    "cut begin": lambda y: y[3000:],
    "silence before": lambda y: np.concatenate([np.zeros(5000, np.float32), y]),
    "telephone": lambda y: np.convolve(y, np.array([0.5, 0.5, -0.2]), "same").astype(np.float32),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_recording_is_recognised(change: str) -> None:
    takes = [say(actor, take) for actor in (1, 2, 3) for take in (1, 2, 3)]
    known = [fingerprint(y, sr=SAMPLE_RATE) for y in takes]
    changed = [fingerprint(CHANGES[change](y), sr=SAMPLE_RATE) for y in takes]
    assert [(m.query, m.reference) for m in match_sounds(changed, known)] == [
        (i, i) for i in range(len(takes))
    ]


def test_shift_is_told_in_seconds() -> None:
    y = say(1, 1)
    late = fingerprint(np.concatenate([np.zeros(8000, np.float32), y]), sr=SAMPLE_RATE)
    (match,) = match_sounds([late], [fingerprint(y, sr=SAMPLE_RATE)])
    assert match.shift == pytest.approx(-0.5, abs=0.02)
    assert match.stretch == 1.0


@pytest.mark.parametrize("n", [1, 2, 3, 7, 33, 500])
def test_short_sounds_have_no_frames_or_no_match(n: int) -> None:
    short = fingerprint(np.ones(n), sr=8000)
    assert len(short.signs) == len(short.active) == 0
    assert match_sounds([short], [short, fingerprint(say(1, 1), sr=SAMPLE_RATE)]) == []


def test_silence_matches_nothing() -> None:
    silence = fingerprint(np.zeros(16000), sr=8000)
    assert not silence.active.any()
    assert match_sounds([silence], [silence]) == []
    assert match_sounds([], []) == []


@pytest.mark.parametrize("factor", [0.98, 1.02, 0.96, 1.04, 0.94, 1.06])
def test_a_changed_tempo_is_told(factor: float) -> None:
    known = fingerprint(np.concatenate([say(1, take) for take in (1, 2, 3)]), sr=SAMPLE_RATE)
    at = np.round(np.arange(0, len(known.signs) - 1, factor)).astype(int)
    changed = SoundFingerprint(signs=known.signs[at], active=known.active[at])
    (match,) = match_sounds([changed], [known])
    assert match.stretch == factor
    assert match.similarity > 0.75


def test_frames_25_decibels_below_the_loudest_are_silence() -> None:
    noise = np.random.default_rng(0).standard_normal(16000)
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 8000)
    for level, heard in ((-24.5, True), (-25.5, False)):
        quiet = np.where(np.arange(16000) < 8000, tone, 10 ** (level / 20) * tone) + 1e-6 * noise
        assert fingerprint(quiet, sr=8000).active[-20:-5].all() == heard
        assert fingerprint(quiet, sr=8000).active[-20:-5].any() == heard


def test_fingerprint_refuses() -> None:
    with pytest.raises(ValueError, match="y must have 1 dimension"):
        fingerprint(np.zeros((2, 100)), sr=8000)
    with pytest.raises(ValueError, match="y must be finite"):
        fingerprint([np.nan], sr=8000)
    with pytest.raises(ValueError, match="y must not be empty"):
        fingerprint([], sr=8000)
    with pytest.raises(ValueError, match="sr must be"):
        fingerprint([0.0], sr=0)
    with pytest.raises(ValueError, match="threshold must be"):
        match_sounds([], [], threshold=0)


@pytest.mark.slow
def test_all_takes_of_ravdess_differ_but_one(real_data: Path) -> None:
    clips = load_ravdess(real_data / "ravdess" / "audio_speech")
    names, prints = [], []
    for one in clips:
        y, sr = stcorner.load_audio(one.path, sr=8000)
        names.append(one.clip_id)
        prints.append(fingerprint(y, sr=sr))
    equal = {
        (names[m.reference], names[m.query]): m.similarity
        for m in match_sounds(prints, prints)
        if m.reference < m.query
    }
    # The corpus really has this recording twice: the two files hold the same samples.
    assert equal == {("03-01-03-01-02-01-07", "03-01-03-01-02-02-07"): 1.0}


def test_prints_are_short_and_equality_is_safe() -> None:
    leak = corpora.Leak(check="actor", shared="01", train=("a",) * 500, test=("b",) * 500)
    report = corpora.LeakageReport(
        n_train=500, n_test=500, forbidden=("actor",), leaks=(leak,) * 9, notes=(), unchecked=()
    )
    assert repr(leak) == "Leak('actor', '01', train=500, test=500)"
    assert repr(report) == "LeakageReport(n_train=500, n_test=500, leaks=9, notes=0)"
    assert report == report
    tone, noise = (corpora.fingerprint(np.random.default_rng(s).normal(size=8000), sr=8000) for s in (0, 1))
    assert repr(tone) == "SoundFingerprint(30 frames, 30 active)"
    assert tone == tone
    assert tone != noise
    assert len({tone, noise, tone}) == 2
