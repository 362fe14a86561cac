"""The synthetic corpus: faces that are found, factors that come apart, the same files for the same seed."""

from __future__ import annotations

import collections
import json
from pathlib import Path

import numpy as np
import pytest

import stcorner
from stcorner.corpora.readers.synthetic import SYNTHETIC_MANIFEST
from stcorner.corpora.synthetic import EMOTIONS, Factors
from stcorner.corpora.synthetic import movie as movie_module
from stcorner.corpora.synthetic.face import draw_portrait, face_track, render
from stcorner.corpora.synthetic.factors import make_actor, perform
from stcorner.corpora.synthetic.voice import SAMPLE_RATE, speak, syllable_times
from stcorner.errors import DatasetError, MediaError

SMALL = {"n_actors": 2, "n_takes": 1, "emotions": ("happy", "neutral"), "size": 112, "n_jobs": 1}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "corpus"
    stcorner.make_corpus(out, **SMALL)
    return out


def test_names_and_streams(small: Path) -> None:
    clips = stcorner.load_corpus(small)
    assert {clip.corpus for clip in clips} == {"synthetic"}
    assert collections.Counter((clip.subject, clip.label, clip.modality) for clip in clips) == {
        (actor, label, "both"): 1 for actor in ("01", "02") for label in ("happy", "neutral")
    }
    info = stcorner.probe(clips[0].path)
    assert info.video is not None
    assert info.audio is not None
    assert (info.video.width, info.video.height, info.video.fps) == (112, 112, 25)
    assert (info.audio.sample_rate, info.audio.channels) == (16000, 1)
    assert info.duration is not None
    assert info.video.duration is not None
    assert info.audio.duration is not None
    assert 1.0 < info.duration < 2.5
    assert abs(info.video.duration - info.audio.duration) < 0.1
    sound, sr = stcorner.load_audio(clips[0].path, sr=None)
    assert sr == 16000
    assert 0.005 < np.sqrt(np.mean(sound**2)) < 0.4


def test_same_seed_same_bytes(small: Path, tmp_path: Path) -> None:
    seen = []
    again = stcorner.make_corpus(
        tmp_path / "again", **{**SMALL, "n_jobs": 2}, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(i, 4) for i in (1, 2, 3, 4)]
    for clip in again:
        twin = small / clip.path.relative_to(tmp_path / "again")
        assert clip.path.read_bytes() == twin.read_bytes()
    other = stcorner.make_corpus(tmp_path / "other", **SMALL, seed=1)
    assert other[0].path.read_bytes() != again[0].path.read_bytes()


def test_goes_on_where_it_stopped(small: Path) -> None:
    clip = stcorner.load_corpus(small)[0]
    whole = clip.path.read_bytes()
    untouched = stcorner.load_corpus(small)[1].path.stat().st_mtime_ns
    clip.path.unlink()
    clips = stcorner.make_corpus(small, **SMALL)
    assert clips[0].path.read_bytes() == whole
    assert clips[1].path.stat().st_mtime_ns == untouched
    assert not list(small.rglob("*.part"))


def test_refuses_to_mix(small: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds a corpus of other n_actors"):
        stcorner.make_corpus(small, **{**SMALL, "n_actors": 3})
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DatasetError, match="out must be an empty or new folder"):
        stcorner.make_corpus(tmp_path, **SMALL)
    with pytest.raises(DatasetError, match="out must be a folder"):
        stcorner.make_corpus(tmp_path / "thesis.txt", **SMALL)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / SYNTHETIC_MANIFEST).write_text("{")
    with pytest.raises(DatasetError, match="damaged synthetic"):
        stcorner.make_corpus(damaged, **SMALL)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_actors", 0),
        ("n_actors", 25),
        ("n_actors", 2.0),
        ("n_takes", 9),
        ("emotions", ()),
        ("emotions", ("happy", "Happiness")),
        ("emotions", ("bored",)),
        ("size", 95),
        ("size", 161),
        ("seed", -1),
        ("identity", -1.0),
        ("motion", float("nan")),
        ("voice", 4.0),
        ("n_jobs", 0),
    ],
)
def test_refuses(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        stcorner.make_corpus(tmp_path / "new", **{name: value})
    assert not (tmp_path / "new").exists()


def test_takes_follow_ravdess(tmp_path: Path) -> None:
    clips = stcorner.make_corpus(tmp_path / "c", n_actors=1, n_takes=5, emotions=("neutral", "sad"), size=96)
    counts = collections.Counter((clip.label, clip.intensity) for clip in clips)
    assert counts == {("neutral", "normal"): 4, ("sad", "normal"): 4, ("sad", "strong"): 1}
    manifest = json.loads((tmp_path / "c" / SYNTHETIC_MANIFEST).read_text())
    assert manifest["complete"] is True
    assert manifest["factors"] == {"identity": 1.0, "motion": 1.0, "voice": 1.0, "variation": 1.0}


def test_another_encoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("no-such-encoder", *movie_module.VIDEO_ENCODERS[-1:])
    monkeypatch.setattr("stcorner.corpora.synthetic.corpus.VIDEO_ENCODERS", names)
    with pytest.warns(RuntimeWarning, match="no encoder no-such-encoder: clips are written with mpeg4"):
        (clip,) = stcorner.make_corpus(tmp_path / "c", n_actors=1, n_takes=1, emotions=("sad",))
    assert stcorner.probe(clip.path).video.codec == "mpeg4"
    with pytest.raises(MediaError, match="needs one of the encoders nothing"):
        movie_module.choose_encoder(("nothing",))


def test_a_cascade_finds_every_face() -> None:
    import cv2.data

    file = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"
    cascade = cv2.CascadeClassifier(str(file))
    found = []
    for number in range(1, 25):
        actor = make_actor(number, 0, Factors())
        portrait = draw_portrait(actor, 160)
        emotion = EMOTIONS[number % len(EMOTIONS)]
        rng = np.random.default_rng(number)
        take = perform(actor, emotion, strong=True, factors=Factors(), rng=rng)
        syllables = syllable_times(0, take.voice["tempo"], rng)
        track = face_track(take.face, syllables, 1.2, rng)
        frames = render(actor, portrait, {name: values[2::7] for name, values in track.items()}, rng)
        per_frame = [
            len(cascade.detectMultiScale(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), 1.1, 3, minSize=(48, 48)))
            for frame in frames
        ]
        assert max(per_frame) == 1
        found += per_frame
    assert np.mean(found) > 0.95


def channels(factors: Factors, n_takes: int = 3) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return what 8 actors do, without drawing it."""
    voice, face, labels, actors = [], [], [], []
    for number in range(1, 9):
        actor = make_actor(number, 0, factors)
        for emotion in EMOTIONS[:6]:
            for take in range(n_takes):
                rng = np.random.default_rng([number, EMOTIONS.index(emotion), take])
                done = perform(actor, emotion, strong=False, factors=factors, rng=rng)
                voice.append([*done.voice.values()])
                face.append([*done.face.values()])
                labels.append(emotion)
                actors.append(number)
    return {"voice": np.array(voice), "face": np.array(face)}, np.array(labels), np.array(actors)


def test_factors_come_apart() -> None:
    still, _, _ = channels(Factors(identity=0, motion=0, variation=0))
    assert np.ptp(still["face"], axis=0).max() == 0
    assert np.ptp(still["voice"], axis=0).min() > 0
    mute, _, _ = channels(Factors(identity=0, voice=0, variation=0))
    assert np.ptp(mute["voice"], axis=0).max() == 0
    assert np.ptp(mute["face"], axis=0).min() > 0
    alike, _, actors = channels(Factors(identity=0, variation=0))
    assert np.array_equal(alike["face"][actors == 1], alike["face"][actors == 8])
    plain = [make_actor(number, 0, Factors(identity=0)) for number in (1, 2)]
    assert plain[0].pitch == plain[1].pitch
    assert np.array_equal(draw_portrait(plain[0], 96).head, draw_portrait(plain[1], 96).head)


def test_both_beat_either_and_known_actors_flatter() -> None:
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    data, labels, actors = channels(Factors())
    data["both"] = np.hstack([data["voice"], data["face"]])
    scores = {}
    for name, features in data.items():
        for split, folds in (
            ("actor", GroupKFold(4)),
            ("random", StratifiedKFold(4, shuffle=True, random_state=0)),
        ):
            guess = cross_val_predict(
                KNeighborsClassifier(3),
                features,
                labels,
                groups=actors if split == "actor" else None,
                cv=folds,
            )
            scores[name, split] = balanced_accuracy_score(labels, guess)
    for split in ("actor", "random"):
        assert scores["both", split] > max(scores["voice", split], scores["face", split]) + 0.05
    for name in ("voice", "face"):
        assert scores[name, "random"] > scores[name, "actor"] + 0.05


@pytest.mark.parametrize(("number", "low", "high"), [(1, 80, 190), (2, 140, 320)])
def test_pitch_and_silence(number: int, low: float, high: float) -> None:
    actor = make_actor(number, 0, Factors())
    rng = np.random.default_rng(0)
    neutral = dict.fromkeys(perform(actor, "neutral", strong=False, factors=Factors(), rng=rng).voice, 0.0)
    syllables = syllable_times(0, 0.0, rng)
    wave = speak(actor, neutral, syllables, rng)
    assert len(wave) == int((syllables[-1][1] + 0.12) * SAMPLE_RATE)
    vowel = wave[int(0.5 * SAMPLE_RATE) : int(0.9 * SAMPLE_RATE)].astype(float)
    spectrum = np.abs(np.fft.rfft(vowel * np.hanning(len(vowel)), 1 << 16)) ** 2
    correlation = np.fft.irfft(spectrum)[: SAMPLE_RATE // 60]
    first = SAMPLE_RATE // 400
    lag = first + int(np.argmax(correlation[first:]))
    assert low < SAMPLE_RATE / lag < high
    assert np.sqrt(np.mean(wave[:800] ** 2)) < 0.05 * np.sqrt(np.mean(vowel**2))


def test_the_list_of_a_corpus_goes_into_a_new_folder_and_an_old_one(tmp_path: Path) -> None:
    from stcorner.corpora.synthetic.corpus import _write_manifest

    for seed in (1, 2):
        _write_manifest(tmp_path / "new" / "corpus", {"seed": seed})
    assert json.loads((tmp_path / "new/corpus" / SYNTHETIC_MANIFEST).read_text()) == {"seed": 2}
