"""A table of features, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import stcorner
from extraction_files import StalePlan, Trap, hashes, table, voice, write_tree
from media_files import noise_pictures, tone, write_media
from stcorner.errors import DatasetError, InternalError, OutputError, ParameterError

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
    assert "too short for a window" in table(run.errors)[0]["error"]


def test_a_file_too_long_for_one_row_is_refused(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "long.wav", np.zeros(601 * 8000, np.int16), 8000)
    run = stcorner.extract(tmp_path / "long.wav", tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert "601 s long" in table(run.errors)[0]["error"]


def test_refused_parameters(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"out must end in \.parquet"):
        stcorner.extract(tree, tmp_path / "a.csv")
    with pytest.raises(ParameterError, match=r"shard\[0\] must be >= 1 and <= 2, got 3"):
        stcorner.extract(tree, tmp_path / "a.parquet", shard=(3, 2))
    with pytest.raises(ParameterError, match="hop must come with window"):
        stcorner.extract(tree, tmp_path / "a.parquet", hop=1.0)
    with pytest.raises(DatasetError, match="root must be a folder"):
        stcorner.extract(tmp_path / "nowhere", tmp_path / "a.parquet")
    (tmp_path / "other.parquet").write_bytes(b"something else")
    with pytest.raises(ParameterError, match="out must not hold a table of other files"):
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
    from stcorner.extraction.rows import ExtractionPlan
    from stcorner.extraction.work import Settings

    monkeypatch.setattr(run, "_BATCH", 1)
    monkeypatch.setattr(run, "_settings", lambda *_: Settings(plan=StalePlan(modality="audio")))
    with pytest.raises(
        InternalError, match=r"clip \d é.wav: AttributeError: .* no attribute 'newer'"
    ) as found:
        stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert "modalities" in "".join(found.value.__notes__), "the note shows where"
    assert not (tmp_path / "errors.parquet").exists()
    monkeypatch.setattr(run, "_settings", lambda *_: Settings(plan=ExtractionPlan(modality="audio")))
    rest = stcorner.extract(tree, tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert (rest.n_resumed, rest.n_rows, rest.n_errors) == (2, 6, 0)


@pytest.mark.parametrize("window", [None, 1.0])
def test_a_file_is_probed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: float | None) -> None:
    from stcorner import media
    from stcorner.extraction.run import _settings
    from stcorner.extraction.work import make_items, run_item

    path = write_media(tmp_path / "a.mp4", noise_pictures(30, 48, 64), tone(1.2))
    probed = []
    probe = media.probe

    def counted(path: Path) -> stcorner.MediaInfo:
        probed.append(path)
        return probe(path)

    monkeypatch.setattr(media, "probe", counted)
    (item,), _ = make_items([path])
    outcome = run_item(item, _settings("both", "rich", "largest", window, None))
    assert outcome.details[0]["audio_status"] == "ok"
    assert outcome.details[0]["video_status"] == "no_face"
    assert probed == [path]


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
        if (out.parent / "features.json").exists():  # it was done before it was killed
            assert out.read_bytes() == plain.read_bytes()
            shutil.rmtree(out.parent)
    assert finish(start(script, tree, out)) == 0
    assert out.read_bytes() == plain.read_bytes()
    assert out.with_name("errors.parquet").read_bytes() == plain.with_name("errors.parquet").read_bytes()


@pytest.mark.parametrize(("kind", "message"), [("kill", "died (signal 9)"), ("sleep", "took longer than")])
def test_a_file_that_kills_or_stops_its_worker(tree: Path, kind: str, message: str) -> None:
    from dataclasses import replace

    from stcorner.extraction.pool import run_pool
    from stcorner.extraction.run import _settings
    from stcorner.extraction.work import make_items

    items, _ = make_items(tree)
    items[1] = replace(items[1], about={"label": cast("str", Trap(kind))})
    settings = _settings("audio", "rich", "largest", None, None)
    limit = 3.0 if kind == "sleep" else 600.0
    batches = [items[:3], items[3:]]
    outcomes = dict(run_pool(batches, settings, n_jobs=2, timeout=limit, report=lambda: None))
    assert [len(outcomes[0][i].details) for i in range(3)] == [1, 0, 1]
    ((name, stage, error),) = outcomes[0][1].failures
    assert (name, stage) == (items[1].name, "worker")
    assert message in error
    assert all(outcome.details for outcome in outcomes[1])


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
    items, _ = make_items(tmp_path)
    assert {item.name: item.about["label"] for item in items} == files
    assert {item.about["corpus"] for item in items if item.about["label"]} == {corpus}


def test_tone_has_no_label(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", tone(1.0), 16000)
    run = stcorner.extract([tmp_path / "a.wav"], tmp_path / "f.parquet", modality="audio", n_jobs=1)
    assert table(run.features)[0]["label"] is None
