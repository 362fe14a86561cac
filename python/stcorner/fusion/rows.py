"""Tables of rows that may be larger than memory, read in blocks of fixed length."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from stcorner.errors import DatasetError, MissingExtraError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["ParquetRows", "Rows", "as_rows", "iter_blocks"]

# Sums over rows are taken block by block, so that a table on disk gives the bits of the same table in memory.
BLOCK_ROWS = 4096


class Rows(Protocol):
    """What a fit needs of a table: its shape, and consecutive pieces of it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Consecutive rows, in pieces of any length."""
        ...


class _ArrayRows:
    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self.shape = (int(array.shape[0]), int(array.shape[1]))

    def pieces(self) -> Iterator[NDArray[Any]]:
        for start in range(0, self.shape[0], BLOCK_ROWS):
            yield self._array[start : start + BLOCK_ROWS]


class ParquetRows:
    """Numeric columns of a Parquet file, read one row group at a time.

    Parameters
    ----------
    path : path-like
        The file.
    columns : sequence of str, optional
        Which columns, in this order; all by default. All of them must be numeric.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns.
    columns : list of str
        Names of the columns.

    Raises
    ------
    DatasetError
        If the file cannot be read, or a column is absent, not numeric, or has empty cells.

    See Also
    --------
    MarginalFisherAnalysis : Takes such rows.
    """

    def __init__(self, path: str | Path, columns: Sequence[str] | None = None) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise MissingExtraError("ParquetRows", "pyarrow", "table") from None
        self.path = Path(path)
        try:
            file = parquet.ParquetFile(self.path)
        except (OSError, pyarrow.ArrowException) as error:
            raise DatasetError(f"{self.path} must be a readable Parquet file: {error}") from None
        types = {field.name: field.type for field in file.schema_arrow}
        self.columns = list(types) if columns is None else list(columns)
        for name in self.columns:
            if name not in types:
                raise DatasetError(
                    f"{self.path} must have the column {name!r}, and has not: check the spelling"
                )
            kind = types[name]
            if not (pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind)):
                raise DatasetError(f"{self.path}: column {name!r} must be numeric, got {kind}")
        self.shape = (int(file.metadata.num_rows), len(self.columns))

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yield the rows of the file, at most `BLOCK_ROWS` at a time, as float64 arrays.

        Yields
        ------
        ndarray of shape (m, d), float64
            The next rows.
        """
        from pyarrow import parquet

        file = parquet.ParquetFile(self.path)
        for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=self.columns):
            for name in self.columns:
                if batch.column(name).null_count:
                    raise DatasetError(
                        f"{self.path}: column {name!r} must have no empty cells, got some: fill them, or "
                        "drop these rows"
                    )
            yield np.column_stack([batch.column(name).to_numpy().astype(np.float64) for name in self.columns])


def as_rows(X: Any) -> Rows:
    """Return `X` as rows: an array (also a memory-mapped one) or a `ParquetRows`."""
    if isinstance(X, ParquetRows):
        return X
    if isinstance(X, np.ndarray) and X.ndim == 2:
        return _ArrayRows(X)
    raise ParameterError(f"X must be a two-dimensional array or a ParquetRows, got {type(X).__name__}")


def iter_blocks(rows: Rows) -> Iterator[NDArray[np.float64]]:
    """Yield float64 blocks of `BLOCK_ROWS` rows (the last may be shorter), whatever the pieces' lengths."""
    waiting: list[NDArray[np.float64]] = []
    n_waiting = 0
    for piece in rows.pieces():
        part = np.asarray(piece, dtype=np.float64)
        while n_waiting + len(part) >= BLOCK_ROWS:
            take = BLOCK_ROWS - n_waiting
            yield np.concatenate([*waiting, part[:take]]) if waiting else part[:take]
            part, waiting, n_waiting = part[take:], [], 0
        if len(part):
            waiting.append(part)
            n_waiting += len(part)
    if waiting:
        yield np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
