"""The readers: what a file name says, one clip per take, a row for each file left out."""

from __future__ import annotations

import collections
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest

import stcorner
from stcorner import corpora
from stcorner.corpora import Clip
from stcorner.corpora.clip import find_media
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder


def make_clip(**changes: object) -> Clip:
    fields = {"path": "a.wav", "clip_id": "a", "label": "sad", "subject": "1", "take": "a"}
    return Clip(**{**fields, "modality": "audio", "corpus": "mine", **changes})  # type: ignore[arg-type]


# ------------------------------------------------------------------ clip


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("clip_id", "", "clip_id must be a non-empty string"),
        ("take", None, "take must be a non-empty string"),
        ("subject", None, "subject must be a string"),
        ("label", "Anger", "label must be 'angry'"),
        ("modality", "smell", "modality must be one of"),
        ("start", -1.0, "start must be"),
        ("start", float("nan"), "start must be finite"),
        ("end", 0.0, "end must be"),
        ("soft_label", {"sad": 0.5}, "soft_label must sum to 1"),
        ("soft_label", {"sad": -1.0, "happy": 2.0}, "soft_label must be"),
    ],
)
def test_clip_refuses(field: str, value: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make_clip(**{field: value})


def test_clip_travels_to_workers_and_is_a_key() -> None:
    clip = make_clip(soft_label={"sadness": 0.25, "happy": 0.75})
    assert pickle.loads(pickle.dumps(clip)) == clip
    assert len({clip, make_clip(soft_label={"sad": 0.25, "happy": 0.75})}) == 1
    with pytest.raises(TypeError):
        clip.soft_label["sad"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize("name", ["", "  ", "12", None])
def test_label_needs_a_letter(name: str) -> None:
    with pytest.raises(ValueError, match="label must be a name"):
        corpora.canonical_label(name)


def test_map_labels_scales_shares_and_keeps_rows() -> None:
    clip = make_clip(label="happy", soft_label={"happy": 0.5, "calm": 0.25, "surprise": 0.25})
    (mapped,) = corpora.map_labels([clip], {"happy": "joy"})
    assert mapped.label == "happy"  # "joy" is a synonym
    mapped_list = corpora.map_labels([clip, make_clip(label="surprise")], {"surprise": None})
    assert mapped_list[0].soft_label == pytest.approx({"happy": 2 / 3, "calm": 1 / 3})
    assert [row.clip_id for row in mapped_list.skipped] == ["a"]
    with pytest.raises(ValueError, match="label_map must name labels of the clips, got fear"):
        corpora.map_labels([clip], {"fear": None})
    with pytest.raises(ValueError, match="label_map must be a mapping"):
        corpora.map_labels([clip], ["fear"])  # type: ignore[arg-type]


# ------------------------------------------------------------------ RAVDESS


@pytest.fixture
def ravdess(tmp_path: Path) -> Path:
    return touch(
        tmp_path,
        "Audio/Actor_01/03-01-05-01-01-01-01.wav",
        "deep/er/Actor_01/01-01-05-01-01-01-01.mp4",
        "Video/02-01-05-01-01-01-01.mp4",
        "Video/02-01-06-02-02-01-02.mp4",
        "Audio/03-01-06-02-02-01-02.flac",
        "Audio/03-01-01-01-01-01-02.wav",
        "Audio/03-02-01-01-01-01-02.wav",
        "copy/03-01-01-01-01-01-02.wav",
        "Audio/03-01-09-01-01-01-02.wav",
        "Audio/03-01-08-01-01-01-25.wav",
        "Audio/notes.wav",
        "Audio/._03-01-01-01-01-01-03.wav",
        "readme.txt",
    )


@pytest.mark.parametrize(
    ("modality", "ids"),
    [
        (None, ["01-01-05-01-01-01-01", "02-01-06-02-02-01-02", "03-01-01-01-01-01-02"]),
        ("both", ["01-01-05-01-01-01-01", "02-01-06-02-02-01-02"]),
        ("audio", ["03-01-01-01-01-01-02", "03-01-05-01-01-01-01", "03-01-06-02-02-01-02"]),
        ("video", ["02-01-05-01-01-01-01", "02-01-06-02-02-01-02"]),
    ],
)
def test_one_clip_per_take(ravdess: Path, modality: str | None, ids: list[str]) -> None:
    clips = stcorner.load_ravdess(ravdess, modality=modality)
    assert [clip.clip_id for clip in clips] == ids
    assert len({clip.take for clip in clips}) == len(clips)
    if modality == "both":
        assert clips[0].audio_path is None
        assert clips[1].sound.name == "03-01-06-02-02-01-02.flac"
        assert clips[1].path.name == "02-01-06-02-02-01-02.mp4"


def test_every_file_left_out_has_a_row(ravdess: Path) -> None:
    reasons = {row.path.name: row.reason for row in stcorner.load_ravdess(ravdess).skipped}
    assert set(reasons) == {
        "03-01-01-01-01-01-02.wav",
        "03-01-09-01-01-01-02.wav",
        "03-01-08-01-01-01-25.wav",
        "notes.wav",
    }
    assert "second copy" in reasons["03-01-01-01-01-01-02.wav"]
    assert "emotion must be 01 to 08, got 09" in reasons["03-01-09-01-01-01-02.wav"]
    assert "actor must be 01 to 24" in reasons["03-01-08-01-01-01-25.wav"]


def test_the_sound_of_a_video_under_its_name_does_not_stand_for_it(tmp_path: Path) -> None:
    touch(tmp_path, "a/01-01-03-01-01-01-01.wav", "v/01-01-03-01-01-01-01.MP4", "a/03-01-04-01-01-01-01.wav")
    touch(tmp_path, "v/03-01-04-01-01-01-01.mp4")
    clips = stcorner.load_ravdess(tmp_path)
    assert [clip.path.name for clip in clips] == ["01-01-03-01-01-01-01.MP4", "03-01-04-01-01-01-01.wav"]
    assert [row.path.name for row in clips.skipped] == [
        "01-01-03-01-01-01-01.wav",
        "03-01-04-01-01-01-01.mp4",
    ]
    assert all(str(row.path.stem) in row.reason and str(row.path) not in row.reason for row in clips.skipped)


def test_files_and_song(ravdess: Path) -> None:
    files = stcorner.load_ravdess(ravdess, modality="files")
    assert collections.Counter(clip.take for clip in files)["01-05-01-01-01-01"] == 3
    song = stcorner.load_ravdess(ravdess, channel="song")
    assert [(clip.channel, clip.sex) for clip in song] == [("song", "female")]
    assert len(stcorner.load_ravdess(ravdess, channel=None)) == 4


def test_ravdess_refuses(ravdess: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="modality must be one of"):
        stcorner.load_ravdess(ravdess, modality="smell")
    with pytest.raises(ValueError, match="channel must be one of"):
        stcorner.load_ravdess(ravdess, channel="radio")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="root must hold RAVDESS files"):
        stcorner.load_ravdess(tmp_path / "empty")


def test_real_ravdess(real_data: Path) -> None:
    clips = stcorner.load_ravdess(real_data / "ravdess" / "audio_speech")
    assert len(clips) == 1200
    assert not clips.skipped
    counts = collections.Counter(clip.label for clip in clips)
    assert counts.pop("neutral") == 80
    assert set(counts.values()) == {160}
    assert set(collections.Counter(clip.subject for clip in clips).values()) == {60}
    both = stcorner.load_ravdess(real_data / "ravdess", modality="both")
    assert len(both) == 8
    assert sum(clip.audio_path is not None for clip in both) == 1


# ------------------------------------------------------------------ CREMA-D

VOTES = """"","A","D","F","H","N","S","fileName"
"1001",0,0,0,1,9,0,"1001_IEO_HAP_LO"
"2001",2,0,3,3,2,0,"1001_IEO_HAP_LO"
"3001",0,0,0,8,2,0,"1001_IEO_HAP_LO"
"3002",5,5,0,0,0,0,"1002_IEO_SAD_LO"
"3003",1,9,0,0,0,0,"1064_IEO_DIS_MD"
"""


@pytest.fixture
def cremad(tmp_path: Path) -> Path:
    touch(
        tmp_path,
        "VideoFlash/1001_IEO_HAP_LO.flv",
        "AudioWAV/1001_IEO_HAP_LO.wav",
        "AudioMP3/1001_IEO_HAP_LO.mp3",
        "AudioMP3/1002_IEO_SAD_LO.mp3",
        "AudioMP3/1003_IEO_SAD_HI.mp3",
        "VideoFlash/1064_IEO_DIS_MD.flv",
        "AudioMP3/1001_XYZ_SAD_LO.mp3",
    )
    (tmp_path / "VideoDemographics.csv").write_text(
        '"ActorID","Age","Sex"\n1001,51,"Male"\n1002,21,"Female"\n'
    )
    (tmp_path / "tabulatedVotes.csv").write_text(VOTES)
    return tmp_path


def test_cremad_intended(cremad: Path) -> None:
    clips = stcorner.load_cremad(cremad)
    assert [(c.clip_id, c.modality, c.sex) for c in clips] == [
        ("1001_IEO_HAP_LO", "both", "male"),
        ("1002_IEO_SAD_LO", "audio", "female"),
        ("1003_IEO_SAD_HI", "audio", None),
    ]
    reasons = {row.clip_id: row.reason for row in clips.skipped}
    assert "damaged" in reasons["1064_IEO_DIS_MD"]
    assert "sentence must be one of" in reasons["1001_XYZ_SAD_LO"]
    assert stcorner.load_cremad(cremad, modality="audio")[0].path.suffix == ".wav"
    assert [c.clip_id for c in stcorner.load_cremad(cremad, modality="video")] == ["1001_IEO_HAP_LO"]


def test_cremad_votes(cremad: Path) -> None:
    clips = stcorner.load_cremad(cremad, label="vote_voice")
    assert [(c.label, dict(c.soft_label or {})) for c in clips] == [
        ("neutral", {"happy": 0.1, "neutral": 0.9})
    ]
    reasons = {row.clip_id: row.reason for row in clips.skipped}
    assert reasons["1003_IEO_SAD_HI"].startswith("no votes")


def test_ties_are_named(cremad: Path) -> None:
    (tied,) = stcorner.load_cremad(cremad, label="vote_face", ties="alphabetical")
    assert tied.label == "fear"
    assert sum((tied.soft_label or {}).values()) == pytest.approx(1)
    (intended,) = stcorner.load_cremad(cremad, label="vote_face", ties="intended")
    assert intended.label == "happy"
    (av,) = stcorner.load_cremad(cremad, label="vote_av", ties="intended")
    assert av.clip_id == "1001_IEO_HAP_LO"
    rows = stcorner.load_cremad(cremad, label="vote_av").skipped
    assert "tied votes: angry, disgust" in [row.reason for row in rows]


def test_cremad_refuses(cremad: Path) -> None:
    with pytest.raises(ValueError, match="label must be one of"):
        stcorner.load_cremad(cremad, label="guess")
    (cremad / "tabulatedVotes.csv").write_text('"","A"\n')
    with pytest.raises(DatasetError, match="table must have the columns"):
        stcorner.load_cremad(cremad, label="vote_av")
    (cremad / "tabulatedVotes.csv").unlink()
    with pytest.raises(DatasetError, match=r"root must hold tabulatedVotes\.csv"):
        stcorner.load_cremad(cremad, label="vote_av")


@pytest.mark.parametrize(
    ("label", "column", "n_ties"),
    [("vote_voice", "VoiceVote", 644), ("vote_face", "FaceVote", 470), ("vote_av", "MultiModalVote", 420)],
)
def test_official_majorities(real_data: Path, label: str, column: str, n_ties: int) -> None:
    import csv

    tables = real_data / "crema-d" / "processedResults"
    shares = corpora.read_cremad_votes(tables / "tabulatedVotes.csv", label)
    with (tables / "summaryTable.csv").open() as file:
        official = {row["FileName"]: row[column].split(":") for row in csv.DictReader(file)}
    assert shares.keys() == official.keys()
    ties = 0
    for name, votes in shares.items():
        most = [key[0].upper() for key, share in votes.items() if share == max(votes.values())]
        assert sorted(most) == sorted(official[name])
        ties += len(most) > 1
    assert ties == n_ties


def test_real_cremad(real_data: Path) -> None:
    clips = stcorner.load_cremad(real_data / "crema-d")
    assert collections.Counter(clip.modality for clip in clips) == {"both": 3, "audio": 3}
    assert {clip.sex for clip in clips} == {"male", "female"}


# ------------------------------------------------------------------ folders and tables


def test_folder_layouts(tmp_path: Path) -> None:
    touch(tmp_path, "Anger/anna/1.wav", "Anger/bob/1.mp4", "joy/anna/2.flac", "stray.wav", "123/x.wav")
    clips = stcorner.load_folder(tmp_path)
    assert [(c.label, c.subject, c.modality) for c in clips] == [
        ("angry", "anna", "audio"),
        ("angry", "bob", "both"),
        ("happy", "anna", "audio"),
    ]
    assert {row.path.name for row in clips.skipped} == {"stray.wav", "x.wav"}
    assert {c.modality for c in stcorner.load_folder(tmp_path, modality="audio")} == {"audio"}
    pictures = stcorner.load_folder(tmp_path, modality="video")
    assert [c.clip_id for c in pictures] == ["Anger/bob/1"]
    assert sum("no picture" in row.reason for row in pictures.skipped) == 2


def test_folder_subject_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "spk1/sad/a.wav", "spk2/sad/b.wav")
    clips = stcorner.load_folder(tmp_path, subject=r"^(spk\d)/")
    assert [(c.label, c.subject) for c in clips] == [("sad", "spk1"), ("sad", "spk2")]
    with pytest.raises(DatasetError, match="subject must match every path"):
        stcorner.load_folder(tmp_path, subject=r"spk(1)")
    with pytest.raises(ValueError, match="subject must be a regular expression"):
        stcorner.load_folder(tmp_path, subject="(")
    with pytest.raises(ValueError, match="subject must have a group"):
        stcorner.load_folder(tmp_path, subject="spk")


def test_speakers_over_emotions_are_not_taken_for_emotions(tmp_path: Path) -> None:
    touch(tmp_path, "anna/happy/1.wav", "anna/sad/1.wav", "bob/happy/1.wav")
    with pytest.raises(DatasetError, match=r"got speakers \(anna, \.\.\.\) over emotions \(happy"):
        stcorner.load_folder(tmp_path)
    clips = stcorner.load_folder(tmp_path, subject=r"^([^/]+)/")
    assert {(c.label, c.subject) for c in clips} == {("happy", "anna"), ("sad", "anna"), ("happy", "bob")}


def test_a_label_is_one_label_however_its_accents_are_written() -> None:
    composed, apart = "\u00e4rger", "a\u0308rger"
    assert stcorner.corpora.canonical_label(apart) == stcorner.corpora.canonical_label(composed) == composed


def test_table_of_excel(tmp_path: Path) -> None:
    touch(tmp_path, "a.WAV", "b.wav")
    text = '\ufefffile,label,sentence,subject\r\n\r\na.WAV,ANG,"no, never",anna,\r\nb.wav,Angry,yes,bob\r\n'
    (tmp_path / "mine.csv").write_bytes(text.encode())
    clips = stcorner.load_folder(tmp_path / "mine.csv")
    assert [(c.label, c.sentence, c.subject) for c in clips] == [
        ("angry", "no, never", "anna"),
        ("angry", "yes", "bob"),
    ]


def test_table_counts_a_clip_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav")
    table = tmp_path / "mine.csv"
    table.write_text("file,label,start,end\na.wav,sad,,\na.wav,sad,,\na.wav,happy,1,2\n")
    clips = stcorner.load_folder(table)
    assert [c.clip_id for c in clips] == ["a", "a@1@2"]
    assert [row.reason for row in clips.skipped] == ["line 3 repeats line 2"]


def test_table(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.mp4", "b.wav")
    table = tmp_path / "mine.csv"
    table.write_text(
        "File,Emotion,Speaker,start,end,audio_path,p_sad,p_happy\n"
        "a.wav,Happiness,anna,,,,0.25,0.75\n"
        "b.mp4,sad,bob,1.5,2.5,b.wav,,\n"
    )
    first, second = stcorner.load_corpus(table)
    assert (first.label, first.subject, dict(first.soft_label or {})) == (
        "happy",
        "anna",
        {"sad": 0.25, "happy": 0.75},
    )
    assert (second.start, second.end, second.modality, second.sound.name) == (1.5, 2.5, "both", "b.wav")
    assert second.clip_id == "b@1.5@2.5"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name,label\n", "must have a column file"),
        ("file,mood\n", "must have a column label"),
        ("file,label\nmissing.wav,sad\n", "line 2 of mine.csv: file must exist"),
        ("file,label\na.wav,7\n", "line 2 of mine.csv: label must be a name"),
        ("file,label,start\na.wav,sad,soon\n", "line 2 of mine.csv: could not convert"),
        ("file,label\n,sad\n", "line 2 of mine.csv: file must not be empty"),
        ("file,label\n", "root must hold audio or video files"),
        ("file,label\n\nno.wav,sad\n", "line 3 of mine.csv: file must exist"),
        ("file,label,sentence,subject\na.wav,sad,no, no,x\n", r"line 2 of mine.csv must .* got \['x'\]"),
        ("file,label\na.wav,sad\na.wav,happy\n", r"line 3 of mine.csv must give 'a' .* line 2 \('sad'"),
        ("file,label,subject\na.wav,sad,x\na.wav,sad,y\n", "line 3 of mine.csv must give 'a' the label and"),
    ],
)
def test_table_refuses(tmp_path: Path, text: str, match: str) -> None:
    touch(tmp_path, "a.wav")
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(DatasetError, match=match):
        stcorner.load_folder(tmp_path / "mine.csv")


def test_load_corpus_guesses(ravdess: Path, tmp_path: Path) -> None:
    assert stcorner.load_corpus(ravdess)[0].corpus == "ravdess"
    mine = touch(tmp_path / "mine", "sad/a.wav")
    assert stcorner.load_corpus(mine)[0].corpus == "mine"
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="root must hold audio or video files"):
        stcorner.load_corpus(tmp_path / "none")


def test_load_corpus_real(real_data: Path) -> None:
    assert stcorner.load_corpus(real_data / "ravdess" / "av_speech")[0].corpus == "ravdess"
    assert stcorner.load_corpus(real_data / "crema-d")[0].corpus == "crema-d"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_folders_behind_links_are_read_once(tmp_path: Path) -> None:
    store, root = tmp_path / "store" / "Actor_02", tmp_path / "corpus"
    for folder in (store, root / "Actor_01"):
        folder.mkdir(parents=True)
        (folder / f"03-01-05-01-01-01-{folder.name[-2:]}.wav").touch()
    (root / "Actor_02").symlink_to(store, target_is_directory=True)
    (root / "A").symlink_to(root / "Actor_01", target_is_directory=True)  # again, under another name
    (root / "Actor_01" / "up").symlink_to(root, target_is_directory=True)
    (store / "up").symlink_to(tmp_path / "store", target_is_directory=True)
    (root / "nowhere").symlink_to(tmp_path / "gone")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "03-01-05-01-01-01-03.wav").touch()
    assert sorted(clip.subject for clip in stcorner.load_ravdess(root)) == ["01", "02"]
    assert [path.parent.name for path in find_media(root, {".wav"})] == ["Actor_01", "Actor_02"]


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        (stcorner.load_ravdess, "03-01-05-01-01-01-0{}.wav"),
        (stcorner.load_cremad, "100{}_DFA_ANG_XX.wav"),
        (stcorner.load_folder, "angry/{}.wav"),
    ],
)
def test_broken_links_are_skipped_aloud(tmp_path: Path, reader: Callable[..., Any], name: str) -> None:
    good, broken = tmp_path / name.format(1), tmp_path / name.format(2)
    good.parent.mkdir(exist_ok=True)
    good.touch()
    broken.symlink_to(tmp_path / "gone")
    clips = reader(tmp_path, modality="audio")
    assert [clip.path for clip in clips] == [good]
    assert [(row.path, row.reason) for row in clips.skipped] == [
        (broken, "does not exist: the link is broken")
    ]
