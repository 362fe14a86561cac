"""Remarks on a file: warnings, or lines of a result where somebody collects them."""

from __future__ import annotations

import contextlib
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MediaWarning", "collected_remarks", "remark"]

# Of this thread or task alone: `warnings.catch_warnings` would take those of other threads too.
_collected: ContextVar[list[str] | None] = ContextVar("remarks", default=None)


class MediaWarning(UserWarning):
    """A media file is slightly damaged; what could be decoded is used, on its own times."""


def remark(text: str, *, stacklevel: int = 1) -> None:
    """Add a remark to those being collected, or give it as a `MediaWarning`.

    `stacklevel` counts from the caller, as that of `warnings.warn`.
    """
    texts = _collected.get()
    if texts is None:
        warnings.warn(text, MediaWarning, stacklevel=stacklevel + 1)
    else:
        texts.append(text)


@contextlib.contextmanager
def collected_remarks() -> Iterator[list[str]]:
    """Collect the remarks that this thread makes inside the block.

    Examples
    --------
    >>> with collected_remarks() as texts:
    ...     remark("clip.wav: no voice was found in its sound")
    >>> texts
    ['clip.wav: no voice was found in its sound']
    """
    texts: list[str] = []
    token = _collected.set(texts)
    try:
        yield texts
    finally:
        _collected.reset(token)
