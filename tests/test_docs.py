"""The code in README.md and docs/ runs as it stands there.

Python blocks of a page run in order, in one namespace, in a folder that holds what the pages speak of:
``corpus/``, ``clip.mp4`` and ``clip.wav``. A ``text`` block right below one shows what it prints. Shell
blocks run where the line before says ``<!-- run -->``. A block after ``<!-- needs ... -->`` wants data that
nobody may ship (or a camera): it is only compiled.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

import stcorner
from page_blocks import Block, agree, blocks, fill_folder, fill_interviews, run_page
from stcorner import plotting
from stcorner.cli import COMMANDS, build_app

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


# Its blocks read what those before them wrote: it is run from top to bottom.
LAB = REPOSITORY / "docs" / "guides" / "lab.md"


def pages_with(language: str, **marks: bool) -> list[Path]:
    def wanted(block: Block) -> bool:
        return block.language == language and (not marks or block.mark == "run")

    return [page for page in PAGES if any(map(wanted, blocks(page)))]


def identify(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


@pytest.fixture
def folder(small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder as the pages assume it."""
    fill_folder(tmp_path, small_corpus)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in pages_with("python") if page != LAB], ids=identify)
def test_python_blocks_run_and_print_what_the_page_shows(page: Path, folder: Path) -> None:
    for block, printed, shown in run_page(page):
        if shown is not None:
            assert agree(shown.code, printed), (
                f"{identify(page)}:{shown.line} shows, but {block.line} prints\n{printed}"
            )


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in pages_with("sh", run=True) if page != LAB], ids=identify)
def test_shell_blocks_run(page: Path, folder: Path) -> None:
    for block in blocks(page):
        if block.language == "sh" and block.mark == "run":
            run_shell(page, block)


def run_shell(page: Path, block: Block) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", block.code]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, f"{identify(page)}:{block.line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_a_week_of_the_lab(folder: Path, small_corpus: Path) -> None:
    """Every command of the page in its order, and other programs that open what they wrote."""
    openpyxl, pympi, _ = (pytest.importorskip(name) for name in ("openpyxl", "pympi", "praatio"))
    fill_interviews(folder, small_corpus)
    every = blocks(LAB)
    for at, block in enumerate(every):
        if block.language == "sh":
            run_shell(LAB, block)
        elif block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.code, str(LAB), "exec"), {})
            assert agree(every[at + 1].code, printed.getvalue()), printed.getvalue()
        elif block.language == "r" and shutil.which("Rscript"):
            command = ["Rscript", "--vanilla", "-e", block.code]
            done = subprocess.run(command, capture_output=True, text=True)
            assert (done.returncode, done.stdout.split()) == (0, ["7", "2"]), done.stderr
    talk = "p01/1. Gespräch/zu zweit"
    head, *rows = openpyxl.load_workbook("seconds.xlsx").active.values
    seen = {row[head.index("face_id")] for row in rows if row[head.index("clip_id")] == talk}
    assert seen == {0, 1}
    tiers = pympi.Eaf(f"tiers/{talk}.eaf").get_tier_names()
    assert {"emotion, face 0", "emotion, face 1", "f0 in Hz"} <= set(tiers)
    with contextlib.suppress(ImportError):
        import parselmouth

        grid = parselmouth.read(f"tiers/{talk}.TextGrid")
        assert parselmouth.praat.call(grid, "Get number of tiers") == len(list(tiers))
    index = Path("overview.html").read_text()
    links = [unquote(link) for link in re.findall(r'<h2><a href="([^"]+)"', index)]
    assert len(links) == 6
    assert all(Path(link).is_file() for link in links)


def test_no_block_is_left_out_in_silence() -> None:
    """What is not run says what it needs; README's two commands are run by .ci/run as they stand there."""
    known = re.compile(r"run|ci: (demo|test)|needs .+")
    for page in PAGES:
        for block in blocks(page):
            where = f"{identify(page)}:{block.line}"
            assert block.language in {"python", "sh", "text", "cpp", "toml", "r"}, where
            if block.language == "sh":
                assert known.fullmatch(block.mark), f"{where} must be marked: run, or needs WHAT"
            elif block.language == "python":
                assert block.mark == "" or block.mark.startswith("needs "), where


def test_the_program_in_cpp_is_the_one_that_ctest_runs() -> None:
    (shown,) = [block.code for page in PAGES for block in blocks(page) if block.language == "cpp"]
    assert shown == (REPOSITORY / "cpp" / "tests" / "example.cpp").read_text()


@pytest.mark.parametrize("page", pages_with("sh"), ids=identify)
def test_commands_of_shell_blocks_have_such_options(page: Path) -> None:
    app = build_app()
    for block in blocks(page):
        for line in block.code.replace("\\\n", "").splitlines() if block.language == "sh" else ():
            for command in line.split("&&"):
                words = shlex.split(command, comments=True)
                if words[:1] == ["stcorner"]:
                    app.parse_args(words[1:], exit_on_error=False, print_error=False)


def test_calls_beside_those_of_other_tools_can_be_made() -> None:
    """The second column of the tables: names that exist, arguments that they take."""
    text = (REPOSITORY / "docs" / "migration.md").read_text()
    cells = [
        line.split(" | ")[1] for line in text.splitlines() if line.startswith("| ") and "---" not in line
    ]
    calls = [code for cell in cells for code in re.findall(r"`([a-zA-Z_]\w*\([^`]*\)[^`]*)`", cell)]
    assert len(calls) > 15
    for code in calls:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = getattr(stcorner, node.func.id)
                given = [arg for arg in node.args if not (isinstance(arg, ast.Constant) and arg.value is ...)]
                names = {keyword.arg: None for keyword in node.keywords}
                inspect.signature(called).bind_partial(*given, **names)


def dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None


@pytest.mark.parametrize("page", pages_with("python"), ids=identify)
def test_names_in_python_blocks_exist(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            for node in ast.walk(ast.parse(block.code)):
                name = dotted(node) or ""
                if name.startswith(("stcorner.", "st.")):
                    assert hasattr(stcorner, name.partition(".")[2]), f"{identify(page)}:{block.line}: {name}"


def test_paper_page_has_one_row_per_equation_and_names_real_functions() -> None:
    rows = re.findall(r"^\| (\d+) \|.*<br>([^|<]+) \|$", (REPOSITORY / "docs" / "paper.md").read_text(), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 35))
    named = {name for _, cell in rows for name in re.findall(r"`(\w+)`", cell)}
    assert sorted(name for name in named if not hasattr(stcorner, name)) == []


def test_every_public_name_stands_on_an_api_page() -> None:
    pages = "".join(page.read_text() for page in (REPOSITORY / "docs" / "api").glob("*.md"))
    shown = {line[4:] for line in pages.splitlines() if line.startswith("::: ")}
    public = [(stcorner, name) for name in stcorner.__all__ if name != "__version__"]
    public += [(plotting, name) for name in plotting.__all__]
    wanted = {f"{getattr(package, name).__module__}.{name}" for package, name in public}
    assert sorted(wanted - shown) == []
    for path in shown - wanted:  # what a room alone offers
        _, room, *_, name = path.split(".")
        assert name in importlib.import_module(f"stcorner.{room}").__all__, path


def test_every_command_stands_on_the_page_of_the_command_line() -> None:
    page = (REPOSITORY / "docs" / "api" / "cli.md").read_text()
    named = re.findall(r"^\| `(\w+)", page, re.M)
    assert sorted(named) == sorted(command.name for command in COMMANDS)


def test_links_between_pages_hold() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{identify(page)} links to {target}"


def test_readme_shows_the_two_commands() -> None:
    text = (REPOSITORY / "README.md").read_text()
    assert 'pip install ".[all]" && stcorner demo' in text
    assert 'pip install ".[all,test]" && pytest' in text
