"""A table of features, whatever happens on the way."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import numpy as np
import pytest

import stcorner
from extraction_files import StalePlan, Trap, hashes, table, voice, write_tree
from media_files import noise_pictures, tone, write_media
from stcorner.corpora import Clip
from stcorner.errors import DatasetError, InternalError, OutputError, ParameterError
from stcorner.extraction import ClipFeatures
from stcorner.extraction.plan import Plan
from stcorner.extraction.work import make_items

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree"))


def test_rows_equal_the_functions(tree: Path, tmp_path: Path) -> None:
    seen = []
    run = stcorner.extract(
        tree, tmp_path / "features.parquet", modality="audio", n_jobs=1, progress=lambda *at: seen.append(at)
    )
    assert (run.n_files, run.n_rows, run.n_errors, run.n_resumed) == (6, 6, 0, 0)
    assert seen == [(i, 6) for i in range(1, 7)]
    rows = table(run.features)
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    names = stcorner.feature_names("rich")
    y, sr = stcorner.load_audio(tree / rows[2]["file"])
    np.testing.assert_allclose([rows[2][name] for name in names], stcorner.clip_features(y, sr=sr), rtol=1e-5)
    assert rows[2]["audio_status"] == "ok"
    assert rows[2]["sr"] == 16000
    assert not (tmp_path / "features.parquet.parts").exists()
    again = stcorner.extract(tree, tmp_path / "features.parquet", modality="audio")
    assert again.n_resumed == 6
    assert again.seconds < 2


def test_bad_files_are_rows_of_the_errors(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "in", 2)
    (root / "empty.wav").touch()
    (root / "text.mp3").write_text("no sound at all")
    (root / "gone.wav").symlink_to(root / "nowhere.wav")
    (root / "link.wav").symlink_to(root / "Actor_00" / "clip 0 é.wav")
    (root / "Actor_00" / "up").symlink_to(root)
    (root / ".hidden.wav").touch()
    (root / os.fsdecode(b"bad\xff.wav")).touch()
    run = stcorner.extract(root, tmp_path / "features.parquet", modality="audio", n_jobs=1)
    assert run.n_rows == 3
    errors = {row["path"]: row for row in table(run.errors)}
    assert sorted(errors) == [r"bad\xff.wav".replace("\\xff", "\\udcff"), "empty.wav", "gone.wav", "text.mp3"]
    assert "is empty" in errors["empty.wav"]["error"]
    assert "does not exist" in errors["gone.wav"]["error"]
    assert {row["stage"] for row in errors.values()} == {"media"}


def test_an_error_says_what_was_odd_about_the_file(tmp_path: Path) -> None:
    import soundfile

    (tmp_path / "in").mkdir()
    y = tone(1.0)
    soundfile.write(tmp_path / "in" / "inverted.wav", np.stack([y, -y], axis=1), 16000)
    run = stcorner.extract(tmp_path / "in", tmp_path / "features.parquet", modality="audio", n_jobs=1)
    assert (run.n_rows, run.n_errors) == (0, 1)
    (error,) = table(run.errors)
    assert "inverted.wav is silent" in error["error"]
    assert "cancel each other" in error["error"]


def test_shards_are_the_whole(tree: Path, tmp_path: Path) -> None:
    whole = stcorner.extract(tree, tmp_path / "whole.parquet", modality="audio", n_jobs=1)
    parts = [
        stcorner.extract(tree, tmp_path / "part.parquet", modality="audio", n_jobs=1, shard=(i, 2))
        for i in (1, 2)
    ]
    assert [part.features.name for part in parts] == ["part.1-of-2.parquet", "part.2-of-2.parquet"]
    rows = sorted((row for part in parts for row in table(part.features)), key=lambda row: row["file"])
    assert rows == table(whole.features)


def test_windows_give_many_rows(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "long.wav", voice(5.0, 0), 16000)
    run = stcorner.extract(
        tmp_path / "long.wav", tmp_path / "f.parquet", modality="audio", window=2.0, hop=1.0, n_jobs=1
    )
    rows = table(run.features)
    assert [(row["start"], row["end"]) for row in rows] == [(0, 2), (1, 3), (2, 4), (3, 5)]


def test_a_file_too_short_for_a_window_is_an_error(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "short.wav", [0.5], 44100, subtype="FLOAT")
    run = stcorner.extract(
        tmp_path / "short.wav", tmp_path / "f.parquet", modality="audio", window=2.0, n_jobs=1
    )
    assert (run.n_rows, run.n_errors) == (0, 1)
    assert "must last at least one window" in table(run.errors)[0]["error"]


def test_a_file_too_long_for_one_row_is_refused(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "long.wav", np.zeros(601 * 8000, np.int16), 8000)
    run = stcorner.extract(tmp_path / "long.wav", tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert "601 s long" in table(run.errors)[0]["error"]


def test_refused_parameters(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"out must end in \.csv, \.parquet"):
        stcorner.extract(tree, tmp_path / "a.txt")
    with pytest.raises(ParameterError, match=r"shard\[0\] must be >= 1 and <= 2, got 3"):
        stcorner.extract(tree, tmp_path / "a.parquet", shard=(3, 2))
    with pytest.raises(ParameterError, match="hop must come with window"):
        stcorner.extract(tree, tmp_path / "a.parquet", hop=1.0)
    with pytest.raises(DatasetError, match="root must be a folder"):
        stcorner.extract(tmp_path / "nowhere", tmp_path / "a.parquet")
    (tmp_path / "other.parquet").write_bytes(b"something else")
    with pytest.raises(ParameterError, match="is in the way of the results and was not"):
        stcorner.extract(tree, tmp_path / "other.parquet", modality="audio")


def test_a_folder_that_cannot_be_written(tree: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        stcorner.extract(tree, "/proc/nowhere/features.parquet", modality="audio", n_jobs=1)


def test_disk_full_keeps_what_is_done(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.extraction import run, store

    monkeypatch.setattr(run, "_BATCH", 2)
    written: list[Any] = []
    settle = store._settle

    def full(temporary: Path, path: Path) -> None:
        if len(written) >= 2:
            raise OSError(28, "No space left on device")
        written.append(path)
        settle(temporary, path)

    monkeypatch.setattr(store, "_settle", full)
    with pytest.raises(OutputError, match="No space left on device"):
        stcorner.extract(tree, tmp_path / "features.parquet", modality="audio", n_jobs=1)
    monkeypatch.setattr(store, "_settle", settle)
    rest = stcorner.extract(tree, tmp_path / "features.parquet", modality="audio", n_jobs=1)
    assert rest.n_resumed == 4
    assert rest.n_rows == 6


def test_a_fault_of_the_code_is_no_row(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stcorner.extraction import run

    monkeypatch.setattr(run, "_BATCH", 1)
    monkeypatch.setattr(run, "Plan", StalePlan)
    with pytest.raises(
        InternalError, match=r"clip \d é.wav: AttributeError: .* no attribute 'newer'"
    ) as found:
        stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert "blocks_of" in "".join(found.value.__notes__), "the note shows where"
    assert not (tmp_path / "f.errors.parquet").exists()
    monkeypatch.setattr(run, "Plan", Plan)
    rest = stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert (rest.n_resumed, rest.n_rows, rest.n_errors) == (2, 6, 0)


@pytest.mark.parametrize("window", [None, 1.0])
def test_a_file_is_probed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: float | None) -> None:
    from stcorner import media
    from stcorner.extraction.work import work_on

    path = write_media(tmp_path / "a.mp4", noise_pictures(30, 48, 64), tone(1.2))
    probed = []
    probe = media.probe

    def counted(path: Path) -> stcorner.MediaInfo:
        probed.append(path)
        return probe(path)

    monkeypatch.setattr(media, "probe", counted)
    plan = Plan.checked(("audio", "video"), window=window)
    row = work_on(Clip.of(path), replace(plan, max_seconds=600.0))[0]
    assert row.status == {"audio": "ok", "video": "no_face"}
    assert probed == [path]


def test_no_row_holds_more_than_it_may_whatever_a_file_declares(small_corpus: Path) -> None:
    from stcorner.extraction.describe import describe_clip

    clip = Clip.of(next(small_corpus.rglob("01-*.mp4")))
    plan = replace(Plan.checked(("audio", "video")), max_seconds=1.0)
    row = describe_clip(clip, plan)[0]
    assert row.status == {"audio": "error", "video": "error"}
    said = [failed.error for failed in row.errors]
    assert len(said) == 2
    assert all("holds more than the 1 s of one row: read it by windows" in error for error in said), said
    assert describe_clip(clip, replace(plan, max_seconds=5.0))[0].status == {"audio": "ok", "video": "ok"}


def test_changed_files_are_read_again(tmp_path: Path) -> None:
    import soundfile

    root = write_tree(tmp_path / "in", 2)
    first = stcorner.extract(root, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    soundfile.write(root / "Actor_00" / "clip 0 é.wav", voice(1.1, 9), 16000)
    with pytest.raises(ParameterError, match="other files or parameters"):
        stcorner.extract(root, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    before = hashes(first)
    second = stcorner.extract(root, tmp_path / "f.parquet", modality="audio", n_jobs=1, overwrite=True)
    assert hashes(second)["f.parquet"] != before["f.parquet"]


RUN = """
import sys
import stcorner
from stcorner.extraction import run

run._BATCH = 2
if __name__ == "__main__":
    stcorner.extract(sys.argv[1], sys.argv[2], modality="audio", n_jobs=2)
"""


def start(script: Path, tree: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(script), str(tree), str(out)], stderr=subprocess.PIPE, start_new_session=True
    )


def finish(process: subprocess.Popen[bytes]) -> int:
    code = process.wait(timeout=300)
    assert process.stderr is not None
    process.stderr.close()
    return code


def children(pid: int) -> list[int]:
    folder = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in folder.read_text().split()] if folder.exists() else []


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the workers")
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_it_goes_on(tmp_path: Path, kills: int) -> None:
    """kill -9, of the parent or of a worker, at random moments: no row lost, doubled or different."""
    script = tmp_path / "run.py"
    script.write_text(RUN)
    tree = write_tree(tmp_path / "in", 12 if kills < 10 else 120)
    plain = tmp_path / "plain" / "features.parquet"
    begin = time.monotonic()
    assert finish(start(script, tree, plain)) == 0
    usual = time.monotonic() - begin
    names = [row["file"] for row in table(plain)]
    assert len(names) == len(set(names)) == len(stcorner.list_media(tree))
    dice = np.random.default_rng(kills)
    out = tmp_path / "out" / "features.parquet"
    done = 0
    while done < kills:
        process = start(script, tree, out)
        time.sleep(dice.uniform(0.2, usual))
        victims = children(process.pid)
        if victims and dice.random() < 0.4:
            kill(int(dice.choice(victims)))
            done += 1
            time.sleep(dice.uniform(0.0, usual / 2))
            victims = children(process.pid)
        done += process.poll() is None
        kill(process.pid)
        finish(process)
        deadline = time.monotonic() + 120  # on a busy machine a worker may still be starting
        while any(alive(pid) for pid in victims):  # no orphan goes on reading
            assert time.monotonic() < deadline
            time.sleep(0.1)
        if (out.parent / "features.manifest.json").exists():  # it was done before it was killed
            assert out.read_bytes() == plain.read_bytes()
            shutil.rmtree(out.parent)
    assert finish(start(script, tree, out)) == 0
    assert out.read_bytes() == plain.read_bytes()
    errors = "features.errors.parquet"
    assert out.with_name(errors).read_bytes() == plain.with_name(errors).read_bytes()


@pytest.mark.parametrize(("kind", "message"), [("kill", "died (signal 9)"), ("sleep", "took longer than")])
def test_a_file_that_kills_or_stops_its_worker(tree: Path, kind: str, message: str) -> None:
    from stcorner.extraction.pool import run_pool

    clips = [Clip.of(path) for path in stcorner.list_media(tree)]
    object.__setattr__(clips[1], "sex", Trap(kind))
    limit = 3.0 if kind == "sleep" else 600.0
    rows = dict(run_pool(clips, Plan.checked(("audio",)), n_jobs=2, timeout=limit))
    assert sorted(rows) == list(range(6))
    assert [bool(rows[i][0].blocks) for i in range(6)] == [True, False, True, True, True, True]
    (error,) = rows[1][0].errors
    assert (error.path, error.stage) == (clips[1].path, "worker")
    assert message in error.error


def test_two_runs_do_not_share_a_place(tree: Path, tmp_path: Path) -> None:
    from stcorner.extraction.store import Store

    place = Store(tmp_path / "f.parquet", {"audio": ["a"]}, {})
    with place.opened(), pytest.raises(OutputError, match="is being written by another run"), place.opened():
        pass


def test_list_media_orders_and_follows(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2.wav", "a.MP4", "b/1.flac", "notes.txt", "b/.x.wav"):
        (tmp_path / name).touch()
    (tmp_path / "c").symlink_to(tmp_path / "b")
    found = [str(path.relative_to(tmp_path)) for path in stcorner.list_media(tmp_path)]
    assert found == ["a.MP4", "b/1.flac", "b/2.wav"]


def test_parts_of_other_work_do_not_let_a_table_be_replaced(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", tone(1.0), 16000)
    run = stcorner.extract([tmp_path / "a.wav"], tmp_path / "f.parquet", modality="audio", n_jobs=1)
    before = run.features.read_bytes()
    parts = tmp_path / "f.parquet.parts"  # a run with overwrite=True and other parameters was killed
    parts.mkdir()
    (parts / f"{0:032x}.arrow").touch()
    with pytest.raises(ParameterError, match="out must not hold a table of other files or parameters"):
        stcorner.extract([tmp_path / "a.wav"], run.features, modality="audio", recipe="paper162", n_jobs=1)
    assert run.features.read_bytes() == before


@pytest.mark.parametrize(
    ("corpus", "files"),
    [
        (
            "crema-d",
            {"AudioWAV/1001_DFA_ANG_XX.wav": "angry", "VideoFlash/1001_DFA_ANG_XX.flv": "angry",
             "AudioWAV/1002_IEO_SAD_LO.WAV": "sad"},
        ),
        (
            "ravdess",
            {"01-01-03-01-01-01-01.mp4": "happy", "03-01-03-01-01-01-01.wav": "happy",
             "03-02-04-01-01-01-02.wav": "sad", "notes.wav": None},
        ),
        ("ravdess", {"03-02-04-01-01-01-02.wav": "sad"}),
    ],
)  # fmt: skip
def test_every_file_of_a_corpus_brings_its_label(
    tmp_path: Path, corpus: str, files: dict[str, str | None]
) -> None:
    from stcorner.extraction.work import make_items

    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    items = make_items(tmp_path)
    assert {item.name: item.clip.label or None for item in items} == files
    assert {item.clip.corpus for item in items if item.clip.label} == {corpus}


def test_another_form_stands_beside_the_table(tree: Path, tmp_path: Path) -> None:
    run = stcorner.extract(tree, tmp_path / "t.csv", modality="audio", n_jobs=1)
    assert run.features == tmp_path / "t.parquet"
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = table(run.features)
    assert list(rows[0]) == list(wanted[0])
    assert [float(row["zcr_mean"]) for row in rows] == [row["zcr_mean"] for row in wanted]
    before = (tmp_path / "t.csv").stat().st_mtime_ns
    assert stcorner.extract(tree, tmp_path / "t.csv", modality="audio").n_resumed == run.n_files
    assert (tmp_path / "t.csv").stat().st_mtime_ns == before
    (tmp_path / "t.csv").write_text("mine")
    with pytest.raises(ParameterError, match=r"t\.csv is in the way of the results"):
        stcorner.extract(tree, tmp_path / "t.csv", modality="audio")


def test_tone_has_no_label(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", tone(1.0), 16000)
    run = stcorner.extract([tmp_path / "a.wav"], tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert table(run.features)[0]["label"] is None


# ---- the table is the corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of two actors and two emotions, with their labels in the names."""
    root = tmp_path_factory.mktemp("corpus")
    stcorner.make_corpus(root, n_actors=2, n_takes=2, emotions=("angry", "sad"), n_jobs=1)
    return root


def test_the_table_is_the_corpus(corpus: Path, tmp_path: Path) -> None:
    run = stcorner.extract(corpus, tmp_path / "t.parquet", n_jobs=2)
    features = ClipFeatures.from_parquet(run.features)
    clips = stcorner.load_corpus(corpus)
    assert [clip.clip_id for clip in features.clips] == [clip.clip_id for clip in clips], "in one order"
    assert features.labels.tolist() == [clip.label for clip in clips]
    assert [clip.subject for clip in features.clips] == [clip.subject for clip in clips]
    assert [clip.take for clip in features.clips] == [clip.take for clip in clips]
    assert sorted(set(features.copies.tolist())) == ["", "faster", "noise", "slower"]
    for modality in ("audio", "both"):
        direct = stcorner.EmotionRecognizer(modality).fit(clips)
        tabled = stcorner.EmotionRecognizer(modality).fit(features)
        np.testing.assert_array_equal(direct.predict_proba(features), tabled.predict_proba(features))
        np.testing.assert_array_equal(direct.predict_proba(clips[:2]), tabled.predict_proba(features[:2]))
    options: dict[str, Any] = {"protocol": "actor-loo", "sound": False, "calibration_folds": 0}
    model = stcorner.EmotionRecognizer()
    by_table = stcorner.cross_validate(features, model, **options)
    np.testing.assert_array_equal(
        by_table.probabilities, stcorner.cross_validate(clips, model, **options).probabilities
    )
    again = ClipFeatures.from_parquet(features.to_parquet(tmp_path / "again.parquet"))
    assert again.names == features.names
    np.testing.assert_array_equal(again.blocks["video"], features.blocks["video"])


def test_a_table_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    with pytest.raises(DatasetError, match="cannot be read: there is no such file"):
        ClipFeatures.from_parquet(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(DatasetError, match="must be a Parquet file, and is none or damaged"):
        ClipFeatures.from_parquet(tmp_path / "text.parquet")
    parquet.write_table(pa.table({"a": [1.0]}), tmp_path / "other.parquet")
    with pytest.raises(
        DatasetError,
        match=r"is another: read it with FeatureTable",
    ):
        ClipFeatures.from_parquet(tmp_path / "other.parquet")


def test_blocks_of_other_tools_stand_in_the_table(tree: Path, tmp_path: Path) -> None:
    names = [path.stem for path in stcorner.list_media(tree)]
    block = stcorner.FeatureTable({"clip_id": names[1:], "au": np.arange(5.0)}, "openface")
    run = stcorner.extract(tree, tmp_path / "t.parquet", blocks=("audio", block), n_jobs=1)
    rows = table(run.features)
    assert [row["openface_au"] for row in rows[1:]] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert np.isnan(rows[0]["openface_au"])
    assert rows[0]["openface_status"] == "no_row"
    features = ClipFeatures.from_parquet(run.features)
    assert features.names["openface"] == ["au"]
    with pytest.raises(ParameterError, match="blocks must be built in"):
        stcorner.extract(tree, tmp_path / "u.parquet", blocks=("audio", "openface"))


# ---- failures, neighbours, stops


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    import soundfile

    root, out = write_tree(tmp_path / "in", 3), tmp_path / "f.parquet"
    soundfile.write(tmp_path / "good.wav", voice(0.8, 9), 16000)
    (root / "link.wav").symlink_to(tmp_path / "later.wav")
    (root / "empty.wav").touch()
    first = stcorner.extract(root, out, modality="audio", n_jobs=1)
    assert (first.n_rows, first.n_errors) == (3, 2)
    kept = stcorner.extract(root, out, modality="audio", n_jobs=1, retry_failed=False)
    assert kept.n_resumed == 5
    again = stcorner.extract(root, out, modality="audio", n_jobs=1)
    assert (again.n_resumed, again.n_errors) == (3, 2), "only what failed is done again"
    assert hashes(again) == hashes(first)
    shutil.copy(tmp_path / "good.wav", tmp_path / "later.wav")
    healed = stcorner.extract(root, out, modality="audio", n_jobs=1)
    assert (healed.n_rows, healed.n_errors, healed.n_resumed) == (4, 1, 3)
    assert [row["path"] for row in table(healed.errors)] == ["empty.wav"]
    plain = stcorner.extract(root, tmp_path / "plain" / "f.parquet", modality="audio", n_jobs=1)
    assert hashes(healed) == hashes(plain)
    scratch = stcorner.extract(root, out, modality="audio", n_jobs=1, overwrite=True)
    assert scratch.n_resumed == 0
    assert hashes(scratch) == hashes(plain)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_rows_beside_a_failure_stay_whatever_their_names(tmp_path: Path) -> None:
    root, out = write_tree(tmp_path / "in", 1), tmp_path / "f.parquet"
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "good.wav", voice(0.8, 9), 16000)
    shutil.copy(tmp_path / "good.wav", root / os.fsdecode(b"caf\xe9.wav"))
    (root / "later.wav").symlink_to(tmp_path / "later.wav")
    first = stcorner.extract(root, out, modality="audio", n_jobs=1)
    assert (first.n_rows, first.n_errors) == (2, 1)
    again = stcorner.extract(root, out, modality="audio", n_jobs=1)
    assert (again.n_rows, again.n_errors, again.n_resumed) == (2, 1, 2)
    assert hashes(again) == hashes(first)


def test_another_file_of_the_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    root, out = write_tree(tmp_path / "in", 2), tmp_path / "f.parquet"
    first, second = stcorner.list_media(root)
    before = second.stat()
    second.write_bytes(first.read_bytes()[: before.st_size].ljust(before.st_size, b"x"))
    os.utime(second, ns=(before.st_atime_ns, before.st_mtime_ns))
    items = [make_items(root)]
    second.write_bytes(second.read_bytes()[::-1])
    os.utime(second, ns=(before.st_atime_ns, before.st_mtime_ns))
    items.append(make_items(root))
    shutil.copytree(root, tmp_path / "moved")
    items.append(make_items(tmp_path / "moved"))
    assert [a.key == b.key for a, b in zip(*items[:2], strict=True)] == [True, False]
    assert [a.key == b.key for a, b in zip(*items[1:], strict=True)] == [True, True]
    assert not out.exists()


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda data: data[:-40], lambda data: data[:900] + b"?" + data[901:]]
)
def test_a_damaged_part_is_done_again(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stcorner.extraction.store import Store

    root, out = write_tree(tmp_path / "in", 2), tmp_path / "f.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(Store, "finish", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            stcorner.extract(root, out, modality="audio", n_jobs=1)
    (part,) = tmp_path.glob("f.parquet.parts/*.arrow")
    part.write_bytes(damage(part.read_bytes()))
    again = stcorner.extract(root, out, modality="audio", n_jobs=1)
    assert (again.n_resumed, again.n_rows, again.n_errors) == (0, 2, 0)
    manifest = json.loads(again.manifest.read_text())
    del manifest["errors"]
    again.manifest.write_text(json.dumps(manifest))
    with pytest.raises(ParameterError, match="overwrite=True"):
        stcorner.extract(root, out, modality="audio", n_jobs=1)


@pytest.mark.skipif(sys.platform != "linux", reason="the state of a process is read from /proc")
def test_a_worker_that_somebody_stops_costs_no_file(tree: Path) -> None:
    from stcorner.extraction.pool import run_pool

    clips = [Clip.of(path) for path in stcorner.list_media(tree)]
    results = run_pool(clips, Plan.checked(("audio",)), n_jobs=1, timeout=4.0)
    rows = dict([next(results)])
    (worker,) = [
        pid for pid in children(os.getpid()) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(worker, signal.SIGSTOP)
    rows.update(results)
    assert [bool(rows[i][0].blocks) for i in range(6)] == [True] * 6


def test_neighbours_are_not_written_over(tree: Path, tmp_path: Path) -> None:
    for name in ("f.errors.parquet", "f.manifest.json", "f.parquet"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(ParameterError, match=f"{name} is in the way of the results"):
            stcorner.extract(tree, folder / "f.parquet", modality="audio", n_jobs=1)
        assert (folder / name).read_text() == "mine"
        run = stcorner.extract(tree, folder / "f.parquet", modality="audio", n_jobs=1, overwrite=True)
        assert run.n_rows == 6


def test_time_of_a_stopped_run_does_not_count(tree: Path, tmp_path: Path) -> None:
    """Stopped for longer than the timeout, as by Ctrl-Z, all of it resumes."""
    script = tmp_path / "run.py"
    script.write_text(RUN.replace("n_jobs=2", "n_jobs=2, timeout=4.0"))
    process = start(script, tree, tmp_path / "f.parquet")
    deadline = time.monotonic() + 60
    while len(children(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    for stop in (signal.SIGSTOP, signal.SIGCONT):
        if stop == signal.SIGCONT:
            time.sleep(6)
        os.killpg(process.pid, stop)
    assert finish(process) == 0
    rows = table(tmp_path / "f.parquet")
    assert len(rows) == 6
    assert table(tmp_path / "f.errors.parquet") == []


@pytest.mark.parametrize("source", ["file", "stdin"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_plain_script_needs_no_main_guard(tree: Path, tmp_path: Path, source: str, n_jobs: int) -> None:
    out = tmp_path / "f.parquet"
    code = (
        "import stcorner\n"
        f"run = stcorner.extract({str(tree)!r}, {str(out)!r}, modality='audio', n_jobs={n_jobs})\n"
        "features = stcorner.EmotionRecognizer('audio', augment=None).extract(\n"
        f"    stcorner.list_media({str(tree)!r})[:2], n_jobs={n_jobs})\n"
        "print(run.n_rows, len(features))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    command = [sys.executable, "-" if source == "stdin" else str(script)]
    done = subprocess.run(
        command, input=code if source == "stdin" else None, capture_output=True, text=True, timeout=200
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["6", "2"], "")


def test_the_instruction_set_is_part_of_the_work(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stcorner._base import runtime

    sets = stcorner.available_isas()
    if len(sets) < 2:
        pytest.skip("this processor has one instruction set")
    run = stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    import json

    assert json.loads(run.manifest.read_text())["fingerprint"]["plan"]["isa"] == stcorner.active_isa()
    assert runtime.active_isa() == stcorner.active_isa()
    stcorner.set_isa(sets[0] if stcorner.active_isa() != sets[0] else sets[1])
    try:
        with pytest.raises(ParameterError, match="other files or parameters"):
            stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", n_jobs=1)
        other = stcorner.extract(tree, tmp_path / "g.parquet", modality="audio", n_jobs=1)
        y, sr = stcorner.load_audio(stcorner.list_media(tree)[0])
        here = stcorner.clip_features(y, sr=sr)
    finally:
        stcorner.set_isa("auto")
    names = stcorner.feature_names("rich")
    np.testing.assert_array_equal(np.float32([table(other.features)[0][name] for name in names]), here)
