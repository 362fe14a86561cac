"""What every command does alike: help, errors in one line, exit codes, JSON, configuration."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import stcorner
from stcorner.cli import COMMANDS, build_app
from stcorner.cli._options import RecognizerOptions
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.conftest import Call, RunCommand


def test_a_process_of_its_own(stcorner_command: RunCommand) -> None:
    result = stcorner_command("info", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["stcorner"] == stcorner.__version__


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from stcorner.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as left: assert not left.code\n"
        "heavy = {'sklearn', 'keras', 'jax', 'cv2', 'av', 'scipy', 'pandas', 'stcorner.recognizer'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


# Each command with the words that call it, commands of groups included.
CALLS = [
    (words, command)
    for outer in COMMANDS
    for words, command in [((outer.name,), outer), *(((outer.name, part.name), part) for part in outer.parts)]
]
EACH = pytest.mark.parametrize(("words", "command"), CALLS, ids=["-".join(words) for words, _ in CALLS])


@EACH
def test_help_of_each_command_has_examples(call: Call, words: tuple[Any, ...], command: Any) -> None:
    code, out, _ = call(*words, "--help")
    assert code == 0
    assert "Examples:" in out
    assert command.examples
    assert all(example.startswith(f"stcorner {' '.join(words)}") for example in command.examples)
    if not command.parts:
        module = importlib.import_module(f"stcorner.cli.{words[0]}")
        text = inspect.cleandoc(getattr(module, command.name).__doc__)
        summary = " ".join(text.split("\n\n")[0].split())
        assert summary == command.help, "the list of commands and the docstring say different things"


@EACH
def test_printed_examples_parse(words: tuple[Any, ...], command: Any) -> None:
    app = build_app()
    for example in command.examples:
        app.parse_args(example.split()[1:], exit_on_error=False, print_error=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "nonsense"),
        (["info", "--jsn"], "Did you mean --json"),
        (["info", "extra"], "extra"),
        (["models", "no-such-model"], "no-such-model"),
        (["info", "--config"], "--config must be followed by"),
        (["info", "--config", "none.toml"], "none.toml"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(call: Call, arguments: list[str], message: str) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("stcorner: ")
    assert err.count("\n") == 1
    assert message in err


def test_validation_fraction_reaches_the_network() -> None:
    options = RecognizerOptions(classifier="fercnn", validation_fraction=0.0)
    assert options.recognizer().classifier_params == {"validation_fraction": 0.0}
    assert RecognizerOptions(classifier="fercnn").recognizer().classifier_params is None
    with pytest.raises(ParameterError, match="must come with --classifier fercnn, got discriminant"):
        RecognizerOptions(validation_fraction=0.2).recognizer()


def test_config_file_sets_options(call: Call, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text("[info]\njson = true\n")
    code, out, _ = call("info", "--config", config)
    assert code == 0
    assert json.loads(out)["stcorner"] == stcorner.__version__
    code, out, _ = call("info", f"--config={config}", "--no-json")
    assert code == 0
    assert not out.startswith("{")
    config.write_text("[info]\nno-such-option = true\n")
    code, _, err = call("info", "--config", config)
    assert code == 2
    assert "no-such-option" in err


def test_nothing_coloured_into_a_pipe(call: Call) -> None:
    _, out, err = call("info")
    assert "\x1b" not in out + err


# ---- terminals

COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-7]|9[0-7]|38)[0-9;]*m")


def on_terminal(*arguments: str, **variables: str) -> str:
    """Run a command on a terminal of 80 columns and return what appears there."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **variables}
    code = "from stcorner.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=slave, stdout=slave, stderr=slave, env=environment,
    )  # fmt: skip
    os.close(slave)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal hangs up when the process ends
        while data := os.read(master, 4096):
            seen += data
    process.wait(60)
    os.close(master)
    return seen.decode()


@pytest.mark.parametrize("arguments", [("info",), ("plot", "--help"), ("nonsense",)], ids="-".join)
def test_no_color_is_obeyed(arguments: tuple[Any, ...]) -> None:
    assert not COLOUR.search(on_terminal(*arguments, NO_COLOR="1"))
    assert "\x1b" not in on_terminal(*arguments, TERM="dumb")


def test_a_narrow_terminal_cuts_nothing(small_corpus: Path) -> None:
    files = [str(path) for path in sorted(small_corpus.rglob("01-*.mp4"))]
    few = on_terminal("probe", files[0])
    assert "…" not in few
    assert files[0] in few.replace("\r\n", "").replace(" ", "").replace("\x1b[1m", "")
    assert max(map(len, few.splitlines())) <= 100
    many = on_terminal("probe", *files[:6])
    assert "…" not in many
    assert all(file in many for file in files[:6])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / f"completion.{shell}"
    code, _, _ = call("--install-completion", "--shell", shell, "--output", script)
    assert code == 0
    text = script.read_text()
    for words, _ in CALLS:
        assert words[-1] in text, words
    assert "--output" in text


def test_faults_of_the_machine_are_no_faults_of_the_program(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, out, err = call("demo", tmp_path / "file" / "inside")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "Not a directory" in err
    assert "fault of stcorner" not in err
    code, _, err = call("report", tmp_path / "none.json")
    assert (code, err.count("\n")) == (2, 1)
    assert "none.json" in err


def write_voice(path: Path) -> None:
    time = np.arange(48_000) / 16_000
    wave = sum(np.sin(2 * np.pi * k * 140 * time) / k for k in range(1, 9))
    handle = path.open("wb")
    with handle:
        soundfile.write(handle, 0.1 * wave * (1 + 0.3 * np.sin(20 * time)), 16_000, format="WAV")


@pytest.mark.parametrize("name", ["clip.wav", "other.mp4", "scores.json"])
def test_a_report_is_written_over_no_clip_and_no_evaluation(call: Call, tmp_path: Path, name: str) -> None:
    (tmp_path / "clip.wav").write_bytes(b"somebody's only copy")
    code, _, err = call("report", tmp_path / "clip.wav", "-o", tmp_path / name)
    assert (code, "--output must end in .html, got" in err) == (2, True)
    assert (tmp_path / "clip.wav").read_bytes() == b"somebody's only copy"


def test_an_evaluation_is_refused_its_place_before_the_work(call: Call, tmp_path: Path) -> None:
    table = tmp_path / "clips.csv"
    table.write_text("path,label\n")
    for name, told in (("clips.csv", "--output must end in .json"), ("folder.json", "it is a folder")):
        (tmp_path / "folder.json").mkdir(exist_ok=True)
        code, _, err = call("evaluate", table, "-o", tmp_path / name)
        assert (code, told in err) == (2, True), err
    assert table.read_text() == "path,label\n"


def test_a_timeline_of_several_files_keeps_the_good_ones(call: Call, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    write_voice(good)
    bad.write_text("no sound")
    code, out, err = call("predict", bad, good, "--timeline", "--window", "1.5", "--hop", "1.5", "--json")
    rows = json.loads(out)
    # A steady hum is measured and gets no label.
    assert (code, [row["status"] for row in rows]) == (1, ["failed", "music_or_noise", "music_or_noise"])
    assert [row["start"] for row in rows] == [None, 0, 1.5]
    assert str(bad) in rows[0]["message"]
    assert err.count(str(bad)) == 1


def test_a_warning_is_one_line_without_code(tmp_path: Path) -> None:
    path = tmp_path / "inverted.wav"
    y = 0.1 * np.sin(np.arange(32_000) / 10)
    soundfile.write(path, np.stack([y, 1e-3 - y], axis=1), 16_000)
    code = "from stcorner.cli import main; main()"
    command = [sys.executable, "-c", code, "report", str(path), "-o", str(tmp_path / "report.html")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told = [line for line in result.stderr.splitlines() if "cancel each other" in line]
    assert len(told) == 1
    assert told[0].startswith(f"stcorner: warning: {path}: its channels cancel")
    assert ".py" not in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take Unicode only")
def test_a_name_that_is_no_unicode_is_written_out(call: Call, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write_voice(path)
    shown = "caf\\udce9.wav"
    code, out, _ = call("predict", path, "-o", tmp_path / "table.csv")
    assert code == 0
    assert shown in out
    assert shown in (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert call("probe", path, "--json")[0] == 0
    assert call("report", path, "-o", tmp_path / "report.html")[0] == 0
    path.write_text("no sound")
    code, _, err = call("predict", path)
    assert code == 1
    assert shown in err


def test_serve_refuses_before_it_invites(call: Call) -> None:
    for arguments, message in (
        (["--port", "99999"], "port must be >= 0 and <= 65535, got 99999"),
        (["--model", "none"], "model must be a *.stcorner file"),
        (["--host", "300.1.1.1"], "host and port must be an address to listen on"),
    ):
        code, out, err = call("serve", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert message in err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = call("serve", "--port", taken.getsockname()[1])
    assert code == 2
    assert "host and port must be an address to listen on, got 127.0.0.1" in err


def test_what_cannot_be_split_is_refused_before_it_is_read(call: Call, tmp_path: Path) -> None:
    for name in ("anna/happy/1.wav", "anna/sad/1.wav", "bob/happy/1.wav", "bob/sad/1.wav"):
        file = tmp_path / "mine" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()  # empty: reading it fails
    root = tmp_path / "mine"
    code, _, said = call("evaluate", root, "--modality", "audio")
    assert (code, "--subject 1" in said) == (2, True)
    code, _, said = call("evaluate", root, "--modality", "audio", "--subject", "1", "--protocol", "actor-k9")
    assert (code, said) == (
        2,
        "stcorner: protocol actor-k9 needs 2 <= k <= number of subjects, got 2 subject(s): use 'actor-loo', "
        "or clips of more people\n",
    )
    code, _, said = call("evaluate", root, "--modality", "audio", "--subject", "1", "--jobs", "1")
    assert said.startswith("stcorner: actor-loo was chosen: with 2 subjects each is tested alone\n")
    code, said, _ = call("audit", root, "--subject", "^([^/]+)/", "--no-sound")
    assert (code, said.count("no leak between 2 training and 2 test clip(s)")) == (0, 2)
    assert call("audit", root, "--reader", "tess", "--no-sound")[0] == 2


def test_summaries_are_short_and_say_what_to_do() -> None:
    every = [*COMMANDS, *(part for command in COMMANDS for part in command.parts)]
    for command in every:
        first, *_ = command.help.split()
        assert len(command.help) < 80, command.name
        assert command.help.endswith("."), command.name
        assert not first.endswith(("s", "ing")), f"{command.name}: {first}"


def test_more_and_less_is_said(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    time = np.arange(16000) / 16000
    soundfile.write(path, 0.1 * np.sign(np.sin(2 * np.pi * 150 * time)), 16000)
    table = tmp_path / "table.csv"
    usual = call("features", path, "-o", table)
    assert usual[2].startswith("stcorner: wrote 1 rows of")
    assert call("features", path, "-o", table, "-q") == (0, "", "")
    assert (
        " INFO stcorner.extraction.blocks: describing 1 clips by audio\n"
        in call("-v", "features", path, "-o", table)[2]
    )
    assert f" DEBUG stcorner.extraction.blocks: {path}: " in call("features", "-vv", path, "-o", table)[2]
    assert call("features", path, "-o", table)[2] == usual[2]
    assert "none.wav does not exist" in call("features", tmp_path / "none.wav", "--quiet")[2]


def test_participants_are_no_emotions(call: Call, tmp_path: Path) -> None:
    for name in ("p01/a.wav", "p01/b.wav", "P02/a.wav", "P02/b.wav"):
        path = tmp_path / "study" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(len(name)).normal(0, 0.1, 8000), 16000)
    arguments = ("train", tmp_path / "study", "--modality", "audio", "-o", tmp_path / "m.stcorner")
    code, _, err = call(*arguments)
    assert code == 2
    assert "labels must be emotions, got 2 that look like participants (p01, p02)" in err
    code, out, _ = call(*arguments, "--any-labels", "--augment", "none")
    assert code == 0
    assert "labels: p01, p02" in out
    code, out, _ = call("probe", tmp_path / "study", "--json")
    assert [row["seconds"] for row in json.loads(out)] == [0.5] * 4


def test_what_is_read_is_not_written_over(call: Call, small_corpus: Path, tmp_path: Path) -> None:
    film, link, sound = tmp_path / "film.mp4", tmp_path / "link.mp4", tmp_path / "a.wav"
    film.write_bytes(next(small_corpus.rglob("01-*.mp4")).read_bytes())
    os.link(film, link)
    write_voice(sound)
    (table := tmp_path / "t.csv").write_text("file,x\na.wav,1\n")
    before = {path: path.read_bytes() for path in (film, table)}
    for arguments in (
        ("stips", film, "--overlay", film),
        ("stips", film, "--overlay", link),
        ("predict", sound, "--block", f"t={table}", "-o", table),
    ):
        code, _, err = call(*arguments)
        assert (code, "must be another file than the one that is read" in err) == (2, True)
    assert {path: path.read_bytes() for path in before} == before


def test_tiers_of_two_files_never_share_a_name(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("pympi")
    (tmp_path / "sub").mkdir()
    for name in ("x.wav", "sub/x.wav"):
        write_voice(tmp_path / name)
    out = tmp_path / "{clip_id}.eaf"
    code, _, err = call("timeline", tmp_path, "--root", tmp_path / "sub", "--no-decide", "-o", out)
    assert (code, "got two of one name" in err) == (2, True)
    assert not list(tmp_path.rglob("*.eaf"))
