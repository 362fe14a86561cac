"""Files within files: what stands behind a tag, links of a chain, headers with some bytes put right."""

from __future__ import annotations

import io
import mmap
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Part", "Span", "packed_index", "spans_of", "tag_length"]

Span = tuple[int, int | None]
"""First byte, and the byte behind the last or None for the end of the file."""

# Players that add a tag to a file of any kind pad it by so much at most.
_LONGEST_PADDING = 1 << 16
_MOST_TAGS = 8
# Beyond so many boxes the rest of a file counts as one.
_MOST_BOXES = 4096
# How QuickTime packs the index of a film; the length of the unpacked one follows.
_PACKED = re.compile(rb"dcomzlib.{4}cmvd(.{4})", re.DOTALL)


class Part(io.RawIOBase):
    """A stretch of a file, with some bytes replaced or put in front, that is read like a file of its own."""

    def __init__(
        self,
        file: Path,
        span: Span = (0, None),
        patches: Sequence[tuple[int, bytes]] = (),
        head: bytes = b"",
    ) -> None:
        super().__init__()
        self._source = file.open("rb")
        self._start, stop = span
        whole = self._source.seek(0, io.SEEK_END)
        self._size = len(head) + max(0, (whole if stop is None else min(stop, whole)) - self._start)
        self._patches = tuple(patches)
        self._head = head
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte, counted from the part's first."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the part goes."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        if self._at < len(self._head):
            data = self._head[self._at : self._at + wanted]
            view[: len(data)] = data
            self._at += len(data)
            return len(data)
        self._source.seek(self._start + self._at - len(self._head))
        count = self._source.readinto(view[:wanted])
        for place, data in self._patches:
            first, last = max(place, self._at), min(place + len(data), self._at + count)
            if first < last:
                view[first - self._at : last - self._at] = data[first - place : last - place]
        self._at += count
        return count

    def close(self) -> None:
        """Close the file beneath."""
        self._source.close()
        super().close()


def tag_length(file: Path) -> int:
    """Return the number of bytes that ID3v2 tags take in front of the file proper."""
    with file.open("rb") as source:
        at = 0
        for _ in range(_MOST_TAGS):
            source.seek(at)
            head = source.read(10)
            if head[:3] != b"ID3" or len(head) < 10:
                break
            size = sum((byte & 0x7F) << 7 * (9 - place) for place, byte in enumerate(head[6:], 6))
            at += 10 + size + (10 if head[5] & 0x10 else 0)
        if at:
            source.seek(at)
            after = source.read(_LONGEST_PADDING)
            if after[4:8] != b"ftyp":  # an mp4 begins with zeros of its own
                at += len(after) - len(after.lstrip(b"\0"))
    return at


def spans_of(file: Path) -> list[Span]:
    """Return the stretches of a file that are files of their own, one after the other; most have one.

    A tag in front of a format that knows none hides the format, and each link of a chained Ogg has headers
    of its own, often with another rate.
    """
    start = tag_length(file)
    with file.open("rb") as source:
        source.seek(start)
        head = source.read(4)
        if head[:1] == b"\xff":  # frames of mp3 or aac: their demuxers know the tag, and look for more in it
            start = 0
        if head != b"OggS":
            return [(start, None)]
        with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
            firsts = _first_pages(data, start)
    return list(zip(firsts, [*firsts[1:], None], strict=True))


def _first_pages(data: mmap.mmap, at: int) -> list[int]:
    """Return where each link of an Ogg file begins: at a first page that follows pages of another kind."""
    links = [at]
    running = False
    while (at := data.find(b"OggS", at)) >= 0 and at + 27 <= len(data):
        is_first = bool(data[at + 5] & 0x02)
        if is_first and running:
            links.append(at)
        running = not is_first
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(lacing) + sum(lacing)
    return links


def packed_index(file: Path, start: int = 0) -> int:
    """Return the length that a QuickTime file declares of its packed index, 0 where none is packed.

    FFmpeg unpacks it whatever its length: a thousand times the file. Of the boxes, media alone are left out.
    """
    longest, at, boxes = 0, start, 0
    with file.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while min(data[at + 4 : at + 8], default=0) >= 0x20 and at + 8 <= len(data):
            size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
            if size == 1:
                size = int.from_bytes(data[at + 8 : at + 16], "big")
            boxes += 1
            many = boxes >= _MOST_BOXES
            end = at + size if size >= 8 and not many else len(data)
            if name != b"mdat" or many:
                lengths = (int.from_bytes(found[1], "big") for found in _PACKED.finditer(data, at, end))
                longest = max(longest, *lengths, 0)
            at = end
    return longest
