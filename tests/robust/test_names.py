"""Names that somebody chose to do harm: through every table, the terminal and pages."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import stcorner
from stcorner._base.text import from_cell, shown
from stcorner.cli import main

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    '=HYPERLINK("x")&1.wav', "@SUM(1+1).wav", "+1+1.wav", "-2.wav", "\t=1.wav", "'=1.wav", "a\rb.wav",
    "a\nstcorner: b.wav",
    "\x1b]52;c;YQ==\x07.wav", "\x1b[2J\x9b31m.wav", "\u202evaw.exe.wav", "a\u2028b.wav", "\\x1b[0m.wav",
    "[red]x.wav",
    "<img src=x onerror=alert(1)>.wav", "a,b;c.wav", "\udcff.wav", "$x^$.wav", "%s{0}.wav",
]  # fmt: skip
BAD = set(map(chr, (*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x202E, 0x2028)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = tmp_path / "corpus"
    for kind in ("angry", "sad"):
        (corpus / kind).mkdir(parents=True)
    samples = 0.2 * np.sin(np.arange(16_000) * 0.07)
    data = io.BytesIO()
    soundfile.write(data, samples, 16_000, format="WAV")
    for k, name in enumerate(NAMES):
        try:
            (corpus / ("angry", "sad")[k % 2] / name).write_bytes(data.getvalue())
        except OSError:
            pytest.skip("this system has no such names")
    return corpus


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def test_tables_name_files_as_they_are(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(path for path in folder.rglob("*.wav"))
    for ending in ("csv", "json"):
        assert run("features", *files, "-o", tmp_path / f"t.{ending}", "--recipe", "paper162") == 0
    printed = capsys.readouterr()
    assert not set(printed.out + printed.err) & BAD
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len((tmp_path / "t.csv").read_bytes().splitlines()) == len(files) + 1
    assert {from_cell(row["file"]).rpartition("/")[2] for row in rows} == set(NAMES)
    assert not any(row["file"].lstrip()[0] in "=+-@" for row in rows)
    named = {row["file"].rpartition("/")[2] for row in json.loads((tmp_path / "t.json").read_text())}
    assert named == {name.encode("utf-8", "backslashreplace").decode() for name in NAMES}


def test_the_terminal_is_told_no_commands(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.rglob("*.wav"):
        path.write_bytes(b"not a sound")
    files = sorted(folder.rglob("*.wav"))
    for command in (["probe"], ["probe", "--json"], ["features"], ["predict"], ["features", "--json"]):
        assert run(*command, *files) == 1
        printed = capsys.readouterr()
        assert not set(printed.out + printed.err) & BAD
        assert not any(line.startswith("stcorner: b.wav") for line in printed.err.splitlines())
    assert run("report", *files[:1], "-o", tmp_path / "r.html") == 1
    assert run("predict", "--no-such\x1b[2J", "x") == 2
    assert run("predict", tmp_path / "no\x1b]52;c;\x07") == 1
    assert run("train", tmp_path / "no\nstcorner: done", "-o", tmp_path / "m.stcorner") == 2
    printed = capsys.readouterr()
    assert not set(printed.out + printed.err) & BAD
    assert all(line.startswith("stcorner: ") for line in printed.err.splitlines())


def test_a_table_of_ours_leads_to_the_files_again(folder: Path, tmp_path: Path) -> None:
    from stcorner._base.tables import write_table

    rows = [
        {"file": path.relative_to(folder).as_posix(), "label": path.parent.name, "subject": "=1\x1b"}
        for path in sorted(folder.rglob("*.wav"))
    ]
    write_table(folder / "clips.csv", rows, ["file", "label", "subject"])
    clips = stcorner.load_folder(folder / "clips.csv")
    assert {clip.path.name for clip in clips} == set(NAMES)
    assert {clip.subject for clip in clips} == {"=1\x1b"}


def test_a_name_that_only_looks_escaped_is_taken_as_it_is(folder: Path) -> None:
    (folder / "angry" / "'=1.wav").write_bytes((folder / "angry" / NAMES[0]).read_bytes())
    (folder / "clips.csv").write_text("file,label\nangry/\\x1b[0m.wav,sad\nangry/'=1.wav,sad\n")
    names = [clip.path.name for clip in stcorner.load_folder(folder / "clips.csv")]
    assert names == ["\\x1b[0m.wav", "'=1.wav"]


@pytest.mark.parametrize("name", NAMES)
def test_pages_show_names_and_run_nothing(folder: Path, tmp_path: Path, name: str) -> None:
    path = next(path for path in folder.rglob("*.wav") if path.name == name)
    stcorner.build_report(path, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert not set(page) & BAD
    assert "<img src=x" not in page
    assert shown(name).replace("<", "&lt;").replace(">", "&gt;") in page or "&#34;" in page or "&#39;" in page
