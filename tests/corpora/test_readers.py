"""The readers: what a file name says, one clip per take, a row for each file left out."""

from __future__ import annotations

import collections
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stcorner
from stcorner import corpora
from stcorner.corpora import Clip, loading
from stcorner.corpora.clip import find_media
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
    ],
)
def test_clip_refuses(field: str, value: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make_clip(**{field: value})


def test_clip_travels_to_workers_and_is_a_key() -> None:
    clip = make_clip()
    assert pickle.loads(pickle.dumps(clip)) == clip
    assert len({clip, make_clip()}) == 1


@pytest.mark.parametrize("name", ["", "  ", "12", None])
def test_label_needs_a_letter(name: str) -> None:
    with pytest.raises(ValueError, match="label must be a name"):
        corpora.canonical_label(name)


def test_map_labels_keeps_rows() -> None:
    clip = make_clip(label="happy")
    (mapped,) = corpora.map_labels([clip], {"happy": "joy"})
    assert mapped.label == "happy"  # "joy" is a synonym
    mapped_list = corpora.map_labels([clip, make_clip(label="surprise")], {"surprise": None})
    assert [c.label for c in mapped_list] == ["happy"]
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
    assert [c.label for c in clips] == ["neutral"]
    shares = corpora.read_cremad_votes(cremad / "tabulatedVotes.csv", "vote_voice")
    assert shares["1001_IEO_HAP_LO"] == {"happy": 0.1, "neutral": 0.9}
    reasons = {row.clip_id: row.reason for row in clips.skipped}
    assert reasons["1003_IEO_SAD_HI"].startswith("no votes")


def test_ties_are_named(cremad: Path) -> None:
    (tied,) = stcorner.load_cremad(cremad, label="vote_face", ties="alphabetical")
    assert tied.label == "fear"
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


def test_a_table_with_a_name_too_long_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(f"path,label,subject\n{'a' * 300}.wav,sad,s\n")
    with pytest.raises(DatasetError, match="file must exist"):
        stcorner.load_folder(tmp_path / "table.csv")


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


@pytest.mark.parametrize(
    "text",
    [
        '\ufefffile,label,sentence,subject\r\n\r\na.WAV,ANG,"no, never",anna,\r\nb.wav,Angry,yes,bob\r\n',
        "\ufefffile;label;sentence;subject\r\na.WAV;ANG;no, never;anna\r\nb.wav;Angry;yes;bob\r\n",
    ],
)
def test_table_of_excel(text: str, tmp_path: Path) -> None:
    touch(tmp_path, "a.WAV", "b.wav")
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
        "File,Emotion,Speaker,start,end,audio_path\na.wav,Happiness,anna,,,\nb.mp4,sad,bob,1.5,2.5,b.wav\n"
    )
    first, second = stcorner.load_corpus(table)
    assert (first.label, first.subject) == ("happy", "anna")
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
        ("file,label\na.wav,\n", "line 2 of mine.csv: label must be a name with at least one letter"),
        ("file,label\n,sad\n", "line 2 of mine.csv: file must name a recording, got an empty cell"),
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


# ------------------------------------------------------------------ the registry and the other corpora


@pytest.mark.parametrize(
    ("names", "corpus", "expected"),
    [
        (
            ["wav/03a01Fa.wav", "wav/16b10Td.wav", "wav/08a02Na.wav"],
            "emo-db",
            {
                "03a01Fa": ("happy", "03", "male", "a01"),
                "16b10Td": ("sad", "16", "female", "b10"),
                "08a02Na": ("neutral", "08", "female", "a02"),
            },
        ),
        (
            ["OAF_surprise/OAF_back_ps.wav", "YAF_sad/YAF_dog_sad.wav", "OAF_neutral/OA_bite_neutral.wav"],
            "tess",
            {
                "OAF_back_ps": ("surprise", "OAF", "female", "back"),
                "YAF_dog_sad": ("sad", "YAF", "female", "dog"),
                "OAF_bite_neutral": ("neutral", "OAF", "female", "bite"),
            },
        ),
        (
            ["AudioData/DC/a01.wav", "AudioData/JK/sa15.wav", "AudioData/KL/n30.wav"],
            "savee",
            {
                "DC_a01": ("angry", "DC", "male", None),
                "JK_sa15": ("sad", "JK", "male", None),
                "KL_n30": ("neutral", "KL", "male", None),
            },
        ),
        (["ALL/JE_su02.wav", "ALL/DC_f03.wav"], "savee", {
            "JE_su02": ("surprise", "JE", "male", None), "DC_f03": ("fear", "DC", "male", None)
        }),
    ],
)  # fmt: skip
def test_published_names(tmp_path: Path, names: list[str], corpus: str, expected: dict[str, Any]) -> None:
    touch(tmp_path, *names)
    clips = stcorner.load_corpus(tmp_path)
    assert {clip.corpus for clip in clips} == {corpus}
    assert {c.clip_id: (c.label, c.subject, c.sex, c.sentence) for c in clips} == expected
    folds = stcorner.actor_folds(clips)
    assert folds.protocol == "actor-loo"
    for fold in folds:
        assert not {clips[i].subject for i in fold.train} & {clips[i].subject for i in fold.test}


@pytest.mark.parametrize(
    ("name", "corpus", "reason"),
    [
        ("04a01Fa", "emo-db", "speaker must be one of 03, 08"),
        ("03a03Fa", "emo-db", "text must be one of a01"),
        ("03a01Za", "emo-db", "emotion must be one of W"),
        ("OAF_back_bored", "tess", "emotion must be one of angry"),
        ("XX_a01", "savee", "speaker must be one of DC"),
        ("DC_a16", "savee", "sentence must be 01 to 15"),
    ],
)
def test_names_out_of_range_are_rows(tmp_path: Path, name: str, corpus: str, reason: str) -> None:
    good = {"emo-db": "03a01Fa", "tess": "OAF_back_sad", "savee": "DC_a01"}[corpus]
    touch(tmp_path, f"{good}.wav", f"{name}.wav")
    (row,) = stcorner.load_corpus(tmp_path, corpus=corpus).skipped
    assert reason in row.reason


def test_second_copies_are_rows(tmp_path: Path) -> None:
    touch(tmp_path, "TESS/OAF_sad/OAF_back_sad.wav", "TESS/TESS/OAF_sad/OAF_back_sad.wav")
    clips = stcorner.load_corpus(tmp_path)
    assert (len(clips), len(clips.skipped)) == (1, 1)
    assert clips.skipped[0].reason.startswith("second copy of")


def test_options_go_to_the_reader_that_has_them(ravdess: Path, tmp_path: Path) -> None:
    assert [c.channel for c in stcorner.load_corpus(ravdess, channel="song")] == ["song"]
    with pytest.raises(ValueError, match="options of RAVDESS must be channel or corpus, got label"):
        stcorner.load_corpus(ravdess, label="vote_av")
    with pytest.raises(ValueError, match="subject and media_root must be None for RAVDESS"):
        stcorner.load_corpus(ravdess, corpus="ravdess", subject=1)
    touch(tmp_path / "mine", "sad/a.wav")
    with pytest.raises(ValueError, match=r"channel must be left out, as .* and no published corpus"):
        stcorner.load_corpus(tmp_path / "mine", channel="song")
    with pytest.raises(ValueError, match="corpus must be one of 'crema-d', 'emo-db'"):
        stcorner.load_corpus(ravdess, corpus="iemocap")


class Entry:
    """An entry point as `importlib.metadata` gives it."""

    name = "nemo"
    value = "nemo:READER"
    dist = None

    def __init__(self, loaded: object) -> None:
        self.loaded = loaded

    def load(self) -> object:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def nemo(name: str = "nemo") -> corpora.CorpusReader:
    def parse(path: Path) -> dict[str, str]:
        speaker, dash, label = path.stem.partition("-nemo-")
        if not dash:
            raise DatasetError(f"name must be SPEAKER-nemo-LABEL, got {path.stem!r}")
        return {"subject": speaker, "label": label, "take": path.stem}

    return corpora.CorpusReader(
        name=name, title="Nemo", parse=parse, example="a-nemo-sad.wav", terms="Nobody's.",
        broken={"a-nemo-sad": "empty as published"},
    )  # fmt: skip


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object], None]]:
    def install(loaded: object) -> None:
        loading.corpus_readers.cache_clear()
        monkeypatch.setattr(loading, "entry_points", lambda group: [Entry(loaded)])

    yield install
    loading.corpus_readers.cache_clear()


def test_a_reader_of_another_package(installed: Callable[[object], None], tmp_path: Path) -> None:
    installed(nemo())
    touch(tmp_path, "a-nemo-sad.wav", "a-nemo-happy.wav", "b-nemo-happy.flac")
    clips = stcorner.load_corpus(tmp_path)
    assert [(c.clip_id, c.label, c.subject, c.corpus) for c in clips] == [
        ("a-nemo-happy", "happy", "a", "nemo"),
        ("b-nemo-happy", "happy", "b", "nemo"),
    ]
    assert [(row.clip_id, row.reason) for row in clips.skipped] == [("a-nemo-sad", "empty as published")]


@pytest.mark.parametrize(
    ("loaded", "match"),
    [
        (nemo("ravdess"), "has the name 'ravdess', which is taken"),
        (ImportError("no module named fish"), "must be importable, and is not"),
        ("nemo", "must be a CorpusReader, got str"),
    ],
)
def test_readers_that_cannot_be_used_are_named(
    installed: Callable[[object], None], loaded: object, match: str
) -> None:
    installed(loaded)
    with pytest.raises(DatasetError, match=f"reader 'nemo' of the package nemo:READER {match}"):
        corpora.corpus_readers()


def test_every_reader_has_an_actor_disjoint_protocol_and_terms() -> None:
    for name, reader in corpora.corpus_readers().items():
        assert reader.name == name
        assert reader.protocol.startswith(("actor-", "ravdess-", "cremad-"))
        assert reader.terms.endswith(".")
        if name != "savee":  # its speaker may stand in the folder
            assert reader.parse(Path(reader.example))["label"] in corpora.LABELS
    with pytest.raises(ValueError, match="name must be lower-case letters"):
        nemo("Nemo!")


@pytest.mark.parametrize("corpus", [None, "ravdess"])
def test_sound_alone_says_which_modality_to_ask_for(tmp_path: Path, corpus: str | None) -> None:
    touch(tmp_path, "Actor_01/03-01-05-01-01-01-01.wav")
    with pytest.raises(DatasetError, match=r"it holds sound alone, .* --modality audio"):
        stcorner.load_corpus(tmp_path, modality="both", corpus=corpus)
    mine = touch(tmp_path / "mine", "sad/a.wav")
    with pytest.raises(DatasetError, match=r"it holds sound alone, .* --modality audio"):
        stcorner.load_folder(mine, modality="video")


# ------------------------------------------------------------------ subjects, labels and places of one's own


def test_subject_is_a_level_of_folders(tmp_path: Path) -> None:
    touch(tmp_path, "anna/happy/1.wav", "anna/sad/1.wav", "bob/happy/1.wav")
    clips = stcorner.load_corpus(tmp_path, subject=1)
    assert {(c.label, c.subject) for c in clips} == {("happy", "anna"), ("sad", "anna"), ("happy", "bob")}
    deep = touch(tmp_path / "deep", "sad/day1/anna/1.wav", "happy/day2/bob/1.wav")
    assert {c.subject for c in stcorner.load_folder(deep, subject=-1)} == {"anna", "bob"}
    with pytest.raises(DatasetError, match="subject=4 must name a folder of every path"):
        stcorner.load_folder(deep, subject=4)
    for wrong in (0, True, 1.5):
        with pytest.raises(ValueError, match="subject must be a regular expression, or the number"):
            stcorner.load_folder(deep, subject=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("column", ["file", "audio_path"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_table_reads_its_own_folder_alone(tmp_path: Path, column: str, absolute: bool) -> None:
    touch(tmp_path, "secret/a.wav", "mine/b.mp4")
    name = str(tmp_path / "secret" / "a.wav") if absolute else "../secret/a.wav"
    row = {"file": "b.mp4", "label": "sad", column: name}
    table = tmp_path / "mine" / "t.csv"
    table.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    with pytest.raises(DatasetError, match=r"line 2 of t\.csv: file must lie in .* give media_root"):
        stcorner.load_folder(table)
    if absolute and column == "file":
        assert len(stcorner.load_folder(table, media_root=tmp_path)) == 1
    with pytest.raises(DatasetError, match="media_root must be a folder"):
        stcorner.load_folder(table, media_root=tmp_path / "none")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("name", ["link.wav", "folder/a.wav"])
def test_a_table_follows_no_link_out_of_its_folder(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "secret/a.wav", "mine/b.wav")
    mine = tmp_path / "mine"
    (mine / "link.wav").symlink_to(tmp_path / "secret" / "a.wav")
    (mine / "folder").symlink_to(tmp_path / "secret")
    (mine / "inner.wav").symlink_to("b.wav")
    (mine / "t.csv").write_text(f"file,label\n{name},sad\n")
    with pytest.raises(DatasetError, match=r"line 2 of t\.csv: file must lie in"):
        stcorner.load_folder(mine / "t.csv")
    assert len(stcorner.load_folder(mine / "t.csv", media_root=mine)) == 1
    (mine / "t.csv").write_text("file,label\ninner.wav,sad\n")
    (tmp_path / "alias").symlink_to(mine)
    assert len(stcorner.load_folder(tmp_path / "alias" / "t.csv")) == 1


def test_names_within_the_folder_may_be_absolute(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.wav")
    (tmp_path / "t.csv").write_text(f"file,label\n{tmp_path / 'x' / '..' / 'x' / 'a.wav'},sad\n")
    assert len(stcorner.load_folder(tmp_path / "t.csv")) == 1


# ------------------------------------------------------------------ what is printed


def test_prints_are_short_and_slices_keep_what_was_skipped(ravdess: Path) -> None:
    clips = stcorner.load_ravdess(ravdess)
    assert repr(clips) == "ClipList(3 clips of 2 subjects: angry 1, fear 1, neutral 1; 4 skipped)"
    assert repr(clips[0]) == (
        "Clip('01-01-05-01-01-01-01', label='angry', subject='01', modality='both', corpus='ravdess')"
    )
    part = clips[1:]
    assert (type(part), len(part), part.skipped) == (corpora.ClipList, 2, clips.skipped)
    assert (clips + part).skipped == clips.skipped * 2
    assert clips == list(clips)
    folds = stcorner.actor_folds(clips)
    assert repr(folds) == "Folds('actor-loo', 2 folds)"
    assert repr(folds[0]) == "Fold('actor-loo/01', train=2, test=1)"
    assert folds == stcorner.actor_folds(clips)
    assert folds[0] != folds[1]
    assert len({*folds, *stcorner.actor_folds(clips)}) == 2
    assert pickle.loads(pickle.dumps(clips)).skipped == clips.skipped
