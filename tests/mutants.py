"""Change one operator of the package at a time, in a copy, and see whether the room's quick tests notice.

``python tests/mutants.py --rooms audio media --number 10 --seed 0`` draws ten mutants a room;
``--only media/clips.py:12`` takes those of a line. A survivor is printed with its change: write the test that
it lacks, or see that the change alters no result. Of the others the test that failed is printed.

One run of a room's tests under coverage says which tests reach a line; it is kept in ``build/mutants``. Those
run first, in a process that is forked after the heavy imports, and the rest of the room only if they pass.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import hashlib
import importlib.util
import json
import os
import py_compile
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
ROOMS = ["audio", "video", "fusion", "classifiers", "evaluation", "corpora", "media", "extraction"]
# Tests of other rooms that hold a room's results.
BESIDE = {"extraction": ["tests/recognizer/test_recording.py", "tests/golden/test_models.py"]}
LAST = {"tests/golden/test_values.py": 5.0}  # a value of every public function
SECONDS = 900  # for the tests of one mutant
PATIENCE = 30  # seconds for one test beyond five times its usual time
MEMORY = 6 << 30  # bytes that they may take
HEAVY = "hypothesis scipy.signal scipy.stats sklearn.svm sklearn.model_selection av cv2 soundfile soxr jinja2"
OPERATOR = re.compile(rb"\bnot\s+in\b|\bis\s+not\b|\b(?:is|in|and|or)\b|<<|>>|[<>=!]=|//|\*\*|[-+*/%<>]")
SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is",
    "in": "not in", "not in": "in", "and": "or", "or": "and", "+": "-", "-": "+", "*": "/", "/": "*",
    "//": "/", "%": "*", "**": "*", "<<": ">>", ">>": "<<",
}  # fmt: skip
KERNEL_SWAPS = {name: SWAPS[name] for name in ("<", "<=", ">", ">=", "==", "!=", *"+-*/%", "<<", ">>")}
KERNEL_SWAPS |= {"&&": "||", "||": "&&", "+=": "-=", "-=": "+="}
KERNEL_OPERATOR = re.compile(rb"(?<= )(?:<<|>>|[<>=!+-]=|&&|\|\||[-+*/%<>])(?= )")
KERNEL_CONSTANT = re.compile(rb"(?<![\w.'])(\d+(?:\.\d*)?(?:e-?\d+)?)[fu]?(?![\w.'])")
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


class Outcome(NamedTuple):
    """What failed, how long each test took, and the tests that reach each line of each file."""

    failed: list[str]
    times: dict[str, float]
    reached: dict[str, dict[str, list[str]]]


class Plugin:
    """Orders the tests of a run and notes times, failures, and what each reaches."""

    def __init__(self, room: str, wanted: dict[str, float]) -> None:
        self.room, self.wanted = room, wanted
        self.rank = {name: rank for rank, name in enumerate(wanted)}
        self.found = Outcome([], {}, {})
        self.cover: Any = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.rank:
            ranks = [self.rank.get(item.nodeid, self.rank.get(item.location[0], -1)) for item in items]
            order = sorted(range(len(items)), key=ranks.__getitem__)
            items[:] = [items[at] for at in order if ranks[at] >= 0]
        else:  # of the examples, those of the room
            items[:] = [
                item
                for item in items
                if "test_doctests.py" not in item.nodeid or f"[{self.room}/" in item.nodeid
            ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if self.cover:
            self.cover.switch_context(item.nodeid)
        if item.nodeid in self.wanted:  # the alarm ends the process, in compiled code too
            signal.alarm(PATIENCE + int(5 * self.wanted[item.nodeid]))
        started = time.perf_counter()
        result = yield
        signal.alarm(0)
        self.found.times[item.nodeid] = time.perf_counter() - started
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.found.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.found.failed.append(f"the import in {report.nodeid}")


def run(tree: Path, room: str, wanted: dict[str, float], seconds: float = SECONDS) -> Outcome:
    """Run tests of the tree in a process of their own: these in this order, or a room's under coverage."""
    answer = tree / "answer.json"
    answer.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        try:
            answer.write_text(json.dumps(_in_child(tree, room, wanted)))
        finally:
            os._exit(0)
    limit, ended, status = time.monotonic() + seconds, 0, signal.SIGALRM.value
    while not ended and time.monotonic() < limit:
        time.sleep(0.02)
        ended, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it started, too
    if not ended:
        os.waitpid(child, 0)
    if answer.exists():
        return Outcome(*json.loads(answer.read_text()))
    return Outcome(["the time limit" if status in {0, signal.SIGALRM} else "a crash"], {}, {})


def _in_child(tree: Path, room: str, wanted: dict[str, float]) -> Outcome:
    os.setsid()
    os.chdir(tree)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    output = os.open(tree / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ |= {"PYTHONPATH": str(tree / "python"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path.insert(0, str(tree / "python"))
    from hypothesis import Phase, settings

    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], derandomize=True)
    settings.load_profile("mutants")
    plugin = Plugin(room, wanted)
    options = ["-q", "-m", "not slow", "-p", "no:cacheprovider", "--tb=short"]
    if wanted:
        pytest.main(
            ["-x", *options, *dict.fromkeys(name.split("::")[0] for name in wanted)], plugins=[plugin]
        )
        return plugin.found
    import coverage  # type: ignore[import-not-found,unused-ignore]

    package = str(tree / "python" / "stcorner" / room)
    plugin.cover = coverage.Coverage(data_file=None, config_file=False, source=[package])
    plugin.cover.start()
    pytest.main(
        [*options, f"tests/{room}", "tests/test_doctests.py", *BESIDE.get(room, [])], plugins=[plugin]
    )
    plugin.cover.stop()
    data = plugin.cover.get_data()
    for file in data.measured_files():
        lines = data.contexts_by_lineno(file).items()
        plugin.found.reached[os.path.relpath(file, tree)] = {
            str(line): [*filter(None, names)] for line, names in lines
        }
    return plugin.found


def survey(tree: Path, room: str) -> Outcome:
    """Return what each test of a room reaches; kept until the package or the room's tests change."""
    parts = [
        tree / "python/stcorner",
        tree / "tests/conftest.py",
        tree / "tests/oracles",
        tree / "tests" / room,
    ]
    files = [file for part in parts for file in sorted([part, *part.rglob("*.py")]) if file.is_file()]
    key = hashlib.sha256(b"".join(map(Path.read_bytes, files))).hexdigest()[:12]
    kept = ROOT / "build" / "mutants" / f"{room}-{key}.json"
    if not kept.exists():
        found = run(tree, room, {}, 10 * SECONDS)
        if not found.times:
            sys.exit(f"{room}: {found.failed}\n{(tree / 'output.txt').read_text()}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
    known = Outcome(*json.loads(kept.read_text()))
    for name in known.failed:
        print(f"{name} fails without a change, and is left out", flush=True)
        known.times.pop(name, None)
    return known


def tests_of(path: Path, line: int, tree: Path, known: Outcome) -> tuple[dict[str, float], ...]:
    """Return the tests that reach the least code around a line, and its module's others, quick first."""
    spans = [
        (node.lineno, node.end_lineno or 0)
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    spans = [(line, line), *sorted(spans, key=lambda span: span[1] - span[0]), (0, 1 << 30)]
    reached = known.reached.get(str(path.relative_to(tree)), {}).items()
    for first, last in spans:
        names = {name for at, names in reached if first <= int(at) <= last for name in names} & set(
            known.times
        )
        if names:
            break
    files: dict[str, list[float]] = {}
    for name in names:
        files.setdefault(name.split("::")[0], []).append(known.times[name])

    def order(name: str) -> tuple[float, str, float]:
        file = name.split("::")[0]
        return sum(files.get(file, [1e3])) / len(files.get(file, [1])), file, known.times[name]

    others = {name for _, names in reached for name in names} & set(known.times) - names
    return tuple({name: known.times[name] for name in sorted(each, key=order)} for each in (names, others))


def first_failure(tree: Path, room: str, seconds: float, groups: tuple[dict[str, float], ...]) -> str:
    """Return the first test that fails, or nothing; of each group, as many as usually take so long."""
    for group in (*groups, LAST):
        total = 0.0
        wanted = {name: taken for name, taken in group.items() if (total := total + taken) < seconds}
        if wanted and (failed := run(tree, room, wanted).failed):
            return failed[0]
    return ""


class Kernels:
    """The compiled core of a tree, for the baseline instruction set alone, and the agreement program."""

    def __init__(self, tree: Path) -> None:
        self.tree, self.build = tree, tree / "build"
        recipe = tree / "CMakeLists.txt"
        recipe.write_text(recipe.read_text().replace("set(level O3)", "set(level O1)"))
        pybind = subprocess.run(
            [sys.executable, "-m", "pybind11", "--cmakedir"], capture_output=True, text=True, check=True
        )
        given = {
            "CMAKE_BUILD_TYPE": "Debug", "CMAKE_CXX_FLAGS_DEBUG": "-O1 -DNDEBUG", "STCORNER_TESTS": "ON",
            "STCORNER_DISPATCH": "OFF", "pybind11_DIR": pybind.stdout.strip(),
            "Python_EXECUTABLE": sys.executable, "SKBUILD_PROJECT_NAME": "stcorner",
            "SKBUILD_PROJECT_VERSION": "0", "CMAKE_CXX_COMPILER_LAUNCHER": shutil.which("ccache") or "",
        }  # fmt: skip
        command = ["cmake", "-S", str(tree), "-B", str(self.build), "-G", "Ninja"]
        subprocess.run(
            [*command, *(f"-D{name}={value}" for name, value in given.items())],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        if not self.make("_core") or not self.make("isa_agreement"):
            sys.exit("the core does not compile")
        self.put()

    def make(self, target: str) -> bool:
        command = ["cmake", "--build", str(self.build), "--target", target]
        return not subprocess.run(command, capture_output=True).returncode

    def put(self) -> None:
        """Put the core that was compiled last beside its Python files."""
        for core in self.build.glob("_core*.so"):
            place = self.tree / "python" / "stcorner" / core.name
            place.unlink(missing_ok=True)
            shutil.copy(core, place)

    def disagreement(self) -> str:
        try:
            done = subprocess.run([self.build / "isa_agreement"], capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "the time limit of the agreement program"
        return "the agreement program" if done.returncode else ""

    def tests_of(self, path: Path, known: Outcome) -> dict[str, float]:
        """Return a room's tests: first the files that name most what C++ is about, then quick ones."""
        words = set(path.stem.split("_")) - set(ROOMS)
        counts, times = dict[str, int](), dict[str, list[float]]()
        for name, seconds in known.times.items():
            file = name.split("::")[0]
            times.setdefault(file, []).append(seconds)
            if file not in counts:
                counts[file] = sum(map((self.tree / file).read_text().count, words))

        def order(name: str) -> tuple[int, float, str, float]:
            file = name.split("::")[0]
            return -counts[file], sum(times[file]) / len(times[file]), file, known.times[name]

        return {name: known.times[name] for name in sorted(known.times, key=order)}

    def first_failure(
        self, one: Mutant, text: bytes, room: str, seconds: float, known: Outcome
    ) -> str | None:
        """Return what notices a mutant, or nothing; None where it does not compile."""
        source, kernel = one.path.read_bytes(), one.path.parent.name == "kernels"
        # The kernels in plain C++, against which the program compares, stay as they are.
        plain = b"#ifdef STC_SCALAR\n%b\n#else\n%b\n#endif\n" % (source, text)
        one.path.write_bytes(plain if kernel else text)
        try:
            if not self.make("_core") or (kernel and not self.make("isa_agreement")):
                return None
        finally:
            one.path.write_bytes(source)
        if kernel and (found := self.disagreement()):
            return found
        self.put()
        return first_failure(self.tree, room, seconds, (self.tests_of(one.path, known),))


def kernel_mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file of C++, some of which will not compile."""
    source = path.read_bytes()
    code = re.sub(
        rb'//[^\n]*|/\*.*?\*/|"[^"\n]*"|^#[^\n]*', lambda m: b" " * len(m[0]), source, flags=re.M | re.S
    )
    for found in KERNEL_OPERATOR.finditer(code):
        yield Mutant(path, *found.span(), KERNEL_SWAPS[found[0].decode()])
    for found in KERNEL_CONSTANT.finditer(code):
        yield Mutant(path, *found.span(), f"({found[0].decode()} + {max(1, round(float(found[1]) / 10))})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rooms", nargs="+", default=ROOMS, choices=ROOMS)
    parser.add_argument("--number", type=int, default=10, help="mutants a room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kernels", action="store_true", help="change the C++ of audio, video, fusion")
    parser.add_argument("--seconds", type=float, default=120, help="for the tests of a mutant, about")
    parser.add_argument("--folder", type=Path, help="where to work, and compile, and what to keep there")
    parser.add_argument("--only", nargs="+", default=[], metavar="FILE:LINE")
    asked = parser.parse_args()
    for name in HEAVY.split():
        importlib.import_module(name)
    package = Path(importlib.util.find_spec("stcorner").origin).parent  # type: ignore[union-attr,arg-type]
    with tempfile.TemporaryDirectory(prefix="stcorner-mutants-") as folder:
        tree, skipped = (
            (asked.folder or Path(folder)).resolve(),
            shutil.ignore_patterns(".*", "build", "dist", "site", "__pycache__"),
        )
        shutil.copytree(ROOT, tree, ignore=skipped, dirs_exist_ok=True)
        copy = tree / "python" / "stcorner"
        shutil.copytree(package, copy, ignore=skipped, dirs_exist_ok=True)  # with the compiled core
        # A time stamp in seconds would take a mutant for the module that it replaces.
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(copy, quiet=2, invalidation_mode=mode)
        kernels = Kernels(tree) if asked.kernels else None
        for room in asked.rooms:
            every: dict[Mutant, str] = {}
            if kernels:
                source_folder = tree / "cpp" / "src"
                files = [*source_folder.glob(f"{room}/*.cpp"), *source_folder.glob(f"kernels/{room}*.?pp")]
            else:
                source_folder = copy
                files = [*(copy / room).rglob("*.py")]
            for path in sorted(files):
                source = path.read_bytes()
                for one in (kernel_mutants if kernels else mutants)(path):
                    every[one] = f"{path.relative_to(source_folder)}:{source[: one.start].count(10) + 1}"
            drawn = random.Random(f"{room} {asked.seed}").sample(list(every), len(every))
            if asked.only:
                drawn = [one for one, place in every.items() if place in asked.only]
            known, killed, number, sound = survey(tree, room), 0, 0, set[str]()
            for one in drawn:
                if number == asked.number and not asked.only:
                    break
                source, started = one.path.read_bytes(), time.monotonic()
                text = source[: one.start] + one.text.encode() + source[one.end :]
                test: str | None
                if kernels:
                    test = kernels.first_failure(one, text, room, asked.seconds, known)
                    if test is None:
                        continue
                else:
                    groups = tests_of(one.path, int(every[one].split(":")[1]), tree, known)
                    one.path.write_bytes(text)
                    try:
                        test = first_failure(tree, room, asked.seconds, groups)
                    finally:
                        one.path.write_bytes(source)
                if "::" in test and test not in sound:
                    if kernels:
                        kernels.make("_core")
                        kernels.put()
                    if run(tree, room, {test: known.times.get(test, 60.0)}).failed:
                        print(f"{test} fails without a change too", flush=True)
                        test = ""
                    sound.add(test)
                killed, number = killed + bool(test), number + 1
                change = f"{every[one]}: {source[one.start : one.end].decode()} -> {one.text}"
                change += f"   killed by {test}" if test else "   SURVIVED"
                print(f"{change} ({time.monotonic() - started:.1f} s)", flush=True)
            print(f"{room}: {killed} of {number} killed, of {len(every)} possible", flush=True)


if __name__ == "__main__":
    main()
