"""The interpreters of a process: the core, numpy and OpenMP keep their state once for all of them."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["refuse_other_interpreters"]


def refuse_other_interpreters() -> None:
    """Raise `ImportError` in any but the process's first interpreter, where importing the core would hang."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    try:
        interpreters: Any = __import__(name)
    except ImportError:  # another Python than CPython: it has one interpreter
        return
    if interpreters.get_current() != interpreters.get_main():
        raise ImportError(
            "stcorner must be imported in the main interpreter of a process: use processes "
            "(concurrent.futures.ProcessPoolExecutor) or threads instead of sub-interpreters"
        )
