"""The file format ``*.stcorner``: one zip with a checked document, plain arrays and a model card.

Reading a file executes nothing that it holds. It is refused unless everything in it is what its own
document announces, and unless the seal at its end fits every byte before it, so that a file that was
cut, edited or damaged never becomes a recogniser that is silently wrong.

====================  =============================================================================
member                what it holds
====================  =============================================================================
``model.json``        `ModelDocument`: versions, labels, parameters, states of the parts, and the
                      size and SHA-256 of every other member
``MODEL_CARD.md``     what the model is for, what it was trained on, how well it does
``arrays/NAME.npy``   one array per name, C order, no pickle
``classifiers.skops`` classifiers of scikit-learn, without pickle (optional; see `skops`)
====================  =============================================================================

The zip comment is the seal: ``sha256:`` and the digest of all bytes before the comment.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from stcorner._base.archives import ArchiveError, read_npy, read_zip
from stcorner._base.files import unreadable, write_bytes
from stcorner.errors import ModelError, OutputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = [
    "ModelDocument",
    "ModelFile",
    "PartDocument",
    "TrainingDocument",
    "model_errors",
    "read_model",
    "write_model",
]

FORMAT_VERSION = 2
_READABLE = (1, 2)
MAX_FILE_BYTES = 256 << 20
MAX_CONTENT_BYTES = 512 << 20
MAX_MEMBERS = 512
MAX_DOCUMENT_BYTES = 8 << 20
# Reading takes memory in proportion to the file: what it unpacks to, and what its JSON becomes in Python, are
# bounded by its size, above what a small file may take.
_CONTENT_GROWTH, _FREE_CONTENT = 2, 64 << 10
_JSON_GROWTH, _FREE_JSON = 6, 256 << 10
# Bytes in Python of a list, a mapping, a text without its characters, and a value's place.
_LIST, _MAPPING, _TEXT, _VALUE = 64, 240, 56, 32

_DOCUMENT, _CARD, _ESTIMATORS = "model.json", "MODEL_CARD.md", "classifiers.skops"
# Parameters that say where or how a fit is watched: they belong to a machine, never to a model.
_LOCAL = ("checkpoint", "progress")
_LABEL_CHARACTERS = 200
_ARRAY_NAME = re.compile(r"[A-Za-z0-9_]+(?:[./-][A-Za-z0-9_]+)*")
_DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
_MAX_DIMENSIONS = 32
_HEADER_BYTES = 4096  # of an array's file, before its values
_SEAL = b"sha256:"
_SEAL_BYTES = len(_SEAL) + 64
# Zip stores a time for each member; the earliest that it can express keeps equal models equal.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what stands in ``model.json``: an unknown field is an error."""


class MemberDocument(_Strict, frozen=True, kw_only=True):
    """Size in bytes and SHA-256 of one member."""

    size: int
    sha256: str


class ArrayDocument(_Strict, frozen=True, kw_only=True):
    """Type and shape of one array."""

    dtype: str
    shape: tuple[int, ...]


class PartDocument(_Strict, frozen=True, kw_only=True):
    """One fitted part: its kind and the JSON half of its state."""

    kind: str
    state: dict[str, Any]


class TrainingDocument(_Strict, frozen=True, kw_only=True):
    """What the model was fitted on."""

    n_clips: int
    n_rows: int
    n_failed: int
    subjects: tuple[str, ...]
    corpora: tuple[str, ...]
    seed: int | None
    versions: dict[str, str]


class ModelDocument(_Strict, frozen=True, kw_only=True):
    """The content of ``model.json``."""

    format: Literal["stcorner-model"] = "stcorner-model"
    format_version: int = FORMAT_VERSION
    stcorner_version: str
    name: str
    classes: tuple[str, ...]
    parameters: dict[str, Any]
    feature_names: dict[str, tuple[str, ...]]
    parts: dict[str, PartDocument]
    training: TrainingDocument
    scores: dict[str, float] = {}
    arrays: dict[str, ArrayDocument] = {}
    members: dict[str, MemberDocument] = {}


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model as it stands in a file.

    Attributes
    ----------
    document : ModelDocument
        Everything but the arrays. `write_model` fills ``arrays`` and ``members``.
    arrays : dict of str to ndarray
        Arrays of the parts, named ``PART/NAME``.
    card : str
        The model card, Markdown.
    estimators : bytes, optional
        Classifiers of scikit-learn as `skops` writes them.
    """

    document: ModelDocument
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    card: str = ""
    estimators: bytes | None = None


@contextmanager
def model_errors() -> Iterator[None]:
    """Turn whatever the content of a file makes its reader stumble over into a `ModelError`."""
    try:
        yield
    except ModelError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ModelError(f"its parts do not make a model: {error!r}") from None


def plain(value: Any, where: str = "state") -> Any:
    """Return `value` with numpy scalars turned into Python's, refusing what JSON cannot hold."""
    if isinstance(value, dict):
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        raise ModelError(f"{where} must be finite to be saved, got {value!r}")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ModelError(f"{where} must be JSON (numbers, text, lists, mappings), got {type(value).__name__}")


def write_model(path: str | os.PathLike[str], model: ModelFile) -> Path:
    """Write a model; the file is complete or not there, and equal models give equal bytes.

    Parameters
    ----------
    path : path-like
        File to write, by custom ``NAME.stcorner``. An existing file is replaced in one step.
    model : ModelFile
        What to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ModelError
        If a name, type or value cannot be stored.
    """
    target = Path(path)
    members: dict[str, bytes] = {_CARD: model.card.encode()}
    arrays: dict[str, ArrayDocument] = {}
    for name in sorted(model.arrays):
        array = _storable(name, model.arrays[name])
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
        members[f"arrays/{name}.npy"] = buffer.getvalue()
        arrays[name] = ArrayDocument(dtype=array.dtype.name, shape=array.shape)
    if model.estimators is not None:
        members[_ESTIMATORS] = model.estimators
    document = msgspec.structs.replace(
        model.document,
        parameters=plain(_without_places(model.document.parameters), "parameters"),
        parts={
            name: PartDocument(kind=part.kind, state=plain(_without_places(part.state), name))
            for name, part in model.document.parts.items()
        },
        arrays=arrays,
        members={
            name: MemberDocument(size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in members.items()
        },
    )
    _check_document(document)
    text = msgspec.json.format(msgspec.json.encode(document), indent=1)
    if len(text) > MAX_DOCUMENT_BYTES:
        raise ModelError(
            f"the document of a model must have at most {MAX_DOCUMENT_BYTES} bytes, got {len(text)}: "
            "shorten its names"
        )
    members = {_DOCUMENT: text, **members}
    content = _archive(members, zipfile.ZIP_DEFLATED)
    if sum(map(len, members.values())) > _CONTENT_GROWTH * len(content) + _FREE_CONTENT:
        content = _archive(members, zipfile.ZIP_STORED)  # a reader would take it for a bomb
    if _memory_of_json(text) > _JSON_GROWTH * len(content) + _FREE_JSON:
        raise ModelError("the document of a model must not outweigh its arrays: it has too many names")
    if len(content) > MAX_FILE_BYTES:
        raise ModelError(
            f"a model file must have at most {MAX_FILE_BYTES} bytes, got {len(content)}: train on fewer "
            "columns"
        )
    try:
        write_bytes(target, content)
    except OutputError as error:
        raise ModelError(str(error)) from None
    return target


def _without_places(value: Any, settings: bool = False) -> Any:
    """Return a mapping whose settings (``params``, ``classifier_params``, …) are none of this machine."""
    if not isinstance(value, dict):
        return value
    return {
        key: _without_places(item, str(key).endswith("params"))
        for key, item in value.items()
        if not (settings and key in _LOCAL)
    }


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read a model file and refuse it unless all of it is as announced.

    Parameters
    ----------
    path : path-like
        A file written by `write_model`.

    Returns
    -------
    ModelFile
        Document, arrays and card.

    Raises
    ------
    ModelError
        If the file is missing, cut, changed, too large, of another format or version, has members,
        fields, types or shapes that its document does not announce, or holds values that are not finite.
    """
    source = Path(path)
    try:
        size = source.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ModelError(
                f"{source} must be a model of at most {MAX_FILE_BYTES} bytes, got {size}: check the name"
            )
        content = source.read_bytes()
    except OSError as error:
        raise ModelError(unreadable(source, error)) from None
    try:
        return _parse(content)
    except ModelError as error:
        raise ModelError(f"{source} is refused: {error}") from None


def _parse(content: bytes) -> ModelFile:
    _check_seal(content)
    members = _unpack(content)
    document = _decode_document(members.pop(_DOCUMENT), _JSON_GROWTH * len(content) + _FREE_JSON)
    if set(members) != set(document.members):
        raise ModelError(
            f"its members differ from its document: {sorted(set(members) ^ set(document.members))}"
        )
    _check_shapes(document)
    for name, data in members.items():
        announced = document.members[name]
        if len(data) != announced.size or hashlib.sha256(data).hexdigest() != announced.sha256:
            raise ModelError(f"member {name} does not have the announced size and hash")
    arrays = {
        name: _decode_array(name, members[f"arrays/{name}.npy"], announced)
        for name, announced in document.arrays.items()
    }
    try:
        card = members[_CARD].decode()
    except (KeyError, UnicodeDecodeError):
        raise ModelError(f"{_CARD} is missing or not UTF-8") from None
    return ModelFile(document=document, arrays=arrays, card=card, estimators=members.get(_ESTIMATORS))


def _check_shapes(document: ModelDocument) -> None:
    """Refuse arrays whose announced type and shape do not make the announced size, before one is read."""
    stored = {name for name in document.members if name.startswith("arrays/")}
    if {f"arrays/{name}.npy" for name in document.arrays} != stored:
        raise ModelError("its arrays differ from its document")
    for name, array in document.arrays.items():
        if array.dtype not in _DTYPES or len(array.shape) > _MAX_DIMENSIONS or min((*array.shape, 0)) < 0:
            raise ModelError(f"array {name} cannot be {array.dtype} of shape {array.shape}")
        size = document.members[f"arrays/{name}.npy"].size
        n_bytes = math.prod(array.shape) * np.dtype(array.dtype).itemsize
        if not n_bytes < size <= n_bytes + _HEADER_BYTES:
            raise ModelError(
                f"array {name} of shape {array.shape} must have {n_bytes} bytes, its file has {size}"
            )


def _check_document(document: ModelDocument) -> None:
    """Refuse content that has the right form and no meaning."""
    classes = document.classes
    if len(classes) < 2 or len(set(classes)) != len(classes):
        raise ModelError(f"its classes must be at least 2 different labels, got {classes!r:.200}")
    if not all(_fit_to_show(label) for label in (*classes, document.name)):
        raise ModelError(
            f"its classes and its name must be 1 to {_LABEL_CHARACTERS} characters that can be printed, "
            f"got {(*classes, document.name)!r:.200}"
        )
    for block, names in document.feature_names.items():
        if len(set(names)) != len(names):
            raise ModelError(f"its feature names of {block!r:.200} must be different ones")
    training = document.training
    if min(training.n_clips, training.n_rows, training.n_failed) < 0:
        raise ModelError("its numbers of clips and rows must be >= 0")


def _fit_to_show(text: str) -> bool:
    return 0 < len(text) <= _LABEL_CHARACTERS and text.isprintable()


def _check_seal(content: bytes) -> None:
    if not content.startswith(b"PK\x03\x04") or len(content) <= _SEAL_BYTES:
        raise ModelError("it must be a *.stcorner file, got one without a zip header: check the name")
    body, seal = memoryview(content)[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if not seal.startswith(_SEAL):
        raise ModelError(
            "its seal must be the last member, got none: the file was cut off or repacked; copy it again"
        )
    if seal[len(_SEAL) :] != hashlib.sha256(body).hexdigest().encode():
        raise ModelError(
            "its seal must fit its content, and does not: the file was changed or damaged; copy it again"
        )


def _unpack(content: bytes) -> dict[str, bytes]:
    """Return the members. Names are checked against a list, so nothing can point out of the archive."""
    limit = min(MAX_CONTENT_BYTES, _CONTENT_GROWTH * len(content) + _FREE_CONTENT)
    try:
        members = read_zip(content, max_members=MAX_MEMBERS, max_bytes=limit, known=_known_member)
    except ArchiveError as error:
        raise ModelError(str(error)) from None
    if _DOCUMENT not in members:
        raise ModelError(f"{_DOCUMENT} is missing")
    return members


def _known_member(name: str) -> bool:
    if name in (_DOCUMENT, _CARD, _ESTIMATORS):
        return True
    inner = name.removeprefix("arrays/").removesuffix(".npy")
    return name == f"arrays/{inner}.npy" and _ARRAY_NAME.fullmatch(inner) is not None


def _decode_document(data: bytes, max_memory: int) -> ModelDocument:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ModelError(f"{_DOCUMENT} has {len(data)} bytes, allowed are {MAX_DOCUMENT_BYTES}")
    memory = _memory_of_json(data)
    if memory > max_memory:
        raise ModelError(f"{_DOCUMENT} would grow to {memory} bytes, allowed are {max_memory}")
    try:
        head = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{_DOCUMENT} is not valid JSON: {error}") from None
    if head.get("format") != "stcorner-model":
        raise ModelError(f"its format must be 'stcorner-model', got {head.get('format')!r}")
    if head.get("format_version") not in _READABLE:
        raise ModelError(
            f"its format_version must be one of {_READABLE}, got {head.get('format_version')!r}: "
            f"it was written by stcorner {head.get('stcorner_version')!r}"
        )
    head["parameters"] = _without_places(head.get("parameters"))
    try:
        document = msgspec.convert(head, ModelDocument)
    except msgspec.ValidationError as error:
        raise ModelError(f"{_DOCUMENT}: {error}") from None
    _check_document(document)
    return document


def _memory_of_json(data: bytes) -> int:
    """Bound what a text takes when it is decoded, by what stands in it; marks within strings count too."""
    return (
        len(data)
        + _LIST * data.count(b"[")
        + _MAPPING * data.count(b"{")
        + _TEXT * data.count(b'"') // 2
        + _VALUE * data.count(b",")
    )


def _decode_array(name: str, data: bytes, announced: ArrayDocument) -> NDArray[Any]:
    """Read a ``.npy`` without letting its header decide how much memory is taken."""
    try:
        array = read_npy(data)
    except ArchiveError as error:
        raise ModelError(f"array {name} {error}") from None
    stored = array.dtype
    if announced.dtype not in _DTYPES or stored != np.dtype(announced.dtype).newbyteorder("<"):
        raise ModelError(f"array {name} must be {announced.dtype}, low byte first, got {stored}")
    if array.shape != announced.shape or not array.flags.c_contiguous:
        raise ModelError(f"array {name} must have shape {announced.shape} in C order, got {array.shape}")
    array = array.astype(stored.newbyteorder("="), copy=False)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelError(f"array {name} holds values that are not finite")
    return array


def _storable(name: str, value: NDArray[Any]) -> NDArray[Any]:
    array = np.ascontiguousarray(value).reshape(np.shape(value))
    if not _ARRAY_NAME.fullmatch(name):
        raise ModelError(f"array name must be letters, digits and single . / - between, got {name!r}")
    if array.dtype.name not in _DTYPES:
        raise ModelError(f"array {name} must be one of {', '.join(_DTYPES)}, got {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelError(f"array {name} must be finite to be saved")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _archive(members: Mapping[str, bytes], method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=6) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = method
            entry.create_system = 3  # the same on every platform
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
        archive.comment = b" " * _SEAL_BYTES
    body = buffer.getvalue()[:-_SEAL_BYTES]
    return body + _SEAL + hashlib.sha256(body).hexdigest().encode()
