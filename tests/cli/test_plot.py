"""``stcorner plot``: every kind on real input, and what is refused."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stcorner.cli import COMMANDS, main
from stcorner.evaluation import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip("matplotlib", reason="figures need stcorner[plot]")

KINDS = [part.name for command in COMMANDS if command.name == "plot" for part in command.parts]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*arguments: Path | str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["plot", *map(str, arguments)])
        output = capsys.readouterr()
        return int(left.value.code or 0), output.out, output.err

    return run


@pytest.fixture
def inputs(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> dict[str, list[Any]]:
    """A working folder, and the arguments of each kind."""
    monkeypatch.chdir(tmp_path)
    clip = sorted(small_corpus.rglob("01-*.mp4"))[0]
    p = rng.dirichlet([1, 1], 20)
    Evaluation(
        model="m", protocol="actor-k2", classes=["happy", "sad"], clip_ids=[f"c{i}" for i in range(20)],
        y_true=["happy", "sad"] * 10, groups=[f"a{i // 4}" for i in range(20)], folds=["1"] * 20,
        probabilities=p,
    ).to_json(tmp_path / "e.json")  # fmt: skip
    (tmp_path / "history.json").write_text(json.dumps({"loss": [2.0, 1.0], "accuracy": [0.2, 0.5]}))
    (tmp_path / "rates.json").write_text(json.dumps({"task": {"stcorner": 3.0, "peer": 1.0}}))
    return {
        "corners": [clip, "--frames", "2"],
        "voice": [clip],
        "spectrogram": [clip, "--fmax", "3000"],
        "plane": [small_corpus, "--modality", "audio", "--jobs", "1"],
        "confusion": ["e.json"],
        "reliability": ["e.json"],
        "actors": ["e.json"],
        "abstention": ["e.json"],
        "learning": ["history.json"],
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_writes_its_figure(
    call: Callable[..., Any], inputs: dict[str, list[Any]], tmp_path: Path, kind: str
) -> None:
    code, out, err = call(kind, *inputs[kind], "--dpi", "50")
    assert (code, out.strip(), err) == (0, f"{kind}.png", "")
    assert (tmp_path / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
    import cv2

    picture = cv2.imread(str(tmp_path / f"{kind}.png"))
    assert picture.std() > 5, "something is drawn"


def test_face_and_dark_svg(call: Callable[..., Any], inputs: dict[str, list[Any]], tmp_path: Path) -> None:
    clip = inputs["corners"][0]
    code, out, _ = call("corners", clip, "--face", "--theme", "dark", "-o", "sub/face.svg")
    assert (code, out.strip()) == (0, "sub/face.svg")
    assert "#14171b" in (tmp_path / "sub" / "face.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["corners", "none.mp4"], 1, "none.mp4 does not exist"),
        (["corners", "e.json", "-o", "x.bmp"], 2, "--output must end in .png, .svg, .pdf, got 'x.bmp'"),
        (["confusion", "none.json"], 2, "got 'none.json'"),
        (["confusion", "history.json"], 2, "history.json: evaluation must be JSON of stcorner"),
        (["learning", "binary.json"], 2, "it is no text"),
        (["learning", "e.json"], 2, "history must hold the loss of each epoch"),
        (["learning", "text.json"], 2, "FILE must be JSON"),
        (["confusion", "e.json", "--theme", "sepia"], 2, "sepia"),
        (["confusion", "e.json", "--hlp"], 2, "See: stcorner plot confusion --help"),
        (["nonsense"], 2, "See: stcorner plot --help"),
        (["plane", "nowhere"], 2, "root must be a folder or a .csv file"),
    ],
)
def test_what_is_refused(
    call: Callable[..., Any],
    inputs: dict[str, list[Any]],
    tmp_path: Path,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "text.json").write_text("{")
    got, out, err = call(*arguments)
    assert (got, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_fold_and_voiceless_video(
    call: Callable[..., Any], inputs: dict[str, list[Any]], tmp_path: Path
) -> None:
    code, _, err = call(*["plane", *inputs["plane"], "--fold", "99"])
    assert code == 2
    assert "--fold must be >= 1 and <= " in err
    from media_files import write_media

    write_media(tmp_path / "dumb.mp4", np.zeros((5, 64, 64), np.uint8))
    code, _, err = call("voice", "dumb.mp4")
    assert (code, "has no audio stream" in err) == (1, True)
    code, _, err = call("corners", "dumb.mp4", "--face")
    assert (code, "leave --face out" in err) == (1, True)


def test_a_model_without_a_network_has_no_curves(call: Callable[..., Any]) -> None:
    code, _, err = call("learning", "ravdess-speech")
    assert code == 2
    assert "FILE must be a model trained with --classifier fercnn" in err


def test_without_matplotlib_nothing_is_read(
    call: Callable[..., Any], inputs: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = call("plane", *inputs["plane"])
    assert code == 2
    assert "pip install 'stcorner[plot]'" in err
