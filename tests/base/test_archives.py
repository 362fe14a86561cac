"""Archives and JSON made to hurt: refused by name, in little memory, with nothing written anywhere."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import struct
import sys
import tracemalloc
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from robust.test_processes import run
from stcorner._base import archives
from stcorner.evaluation.result import decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEAL = 71
GIB = 1 << 30
# What any refusal may take beside the file itself.
ROOM = 64 << 20


def sealed(content: bytes) -> bytes:
    """End an archive that has room for a seal with the right one."""
    body = content[:-SEAL]
    return body + b"sha256:" + hashlib.sha256(body).hexdigest().encode()


def zipped(members: dict[str, bytes], *, seal: bool = True, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = b" " * SEAL if seal else b""
    return sealed(buffer.getvalue()) if seal else buffer.getvalue()


def deflated_zeros(size: int) -> bytes:
    """`size` zeros as raw deflate, a thousandth of it: one flushed piece, again and again."""
    packer = zlib.compressobj(9, wbits=-15)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (size >> 20) + b"\x03\x00"  # an empty last block


def raw(entries: list[dict[str, Any]], *, seal: bool = True) -> bytes:
    """Write an archive whose headers say what they are told to.

    Each entry has a ``name`` and may have ``data`` (as it stands in the file), ``size`` (claimed),
    ``method``, ``crc``, ``mode`` and ``at``, the offset that the directory gives instead of the true one.
    """
    body, directory = bytearray(), bytearray()
    for entry in entries:
        name, data = entry["name"].encode(), entry.get("data", b"")
        fixed = struct.pack(
            "<HHHHHIIIHH", 20, 0, entry.get("method", 8), 0, 33, entry.get("crc", 0), len(data),
            entry.get("size", len(data)), len(name), 0,
        )  # fmt: skip
        offset = entry.get("at", len(body))
        if "at" not in entry:
            body += b"PK\x03\x04" + fixed + name + data
        outer = entry.get("mode", 0o644) << 16
        directory += b"PK\x01\x02" + struct.pack("<H", 3 << 8 | 20) + fixed
        directory += struct.pack("<HHHII", 0, 0, 0, outer, offset) + name
    count = len(entries) & 0xFFFF
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), SEAL if seal else 0)
    content = bytes(body + directory) + b"PK\x05\x06" + end
    return sealed(content + b" " * SEAL) if seal else content


def npy(shape: str, data: bytes = b"", descr: str = "'<f8'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + data


def _announced(members: dict[str, bytes]) -> dict[str, bytes]:
    """Put a document before the members that announces them as they are."""
    document = {
        "format": "stcorner-model",
        "format_version": 1,
        "stcorner_version": "0",
        "name": "n",
        "classes": ["a", "b"],
        "parameters": {},
        "feature_names": {},
        "parts": {},
        "training": {
            "n_clips": 0, "n_rows": 0, "n_failed": 0, "subjects": [], "corpora": [], "seed": None,
            "versions": {},
        },
        "arrays": {
            name.removeprefix("arrays/").removesuffix(".npy"): {"dtype": "float64", "shape": [1]}
            for name in members
            if name.endswith(".npy")
        },
        "members": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        },
    }  # fmt: skip
    return {"model.json": json.dumps(document).encode(), **members}


def honest_bomb() -> bytes:
    return raw([{"name": "fercnn.keras", "data": deflated_zeros(3 * GIB), "size": 3 * GIB}])


def lying_bomb() -> bytes:
    # The directory claims 100 bytes; the deflated stream holds three gigabytes.
    zeros = bytes(100)
    return raw(
        [{"name": "model.json", "data": deflated_zeros(3 * GIB), "size": 100, "crc": zlib.crc32(zeros)}]
    )


def nested() -> bytes:
    content = deflated_zeros(GIB)
    for _ in range(5):
        content = zipped({"fercnn.keras": content}, seal=False)
    return zipped({"model.json": content})


def thousands() -> bytes:
    return raw([{"name": f"arrays/a{i}.npy", "method": 0} for i in range(60_000)])


def overlapping() -> bytes:
    # Every entry of the directory points at the same deflated data.
    data = deflated_zeros(GIB // 4)
    first = {"name": "fercnn.keras", "data": data, "size": GIB // 4}
    more = [{"name": f"arrays/a{i}.npy", "data": data, "size": GIB // 4, "at": 0} for i in range(400)]
    return raw([first, *more])


def quoted() -> bytes:
    # Local headers stand inside the stored data of the entries before them.
    inner = raw([{"name": "MODEL_CARD.md", "data": b"card", "method": 0}], seal=False)
    at = 30 + len("model.json")
    return raw([
        {"name": "model.json", "data": inner, "method": 0, "crc": zlib.crc32(inner)},
        {"name": "MODEL_CARD.md", "data": b"card", "method": 0, "crc": zlib.crc32(b"card"), "at": at},
    ])  # fmt: skip


def renamed(name: str) -> Callable[[], bytes]:
    return lambda: zipped({**_announced({"MODEL_CARD.md": b"card"}), name: b"evil"})


def symlink() -> bytes:
    target = b"/etc/passwd"
    entry = {"data": target, "method": 0, "crc": zlib.crc32(target), "mode": stat.S_IFLNK | 0o777}
    return raw([{"name": "evil", **entry}])


def wrong_directory(field: int) -> Callable[[], bytes]:
    """Change one number of the end record: entries, size of the directory, or where it begins."""

    def make() -> bytes:
        content = bytearray(zipped(_announced({"MODEL_CARD.md": b"card"})))
        at = len(content) - SEAL - 22 + field
        content[at : at + 2] = struct.pack("<H", struct.unpack_from("<H", content, at)[0] ^ 0x1111)
        return sealed(bytes(content))

    return make


def announcing(shape: str, descr: str = "'<f8'") -> Callable[[], bytes]:
    return lambda: zipped(_announced({"MODEL_CARD.md": b"", "arrays/p/x.npy": npy(shape, bytes(8), descr)}))


def document(text: bytes) -> Callable[[], bytes]:
    return lambda: zipped({"model.json": text})


def unbounded(method: int) -> Callable[[], bytes]:
    return lambda: zipped({"model.json": bytes(64 << 20)}, method=method)


MODELS: dict[str, tuple[Callable[[], bytes], str]] = {
    "honest bomb": (honest_bomb, r"must unpack to at most \d+ bytes"),
    "lying bomb": (lying_bomb, "JSON"),
    "nested": (nested, "JSON"),
    "thousands": (thousands, "at most 512 members, got 60000"),
    "overlapping": (overlapping, "must unpack to|Overlapped"),
    "quoted": (quoted, "JSON|Overlapped|differ"),
    "absolute": (renamed("/etc/cron.d/evil"), "does not know it"),
    "upwards": (renamed("../../evil"), "does not know it"),
    "upwards in arrays": (renamed("arrays/../../evil.npy"), "does not know it"),
    "drive": (renamed("C:\\evil"), "does not know it"),
    "symlink": (symlink, "does not know it"),
    "directory size": (wrong_directory(12), "zip"),
    "directory place": (wrong_directory(16), "zip"),
    "huge shape": (announcing("(1099511627776,)"), "must have shape"),
    "overflowing shape": (announcing("(4294967296, 4294967296)"), "must have shape"),
    "negative shape": (announcing("(-1, -1)"), "must have shape"),
    "many dimensions": (announcing("(" + "1, " * 100 + ")"), "must have"),
    "huge item": (announcing("()", "('<f8', (1099511627776,))"), "must hold numbers|bad header"),
    "items of nothing": (announcing("(1099511627776,)", "'<U0'"), "must hold numbers"),
    "pickle": (announcing("()", "'|O'"), "must hold numbers"),
    "deep lists": (document(b"[" * 3000), "JSON"),
    "deep mappings": (document(b'{"a":' * 700), "JSON"),
    "many lists": (document(b"[" * 60_000), "would grow to 3900000 bytes"),
    "many mappings": (document(b'{"a":' * 9000), "would grow to .* bytes"),
    "deeper lists": (document(b"[" * 4_000_000), "must unpack to"),
    "wide document": (document(b"[" + b"[]," * 4_000_000 + b"[]]"), "must unpack to"),
    "bzip2": (unbounded(zipfile.ZIP_BZIP2), "stored or deflated"),
    "lzma": (unbounded(zipfile.ZIP_LZMA), "stored or deflated"),
}


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the test in a folder of its own, three deep, so that a file written outside is seen."""
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """Check that a call is refused with little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(error, match=message):
            call()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < ROOM


@pytest.mark.parametrize("name", MODELS)
def test_model_files(alone: Path, tmp_path: Path, name: str) -> None:
    make, message = MODELS[name]
    file = alone / "x.stcorner"
    file.write_bytes(make())
    refused(lambda: stcorner.load_model(file), stcorner.ModelError, message)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


def test_a_wrong_count_of_members_changes_nothing(alone: Path) -> None:
    # zipfile goes by the size of the directory: this file is read, and refused for its empty document.
    (alone / "x.stcorner").write_bytes(wrong_directory(8)())
    with pytest.raises(stcorner.ModelError, match="feature names"):
        stcorner.load_model(alone / "x.stcorner")


NPZ = dict(
    format=np.int64(1), coordinates=np.zeros((2, 3)), response=np.zeros(2), sigma=np.ones(2), tau=np.ones(2)
)
STIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "honest bomb": (
        lambda: raw([{"name": "x.npy", "data": deflated_zeros(3 * GIB), "size": 3 * GIB}], seal=False),
        "must unpack to",
    ),
    "lying bomb": (
        lambda: raw([{"name": "format.npy", "data": deflated_zeros(3 * GIB), "size": 100}], seal=False),
        "readable zip|bad header",
    ),
    "thousands": (
        lambda: raw([{"name": f"a{i}.npy", "method": 0} for i in range(60_000)], seal=False),
        "got 60000",
    ),
    "outside": (lambda: zipped({"../evil": b"x"}, seal=False), "does not know it"),
    "huge shape": (lambda: zipped({"format.npy": npy("(1099511627776,)")}, seal=False), "must have shape"),
    "pickle": (lambda: zipped({"format.npy": npy("()", b"x", "'|O'")}, seal=False), "must hold numbers"),
    "infinite size": (
        lambda: zipped(
            {f"{name}.npy": npy_of(value) for name, value in {**NPZ, "shape": np.full(3, np.inf)}.items()},
            seal=False,
        ),
        "infinity",
    ),
}


def npy_of(value: np.ndarray | np.integer[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value)
    return buffer.getvalue()


@pytest.mark.parametrize("name", STIPS)
def test_files_of_points(alone: Path, tmp_path: Path, name: str) -> None:
    make, message = STIPS[name]
    file = alone / "x.npz"
    file.write_bytes(make())
    refused(lambda: stcorner.Stips.load(file), stcorner.ParameterError, message)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


def test_points_of_any_order_are_read(tmp_path: Path) -> None:
    points = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    members = {**NPZ, "coordinates": points, "shape": np.array([9, 9, 9])}
    swapped = {
        name: np.asarray(value).astype(np.asarray(value).dtype.newbyteorder(">"))
        for name, value in members.items()
    }
    for arrays in (members, swapped):
        (tmp_path / "x.npz").write_bytes(
            zipped({f"{n}.npy": npy_of(v) for n, v in arrays.items()}, seal=False)
        )
        np.testing.assert_array_equal(stcorner.Stips.load(tmp_path / "x.npz").coordinates, points)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 1_000_000, "JSON"),
        ('{"a":' * 1_000_000, "JSON"),
        ('{"details":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}", "JSON"),
        ('{"version": 1' + "0" * 1_000_000 + "}", "JSON"),
        ("{" + " " * (64 << 20), "at most 67108864 characters"),
    ],
)
def test_evaluations(text: str, message: str) -> None:
    refused(lambda: decode(text), stcorner.DatasetError, message)


def test_json_of_commands(tmp_path: Path) -> None:
    from stcorner.cli._inputs import read_evaluations, read_json

    file = tmp_path / "x.json"
    file.write_text("[" * 1_000_000)
    refused(lambda: read_json(file), stcorner.ParameterError, "must be JSON")
    refused(lambda: read_evaluations([file]), stcorner.DatasetError, "must be JSON")
    with file.open("wb") as out:
        out.truncate(GIB)
    refused(lambda: read_json(file), stcorner.ParameterError, "must have at most")


def test_members_are_unpacked_within_their_size() -> None:
    content = raw([{"name": "a", "data": deflated_zeros(1 << 20), "size": 10, "crc": zlib.crc32(bytes(10))}])
    assert archives.read_zip(content, max_members=1, max_bytes=10, known=bool) == {"a": bytes(10)}
    crc = zlib.crc32(bytes(1 << 20))
    short = raw([{"name": "a", "data": deflated_zeros(1 << 20), "size": 2 << 20, "crc": crc}])
    with pytest.raises(archives.ArchiveError, match="must have 2097152 bytes, got 1048576"):
        archives.read_zip(short, max_members=1, max_bytes=GIB, known=bool)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the address space works on Linux")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="sanitizers reserve address space of their own")
def test_all_of_it_under_a_limit_of_the_system(tmp_path: Path) -> None:
    for index, (make, _) in enumerate(MODELS.values()):
        (tmp_path / f"{index}.stcorner").write_bytes(make())
    code = f"""
import pathlib, resource, stcorner
files = sorted(pathlib.Path({str(tmp_path)!r}).glob("*.stcorner"))
try:
    stcorner.load_model("no such")
except stcorner.StcornerError:
    pass
with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) for line in status if line.startswith("VmSize")) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + {4 * ROOM}, used + {4 * ROOM}))
for file in files:
    try:
        stcorner.load_model(file)
    except stcorner.ModelError as error:
        assert "memory" not in str(error).lower(), error
    else:
        raise SystemExit(f"{{file}} was read")
print(len(files))
"""
    assert run(code, OPENBLAS_NUM_THREADS="1") == str(len(MODELS))
