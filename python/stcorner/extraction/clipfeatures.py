"""Features of clips as one table: what extraction gives, and what fitting, predicting and scoring take."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.files import printable, unreadable
from stcorner.corpora.clip import Clip
from stcorner.errors import DatasetError, MissingExtraError, ParameterError, StcornerError
from stcorner.extraction.finding import IDENTITY, identity
from stcorner.extraction.plan import BUILT_IN

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from stcorner.extraction.describe import FailedInput, Row
    from stcorner.extraction.plan import Plan

__all__ = [
    "ClipFeatures",
    "about_schema",
    "collect_rows",
    "column_names",
    "import_arrow",
    "metadata_of",
    "row_documents",
]

FORMAT = 4
# Tables of the earlier format lack some columns about the clip.
_READABLE = (3, FORMAT)
_KEY = b"stcorner"
# What a clip says of itself; ``file`` and ``audio_file`` count from ``root``.
_CLIP = (
    *IDENTITY, "copy", "corpus", "label", "take", "sentence", "intensity", "repetition",
    "channel", "sex", "modality", "audio_file",
)  # fmt: skip
_REAL = (
    "start", "end", "fps", "analysis_fps", "voiced_seconds", "speech_share", "level_dbfs", "snr_db",
    "clipping_share", "bandwidth_hz",
)  # fmt: skip
_WHOLE = ("face_id", "n_frames", "n_voiced", "sr")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClipFeatures:
    """Features of clips: one sample per clip or window, with the altered copies that belong to it.

    A sample is what is predicted and scored. It has one original row and any number of altered copies, which
    are for training alone. ``len``, indexing, ``labels`` and ``groups`` count samples; ``blocks`` and
    ``status`` hold rows.

    Parameters
    ----------
    clips : sequence of Clip
        One per sample, with label, subject and take as far as they are known.
    blocks : mapping of str to array_like of shape (n_rows, d)
        Features by name of the block, kept as float32; a row of NaN is missing.
    names : mapping of str to sequence of str, optional
        Names of the columns of each block. Default: ``NAME_0``, ``NAME_1`` ...
    clip_index : array_like of shape (n_rows,), int, optional
        Sample of each row. Default: one row per sample.
    copies : sequence of str of length n_rows, optional
        Kind of altered copy that each row is, empty for the original. Default: originals.
    status : mapping of str to sequence of str, optional
        Per block and row ``"ok"``, ``"partial"`` (a face in part of the frames), or why it is missing:
        ``"no_audio"``, ``"silent"``, ``"no_video"``, ``"no_face"``, ``"no_row"``, ``"error"``.
    errors : sequence of FailedInput, optional
        One entry per missing stream of an original.
    details : sequence of dict, optional
        Per row: ``start``, ``end``, ``face_id``, ``n_frames``, ``n_voiced``, ``fps``, ``sr``, what
        `speech_presence` found, ``errors`` and ``warnings``.

    Raises
    ------
    ValueError
        If sizes do not fit each other, a block has infinite values or a row that is missing in part, names
        are doubled, or a sample has not exactly one original.

    See Also
    --------
    extract : Writes the table that it reads.

    Examples
    --------
    >>> features = ClipFeatures(clips=["a.wav", "b.wav"], blocks={"mine": [[1.0, 2.0], [3.0, 4.0]]})
    >>> features
    <ClipFeatures: 2 clips, blocks mine (2 columns)>
    >>> features[[1]].blocks["mine"].tolist()
    [[3.0, 4.0]]
    """

    clips: Sequence[Clip]
    blocks: Mapping[str, NDArray[Any]]
    names: Mapping[str, list[str]] = field(default_factory=dict)
    clip_index: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    copies: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    status: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    errors: Sequence[FailedInput] = ()
    details: Sequence[dict[str, Any]] = ()

    def __post_init__(self) -> None:
        """Fill what was left out and refuse what does not fit."""
        clips = tuple(Clip.of(clip) for clip in self.clips)
        index = np.asarray(self.clip_index, np.intp) if len(self.clip_index) else np.arange(len(clips))
        n_rows = len(index)
        copies = np.asarray(self.copies, dtype=np.str_) if len(self.copies) else np.full(n_rows, "")
        if copies.shape != (n_rows,):
            raise ParameterError(f"copies must have {n_rows} entries, one per row, got {copies.shape}")
        originals = np.bincount(index[copies == ""], minlength=len(clips))
        if len(originals) != len(clips) or (originals != 1).any() or (np.diff(index) < 0).any():
            raise ParameterError(
                f"clip_index must count the {len(clips)} clips in order, each with one row that is no copy"
            )
        blocks, names, status = {}, {}, {}
        for name, given in self.blocks.items():
            blocks[name] = block = _block(name, given, n_rows)
            names[name] = _names(name, self.names.get(name), block.shape[1])
            missing = np.isnan(block[:, 0]) if block.shape[1] else np.ones(n_rows, np.bool_)
            stated = self.status.get(name)
            status[name] = np.where(missing, "no_row", "ok") if stated is None else np.asarray(stated)
        details = list(self.details) or [{"errors": [], "warnings": []} for _ in range(n_rows)]
        if len(details) != n_rows or any(len(each) != n_rows for each in status.values()):
            raise ParameterError(
                f"details and status must have {n_rows} entries, one per row, got another number"
            )
        if unknown := sorted((set(self.names) | set(self.status)) - set(blocks)):
            raise ParameterError(f"names and status must be of the blocks {sorted(blocks)}, got {unknown}")
        for field_name, value in {
            "clips": clips, "clip_index": index, "copies": copies, "blocks": blocks, "names": names,
            "status": status, "details": details, "errors": list(self.errors),
        }.items():  # fmt: skip
            object.__setattr__(self, field_name, value)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.clips)

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and columns, as scikit-learn counts them."""
        return len(self.clips), sum(len(names) for names in self.names.values())

    def __repr__(self) -> str:
        """Return the size and the blocks in a line."""
        blocks = ", ".join(f"{name} ({len(columns)} columns)" for name, columns in self.names.items())
        n_copies = int(self.augmented.sum())
        copies = f", {n_copies} altered copies" if n_copies else ""
        return f"<ClipFeatures: {len(self)} clips{copies}, blocks {blocks or 'none'}>"

    def __eq__(self, other: object) -> bool:
        """Tell whether two tables hold the same clips and the same values."""
        if not isinstance(other, ClipFeatures):
            return NotImplemented
        return (
            self.clips == other.clips
            and self.names == other.names
            and np.array_equal(self.clip_index, other.clip_index)
            and np.array_equal(self.copies, other.copies)
            and all(np.array_equal(b, other.blocks[n], equal_nan=True) for n, b in self.blocks.items())
        )

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[ClipFeatures]:
        """Yield each sample as a table of one."""
        return (self[[at]] for at in range(len(self)))

    def __getitem__(self, samples: Any) -> ClipFeatures:
        """Return some samples with their copies: a position, positions, a slice or a mask."""
        if isinstance(samples, tuple):  # scikit-learn indexes rows as ``X[rows, ...]``
            samples = samples[0]
        chosen = np.arange(len(self))[samples if not isinstance(samples, list) else np.asarray(samples)]
        chosen = np.atleast_1d(chosen)
        rows_of = np.split(np.arange(len(self.clip_index)), np.cumsum(self._counts)[:-1])
        rows = np.concatenate([rows_of[at] for at in chosen]) if len(chosen) else np.empty(0, np.intp)
        return self._rows(rows, [self.clips[at] for at in chosen], self._counts[chosen])

    def _rows(
        self, rows: NDArray[np.intp], clips: Sequence[Clip], counts: NDArray[np.intp], *, copies: Any = None
    ) -> ClipFeatures:
        known = {path for clip in clips for path in (clip.path, clip.sound)}
        return ClipFeatures(
            clips=clips,
            clip_index=np.repeat(np.arange(len(clips)), counts),
            copies=self.copies[rows] if copies is None else copies,
            blocks={name: block[rows] for name, block in self.blocks.items()},
            names=self.names,
            status={name: status[rows] for name, status in self.status.items()},
            errors=[error for error in self.errors if error.path in known],
            details=[self.details[at] for at in rows],
        )

    @property
    def _counts(self) -> NDArray[np.intp]:
        return np.bincount(self.clip_index, minlength=len(self.clips))

    @property
    def augmented(self) -> NDArray[np.bool_]:
        """Which rows are altered copies."""
        return np.asarray(self.copies != "")

    @property
    def labels(self) -> NDArray[np.str_]:
        """Label of each sample; empty where unknown."""
        return np.asarray([clip.label for clip in self.clips], dtype=np.str_)

    @property
    def groups(self) -> NDArray[np.str_]:
        """The person of each sample, or the take where the person is unknown."""
        keys = ["/".join(clip.group if clip.subject else ("", *clip.key)) for clip in self.clips]
        return np.asarray(keys, dtype=np.str_)

    def originals(self) -> ClipFeatures:
        """Return the samples without their altered copies.

        Returns
        -------
        ClipFeatures
            The same samples; copies are left out.
        """
        return self.with_copies(())

    def with_copies(self, kinds: Iterable[str]) -> ClipFeatures:
        """Return the samples with only these kinds of altered copies.

        Parameters
        ----------
        kinds : iterable of str
            Kinds of altered copies to keep, such as ``"noise"``.

        Returns
        -------
        ClipFeatures
            The same samples; other copies are left out.
        """
        wanted = np.isin(self.copies, ["", *kinds])
        if wanted.all():
            return self
        rows = np.flatnonzero(wanted)
        return self._rows(rows, self.clips, np.bincount(self.clip_index[rows], minlength=len(self)))

    def versions(self) -> ClipFeatures:
        """Return every row as a sample of its own, copies too; only a leaky protocol wants that.

        Returns
        -------
        ClipFeatures
            One sample for each row, altered copies included.
        """
        clips = [self.clips[at] for at in self.clip_index]
        ones = np.ones(len(clips), np.intp)
        return self._rows(np.arange(len(clips)), clips, ones, copies=np.full(len(clips), ""))

    def relabelled(self, clips: Sequence[Clip]) -> ClipFeatures:
        """Return the samples with other clips, such as those of a corpus with its labels.

        Parameters
        ----------
        clips : sequence of Clip
            One for each sample, in order.

        Returns
        -------
        ClipFeatures
            The same values under these clips.
        """
        return replace(self, clips=clips)

    def present(self, blocks: Iterable[str] | None = None) -> NDArray[np.bool_]:
        """Return which rows have at least one of the blocks named, by default of all.

        Parameters
        ----------
        blocks : iterable of str, optional
            Names of blocks. Default: all.

        Returns
        -------
        ndarray of shape (n,), bool
            True where a sample has at least one of the blocks.
        """
        chosen = [self.blocks[name] for name in (self.blocks if blocks is None else blocks)]
        there = [np.isfinite(block).all(axis=1) for block in chosen if block.shape[1]]
        return np.asarray(np.logical_or.reduce(there)) if there else np.zeros(len(self.clip_index), np.bool_)

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write the table, one row per sample and altered copy; needs the extra ``table``.

        Parameters
        ----------
        path : path
            File to write; it ends in ``.parquet``.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ValueError
            If `path` does not end in ``.parquet``.
        OutputError
            If it cannot be written.
        """
        return write_parquet(self, path)

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str]) -> ClipFeatures:
        """Read what `to_parquet` or `extract` wrote; needs the extra ``table``.

        Parameters
        ----------
        path : path
            File to read.

        Returns
        -------
        ClipFeatures
            What the file holds.

        Raises
        ------
        DatasetError
            If the file is missing, damaged, or was written by something else.
        """
        return read_parquet(path)


def _block(name: str, given: ArrayLike, n_rows: int) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            block = np.ascontiguousarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"blocks[{name!r}] must hold numbers: {error}") from None
    if block.ndim != 2 or len(block) != n_rows:
        raise ParameterError(f"blocks[{name!r}] must have shape ({n_rows}, columns), got {block.shape}")
    missing = np.isnan(block)
    if np.isinf(block).any() or (missing.any(axis=1) != missing.all(axis=1)).any():
        raise ParameterError(
            f"blocks[{name!r}] must be finite, or NaN in all columns of a row, got a mixture: set the "
            "whole row to NaN"
        )
    return block


def _names(block: str, given: Sequence[str] | None, width: int) -> list[str]:
    names = [f"{block}_{i}" for i in range(width)] if given is None else [str(name) for name in given]
    if len(names) != width or len(set(names)) != width:
        raise ParameterError(
            f"names[{block!r}] must be {width} different names, one per column, got {len(names)}"
        )
    return names


def collect_rows(results: Iterable[Sequence[Row]], plan: Plan) -> ClipFeatures:
    """Put the rows of samples together; a row that is no copy begins a sample."""
    groups: list[list[Row]] = []
    for row in (row for group in results for row in group):
        if row.copy:
            groups[-1].append(row)
        else:
            groups.append([row])
    names = plan.feature_names()
    rows = [row for group in groups for row in group]
    return ClipFeatures(
        clips=[group[0].clip for group in groups],
        clip_index=np.repeat(np.arange(len(groups)), [len(group) for group in groups]),
        copies=np.asarray([row.copy for row in rows], dtype=np.str_),
        blocks={name: _stack([row.blocks.get(name) for row in rows], len(names[name])) for name in names},
        names=names,
        status={name: np.asarray([row.status[name] for row in rows], dtype=np.str_) for name in names},
        errors=[error for group in groups for error in group[0].errors],
        details=[row.details for row in rows],
    )


def _stack(vectors: list[NDArray[np.float32] | None], width: int) -> NDArray[np.float32]:
    block = np.full((len(vectors), width), np.nan, dtype=np.float32)
    for i, vector in enumerate(vectors):
        if vector is not None:
            block[i] = vector
    return block


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
    every = [*_CLIP, *_REAL, *_WHOLE, "speech", "warnings", *(f"{block}_status" for block in names)]
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
    fields += [("speech", pa.string())]
    fields += [(f"{block}_status", pa.string()) for block in blocks] + [("warnings", pa.string())]
    return pa.schema(fields)


def row_documents(features: ClipFeatures) -> list[dict[str, Any]]:
    """Return what is no feature, one dict per row with the columns of the table."""
    rows = []
    for at, sample in enumerate(features.clip_index.tolist()):
        clip, details = features.clips[sample], features.details[at]
        sound = None if clip.audio_path is None else replace(clip, path=clip.audio_path).file
        rows.append({
            # A name that is no valid Unicode cannot stand in a table; its bytes are written out.
            **{name: _text(value) for name, value in identity(clip).items()},
            "audio_file": _text(sound),
            "copy": str(features.copies[at]) or None,
            **{name: _text(getattr(clip, name)) for name in _CLIP[len(IDENTITY) + 1 : -1]},
            "start": details.get("start", clip.start),
            "end": details.get("end", clip.end),
            **{name: details.get(name) for name in (*_REAL[2:], *_WHOLE, "speech")},
            **{f"{block}_status": str(status[at]) for block, status in features.status.items()},
            "warnings": printable("; ".join(details.get("warnings", ()))) or None,
        })  # fmt: skip
    return rows


def _text(value: Any) -> str | None:
    return printable(str(value)) if value not in (None, "") else None


def metadata_of(names: Mapping[str, Sequence[str]]) -> dict[bytes, bytes]:
    """Return what the file says of itself."""
    about = {"format": FORMAT, "names": {block: list(columns) for block, columns in names.items()}}
    return {_KEY: json.dumps(about).encode()}


def table_of(features: ClipFeatures) -> Any:
    """Return the table with one column per feature."""
    pa = import_arrow()
    columns = column_names(features.names)
    about = about_schema(list(features.names))
    documents = row_documents(features)
    arrays = [pa.array([row[field.name] for row in documents], field.type) for field in about]
    fields = list(about)
    for block, values in features.blocks.items():
        by_column = np.asfortranarray(values)
        arrays += [pa.array(by_column[:, i]) for i in range(values.shape[1])]
        fields += [pa.field(column, pa.float32()) for column in columns[block]]
    return pa.table(arrays, schema=pa.schema(fields, metadata=metadata_of(features.names)))


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
        version, root = about["format"], about.get("root")
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
        raise DatasetError(unreadable(source, reason)) from None
    except KeyError:
        raise DatasetError(
            f"{source} must be a table that `stcorner extract` wrote, and is another: read it with "
            f"FeatureTable({source.name!r}, name=...)"
        ) from None
    except (pa.ArrowException, ValueError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{source} must be a Parquet file, and is none or damaged ({error}): extract it again"
        ) from None
    if version not in _READABLE:
        raise DatasetError(f"{source} has format {version}, this version reads {FORMAT}: extract it again")
    try:
        return _features(table, names, root)
    except (StcornerError, KeyError) as error:
        raise DatasetError(f"{source} is damaged: {error}: extract it again") from None


def _features(table: Any, names: dict[str, list[str]], root: str | None) -> ClipFeatures:
    columns = column_names(names)
    n_rows = table.num_rows
    blocks: dict[str, NDArray[np.float32]] = {}
    for block, wanted in columns.items():
        blocks[block] = np.empty((n_rows, len(wanted)), np.float32)
        for i, column in enumerate(wanted):
            blocks[block][:, i] = table.column(column).to_numpy()
    wanted = about_schema(list(names)).names
    earlier = {"root": root, "speech": None, **dict.fromkeys(_REAL[3:])}
    held = [name for name in wanted if name not in earlier or name in table.column_names]
    about = [{**earlier, **row} for row in table.select(held).to_pylist()]
    copies = np.asarray([row["copy"] or "" for row in about], dtype=np.str_)
    clips = [_clip(row) for row in about if not row["copy"]]
    details = [
        {
            **{name: row[name] for name in (*_REAL, *_WHOLE, "speech")},
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


def _clip(row: Mapping[str, Any]) -> Clip:
    root = None if row["root"] is None else Path(row["root"])

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
        root=root,
        **known,
    )
