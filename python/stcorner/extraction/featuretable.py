"""Blocks from the tables of other tools: OpenFace, py-feat, LibreFace, openSMILE, or any of your own."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.archives import ZIP_ERRORS
from stcorner._base.files import unreadable
from stcorner._base.text import delimiter_of, from_cell
from stcorner._base.validation import check_choice
from stcorner.corpora.clip import find_files
from stcorner.errors import DatasetError, MissingExtraError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from stcorner.corpora.clip import Clip, SkippedFile

__all__ = ["FeatureTable"]

FUNCTIONALS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "mean": lambda rows: rows.mean(axis=0),
    "std": lambda rows: rows.std(axis=0),
    "min": lambda rows: rows.min(axis=0),
    "max": lambda rows: rows.max(axis=0),
    "median": lambda rows: np.median(rows, axis=0),
    "p10": lambda rows: np.quantile(rows, 0.1, axis=0),
    "p90": lambda rows: np.quantile(rows, 0.9, axis=0),
}
# What other tables call the column of ids.
_USUAL = ("clip", "file", "filename", "name", "id")
# Columns by which each tool's table is known, those that say where a row is from, and those that are no
# feature of the person; the tool's own flag of rows that it could not measure.
_TOOLS: dict[str, tuple[set[str], tuple[str, ...], set[str], str]] = {
    "openface": (
        {"frame", "timestamp", "confidence", "success"},
        (),
        {"frame", "face_id", "timestamp", "confidence", "success"},
        "success",
    ),
    "py-feat": (
        {"FaceRectX", "FaceScore"},
        ("input", "Input"),
        {"frame", "approx_time", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore",
         "Identity", "identity"},
        "",
    ),
    "libreface": ({"frame_idx", "facial_expression"}, (), {"frame_idx", "frame_time_in_ms"}, ""),
    "opensmile": ({"file", "start", "end"}, ("file",), {"start", "end"}, ""),
    "smilextract": ({"name", "frameTime"}, ("name",), {"frameTime"}, ""),
}  # fmt: skip


class FeatureTable:
    """A block of features that another tool computed, matched to clips by their ids.

    Parameters
    ----------
    source : path, DataFrame or mapping of str to array
        A CSV, Parquet or npz file, a folder of CSV files (one per clip, named as the clip), a pandas
        DataFrame, or arrays by name. An npz file or mapping holds one array of ids, named as `key`, and
        arrays of one row per id.
    name : str
        What the block is called.
    key : str, default="clip_id"
        Column of the ids. Values may be ids or takes of clips, or paths whose stem is one. Where the file has
        no ``clip_id``, the tool's own column is taken (``file``, ``input``), one of the usual names
        (``clip``, ``file``, ``filename``, ``name``, ``id``), or the file's name.
    columns : sequence of str, optional
        Columns to take. Default: all that hold numbers and are not the tool's bookkeeping.
    functionals : sequence of {"mean", "std", "min", "max", "median", "p10", "p90"}, optional
        Statistics that turn several rows of a clip, such as one per frame, into one. Without them, a second
        row of a clip is an error.

    Attributes
    ----------
    feature_names : list of str
        Names of the values of a clip: ``COLUMN`` or ``COLUMN_FUNCTIONAL``.

    Raises
    ------
    DatasetError
        If the table is missing, empty or damaged, or has a clip twice.
    ParameterError
        If a column or functional is unknown.

    See Also
    --------
    ClipFeatures : Holds the columns beside those of other blocks.

    Examples
    --------
    >>> import numpy as np
    >>> table = FeatureTable({"clip_id": ["a", "b"], "au": np.array([[0.5], [1.5]])}, name="face")
    >>> table.feature_names, table.describe(Clip.of("clips/b.wav")).tolist()
    (['au_0'], [1.5])
    >>> table.describe(Clip.of("c.wav")) is None
    True
    """

    def __init__(
        self,
        source: Any,
        name: str,
        *,
        key: str = "clip_id",
        columns: Sequence[str] | None = None,
        functionals: Sequence[str] | None = None,
    ) -> None:
        given: object = name
        if not isinstance(given, str) or not given:
            raise ParameterError(f"name must be a non-empty string, got {name!r}")
        self.name = name
        for functional in functionals or ():
            check_choice("functionals", functional, tuple(FUNCTIONALS))
        ids, values, names = _read(source, key, columns)
        self._rows: dict[str, NDArray[np.float32]] = {}
        usable: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
        groups: dict[str, list[int]] = {}
        for row, owner in enumerate(ids.tolist()):
            groups.setdefault(str(owner), []).append(row)
        for clip, group in groups.items():
            rows = values[group][usable[group]]
            if not len(rows):
                continue  # the tool measured nothing in it: a missing row
            if functionals is None:
                if len(group) > 1:
                    raise DatasetError(
                        f"table {name!r} has {len(group)} rows of {clip!r}: give functionals, such as "
                        "functionals=('mean', 'std')"
                    )
                vector = rows[0]
            else:
                vector = np.concatenate([FUNCTIONALS[each](rows) for each in functionals])
            self._rows[clip] = vector.astype(np.float32)
        if not self._rows:
            raise DatasetError(
                f"table {name!r} must have at least one row of finite numbers, got none: check its columns"
            )
        self.feature_names = (
            names if functionals is None else [f"{column}_{each}" for each in functionals for column in names]
        )
        self._takes = {_take(clip): clip for clip in self._rows}

    @property
    def clip_ids(self) -> list[str]:
        """Ids of the clips, in the order of the source."""
        return list(self._rows)

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self._rows)

    def __repr__(self) -> str:
        """Return the name and the size in a line."""
        return f"<FeatureTable {self.name!r}: {len(self)} clips, {len(self.feature_names)} columns>"

    def describe(self, clip: Clip) -> NDArray[np.float32] | None:
        """Return the values of a clip, by its id or else its take; None where the table has no row of it.

        Parameters
        ----------
        clip : Clip
            The clip whose row is wanted.

        Returns
        -------
        ndarray of shape (n_features,), float32, or None
            Its values.
        """
        for key in (clip.clip_id, clip.path.stem):
            if key in self._rows:
                return self._rows[key]
        take = self._takes.get(clip.take) or self._takes.get(_take(clip.clip_id))
        return None if take is None else self._rows[take]


def _take(name: str) -> str:
    """Return what all files of one recorded moment share, where the name is that of a corpus."""
    from stcorner.corpora import corpus_readers

    for reader in corpus_readers().values():
        try:
            return str(reader.parse(Path(name))["take"])
        except DatasetError:
            continue
    return name


def _read(
    source: Any, key: str, columns: Sequence[str] | None
) -> tuple[NDArray[Any], NDArray[np.float64], list[str]]:
    """Return ids, values and names of the columns."""
    if hasattr(source, "columns") or hasattr(source, "to_dict"):
        return _from_frame(source.reset_index() if key in source.index.names else source, key, columns, "")
    if not isinstance(source, str | os.PathLike):
        try:
            arrays = dict(source)
        except (TypeError, ValueError):
            raise ParameterError(
                f"source must be a file, a DataFrame or a mapping of arrays, got {type(source).__name__}"
            ) from None
        return _from_arrays(arrays, key, columns, "the mapping")
    path = Path(source)
    if path.is_dir():
        unlisted: list[SkippedFile] = []
        files = [each for each in find_files(path, unlisted=unlisted) if each.suffix.lower() == ".csv"]
        if unlisted:
            raise DatasetError(
                f"{unlisted[0].path}: {unlisted[0].reason}: give yourself the right to read it"
            )
        if not files:
            raise DatasetError(f"{path} must hold CSV files, got none: check the path")
        parts = [_from_frame(_frame(each, key), key, columns, each.stem) for each in files]
        if any(part[2] != parts[0][2] for part in parts):
            raise DatasetError(
                f"the files below {path} must have the same columns, got different ones: give them as "
                "separate tables"
            )
        return (
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            parts[0][2],
        )
    if path.suffix.lower() == ".npz":
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                return _from_arrays({name: held[name] for name in held.files}, key, columns, str(path))
        except (*ZIP_ERRORS, TypeError) as error:
            raise DatasetError(
                f"{path} must be a readable npz file: {error}: save it again with numpy.savez"
            ) from None
    return _from_frame(_frame(path, key), key, columns, path.stem)


def _frame(path: Path, key: str) -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtraError("FeatureTable", "pandas", "table") from None
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        with path.open(encoding="utf-8-sig") as file:
            delimiter = delimiter_of(file.readline())
            # Where a comma separates decimals, columns are separated by semicolons.
            decimal = "," if delimiter == ";" and re.search(r"\d,\d", file.readline()) else "."
        named = {key, *_USUAL}.union(*(spec[1] for spec in _TOOLS.values()))
        frame = pd.read_csv(
            path,
            sep=delimiter,
            decimal=decimal,
            encoding="utf-8-sig",
            skipinitialspace=True,
            converters=dict.fromkeys(named, from_cell),  # an id such as 007 is a name
        )
    except OSError as error:
        raise DatasetError(unreadable(path, error)) from None
    except (ValueError, ImportError) as error:  # pandas' own errors of parsing are ValueErrors
        raise DatasetError(f"{path} must be a readable CSV, Parquet or npz table: {error}") from None
    frame.columns = [str(column).strip() for column in frame.columns]
    return frame


def _from_arrays(
    arrays: dict[str, Any], key: str, columns: Sequence[str] | None, where: str
) -> tuple[NDArray[Any], NDArray[np.float64], list[str]]:
    if key not in arrays:
        raise DatasetError(
            f"{where} must hold the ids as {key!r}, got {sorted(arrays)}: name their array with key="
        )
    ids = np.asarray([_id(value, key) for value in np.asarray(arrays[key])])
    chosen = [name for name in arrays if name != key] if columns is None else list(columns)
    parts, names = [], []
    for name in chosen:
        if name not in arrays:
            raise ParameterError(f"columns must be of {sorted(arrays)}, got {name!r}")
        values = np.asarray(arrays[name])
        if values.dtype.kind not in "fiub" or not values.ndim or len(values) != len(ids):
            if columns is None:
                continue
            raise DatasetError(f"{name!r} must have one row of numbers for each of {len(ids)} ids")
        flat = values.reshape(len(ids), -1).astype(np.float64)
        parts.append(flat)
        names += [name] if values.ndim == 1 else [f"{name}_{i}" for i in range(flat.shape[1])]
    if not parts:
        raise DatasetError(f"{where} must hold numbers beside {key!r}, got none")
    return ids, np.hstack(parts), names


def _from_frame(
    frame: Any, key: str, columns: Sequence[str] | None, stem: str
) -> tuple[NDArray[Any], NDArray[np.float64], list[str]]:
    known = [str(column) for column in frame.columns]
    tool = next((spec for spec in _TOOLS.values() if spec[0] <= set(known)), None)
    where, leave, flag = ((), set(), "") if tool is None else tool[1:]
    usual = _USUAL if key == "clip_id" and tool is None else ()
    owner = next((column for column in (key, *where, *usual) if column in known), None)
    if owner is None and (not stem or (tool is None and key != "clip_id")):
        raise DatasetError(
            f"the table must have the column {key!r} of clip ids, got {known[:8]}: name it with key="
        )
    ids = np.asarray([stem] * len(frame) if owner is None else [_id(value, owner) for value in frame[owner]])
    if stem and set(ids) == {"unknown"}:  # SMILExtract without -instname
        ids = np.asarray([stem] * len(frame))
    if flag:
        good = frame[flag].to_numpy() > 0
        frame, ids = frame[good], ids[good]
    if columns is None:
        chosen = [
            name for name in known
            if name != owner and name not in leave and frame[name].dtype.kind in "fiu"
        ]  # fmt: skip
    else:
        chosen = list(columns)
        if absent := sorted(set(chosen) - set(known)):
            raise ParameterError(f"columns must be names in the table, got {absent}: check the spelling")
    if not chosen:
        raise DatasetError(
            f"the table has no column of numbers beside {owner or 'its name'!r}: "
            "give a table with one column per value"
        )
    try:
        values = frame[chosen].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"columns {chosen[:5]} must hold numbers: {error}") from None
    return ids, values, chosen


def _id(value: Any, column: str) -> str:
    """Return an id of our own tables as it is, its folders too."""
    return str(value) if column == "clip_id" and "/" in str(value) else _stem(value)


def _stem(value: Any) -> str:
    """Return an id as it is, and of a path the name without folder and suffix."""
    text = str(value)
    if len(text) > 1 and text[0] == text[-1] == "'":  # as SMILExtract writes them
        text = text[1:-1]
    name = text.replace("\\", "/").rsplit("/", 1)[-1]
    head, dot, tail = name.rpartition(".")
    return head if dot and head and 1 <= len(tail) <= 4 and not tail.isdigit() else name
