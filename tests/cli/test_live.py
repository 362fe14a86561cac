"""``stcorner live``: a process of its own, as a person runs and stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import soundfile

from media_files import tone
from stcorner.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(2.0, 16000, 180.0), 16000)
    return path


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as end:
        main(["live", *map(str, arguments)])
    return int(end.value.code or 0)


def test_a_file_to_its_end(sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "updates.jsonl"
    assert run(sound, "--window", 1, "--hop", 0.5, "--speed", 50, "-o", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("0-1 s: ")
    assert lines[-1].startswith("3 windows, 0 frames and 0 dropped; latency median")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["end"] for row in rows] == [1.0, 1.5, 2.0]
    assert all(row["latency"] > 0 for row in rows)


def test_the_file_is_never_written_over(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sound.read_bytes()
    assert run(sound, "-o", sound) == 2
    assert "--output must be another file than the one that is read" in capsys.readouterr().err
    assert sound.read_bytes() == before


def test_a_model_is_never_written_over(sound: Path, tmp_path: Path) -> None:
    (model := tmp_path / "m.stcorner").write_bytes(b"mine")
    assert run(sound, "--model", model, "-o", model) == 2
    assert model.read_bytes() == b"mine"


def test_names_that_do_harm_reach_no_line(
    sound: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    out = tmp_path / "updates.jsonl"
    for name in (b"\xff.wav", "a\x9b31m\u202e.wav".encode()):
        named = tmp_path / os.fsdecode(name)
        try:
            named.write_bytes(sound.read_bytes())
        except OSError:
            pytest.skip("this system has no such names")
        assert run(named, "--speed", 50, "-o", out, "--to", "stdout") == 0
        lines = capfdbinary.readouterr().out
        assert lines == out.read_bytes()
        assert not {"\x9b", "\u202e"} & set(lines.decode())


def test_json_and_duration(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sound, "--window", 1, "--hop", 0.5, "--speed", 50, "--duration", 1.4, "--json") == 0
    assert json.loads(capsys.readouterr().out)["windows"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "FILE or --camera must be given"),
        (["a.wav", "--camera", "0"], "FILE or --camera must be given"),
        (["a.wav"], "a.wav does not exist"),
        (
            ["--camera", "0", "--no-microphone", "--model", "ravdess-speech"],
            "--no-microphone must leave a stream",
        ),
    ],
)
def test_wrong_use(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) in (1, 2)
    assert message in capsys.readouterr().err


def test_ctrl_c_ends_with_a_summary(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, tone(60.0, 16000, 180.0), 16000)
    # A test run that a script started in the background ignores the signal, and its children with it.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; from stcorner.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, "live", str(path), "--window", "1", "--hop", "0.25"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert first.startswith("0-1 s: ")
    assert "latency median" in out.splitlines()[-1]
    assert (process.returncode, err) == (0, "")
    assert time.monotonic() - begin < 30
