"""Commands: one module each, imported only when its command runs.

Exit codes: 0 all well · 1 some inputs failed, they are listed · 2 wrong use · 3 a fault of stcorner
itself · 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cyclopts import App

__all__ = ["COMMANDS", "Command", "build_app", "main"]


_VERBOSITY = {"-v": 1, "-vv": 2, "--verbose": 1, "-q": -1, "--quiet": -1}


class Command(NamedTuple):
    """A command: its name, what it does, calls that a person may copy, and commands of its own.

    Parameters
    ----------
    name, help : str
        What it is called, and its summary.
    examples : tuple of str
        Calls to copy.
    parts : tuple of Command
        Commands of its own.
    """

    name: str
    help: str
    examples: tuple[str, ...]
    parts: tuple[Command, ...] = ()


COMMANDS = (
    Command(
        "demo",
        "Run everything on a corpus drawn for the purpose, in about a minute.",
        ("stcorner demo", "stcorner demo my-demo --actors 6 --no-cnn"),
    ),
    Command(
        "predict",
        "Predict the emotion of each file, with the probability of every class.",
        (
            "stcorner predict clip.mp4",
            "stcorner predict --model my.stcorner clips/ -o table.csv",
            "stcorner predict interview.mp4 --timeline --window 3 --hop 1 --json",
        ),
    ),
    Command(
        "timeline",
        "Tabulate emotion, voice and faces over time, or write tiers for ELAN and Praat.",
        (
            "stcorner timeline interview.mp4 --rate 1 -o seconds.xlsx",
            "stcorner timeline interview.mp4 -o interview.eaf -o interview.TextGrid -o interview.vtt",
            "stcorner timeline interviews -o all.parquet -o 'tiers/{clip_id}.eaf'",
        ),
    ),
    Command(
        "live",
        "Show probabilities live, from a camera, a microphone or a played file.",
        (
            "stcorner live --camera 0",
            "stcorner live --camera 0 --model my.stcorner --output updates.jsonl",
            "stcorner live interview.mp4 --window 3 --hop 1",
            "stcorner live --camera 0 --to udp://127.0.0.1:9000 --to lsl",
        ),
    ),
    Command(
        "train",
        "Train a model on a corpus and write it to a file.",
        (
            "stcorner train RAVDESS -o ravdess.stcorner",
            "stcorner train RAVDESS --modality audio --label-map calm=neutral -o seven.stcorner",
            "stcorner train RAVDESS --blocks audio,mel --fusion late -o network.stcorner",
        ),
    ),
    Command(
        "evaluate",
        "Score a model on people it was not trained on, by cross-validation.",
        (
            "stcorner evaluate RAVDESS --modality audio",
            "stcorner evaluate RAVDESS --protocol actor-loo --classifier fercnn -o evaluation.json",
        ),
    ),
    Command(
        "audit",
        "Find leaks: what training and test clips share.",
        ("stcorner audit RAVDESS --protocol ravdess-luna5", "stcorner audit train/ test/ --no-sound"),
    ),
    Command(
        "report",
        "Write an HTML page of one clip, of a folder of clips, or of evaluations.",
        (
            "stcorner report clip.mp4 -o report.html",
            "stcorner report interviews -o interviews.html",
            "stcorner report evaluation.json -o report.html",
        ),
    ),
    Command(
        "plot",
        "Draw a figure of a clip, a corpus, an evaluation or a training.",
        (
            "stcorner plot corners clip.mp4",
            "stcorner plot confusion evaluation.json -o confusion.svg",
            "stcorner plot actors evaluation-audio.json evaluation-both.json --theme dark",
        ),
        (
            Command(
                "corners",
                "Draw the corner response and the interest points over frames.",
                (
                    "stcorner plot corners clip.mp4",
                    "stcorner plot corners clip.mp4 --face --frames 4 -o corners.pdf",
                ),
            ),
            Command(
                "voice",
                "Draw the curves of a voice and, in a video, of the expressions.",
                ("stcorner plot voice clip.wav", "stcorner plot voice clip.mp4 --theme dark -o voice.png"),
            ),
            Command(
                "spectrogram",
                "Draw the spectrogram with the pitch over it.",
                ("stcorner plot spectrogram clip.wav", "stcorner plot spectrogram clip.mp4 --fmax 8000"),
            ),
            Command(
                "plane",
                "Draw clips of people held out, in two fused directions.",
                (
                    "stcorner plot plane RAVDESS",
                    "stcorner plot plane RAVDESS --modality audio --fusion lda --fold 3 -o plane.svg",
                ),
            ),
            Command(
                "confusion",
                "Draw the confusion matrix of an evaluation.",
                ("stcorner plot confusion evaluation.json -o confusion.svg",),
            ),
            Command(
                "reliability",
                "Draw how often predictions are right against how sure they are.",
                ("stcorner plot reliability evaluation.json",),
            ),
            Command(
                "actors",
                "Draw the score of each person beside the score of all.",
                (
                    "stcorner plot actors evaluation.json",
                    "stcorner plot actors evaluation-audio.json evaluation-both.json --metric war",
                ),
            ),
            Command(
                "abstention",
                "Draw the score of the surest predictions against their share.",
                ("stcorner plot abstention evaluation-audio.json evaluation-both.json",),
            ),
            Command(
                "learning",
                "Draw loss and accuracy of the network by epoch.",
                ("stcorner plot learning my.stcorner", "stcorner plot learning history.json -o curves.pdf"),
            ),
        ),
    ),
    Command(
        "serve",
        "Open the local web app: try a sample, drop a clip, or record one.",
        ("stcorner serve", "stcorner serve --model my.stcorner --port 8080"),
    ),
    Command(
        "probe",
        "Show the streams, rates, durations and sizes of media files.",
        ("stcorner probe clip.mp4", "stcorner probe *.flv --json"),
    ),
    Command(
        "features",
        "Compute features: a row per file, or with --frames per moment.",
        (
            "stcorner features *.wav -o features.csv",
            "stcorner features clip.mp4 --modality both -o features.parquet",
            "stcorner features clip.mp4 --frames --modality video -o faces.csv",
        ),
    ),
    Command(
        "stips",
        "Find the space-time corners of a video, strongest first.",
        (
            "stcorner stips clip.mp4 --overlay clip-points.mp4",
            "stcorner stips clip.mp4 --points 200 -o points.csv",
        ),
    ),
    Command(
        "extract",
        "Compute the features of all files in a folder; resume after a stop.",
        (
            "stcorner extract RAVDESS -o features.parquet",
            "stcorner extract interviews -o features.parquet --window 3 --hop 1",
            "stcorner extract RAVDESS -o features.parquet --shard $SLURM_ARRAY_TASK_ID/16",
            "stcorner extract RAVDESS -o features.parquet --scheduler tcp://10.0.0.1:8786",
        ),
    ),
    Command(
        "columns",
        "Say what columns of tables mean: unit, range and source.",
        ("stcorner columns h1_a3", "stcorner columns 'f0*_mean'", "stcorner columns -o codebook.xlsx"),
    ),
    Command(
        "models",
        "List the models in the package, or show the card of one.",
        ("stcorner models", "stcorner models my.stcorner"),
    ),
    Command(
        "paper",
        "Repeat the paper's experiment beside the honest protocol.",
        ("stcorner paper ravdess RAVDESS", "stcorner paper cremad CREMA-D --modality audio --epochs 80"),
    ),
    Command(
        "info",
        "Print versions, instruction sets and threads for a bug report.",
        ("stcorner info", "stcorner info --json"),
    ),
)


def build_app() -> App:
    """Return the command line with every command registered, none imported.

    Returns
    -------
    App
        The command line.
    """
    from cyclopts import App

    import stcorner

    app = App(
        name="stcorner",
        help="Measure where a face moves, what it shows, and how a voice sounds.",
        version=stcorner.__version__,
        help_format="plaintext",
        version_format="plaintext",
        help_epilogue=(
            "Every command takes --config FILE.toml, whose table [COMMAND] sets its options.\n"
            "-v says what is done, -vv more of it, -q errors alone.\n"
            "Exit codes: 0 success, 1 some inputs failed (listed), 2 wrong use.\n"
            "Shell completion: stcorner --install-completion."
        ),
    )
    app.register_install_completion_command()
    for command in COMMANDS:
        if command.parts:
            group = App(name=command.name, help=command.help, help_epilogue=_epilogue(command))
            for part in command.parts:
                _register(group, part, module=command.name)
            app.command(group)
        else:
            _register(app, command, module=command.name)
    return app


def _epilogue(command: Command) -> str:
    examples = "\n".join(f"  {line}" for line in command.examples)
    return f"Examples:\n{examples}\n-v says what is done, -vv more of it, -q errors alone."


def _register(app: App, command: Command, *, module: str) -> None:
    app.command(
        f"stcorner.cli.{module}:{command.name}",
        name=command.name,
        help=command.help,
        help_epilogue=_epilogue(command),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name. Default: those of the process.
    """
    tokens = list(sys.argv[1:] if argv is None else argv)
    try:
        tokens, level = _take_verbosity(tokens)
        with _warnings_in_one_line(), _verbosity(level):
            code = _run(tokens)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Write what is odd about a file as any message, once, without the place in the code that noticed it."""
    usual, told = warnings.showwarning, set()

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, UserWarning):
            usual(message, category, *place, **more)
        elif str(message) not in told:
            told.add(str(message))
            _note(f"warning: {message}")

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


def _run(tokens: list[str]) -> int:
    from cyclopts import CycloptsError

    from stcorner.errors import MediaError, StcornerError

    app = build_app()
    try:
        tokens, config = _take_config(tokens)
        if config is not None:
            from cyclopts.config import Toml

            app.config = (Toml(config, must_exist=True),)
        result = app(tokens, result_action="return_value", print_error=False, exit_on_error=False)
    except CycloptsError as error:
        text = " ".join(str(error).split()).replace("?.", "?")
        end = "" if text.endswith(("...", "?")) else "."
        _print_error(f"{text.removesuffix('.') if end else text}{end} See: {_called(app, tokens)} --help")
        return 2
    except StcornerError as error:
        _print_error(str(error))
        return 1 if isinstance(error, MediaError) else 2
    except (KeyboardInterrupt, SystemExit, BrokenPipeError):
        raise
    except OSError as error:
        # A folder that is not there, a full disk: the machine's answer, no fault of the program.
        if error.errno is None or os.environ.get("STCORNER_DEBUG"):
            raise
        _print_error(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))
        return 2
    except Exception as error:
        if os.environ.get("STCORNER_DEBUG"):
            raise
        _print_error(
            f"{type(error).__name__}: {error}. This is a fault of stcorner: run again with STCORNER_DEBUG=1 "
            "to see where, and report it with the output of `stcorner info`"
        )
        return 3
    return result if isinstance(result, int) else 0


def _called(app: App, tokens: Sequence[str]) -> str:
    """Return the program's name and those of the commands that were called."""
    names = ["stcorner"]
    for token in tokens:
        if token.startswith("-") or token not in app:
            break
        app = app[token]
        names.append(token)
    return " ".join(names)


def _take_config(tokens: list[str]) -> tuple[list[str], str | None]:
    """Take ``--config FILE`` out of the arguments: it decides how the others are read."""
    from pathlib import Path

    from stcorner.errors import ParameterError

    for at, token in enumerate(tokens):
        if token == "--":
            break
        if token == "--config" or token.startswith("--config="):
            name, equals, value = token.partition("=")
            rest = tokens[at + 1 :]
            if not equals:
                if not rest:
                    raise ParameterError(f"{name} must be followed by a TOML file, got nothing")
                value, *rest = rest
            if not Path(value).is_file():
                raise ParameterError(f"--config must be a TOML file that exists, got {value!r}")
            return tokens[:at] + rest, value
    return tokens, None


def _take_verbosity(tokens: list[str]) -> tuple[list[str], int]:
    """Take ``-v`` and ``-q`` out of the arguments: every command has them."""
    end = tokens.index("--") if "--" in tokens else len(tokens)
    level = sum(_VERBOSITY.get(token, 0) for token in tokens[:end])
    return [token for token in tokens[:end] if token not in _VERBOSITY] + tokens[end:], level


def _verbosity(level: int) -> contextlib.AbstractContextManager[None]:
    if not level:
        return contextlib.nullcontext()
    from stcorner.cli._output import verbosity

    return verbosity(level)


def _note(message: str) -> None:
    from stcorner.cli._output import note

    note(message)


def _print_error(message: str) -> None:
    from stcorner.cli._output import complain  # not for --help

    complain(message)
