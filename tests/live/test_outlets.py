"""Updates in other programs: the consumers of the guide, on loopback."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from media_files import tone
from page_blocks import blocks
from stcorner.cli import main
from stcorner.errors import OutputError, ParameterError
from stcorner.live.outlets import LslOutlet, open_outlet

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "live.md"


def consumer(word: str) -> str:
    """Return the guide's block that imports this module."""
    (code,) = (block.code for block in blocks(GUIDE) if f"import {word}\n" in block.code)
    assert len([line for line in code.splitlines() if line]) <= 10
    return code


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(code: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def sound(folder: Path, seconds: float) -> Path:
    path = folder / "a.wav"
    soundfile.write(path, tone(seconds, 16000, 180.0), 16000)
    return path


def live(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as end:
        main(["live", "--model", "ravdess-speech", "--window", "1", *map(str, arguments)])
    return int(end.value.code or 0)


def test_lines_of_json_on_stdout(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert live(sound(tmp_path, 2.0), "--speed", 50, "--to", "stdout") == 0
    out, err = capfdbinary.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["end"] for row in rows] == [1.0, 1.5, 2.0]
    assert b"3 windows, 0 frames and 0 dropped" in err


def test_datagrams_reach_the_consumer_of_the_guide(tmp_path: Path) -> None:
    port = free_port()
    with running(consumer("socket").replace("9000", str(port))) as receiver:
        time.sleep(1.0)
        before = time.time()
        assert live(sound(tmp_path, 2.0), "--speed", 50, "--to", f"udp://127.0.0.1:{port}") == 0
        assert receiver.stdout is not None
        told = [line.split() for line in receiver.stdout]
        assert receiver.wait(20) == 0
    assert [(int(row[0]), float(row[2])) for row in told] == [(0, 1.0), (1, 1.5), (2, 2.0)]
    assert all(before < float(row[1]) < time.time() for row in told)


def test_a_stream_with_names_units_and_times() -> None:
    pylsl = pytest.importorskip("pylsl")
    outlet = LslOutlet(["happy", "sad"], wait=0.0)
    (found,) = pylsl.resolve_byprop("name", "stcorner", timeout=10)
    inlet = pylsl.StreamInlet(found, recover=False)
    inlet.open_stream(timeout=10)
    about = inlet.info()
    names = ["p_happy", "p_sad", "start", "end", "latency", "dropped_frames"]
    assert (about.type(), about.get_channel_labels()) == ("Emotion", names)
    assert about.get_channel_units() == ["probability"] * 2 + ["seconds"] * 3 + ["frames"]
    now = pylsl.local_clock()
    times = {"start": 0.5, "end": 2.5, "latency": 0.25, "dropped_frames": 3}
    outlet.write({"p_happy": 0.75, "p_sad": 0.25, "label": "happy", **times})
    outlet.write({"p_happy": None, "p_sad": None, "label": None, **times})
    (first, at), (second, _) = (inlet.pull_sample(timeout=5) for _ in range(2))
    assert first == [0.75, 0.25, 0.5, 2.5, 0.25, 3.0]
    assert at == pytest.approx(now - 0.25, abs=1.0)
    np.testing.assert_array_equal(second[:2], [np.nan, np.nan])
    outlet.close()


@pytest.mark.parametrize(
    "target", ["udp", "udp://", "udp://127.0.0.1", "udp://h:99999", "tcp://h:1", "file.txt"]
)
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(ParameterError, match="--to must be stdout, lsl or udp://HOST:PORT"):
        open_outlet(target, ["sad"])


def test_a_host_that_is_none() -> None:
    with pytest.raises(OutputError, match="a host that exists"):
        open_outlet("udp://no.such.host.invalid:9000", ["sad"])


def test_a_pipe_holds_one_thing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert live(sound(tmp_path, 1.0), "--json", "--to", "stdout") == 2
    assert "--json must come without --to stdout" in capsys.readouterr().err


@pytest.mark.slow
def test_a_minute_arrives_whole_and_on_time(tmp_path: Path) -> None:
    pytest.importorskip("pylsl")
    port = free_port()
    datagrams = (
        consumer("socket").replace("9000", str(port)).replace('row["time"]', "time.time() - row['time']")
    )
    with running("import time\n" + datagrams) as receiver, running(consumer("pylsl")) as lab:
        time.sleep(2.0)
        targets = ("--to", f"udp://127.0.0.1:{port}", "--to", "lsl")
        assert live(sound(tmp_path, 60.0), "--hop", 0.5, *targets, "-o", tmp_path / "rows.jsonl") == 0
        rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
        assert receiver.stdout is not None
        assert lab.stdout is not None
        told = [line.split() for line in receiver.stdout]
        *samples, end = lab.stdout.read().splitlines()
    ends = [1.0 + 0.5 * at for at in range(119)]
    assert [row["end"] for row in rows] == ends
    assert [(int(row[0]), float(row[2])) for row in told] == list(enumerate(ends))
    assert np.median([float(row[1]) for row in told]) < 0.05
    assert end == "the stream has ended"
    found = [float(value) for line in samples for value in re.findall(r"'end': ([\d.]+)", line)]
    assert found == ends
    # From the end of the window to its arrival: what was measured as latency, and the way.
    ages = np.array([float(line.split()[0]) for line in samples])
    assert np.median(ages - [row["latency"] for row in rows]) < 0.05
    assert np.median(ages) < 0.5
