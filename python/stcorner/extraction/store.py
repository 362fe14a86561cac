"""Where results lie: parts that are whole or absent, then one table, and a manifest that proves it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.files import printable
from stcorner._base.tables import check_table_path, write_table
from stcorner.errors import OutputError
from stcorner.extraction.clipfeatures import (
    about_schema,
    column_names,
    import_arrow,
    metadata_of,
    row_documents,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from stcorner.extraction.clipfeatures import ClipFeatures
    from stcorner.extraction.work import Item

    Failure = tuple[str, str, str]

__all__ = ["Store"]

_ERRORS = ("path", "stage", "error")
_ROWS_PER_GROUP = 1024
_FORMAT = 4


class Store:
    """Results of one run: ``NAME.parquet``, ``NAME.errors.parquet``, ``NAME.manifest.json``, and parts.

    Parameters
    ----------
    out : Path
        Table to write; any form of table, which `export` writes beside the Parquet file.
    names : dict of str to list of str
        Columns of each block.
    fingerprint : dict
        What decides the numbers.
    """

    def __init__(self, out: Path, names: dict[str, list[str]], fingerprint: dict[str, Any]) -> None:
        check_table_path("out", out)
        pa = import_arrow()
        # What fit and evaluate read is Parquet; another form that is asked for stands beside it.
        self.form, out = out, out.with_suffix(".parquet")
        self.out = out
        self.errors = out.with_suffix(".errors.parquet")
        self.manifest = out.with_suffix(".manifest.json")
        self.parts = out.with_name(f"{out.name}.parts")
        self.fingerprint = {"format": _FORMAT, **fingerprint, "columns": _digest(json.dumps(names))}
        self._names, self._columns = names, column_names(names)
        self._about = about_schema(list(names))
        # In a part a block is one column: hundreds of columns of a few rows would be mostly overhead.
        blocks = [pa.field(f"block:{name}", pa.list_(pa.float32(), len(names[name]))) for name in names]
        self._part_schema = pa.schema([*self._about, *blocks])
        wide = [pa.field(column, pa.float32()) for name in names for column in self._columns[name]]
        self._schema = pa.schema([*self._about, *wide], metadata=metadata_of(names))

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

    def batches(self, items: Sequence[Item], size: int) -> dict[str, list[Item]]:
        """Return the items in parts of a size, by the names of the parts."""
        parts = [list(items[at : at + size]) for at in range(0, len(items), size)]
        return {self.batch_id(part): part for part in parts}

    def failed(self) -> dict[str, str]:
        """Return what the last finished run could not read: names, and the files' identity at that time."""
        failed = self._read_manifest().get("failed", {})
        return {str(name): str(stamp) for name, stamp in failed.items()} if isinstance(failed, dict) else {}

    def failures(self, batch: str) -> list[Failure] | None:
        """Return what failed in a part, or None where it is not there or damaged, and has to be done."""
        try:
            return [(name, stage, error) for name, stage, error in self._read(batch)[1]]
        except (OSError, ValueError):
            return None

    def rows(self, batch: str) -> Any:
        """Return the rows of a part."""
        return self._read(batch)[0]

    def table(self, features: ClipFeatures) -> Any:
        """Return features as rows of a part."""
        pa = import_arrow()
        documents = row_documents(features)
        columns = [pa.array([row[field.name] for row in documents], field.type) for field in self._about]
        for name, names in self._names.items():
            values = pa.array(features.blocks[name].ravel())
            columns.append(pa.FixedSizeListArray.from_arrays(values, len(names)))
        return pa.table(columns, schema=self._part_schema)

    def write(self, batch: str, tables: Sequence[Any], failures: Sequence[Failure]) -> None:
        """Write the rows and failures of a batch, in one file, at once."""
        pa = import_arrow()
        schema = self._part_schema.with_metadata({"failures": json.dumps(failures)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            for table in tables:
                writer.write_table(table.replace_schema_metadata(schema.metadata))
        data = sink.getvalue().to_pybytes()
        _replace(self._part(batch), data + hashlib.sha256(data).digest())

    def _part(self, batch: str) -> Path:
        return self.parts / f"{batch}.arrow"

    def _read(self, batch: str) -> tuple[Any, list[list[str]]]:
        pa = import_arrow()
        content = self._part(batch).read_bytes()
        data = content[: -hashlib.sha256().digest_size]
        if not data or not content.endswith(hashlib.sha256(data).digest()):
            raise ValueError(f"{self._part(batch)} is not as it was written")
        with pa.ipc.open_file(pa.BufferReader(data)) as part:
            failures: list[list[str]] = json.loads(part.schema.metadata[b"failures"])
            return part.read_all().replace_schema_metadata(None), failures

    def reopen(self, batches: Mapping[str, Sequence[Item]]) -> None:
        """Take a finished table apart again, so that what failed can be tried once more."""
        pa = import_arrow()
        from pyarrow import parquet

        whole = parquet.read_table(self.out)
        failed = parquet.read_table(self.errors).to_pylist()
        names = np.asarray(whole.column("clip_id").to_pylist(), dtype=object)
        for batch, items in batches.items():
            here = {item.name for item in items}
            clips = {printable(item.clip.clip_id) for item in items}
            rows = whole.take(np.flatnonzero([name in clips for name in names]))
            columns = [rows.column(name).combine_chunks() for name in self._about.names]
            for wanted in self._columns.values():
                values = np.empty((rows.num_rows, len(wanted)), np.float32)
                for i, column in enumerate(wanted):
                    values[:, i] = rows.column(column).to_numpy()
                columns.append(pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), len(wanted)))
            failures = [(row["path"], row["stage"], row["error"]) for row in failed if row["path"] in here]
            self.write(batch, [pa.table(columns, schema=self._part_schema)], failures)

    def finish(self, batches: Mapping[str, Sequence[Item]], about: dict[str, Any]) -> dict[str, Any]:
        """Join the parts in order, write the manifest, and remove them; return the manifest."""
        n_rows, failures = self._join(list(batches))
        stamps = {item.name: item.stamp for items in batches.values() for item in items}
        self._write_errors(failures)
        manifest = {
            **about,
            "fingerprint": self.fingerprint,
            "batches": _digest(json.dumps(list(batches))),
            "rows": n_rows,
            "errors": len(failures),
            "failed": {name: stamps[name] for name, *_ in failures},
            "sha256": {path.name: file_digest(path) for path in (self.out, self.errors)},
        }
        _replace(self.manifest, json.dumps(manifest, indent=1, default=str).encode())
        for path in self.parts.glob("*"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.parts.rmdir()
        return manifest

    def complete(self, batches: Sequence[str]) -> dict[str, Any] | None:
        """Return the manifest if this work is already done and whole."""
        manifest = self._read_manifest()
        same = manifest.get("batches") == _digest(json.dumps(list(batches)))
        return manifest if same and self.strangers() == [] and self.out.exists() else None

    def strangers(self) -> list[Path]:
        """Return the files that would be written over and that are not as a run of `extract` left them."""
        known = self._read_manifest().get("sha256", {})
        found = [
            path
            for path in dict.fromkeys((self.out, self.errors, self.form))
            if path.exists() and known.get(path.name) != file_digest(path)
        ]
        if self.manifest.exists() and not known:
            found.append(self.manifest)
        return found

    def export(self) -> None:
        """Write the table in the form that was asked for, where that is another and not there yet."""
        manifest = self._read_manifest()
        if self.form == self.out or manifest["sha256"].get(self.form.name) == file_digest(self.form):
            return
        from pyarrow import parquet

        with parquet.ParquetFile(self.out) as whole:
            rows = (row for part in whole.iter_batches(_ROWS_PER_GROUP) for row in part.to_pylist())
            write_table(self.form, rows, whole.schema_arrow.names)
        manifest["sha256"][self.form.name] = file_digest(self.form)
        _replace(self.manifest, json.dumps(manifest, indent=1, default=str).encode())

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads(self.manifest.read_text())
            assert isinstance(manifest["sha256"], dict)
            assert isinstance(manifest["rows"], int)
            assert isinstance(manifest["errors"], int)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, AssertionError):
            return {}
        return dict(manifest)

    def _join(self, batches: Sequence[str]) -> tuple[int, list[list[str]]]:
        pa = import_arrow()
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
                part, failed = self._read(batch)
                failures += failed
                held.append(part)
                count += part.num_rows
                n_rows += part.num_rows
                if count >= _ROWS_PER_GROUP:
                    writer.write_table(self._wide(held))
                    held, count = [], 0
            if count:
                writer.write_table(self._wide(held))
        with _writing(self.out):
            _settle(temporary, self.out)
        return n_rows, failures

    def _wide(self, parts: list[Any]) -> Any:
        """Join parts and give each feature its column."""
        pa = import_arrow()
        whole = pa.concat_tables(parts).combine_chunks()
        columns = [whole.column(name) for name in self._about.names]
        for block, names in self._names.items():
            (chunk,) = whole.column(f"block:{block}").chunks
            values = np.asfortranarray(chunk.flatten().to_numpy().reshape(-1, len(names)))
            columns += [pa.array(values[:, i]) for i in range(len(names))]
        return pa.table(columns, schema=self._schema)

    def _write_errors(self, failures: list[list[str]]) -> None:
        pa = import_arrow()
        from pyarrow import parquet

        columns = {
            name: pa.array([row[i] for row in failures], pa.string()) for i, name in enumerate(_ERRORS)
        }
        temporary = self.parts / "errors.tmp"
        with _writing(temporary):
            parquet.write_table(pa.table(columns), temporary)
            _settle(temporary, self.errors)


def file_digest(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say what could not be written and that nothing is lost."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}. What is done is kept: free some space "
            "and run the same command to resume"
        ) from error


def _replace(path: Path, data: bytes) -> None:
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
        raise OutputError(
            f"{out} is being written by another run: wait for it, or give another name"
        ) from None
