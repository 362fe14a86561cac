"""The package as its users install it: names, versions, files, weight."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stcorner

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[1]
PACKAGE = Path(stcorner.__file__).parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PUBLIC = sorted(name for name in stcorner.__all__ if not name.startswith("_"))


def test_one_version_everywhere() -> None:
    assert stcorner.__version__ == metadata.version("stcorner") == PROJECT["version"]
    assert f"\nversion: {PROJECT['version']}\n" in (REPOSITORY / "CITATION.cff").read_text()


def test_types_and_stubs_are_installed() -> None:
    for name in ("py.typed", "__init__.pyi", "_core.pyi"):
        assert (PACKAGE / name).is_file(), name


def test_no_media_in_the_package() -> None:
    media = {".wav", ".flac", ".mp3", ".mp4", ".flv", ".mpg", ".avi", ".mov", ".pkl", ".pickle"}
    assert [path.name for path in PACKAGE.rglob("*") if path.suffix in media] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_resolve(name: str) -> None:
    assert getattr(stcorner, name) is not None
    assert name in dir(stcorner)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="corner_harris_4d"):
        getattr(stcorner, "corner_harris_4d")  # noqa: B009


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(PACKAGE)], "stcorner.")
    return sorted(info.name for info in found if not info.name.endswith(("._core", "__main__")))


@pytest.mark.parametrize("name", modules())
def test_every_module_declares_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", []):
        assert hasattr(module, public), f"{name}.__all__ names {public}"


def import_seconds(statement: str) -> float:
    code = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    times = []
    for _ in range(5):
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        times.append(float(run.stdout))
    return min(times)


def test_import_budget() -> None:
    assert import_seconds("import stcorner") < 0.150


def test_import_brings_nothing_heavy() -> None:
    heavy = "scipy sklearn cv2 av imageio keras jax pandas pyarrow dask matplotlib soxr soundfile rich"
    code = f"import sys, stcorner; print(*[m for m in {heavy.split()!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


# ---- documentation of every public name

NUMPYDOC_FREE = {"__version__"}


def public_functions() -> list[tuple[str, object]]:
    return [(n, getattr(stcorner, n)) for n in PUBLIC if inspect.isfunction(getattr(stcorner, n))]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name: str) -> None:
    if name in NUMPYDOC_FREE:
        return
    text = inspect.getdoc(getattr(stcorner, name)) or ""
    assert text.split("\n", 1)[0].strip().endswith("."), f"{name} has no summary line"


@pytest.mark.parametrize(
    ("name", "function"), public_functions(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_parameter_is_documented(name: str, function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function) or ""
    if re.search(r"with the same arguments|^Parameters and values are those of", text, re.MULTILINE):
        return  # of functions that it names, which are looked at themselves
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        stated = re.search(rf"^(?:[\w*]+, )*{parameter.name}(?:, [\w*]+)* ?(?::|$)", text, re.MULTILINE)
        assert stated, f"{name} does not document {parameter.name}"


# ---- house rules that a machine can see


def sources(folder: str, *suffixes: str) -> list[Path]:
    return sorted(path for path in (REPOSITORY / folder).rglob("*") if path.suffix in suffixes)


@pytest.mark.parametrize("path", sources("python", ".py"), ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_python_module_is_of_readable_size(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600


@pytest.mark.parametrize("path", sources("cpp", ".cpp", ".hpp"), ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_cpp_file_is_of_readable_size(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_only_one_file_speaks_openmp() -> None:
    users = [
        p.name for p in sources("cpp", ".cpp", ".hpp") if re.search(r"#pragma omp|<omp\.h>", p.read_text())
    ]
    assert users == ["parallel.cpp"]


def test_core_knows_no_python() -> None:
    folders = sources("cpp/src", ".cpp", ".hpp") + sources("cpp/include", ".hpp")
    assert [p.name for p in folders if re.search(r"pybind11|Python\.h", p.read_text())] == []


@pytest.mark.parametrize("path", sources("tests/oracles", ".py"), ids=lambda p: p.name)
def test_oracles_stand_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [n for n in names if n.split(".")[0] == "stcorner"], path.name


def test_no_unsafe_loading() -> None:
    unsafe = re.compile(
        r"\bimport pickle\b|\bpickle\.loads?\(|allow_pickle=True|\beval\(|shell=True|\bos\.system\("
    )
    assert [p.name for p in sources("python", ".py") if unsafe.search(p.read_text())] == []
