"""Where results lie: parts that are whole or absent, then one table, and a manifest that proves it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import MissingExtraError, OutputError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from stcorner.extraction.work import Item, Outcome

__all__ = ["Store"]

_TEXT = ("file", "clip_id", "corpus", "label", "subject", "take", "warnings")
_REAL = ("start", "end", "fps")
_WHOLE = ("face_id", "n_frames", "n_voiced", "sr")
_ERRORS = ("path", "stage", "error")
_ROWS_PER_GROUP = 1024
_FORMAT = 2


class Store:
    """Results of one run: ``NAME.parquet``, its errors, its manifest, and parts while it goes on.

    Parameters
    ----------
    out : Path
        Table to write.
    names : dict of str to list of str
        Columns of each block.
    fingerprint : dict
        What decides the numbers.
    """

    def __init__(self, out: Path, names: dict[str, list[str]], fingerprint: dict[str, Any]) -> None:
        if out.suffix.lower() != ".parquet":
            raise ParameterError(f"out must end in .parquet, got {str(out)!r}")
        try:
            import pyarrow as pa
        except ImportError:
            raise MissingExtraError("extract", "pyarrow", "table") from None
        self.out = out
        head = out.stem.replace("features", "errors", 1) if "features" in out.stem else f"{out.stem}.errors"
        self.errors = out.with_name(f"{head}.parquet")
        self.manifest = out.with_suffix(".json")
        self.parts = out.with_name(f"{out.name}.parts")
        self.fingerprint = {"format": _FORMAT, **fingerprint, "columns": _digest(json.dumps(names))}
        self._names = names
        fields = [(name, pa.string()) for name in _TEXT[:-1]]
        fields += [(name, pa.float64()) for name in _REAL] + [(name, pa.int64()) for name in _WHOLE]
        fields += [(f"{modality}_status", pa.string()) for modality in names] + [("warnings", pa.string())]
        self._about = pa.schema(fields)
        # In a part a block is one column: hundreds of columns of a few rows would be mostly overhead.
        blocks = [(modality, pa.list_(pa.float32(), len(names[modality]))) for modality in names]
        self._part_schema = pa.schema([*fields, *blocks])
        fields += [(column, pa.float32()) for modality in names for column in names[modality]]
        self._schema = pa.schema(fields)
        if len(set(self._schema.names)) != len(self._schema.names):
            raise ParameterError("features must have names of their own, got some twice")

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the place for this run alone; remove what a killed one left half written."""
        with _writing(self.parts):
            self.parts.mkdir(parents=True, exist_ok=True)
            lock = (self.parts / "lock").open("w")
        with lock:
            _lock(lock, self.out)
            for half in self.parts.glob("*.tmp"):
                half.unlink(missing_ok=True)
            yield

    def batch_id(self, items: Sequence[Item]) -> str:
        """Name of the part of these items: other files, other parameters, another name."""
        keys = [item.key for item in items]
        return _digest(json.dumps([self.fingerprint, keys], sort_keys=True))[:32]

    def has(self, batch: str) -> bool:
        """Whether a part is there, whole."""
        return (self.parts / f"{batch}.arrow").is_file()

    def write(self, batch: str, outcomes: Sequence[Outcome]) -> None:
        """Write the rows and failures of a batch, in one file, at once."""
        import pyarrow as pa

        details = [row for outcome in outcomes for row in outcome.details]
        columns = [pa.array([row.get(field.name) for row in details], field.type) for field in self._about]
        for modality, names in self._names.items():
            values = pa.array(self._block(outcomes, modality, len(names)).ravel())
            columns.append(pa.FixedSizeListArray.from_arrays(values, len(names)))
        failures = [failure for outcome in outcomes for failure in outcome.failures]
        schema = self._part_schema.with_metadata({"failures": json.dumps(failures)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.record_batch(columns, schema=schema))
        _replace(self.parts / f"{batch}.arrow", memoryview(sink.getvalue()))

    def _block(self, outcomes: Sequence[Outcome], modality: str, width: int) -> np.ndarray[Any, Any]:
        blocks = []
        for outcome in outcomes:
            block = outcome.blocks.get(modality)
            blocks.append(
                np.full((len(outcome.details), width), np.nan, np.float32) if block is None else block
            )
        return np.concatenate(blocks) if blocks else np.zeros((0, width), np.float32)

    def finish(self, batches: Sequence[str], about: dict[str, Any]) -> dict[str, Any]:
        """Join the parts in order, write the manifest, and remove them; return the manifest."""
        n_rows, failures = self._join(batches)
        self._write_errors(failures)
        manifest = {
            **about,
            "fingerprint": self.fingerprint,
            "batches": _digest(json.dumps(list(batches))),
            "rows": n_rows,
            "errors": len(failures),
            "sha256": {path.name: file_digest(path) for path in (self.out, self.errors)},
        }
        _replace(self.manifest, json.dumps(manifest, indent=1, default=str).encode())
        for path in self.parts.glob("*"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.parts.rmdir()
        return manifest

    def complete(self, batches: Sequence[str]) -> dict[str, Any] | None:
        """Return the manifest if this very work is already done and whole."""
        try:
            manifest: dict[str, Any] = json.loads(self.manifest.read_text())
            same = manifest["batches"] == _digest(json.dumps(list(batches)))
            whole = all(
                manifest["sha256"][path.name] == file_digest(path) for path in (self.out, self.errors)
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return manifest if same and whole else None

    def _join(self, batches: Sequence[str]) -> tuple[int, list[list[str]]]:
        import pyarrow as pa
        from pyarrow import parquet

        failures: list[list[str]] = []
        held: list[Any] = []
        count = n_rows = 0
        temporary = self.parts / "features.tmp"
        # Dictionaries shorten texts that repeat; numbers hardly do, and looking for it takes long.
        texts = [field.name for field in self._about if field.type == pa.string()]
        with (
            _writing(temporary),
            parquet.ParquetWriter(
                temporary, self._schema, compression="zstd", use_dictionary=texts
            ) as writer,
        ):
            for batch in batches:
                with pa.ipc.open_file(pa.BufferReader((self.parts / f"{batch}.arrow").read_bytes())) as part:
                    failures += json.loads(part.schema.metadata[b"failures"])
                    held.append(part.read_all().replace_schema_metadata(None))
                count += held[-1].num_rows
                n_rows += held[-1].num_rows
                if count >= _ROWS_PER_GROUP:
                    writer.write_table(self._table(held))
                    held, count = [], 0
            if count:
                writer.write_table(self._table(held))
        with _writing(self.out):
            _settle(temporary, self.out)
        return n_rows, failures

    def _table(self, parts: list[Any]) -> Any:
        """Join parts and give each feature its column."""
        import pyarrow as pa

        whole = pa.concat_tables(parts).combine_chunks()
        columns = [whole.column(name) for name in self._about.names]
        for modality, names in self._names.items():
            (chunk,) = whole.column(modality).chunks
            block = np.asfortranarray(chunk.flatten().to_numpy().reshape(-1, len(names)))
            columns += [pa.array(block[:, i]) for i in range(len(names))]
        return pa.table(columns, schema=self._schema)

    def _write_errors(self, failures: list[list[str]]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        columns = {
            name: pa.array([row[i] for row in failures], pa.string()) for i, name in enumerate(_ERRORS)
        }
        temporary = self.parts / "errors.tmp"
        with _writing(temporary):
            parquet.write_table(pa.table(columns), temporary)
            _settle(temporary, self.errors)


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say what could not be written and that nothing is lost."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}. "
            "What is done is kept: the same command goes on from there"
        ) from error


def _replace(path: Path, data: bytes | memoryview) -> None:
    """Write a file so that it is whole or not there, whenever the process or the machine stops."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with _writing(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
            _settle(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _settle(temporary: Path, path: Path) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def _lock(file: Any, out: Path) -> None:
    """Refuse a second run on the same place. The lock goes with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: the file cannot be deleted while it is open, which must do
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise OutputError(f"{out} is being written by another run") from None
