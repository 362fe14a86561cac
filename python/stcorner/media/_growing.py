"""An array that grows as it is read: what comes out is never held twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Growing"]

# Room beyond what is filled is not touched, and takes address space alone.
_FACTOR = 1.25


class Growing:
    """Rows that are added at the end of one array, which moves without a copy where the system can."""

    def __init__(self) -> None:
        self._rows: NDArray[Any] | None = None
        self._filled = 0

    @property
    def nbytes(self) -> int:
        """Return the size of what was added."""
        return 0 if self._rows is None else self._filled * self._rows[:1].nbytes

    def add(self, rows: NDArray[Any]) -> None:
        """Add rows of one shape and dtype."""
        if self._rows is None:
            self._rows = np.empty((0, *rows.shape[1:]), rows.dtype)
        end = self._filled + len(rows)
        if end > len(self._rows):
            self._resize(max(end, int(_FACTOR * len(self._rows))))
        self._rows[self._filled : end] = rows
        self._filled = end

    def result(self) -> NDArray[Any]:
        """Return the array, at its size; nothing may be added any more."""
        assert self._rows is not None
        self._resize(self._filled)
        return self._rows

    def _resize(self, length: int) -> None:
        assert self._rows is not None
        # No view of it exists outside this class.
        self._rows.resize((length, *self._rows.shape[1:]), refcheck=False)
