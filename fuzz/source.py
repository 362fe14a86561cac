"""From bytes to arguments: the same bytes give the same values, under the fuzzer and in a test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DTYPES", "LAYOUTS", "Source", "laid_out"]

T = TypeVar("T")

DTYPES = ("u1", "<u2", ">u2", "i1", "i2", ">i4", "i8", "u8", "f2", "f4", ">f4", "f8", ">f8", "g", "?",
          "c8", "O", "S3", "M8[s]")  # fmt: skip
LAYOUTS = ("plain", "reversed", "transposed", "strided", "unaligned", "read-only", "broadcast", "huge",
           "fortran", "list", "masked")  # fmt: skip
_INTEGERS = (-(2**70), -(2**31) - 1, -1, 0, 2**15, 2**31 - 1, 2**31, 2**32 + 1, 2**62, 2**63, 10**400)
_REALS = (-math.inf, math.nan, math.inf, -1.0, -0.0, 0.0, 5e-324, 1e-300, 1e-7, 1e7, 1e300, 2**53 + 2.0)
_WORDS = ("", "hann", "trace", "max", "reflect", "nearest", "viterbi", "hog", "\0", "ü" * 300)


def laid_out(array: np.ndarray, kind: str) -> Any:
    """Return the same or other values of `array` in another place or layout."""
    if kind == "list":
        return array.tolist()
    if kind == "masked":
        return np.ma.MaskedArray(array)
    if kind == "reversed":
        return array[tuple(slice(None, None, -1) for _ in array.shape)]
    if kind == "transposed":
        return array.T
    if kind == "fortran":
        return np.asfortranarray(array)
    if kind == "strided" and array.ndim:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if kind == "broadcast" and array.ndim and array.shape[0]:
        return np.broadcast_to(array[:1], array.shape)
    if kind == "huge" and array.ndim and array.size:
        # One value seen as 2 ** 58 and more; nothing may copy it.
        side = int(2 ** (58 / array.ndim))
        return np.broadcast_to(array.reshape(-1)[0], (side,) * array.ndim)
    if kind == "unaligned" and array.dtype.kind in "biuf" and array.size:
        raw = np.zeros(array.nbytes + 1, np.uint8)
        odd = raw[1:].view(array.dtype).reshape(array.shape)
        odd[...] = array
        return odd
    if kind == "read-only":
        array = array.copy()
        array.flags.writeable = False
    return array


class Source:
    """Values drawn from bytes, one after the other; where the bytes end, zeros follow."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        left, self._at = self._data[self._at :], len(self._data)
        return left

    def choice(self, options: Sequence[T]) -> T:
        """Return one of `options`."""
        return options[self.byte() % len(options)]

    def integer(self) -> int:
        """Return a small number mostly, else one at the edges of C's types."""
        first = self.byte()
        return first % 64 if first < 224 else self.choice(_INTEGERS)

    def real(self) -> float:
        """Return a number of everyday size mostly, else an extreme."""
        first = self.byte()
        return first / 16 * 2.0 ** (self.byte() % 12 - 6) if first < 224 else self.choice(_REALS)

    def word(self) -> str:
        """Return a word that some function knows, or one that none does."""
        return self.choice(_WORDS)

    def anything(self) -> Any:
        """Return a value of any of the types that arguments have."""
        kind = self.byte() % 8
        draws = (self.integer, self.real, self.word, self.integer, self.real)
        if kind < len(draws):
            return draws[kind]()
        return ({}, None, (self.real(), self.integer()))[kind - len(draws)]

    def array(self, ndim: int) -> Any:
        """Return an array of mostly `ndim` dimensions, made in one of the ways in which users make them."""
        dims = ndim if (first := self.byte()) < 224 else first % 5
        shape = tuple(self.byte() % (40 if dims < 2 else 13) for _ in range(dims))
        dtype, layout = np.dtype(self.choice(DTYPES)), self.choice(LAYOUTS)
        raw = np.frombuffer(bytes(self.byte() for _ in range(1 + self.byte() % 48)), np.uint8)
        if dtype.kind == "f" and self.byte() % 4 == 0:  # any bits: NaN, infinity, subnormal
            pool = np.resize(raw, 8 * dtype.itemsize).view(dtype)
        else:
            pool = raw.astype(dtype) if dtype.kind != "M" else raw.astype("i8").astype(dtype)
        with np.errstate(all="ignore"):
            return laid_out(np.resize(pool, shape), layout)
