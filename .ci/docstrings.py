"""Check with numpydoc that every public docstring says what goes in and what comes out.

Public are the names of ``stcorner``, those that a room exports, and the public methods of their classes.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from typing import TYPE_CHECKING, Protocol

from numpydoc.validate import validate

import stcorner

if TYPE_CHECKING:
    from collections.abc import Iterator

# GL08 no docstring, GL07 order of sections, SS03/SS05/SS06 the summary; PR01-PR07 parameters, their types
# and descriptions; RT01-RT05 what is returned; YD01 what is yielded; SA02-SA04 See Also; EX04 imports.
CODES = {
    *("GL07", "GL08", "SS01", "SS02", "SS03", "SS05"),
    *("PR01", "PR02", "PR03", "PR04", "PR05", "PR06", "PR07", "PR10"),
    *("RT01", "RT03", "YD01", "SA02", "SA04", "EX04"),
}


def public_names() -> Iterator[str]:
    """Yield the full name of every public object once."""
    seen: set[int] = set()
    rooms = [m.name for m in pkgutil.iter_modules(stcorner.__path__) if not m.name.startswith("_")]
    for package in ("stcorner", *(f"stcorner.{room}" for room in rooms)):
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            found = getattr(module, name)
            if id(found) in seen or not (inspect.isclass(found) or inspect.isroutine(found)):
                continue
            seen.add(id(found))
            yield f"{package}.{name}"
            if inspect.isclass(found):
                for member, value in vars(found).items():
                    wrapped = isinstance(value, property | classmethod | staticmethod)
                    if not member.startswith("_") and (wrapped or inspect.isfunction(value)):
                        yield f"{package}.{name}.{member}"


def found_in(name: str) -> Iterator[tuple[str, str]]:
    """Yield the problems of one docstring; a record may have Attributes, an iterator Yields."""
    found = validate(name)
    value = pkgutil.resolve_name(name)
    record = inspect.isclass(value) and ("Attributes\n" in (value.__doc__ or "") or Protocol in value.__mro__)
    for code, message in found["errors"]:
        iterator = code == "RT01" and "Yields\n" in (value.__doc__ or "")
        if code in CODES and not (code == "PR01" and record) and not iterator:
            yield code, message


def main() -> int:
    """Print what is wrong; return the exit code."""
    names = list(public_names())
    wrong = [f"{name}: {code} {message}" for name in names for code, message in found_in(name)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(names)} public names, {len(wrong)} problems", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
