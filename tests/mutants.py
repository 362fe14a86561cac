"""Change one operator of the package at a time, in a copy, and see whether the room's quick tests notice.

``python tests/mutants.py --rooms audio media --number 40 --seed 0`` draws mutants;
``--only media/clips.py:12`` takes those of a line. A survivor is printed with its change: write the test that
it lacks, or see that the change alters no result. Of the others the test that failed is printed.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import stcorner

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE, TESTS = Path(stcorner.__file__).parent, Path(__file__).parent
ROOMS = ["audio", "video", "fusion", "classifiers", "evaluation", "corpora", "media", "extraction"]
BESIDE = {
    "extraction": ("recognizer/test_recording.py", "golden")
}  # tests of other rooms that hold its results
SECONDS = 300.0  # for the tests of one mutant
OPERATOR = re.compile(rb"\bnot\s+in\b|\bis\s+not\b|\b(?:is|in|and|or)\b|<<|>>|[<>=!]=|//|\*\*|[-+*/%<>]")
SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is",
    "in": "not in", "not in": "in", "and": "or", "or": "and", "+": "-", "-": "+", "*": "/", "/": "*",
    "//": "/", "%": "*", "**": "*", "<<": ">>", ">>": "<<",
}  # fmt: skip
# Text for people, types, and names: no result changes with them.
UNREAD = (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)


class Mutant(NamedTuple):
    """A change of one place: the bytes from `start` to `end` become `text`."""

    path: Path
    start: int
    end: int
    text: str


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.expr) -> tuple[int, int]:
        last = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        return starts[node.lineno - 1] + node.col_offset, last

    def text(node: ast.expr) -> str:
        return source[slice(*span(node))].decode()

    for node in code(ast.parse(source)):
        operands: list[ast.expr] = []
        match node:
            case ast.Compare():
                operands = [node.left, *node.comparators]
            case ast.BinOp():
                operands = [node.left, node.right]
            case ast.BoolOp():
                operands = node.values[:2]
            case ast.UnaryOp(op=ast.Not()):
                yield Mutant(path, *span(node), text(node.operand))
            case ast.Constant(value=bool()):
                yield Mutant(path, *span(node), str(not node.value))
            case ast.Constant(value=int() | float() as value):
                step = max(1, round(value / 10))  # what is large and changes by 1 is as good as before
                yield Mutant(path, *span(node), f"({value!r} {'-' if value >= 1 else '+'} {step})")
            case ast.Slice():
                for bound in (node.lower, node.upper):
                    if bound is not None and not isinstance(bound, ast.Constant):
                        yield Mutant(path, *span(bound), f"({text(bound)}) + 1")
        for left, right in pairwise(operands):
            found = OPERATOR.search(source, span(left)[1], span(right)[0])
            if found and (other := SWAPS.get(" ".join(found[0].decode().split()))):
                yield Mutant(path, *found.span(), other)


def code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs below a node, and nothing of messages, annotations and blocks for the type checker."""
    yield node
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            if (
                not isinstance(child, ast.AST)
                or isinstance(child, UNREAD)
                or name in {"annotation", "returns"}
            ):
                continue
            if not typing:
                yield from code(child)


def tests_of(module: Path, tests: Path) -> list[str]:
    """Return the tests of a module: its examples, the files that name it most, the rest of its room."""
    room, text = module.parent.name, module.read_text()
    words = [module.stem.strip("_"), *re.findall(r'^    "(\w+)",$', text, re.MULTILINE)]
    files = sorted(
        (tests / room).glob("test_*.py"), key=lambda file: -sum(map(file.read_text().count, words))
    )
    examples = [f"test_doctests.py::test_examples[{room}/{module.name}]"] if ">>> " in text else []
    return [str(tests / name) for name in (*examples, *files, *BESIDE.get(room, ()))]


def failure(tree: Path, tests: list[str]) -> str:
    """Return the first of the tests that fails, or nothing."""
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-x",
        "-q",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    environment = {**os.environ, "PYTHONPATH": str(tree / "python")}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, timeout=SECONDS, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired:
        return "the time limit"
    failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if done.returncode and not failed and "Error" not in done.stderr:
        sys.exit(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return [*failed, "the import"][0] if done.returncode else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rooms", nargs="+", default=ROOMS, choices=ROOMS)
    parser.add_argument("--number", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[], metavar="FILE:LINE")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stcorner-mutants-") as folder:
        tree, skipped = Path(folder), shutil.ignore_patterns(".*", "build", "dist", "site", "__pycache__")
        shutil.copytree(TESTS.parent, tree, ignore=skipped, dirs_exist_ok=True)
        package = tree / "python" / "stcorner"
        shutil.copytree(PACKAGE, package, ignore=skipped, dirs_exist_ok=True)  # with the compiled core
        every: dict[Mutant, str] = {}
        for path in [path for room in asked.rooms for path in sorted((package / room).glob("*.py"))]:
            source = path.read_bytes()
            for one in mutants(path):
                line = source.count(b"\n", 0, one.start) + 1
                every[one] = f"{path.relative_to(package)}:{line}"
        drawn = [one for one, place in every.items() if place in asked.only]
        drawn = drawn or random.Random(asked.seed).sample(list(every), asked.number)
        killed = 0
        for one in drawn:
            source = one.path.read_bytes()
            one.path.write_bytes(source[: one.start] + one.text.encode() + source[one.end :])
            try:
                test = failure(tree, tests_of(one.path, tree / "tests"))
            finally:
                one.path.write_bytes(source)
            if "::" in test and failure(tree, [test]):
                sys.exit(f"{test} fails without a change too")
            killed += bool(test)
            change = f"{every[one]}: {source[one.start : one.end].decode()} -> {one.text}"
            print(f"{change}   killed by {test}" if test else f"{change}   SURVIVED", flush=True)
        print(f"{killed} of {len(drawn)} killed, of {len(every)} possible")


if __name__ == "__main__":
    main()
