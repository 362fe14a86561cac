"""Zip archives and ``.npy`` arrays from elsewhere, read in no more memory than the reader allows.

What a header claims is checked against what is there before anything of that size is allocated, and nothing
is ever written, followed or executed. Whatever is wrong is an `ArchiveError`.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ZIP_ERRORS", "ArchiveError", "read_npy", "read_npz", "read_zip"]

# Bzip2 and LZMA are unpacked by zipfile without a bound.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CENTRAL_HEADER = b"PK\x01\x02"
# What zipfile lets through when an archive is damaged or made to hurt.
ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, ValueError,
    OSError,
)  # fmt: skip
# Numpy reads the header of an array with Python's own tokenizer and parser of literals.
_HEADER_ERRORS = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError)
_HEADER_BYTES = 4096
_KINDS = "biufU"


class ArchiveError(ValueError):
    """An archive or array that is not what it should be; callers name the file and their own error."""


def read_zip(
    content: bytes, *, max_members: int, max_bytes: int, known: Callable[[str], bool]
) -> dict[str, bytes]:
    """Unpack an archive whose members all have a known name.

    Parameters
    ----------
    content : bytes
        The archive.
    max_members, max_bytes : int
        Largest number of members, and of bytes that they unpack to together.
    known : callable
        Tells whether a name may stand in this archive. Members are returned and never written, so a name
        that points elsewhere has no effect, but `known` should refuse it.

    Returns
    -------
    dict of str to bytes
        Content by name; the checksum of each member fits.
    """
    # zipfile makes an object of each header before anybody can count them.
    headers = content.count(_CENTRAL_HEADER)
    if headers > max_members:
        raise ArchiveError(f"it must have at most {max_members} members, got {headers}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            for entry in entries:
                if entry.compress_type not in _METHODS:
                    raise ArchiveError(
                        f"member {entry.orig_filename!r} must be stored or deflated, got another "
                        "compression: pack it anew with `zip`"
                    )
            total = sum(entry.file_size for entry in entries)
            if total > max_bytes:
                raise ArchiveError(f"it must unpack to at most {max_bytes} bytes, got {total}")
            members: dict[str, bytes] = {}
            for entry in entries:
                # `filename` is what zipfile made of the name; `orig_filename` is what the file says.
                name = entry.orig_filename
                if name in members:
                    raise ArchiveError(f"member {name!r} must appear once, got it twice")
                if not known(name) or entry.filename != name or entry.is_dir():
                    raise ArchiveError(f"member {name!r} must be left out: this version does not know it")
                members[name] = _member(archive, entry)
    except ArchiveError:
        raise
    except ZIP_ERRORS as error:
        raise ArchiveError(f"it is not a readable zip: {error}") from None
    return members


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # Without a size, `read` unpacks all that the deflated bytes hold, whatever the directory says.
    with archive.open(entry) as stream:
        data = stream.read(entry.file_size)
    if len(data) != entry.file_size:
        raise ArchiveError(
            f"member {entry.orig_filename!r} must have {entry.file_size} bytes, got {len(data)}"
        )
    return data


def read_npy(data: bytes) -> NDArray[Any]:
    """Read an array of numbers or text, of npy version 1.0, as it stands in the file.

    Parameters
    ----------
    data : bytes
        The content of a ``.npy`` file. Its length must be the one that its header asks for.

    Returns
    -------
    ndarray
        In the order and byte order of the file. It is read-only: it shares its memory with `data`.
    """
    stream = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ArchiveError("must be of npy version 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=_HEADER_BYTES)
    except ArchiveError:
        raise
    except _HEADER_ERRORS as error:
        raise ArchiveError(f"has a bad header: {error}") from None
    if dtype.kind not in _KINDS or dtype.itemsize == 0:
        raise ArchiveError(f"must hold numbers or text, got {dtype}")
    start = stream.tell()
    # Python's integers do not overflow: no shape can make the product small again.
    if min((*shape, 0)) < 0 or math.prod(shape) * dtype.itemsize != len(data) - start:
        raise ArchiveError(f"must have shape {shape} of {dtype}, got {len(data) - start} bytes")
    try:
        # Where the header is of an odd length, the values lie across words and are moved.
        array = np.require(np.frombuffer(data, dtype, offset=start), requirements=["A"])
        array = array.reshape(shape, order="F" if fortran else "C")
    except ValueError as error:  # more dimensions than numpy has
        raise ArchiveError(f"must have a shape of numpy: {error}") from None
    return array


def read_npz(content: bytes, *, max_members: int, max_bytes: int) -> dict[str, NDArray[Any]]:
    """Read the arrays of a ``.npz`` archive by name.

    Parameters
    ----------
    content : bytes
        What `numpy.savez` or `numpy.savez_compressed` writes.
    max_members, max_bytes : int
        As for `read_zip`.

    Returns
    -------
    dict of str to ndarray
    """
    members = read_zip(
        content, max_members=max_members, max_bytes=max_bytes, known=lambda name: name.endswith(".npy")
    )
    arrays = {}
    for name, data in members.items():
        try:
            array = read_npy(data)
        except ArchiveError as error:
            raise ArchiveError(f"array {name} {error}") from None
        arrays[name.removesuffix(".npy")] = array.astype(array.dtype.newbyteorder("="), copy=False)
    return arrays
