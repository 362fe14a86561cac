"""The model file: what goes in comes out, and nothing else is let in."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from stcorner.errors import ModelError
from stcorner.recognizer import modelfile
from stcorner.recognizer.modelfile import (
    ModelDocument,
    ModelFile,
    PartDocument,
    TrainingDocument,
    read_model,
    write_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARRAYS: dict[str, np.ndarray] = {
    "classifier/coef": np.arange(6, dtype=np.float32).reshape(2, 3),
    "classifier/scalar": np.array(2.5),
    "fusion/empty": np.zeros((0, 4)),
    "fusion/order": np.array([2, 0, 1], dtype=np.int64),
}


def small_model(**changes: Any) -> ModelFile:
    document = ModelDocument(
        stcorner_version="0.1.0",
        name="small",
        classes=("angry", "sad"),
        parameters={"modality": "audio", "weights": None},
        feature_names={"audio": ("a", "b", "c")},
        parts={"classifier": PartDocument(kind="discriminant", state={"shrinkage": np.float64(0.1)})},
        training=TrainingDocument(
            n_clips=4, n_rows=8, n_failed=0, subjects=("1", "2"), corpora=("ravdess",), seed=0, versions={}
        ),
    )
    return ModelFile(
        **{"document": document, "arrays": ARRAYS, "card": "# Ü\n", "estimators": b"skops", **changes}
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return write_model(tmp_path / "small.stcorner", small_model())


def repack(path: Path, change: Callable[[dict[str, bytes]], Any]) -> None:
    """Change members as somebody would who knows the format: the seal fits again."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    extra = change(members) or []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*members.items(), *extra]:
            archive.writestr(name, data)
        archive.comment = b" " * modelfile._SEAL_BYTES
    path.write_bytes(seal(buffer.getvalue()))


def seal(content: bytes) -> bytes:
    body = content[: -modelfile._SEAL_BYTES]
    return body + b"sha256:" + hashlib.sha256(body).hexdigest().encode()


def edit_document(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, bytes]], None]:
    def edit(members: dict[str, bytes]) -> None:
        document = json.loads(members["model.json"])
        change(document)
        members["model.json"] = json.dumps(document).encode()

    return edit


def put(members: dict[str, bytes], name: str, data: bytes, **array: Any) -> None:
    """Replace a member and announce it, so that only the content itself is wrong."""
    document = json.loads(members["model.json"])
    members[name] = data
    document["members"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if array:
        document["arrays"][name.removeprefix("arrays/").removesuffix(".npy")] = array
    members["model.json"] = json.dumps(document).encode()


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def test_round_trip(written: Path) -> None:
    model = read_model(written)
    assert model.card == "# Ü\n"
    assert model.estimators == b"skops"
    assert model.document.parts["classifier"].state == {"shrinkage": 0.1}
    assert model.document.classes == ("angry", "sad")
    assert set(model.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert model.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(model.arrays[name], array)


def test_equal_models_give_equal_bytes(tmp_path: Path) -> None:
    first = write_model(tmp_path / "a.stcorner", small_model()).read_bytes()
    shuffled = dict(reversed(ARRAYS.items()))
    assert write_model(tmp_path / "b.stcorner", small_model(arrays=shuffled)).read_bytes() == first
    rewritten = write_model(tmp_path / "c.stcorner", read_model(tmp_path / "a.stcorner"))
    assert rewritten.read_bytes() == first


def test_every_flipped_byte_is_refused(written: Path) -> None:
    content = written.read_bytes()
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 0x20
        with pytest.raises(ModelError):
            modelfile._parse(bytes(damaged))


def test_a_forged_seal_gives_the_same_model_or_an_error(written: Path) -> None:
    content = written.read_bytes()
    expected = read_model(written)
    for at in range(0, len(content) - modelfile._SEAL_BYTES):
        forged = bytearray(content)
        forged[at] ^= 0x21
        try:
            model = modelfile._parse(seal(bytes(forged)))
        except ModelError:
            continue
        assert model.document == expected.document  # only fields that nobody reads differ: times, modes
        assert model.card == expected.card


def test_every_cut_and_every_addition_is_refused(written: Path) -> None:
    content = written.read_bytes()
    for end in range(len(content)):
        with pytest.raises(ModelError):
            modelfile._parse(content[:end])
    for addition in (b"\0", b"PK", content):
        with pytest.raises(ModelError):
            modelfile._parse(content + addition)


@pytest.mark.parametrize("name", ["../evil", "/etc/x", "arrays/../x.npy", "arrays\\x.npy", "a/", "notes.txt"])
def test_unknown_members_are_refused(written: Path, name: str) -> None:
    repack(written, lambda members: [(name, b"x")])
    with pytest.raises(ModelError, match=r"unknown|differ|readable"):
        read_model(written)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_members_are_refused(written: Path) -> None:
    repack(written, lambda members: [("MODEL_CARD.md", members["MODEL_CARD.md"])])
    with pytest.raises(ModelError, match="twice"):
        read_model(written)


@pytest.mark.parametrize(
    "name", ["model.json", "MODEL_CARD.md", "classifiers.skops", "arrays/fusion/order.npy"]
)
def test_missing_members_are_refused(written: Path, name: str) -> None:
    def drop(members: dict[str, bytes]) -> None:
        del members[name]

    repack(written, drop)
    with pytest.raises(ModelError, match=name if name == "model.json" else "differ"):
        read_model(written)


def set_at(keys: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *path, last = keys.split(".")

    def change(document: dict[str, Any]) -> None:
        for key in path:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("surprise", 1, "surprise"),
        ("training.surprise", 1, "surprise"),
        ("parts.classifier.surprise", 1, "surprise"),
        ("classes", [1, 2], "classes"),
        ("classes", None, "classes"),
        ("format", "other", "format"),
        ("format_version", 3, r"format_version must be one of \(1, 2\), got 3"),
        ("format_version", "1", "format_version"),
        ("arrays.fusion/order.shape", [4], "shape"),
        ("arrays.fusion/order.shape", [-3], "shape"),
        ("arrays.fusion/order.shape", [1 << 62, 1 << 62], "shape"),
        ("arrays.fusion/order.dtype", "float64", "float64"),
        ("arrays.fusion/order.dtype", "object", "object"),
        ("arrays.fusion/order.dtype", "no such", "no such"),
        ("members.MODEL_CARD.md", None, "members"),
    ],
)
def test_changed_documents_are_refused(written: Path, keys: str, value: Any, message: str) -> None:
    if keys == "members.MODEL_CARD.md":
        repack(written, edit_document(lambda document: document["members"].update({"MODEL_CARD.md": value})))
    else:
        repack(written, edit_document(set_at(keys, value)))
    with pytest.raises(ModelError, match=message):
        read_model(written)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"format": "stcorner-model"}'])
def test_broken_json_is_refused(written: Path, data: bytes) -> None:
    repack(written, lambda members: members.update({"model.json": data}))
    with pytest.raises(ModelError):
        read_model(written)


def test_wrong_hash_and_size_are_refused(written: Path) -> None:
    repack(written, lambda members: members.update({"MODEL_CARD.md": b"other"}))
    with pytest.raises(ModelError, match="announced size and hash"):
        read_model(written)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(np.array([{}], dtype=object), allow_pickle=True), "must hold numbers or text"),
        (npy(np.array([2, 0, 1], dtype=">i8")), "low byte first"),
        (npy(np.array([2, 0, 1], dtype=np.int64))[:-1], "shape"),
        (npy(np.array([2, 0, 1], dtype=np.int64)) + b"\0", "shape"),
        (npy(np.asfortranarray(np.eye(3, dtype=np.int64))), "in C order"),
        (npy(np.array([2, 0, 1], dtype=np.int64)).replace(b"(3,)", b"(9,)"), "shape"),
        (b"\x93NUMPY\x03\x00".ljust(128), "version"),
        (b"", "must have 24 bytes, its file has 0"),
        (b"not an array at all".ljust(128), "header"),
    ],
)
def test_bad_arrays_are_refused(written: Path, data: bytes, message: str) -> None:
    repack(written, lambda members: put(members, "arrays/fusion/order.npy", data))
    with pytest.raises(ModelError, match=message):
        read_model(written)


def test_a_header_cannot_claim_memory(written: Path) -> None:
    data = npy(np.array([2, 0, 1], dtype=np.int64)).replace(b"(3,), }         ", b"(3000000000000,)}")[:-24]
    repack(
        written,
        lambda members: put(
            members, "arrays/fusion/order.npy", data, dtype="int64", shape=[3_000_000_000_000]
        ),
    )
    with pytest.raises(ModelError):
        read_model(written)


def test_values_that_are_not_finite_are_refused(written: Path, tmp_path: Path) -> None:
    repack(written, lambda members: put(members, "arrays/fusion/empty.npy", npy(np.full((0, 4), 0.0))))
    read_model(written)
    bad = npy(np.array([np.nan, 1.0]))
    repack(written, lambda m: put(m, "arrays/fusion/order.npy", bad, dtype="float64", shape=[2]))
    with pytest.raises(ModelError, match="not finite"):
        read_model(written)
    with pytest.raises(ModelError, match="must be finite"):
        write_model(tmp_path / "x.stcorner", small_model(arrays={"a": np.array([np.inf])}))
    part = PartDocument(kind="x", state={"deep": [{"value": float("nan")}]})
    document = msgspec.structs.replace(small_model().document, parts={"p": part})
    with pytest.raises(ModelError, match=r"p\.deep\[0\]\.value must be finite"):
        write_model(tmp_path / "x.stcorner", small_model(document=document))


def test_zip_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelfile, "MAX_CONTENT_BYTES", 8 << 20)
    path = tmp_path / "bomb.stcorner"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("classifiers.skops", "w", force_zip64=True) as member:
            for _ in range(9):
                member.write(bytes(1 << 20))
        archive.comment = b" " * modelfile._SEAL_BYTES
    path.write_bytes(seal(buffer.getvalue()))
    with pytest.raises(ModelError, match="must unpack to"):
        read_model(path)


def test_too_many_members_are_refused(written: Path) -> None:
    repack(written, lambda members: [(f"arrays/a{i}.npy", b"") for i in range(modelfile.MAX_MEMBERS)])
    with pytest.raises(ModelError, match=r"must have at most .* members"):
        read_model(written)


@pytest.mark.parametrize("name", ["", "../a", "a//b", "/a", "a b", "a.npy/..", "é"])
def test_bad_array_names_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="array name"):
        write_model(tmp_path / "x.stcorner", small_model(arrays={name: np.zeros(1)}))


def test_what_cannot_be_stored_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="complex128"):
        write_model(tmp_path / "x.stcorner", small_model(arrays={"a": np.zeros(1, complex)}))
    part = PartDocument(kind="x", state={"f": np.sum})
    document = msgspec.structs.replace(small_model().document, parts={"p": part})
    with pytest.raises(ModelError, match=r"p\.f must be JSON"):
        write_model(tmp_path / "x.stcorner", small_model(document=document))
    assert list(tmp_path.iterdir()) == []


def test_writing_is_all_or_nothing(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        write_model(written, small_model(card="other"))
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path / "none.stcorner")
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path)
    other = tmp_path / "other.stcorner"
    for content in (b"", b"PK\x03\x04", b"\x93NUMPY" + bytes(300), b"PK\x03\x04" + bytes(300)):
        other.write_bytes(content)
        with pytest.raises(ModelError, match="is refused"):
            read_model(other)
