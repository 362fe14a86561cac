"""Warnings of one thread, collected while other threads collect theirs."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collected_warnings"]


class _Own(threading.local):
    """The lists that this thread collects into, the innermost last."""

    def __init__(self) -> None:
        self.lists: list[list[str]] = []


class _Switch:
    """Warnings go to the thread that gives them from the first `enter` to the last `leave` of all threads.

    `warnings.catch_warnings` puts back what it found: where two threads overlap, each takes the other's
    warnings, and the later one puts back the state of the earlier for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before = contextlib.ExitStack()
        self._show: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._count == 0:
                self._before.enter_context(warnings.catch_warnings())
                warnings.simplefilter("always")
                self._show, warnings.showwarning = warnings.showwarning, self._hand_out
            self._count += 1

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                self._before.close()

    def _hand_out(self, message: Warning | str, *args: Any, **kwargs: Any) -> None:
        if _own.lists:
            _own.lists[-1].append(str(message))
        else:
            self._show(message, *args, **kwargs)


_own = _Own()
_switch = _Switch()


@contextlib.contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect the texts of all warnings that this thread gives; the list is complete when the block is left.

    Examples
    --------
    >>> with collected_warnings() as texts:
    ...     warnings.warn("odd", stacklevel=1)
    >>> texts
    ['odd']
    """
    texts: list[str] = []
    if getattr(sys.flags, "context_aware_warnings", False):  # Python 3.14 can do it
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield texts
        texts += [str(warning.message) for warning in caught]
        return
    _switch.enter()
    _own.lists.append(texts)
    try:
        yield texts
    finally:
        _own.lists.pop()
        _switch.leave()
