"""What every command does alike: help, errors in one line, exit codes, JSON, configuration."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import stcorner
from stcorner.cli import COMMANDS, build_app, main

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RunCommand


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):
    """Run a command inside this process: (exit code, stdout, stderr)."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        code = left.value.code
        return (code if isinstance(code, int) else 0), output.out, output.err

    return run


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
def test_help_of_each_command_has_examples(call, words, command) -> None:
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
def test_printed_examples_parse(words, command) -> None:
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
def test_wrong_use_is_one_line_and_exit_2(call, arguments: list[str], message: str) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("stcorner: ")
    assert err.count("\n") == 1
    assert message in err


def test_config_file_sets_options(call, tmp_path: Path) -> None:
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


def test_nothing_coloured_into_a_pipe(call) -> None:
    _, out, err = call("info")
    assert "\x1b" not in out + err
