"""The schema of feature tables, and the way between them and `ClipFeatures`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.files import printable
from stcorner.corpora.clip import Clip
from stcorner.errors import DatasetError, MissingExtraError, ParameterError, StcornerError
from stcorner.extraction.clipfeatures import ClipFeatures
from stcorner.extraction.plan import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["column_names", "read_parquet", "row_documents", "table_of", "write_parquet"]

FORMAT = 3
_KEY = b"stcorner"
# What a clip says of itself; ``file`` counts from the root that the metadata name.
_CLIP = (
    "file", "clip_id", "copy", "corpus", "label", "subject", "take", "sentence", "intensity", "repetition",
    "channel", "sex", "modality", "audio_file",
)  # fmt: skip
_REAL = ("start", "end", "fps")
_WHOLE = ("face_id", "n_frames", "n_voiced", "sr")


def import_arrow() -> Any:
    """Return pyarrow, or say which extra brings it."""
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError("feature tables", "pyarrow", "table") from None
    return pa


def column_names(names: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the table's columns of each block; blocks of other tools carry their name in front.

    Raises
    ------
    ParameterError
        If a name would stand twice.
    """
    columns = {
        block: [name if block in BUILT_IN else f"{block}_{name}" for name in names[block]] for block in names
    }
    every = [*_CLIP, *_REAL, *_WHOLE, "warnings", *(f"{block}_status" for block in names)]
    every += [column for group in columns.values() for column in group]
    if len(set(every)) != len(every):
        twice = sorted({name for name in every if every.count(name) > 1})
        raise ParameterError(f"columns of a table must differ, got {', '.join(twice[:5])} twice")
    return columns


def about_schema(blocks: Sequence[str]) -> Any:
    """Return the schema of all that is no feature."""
    pa = import_arrow()
    fields = [(name, pa.string()) for name in _CLIP]
    fields += [(name, pa.float64()) for name in _REAL] + [(name, pa.int64()) for name in _WHOLE]
    fields += [(f"{block}_status", pa.string()) for block in blocks] + [("warnings", pa.string())]
    return pa.schema(fields)


def row_documents(features: ClipFeatures, root: Path | None = None) -> list[dict[str, Any]]:
    """Return what is no feature, one dict per row with the columns of the table."""
    rows = []
    for at, sample in enumerate(features.clip_index.tolist()):
        clip, details = features.clips[sample], features.details[at]
        sound = None if clip.audio_path is None else _relative(clip.audio_path, root)
        rows.append({
            "file": _relative(clip.path, root),
            "audio_file": sound,
            "copy": str(features.copies[at]) or None,
            **{name: _text(getattr(clip, name)) for name in _CLIP[1:-1] if name != "copy"},
            "start": details.get("start", clip.start),
            "end": details.get("end", clip.end),
            **{name: details.get(name) for name in ("fps", *_WHOLE)},
            **{f"{block}_status": str(status[at]) for block, status in features.status.items()},
            "warnings": printable("; ".join(details.get("warnings", ()))) or None,
        })  # fmt: skip
    return rows


def _text(value: Any) -> str | None:
    return printable(str(value)) if value not in (None, "") else None


def _relative(path: Path, root: Path | None) -> str:
    # A name that is no valid Unicode cannot stand in a table; its bytes are written out.
    return printable(str(path) if root is None else os.path.relpath(path, root))


def metadata_of(names: Mapping[str, Sequence[str]], root: Path | None) -> dict[bytes, bytes]:
    """Return what the file says of itself."""
    about = {
        "format": FORMAT,
        "root": None if root is None else str(root),
        "names": {block: list(columns) for block, columns in names.items()},
    }
    return {_KEY: json.dumps(about).encode()}


def table_of(features: ClipFeatures, root: Path | None = None) -> Any:
    """Return the table with one column per feature."""
    pa = import_arrow()
    columns = column_names(features.names)
    about = about_schema(list(features.names))
    documents = row_documents(features, root)
    arrays = [pa.array([row[field.name] for row in documents], field.type) for field in about]
    fields = list(about)
    for block, values in features.blocks.items():
        by_column = np.asfortranarray(values)
        arrays += [pa.array(by_column[:, i]) for i in range(values.shape[1])]
        fields += [pa.field(column, pa.float32()) for column in columns[block]]
    return pa.table(arrays, schema=pa.schema(fields, metadata=metadata_of(features.names, root)))


def write_parquet(features: ClipFeatures, path: str | os.PathLike[str]) -> Path:
    """Write a table; the file is whole or not there."""
    from stcorner._base.files import write_bytes

    pa = import_arrow()
    from pyarrow import parquet

    target = Path(path)
    if target.suffix.lower() != ".parquet":
        raise ParameterError(f"path must end in .parquet, got {str(target)!r}")
    sink = pa.BufferOutputStream()
    parquet.write_table(table_of(features), sink, compression="zstd")
    write_bytes(target, sink.getvalue().to_pybytes())
    return target


def read_parquet(path: str | os.PathLike[str]) -> ClipFeatures:
    """Read a table that `write_parquet` or `extract` wrote."""
    pa = import_arrow()
    from pyarrow import parquet

    source = Path(path)
    try:
        table = parquet.read_table(source)
        about = json.loads((table.schema.metadata or {})[_KEY])
        names = {block: [str(name) for name in columns] for block, columns in about["names"].items()}
        root, version = about["root"], about["format"]
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
        raise DatasetError(f"{source} cannot be read: {reason}") from None
    except KeyError:
        raise DatasetError(
            f"{source} is no feature table of stcorner: read it with FeatureTable({source.name!r}, name=...)"
        ) from None
    except (pa.ArrowException, ValueError, TypeError, AttributeError) as error:
        raise DatasetError(f"{source} is damaged or no Parquet file: {error}") from None
    if version != FORMAT:
        raise DatasetError(f"{source} has format {version}, this version reads {FORMAT}: extract it again")
    try:
        return _features(table, names, None if root is None else Path(root))
    except (StcornerError, KeyError) as error:
        raise DatasetError(f"{source} is damaged: {error}") from None


def _features(table: Any, names: dict[str, list[str]], root: Path | None) -> ClipFeatures:
    columns = column_names(names)
    n_rows = table.num_rows
    blocks: dict[str, NDArray[np.float32]] = {}
    for block, wanted in columns.items():
        blocks[block] = np.empty((n_rows, len(wanted)), np.float32)
        for i, column in enumerate(wanted):
            blocks[block][:, i] = table.column(column).to_numpy()
    about = table.select(about_schema(list(names)).names).to_pylist()
    copies = np.asarray([row["copy"] or "" for row in about], dtype=np.str_)
    clips = [_clip(row, root) for row in about if not row["copy"]]
    details = [
        {
            **{name: row[name] for name in ("start", "end", "fps", *_WHOLE)},
            "errors": [],
            "warnings": [row["warnings"]] if row["warnings"] else [],
        }
        for row in about
    ]
    return ClipFeatures(
        clips=clips,
        clip_index=np.cumsum(copies == "") - 1,
        copies=copies,
        blocks=blocks,
        names=names,
        status={block: np.asarray([row[f"{block}_status"] for row in about]) for block in names},
        details=details,
    )


def _clip(row: Mapping[str, Any], root: Path | None) -> Clip:
    def place(name: str) -> Path:
        return Path(name) if root is None else root / name

    sound = row["audio_file"]
    texts = ("clip_id", "label", "subject", "take", "corpus", "modality")
    known: dict[str, Any] = {name: row[name] or "" for name in texts}
    known |= {name: row[name] for name in ("sentence", "intensity", "repetition", "sex", "start", "end")}
    return Clip(
        path=place(row["file"]),
        audio_path=None if sound is None else place(sound),
        channel=row["channel"] or "speech",
        **known,
    )
