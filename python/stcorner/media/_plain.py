"""Plain files of sound (wav, aiff, au, w64, flac), whose headers often say a wrong length.

A program that writes into a pipe cannot go back to the header, and one that crashes does not. What stands
there then is known: zero, or a number at the edge of its type. Other numbers are believed, so that a file
that was cut off is told from one that never knew its length.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stcorner.media._parts import Part, tag_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Literal

    Order = Literal["little", "big"]
    Read = Callable[[int, int], bytes]

__all__ = ["Header", "Plain", "open_plain", "plain_header"]

_MOST_CHUNKS = 4096
# So near to the largest number of a type no true length has been seen; programs subtract headers and round.
_EDGE = 1 << 20
_ALL_ONES = (1 << 32) - 1
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
# Bytes behind the sound that are no chunk, from which on they are worth a word.
_STRAY_BYTES, _STRAY_SHARE = 1024, 0.05
# libsndfile finds any sample of these; of others it cannot seek, or lands beside.
_SEEKABLE = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
_CODECS = {
    "PCM_U8": "pcm_u8", "PCM_S8": "pcm_s8", "PCM_16": "pcm_s16", "PCM_24": "pcm_s24", "PCM_32": "pcm_s32",
    "FLOAT": "pcm_f32", "DOUBLE": "pcm_f64", "ULAW": "pcm_mulaw", "ALAW": "pcm_alaw",
    "IMA_ADPCM": "adpcm_ima_wav", "MS_ADPCM": "adpcm_ms", "GSM610": "gsm_ms",
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What the header of a plain file says, checked against the file.

    Attributes
    ----------
    form : str
        "wav", "w64", "aiff", "au" or "flac".
    start : int
        First byte of the file proper, behind tags.
    patches : tuple of (int, bytes)
        What must stand in the header, and where, for libsndfile to read all of the sound.
    share : float or None
        The declared length as a multiple of that which is there, at least 1; None where it is unknown.
    remark : str
        What a person should know about the header; empty where it is as it should be.
    head : bytes
        A header to read in place of that of the file; `start` is then that of the samples.
    """

    form: str
    start: int = 0
    patches: tuple[tuple[int, bytes], ...] = ()
    share: float | None = 1.0
    remark: str = ""
    head: bytes = b""


@dataclass(frozen=True)
class Plain:
    """A plain file that libsndfile has opened."""

    source: Any
    header: Header

    @property
    def seconds(self) -> float | None:
        """Length by the header, None where it does not say."""
        share = self.header.share
        return None if share is None else float(share * self.source.frames / self.source.samplerate)

    @property
    def seekable(self) -> bool:
        """Whether any sample is found exactly."""
        return self.header.form == "flac" or str(self.source.subtype).startswith(_SEEKABLE)

    @property
    def codec(self) -> str:
        """Name of the coding, as FFmpeg spells it."""
        if self.header.form == "flac":
            return "flac"
        name = _CODECS.get(self.source.subtype, str(self.source.subtype).lower())
        if not name.startswith(("pcm_s", "pcm_f")) or name == "pcm_s8":
            return name
        big = self.source.endian == "BIG" or (
            self.source.endian == "FILE" and self.header.form in ("aiff", "au")
        )
        return name + ("be" if big else "le")


@contextlib.contextmanager
def open_plain(file: Path) -> Iterator[Plain | None]:
    """Open a plain file with libsndfile; None for any other file, and for codecs that it does not know."""
    header = plain_header(file)
    if header is None:
        yield None
        return
    import soundfile

    with contextlib.ExitStack() as stack:
        opened: Any
        if header.start or header.patches:
            opened = stack.enter_context(Part(file, (header.start, None), header.patches, header.head))
        else:
            # The bytes of the name: soundfile encodes it strictly, and a name may be in another encoding.
            opened = os.fsencode(file) if os.name == "posix" else file
        try:
            plain = Plain(stack.enter_context(soundfile.SoundFile(opened)), header)
        except (soundfile.LibsndfileError, RuntimeError, TypeError):
            plain = None  # FFmpeg may know the codec, and else says why not
        # An mp3 within a wav has no length that can be told from its bytes.
        yield None if plain is None or plain.source.subtype.startswith("MPEG") else plain


def plain_header(file: Path) -> Header | None:
    """Return what the header says; None where the file is not plain, or does not say where its sound lies."""
    start = tag_length(file)
    with file.open("rb") as source:
        size = source.seek(0, os.SEEK_END) - start

        def read(at: int, count: int) -> bytes:
            if at >= size:  # an absurd place is none that a file can be sought to
                return b""
            source.seek(start + at)
            return source.read(count)

        head = read(0, 40)
        header = None
        if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            header = _wave(read, size)
        elif head[:16] == _W64_RIFF and head[24:28] == b"wave":
            header = _wave64(read, size)
        elif head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            header = _aiff(read, size)
        elif head[:4] in (b".snd", b"dns."):
            header = _au(read, size)
        elif head[:4] == b"fLaC":
            # Of a stream without a length libsndfile reads nothing; FFmpeg reads it to its end.
            total = int.from_bytes(head[21:26], "big") & ((1 << 36) - 1)
            header = Header("flac") if total else None
    if header is None or not start:
        return header
    return replace(header, start=start + header.start)


def _wave(read: Read, size: int) -> Header | None:
    """Read RIFF, RIFX (big-endian), RF64 and BW64 (long)."""
    magic = read(0, 4)
    order: Order = "big" if magic == b"RIFX" else "little"

    def number(at: int, count: int = 4) -> int:
        return int.from_bytes(read(at, count), order)

    at, long_at, fmt = 12, 0, b""
    for _ in range(_MOST_CHUNKS):
        name, length = read(at, 4), number(at + 4)
        if len(name) < 4:
            return None
        if name == b"data":
            break
        if name == b"ds64":
            long_at = at + 8
        elif name == b"fmt " and length < _MOST_CHUNKS:
            fmt = read(at, 8 + length + length % 2)
        at += 8 + length + length % 2
    else:
        return None
    begin = at + 8
    there = max(0, size - begin)
    long = magic in (b"RF64", b"BW64") and bool(long_at) and length == _ALL_ONES
    declared = number(long_at + 8, 8) if long else length
    while not long and declared + (1 << 32) <= there:  # 32 bits have wrapped around
        declared += 1 << 32
    share, remark = _judge(declared, there, lambda place: _is_chunk(read, begin + place, size, order))
    whole = number(long_at, 8) if long else number(4)
    if share == 1.0 and not remark and size < whole + 8 < 2**31 - _EDGE:
        remark = f"its header counts {whole + 8} bytes and it has {size}; its sound is whole"
    patches: list[tuple[int, bytes]] = []
    if long:
        patches = [(long_at, (size - 8).to_bytes(8, "little")), (long_at + 8, there.to_bytes(8, "little"))]
    elif size >= _ALL_ONES:
        if order == "big" or not fmt:
            return None
        sizes = b"".join(value.to_bytes(8, "little") for value in (there + 64 + len(fmt), there, 0))
        head = b"RF64" + b"\xff" * 4 + b"WAVEds64" + (28).to_bytes(4, "little") + sizes + bytes(4)
        head += fmt + b"data" + b"\xff" * 4
        return Header("wav", begin, share=share, remark=remark, head=head)
    else:
        # An RF64 of less than 4 GiB whose long sizes are missing is a RIFF by another name.
        patches = [(4, (size - 8).to_bytes(4, order)), (at + 4, there.to_bytes(4, order))]
    name = {b"BW64": b"RF64"}.get(magic, magic) if long else {b"RIFX": b"RIFX"}.get(magic, b"RIFF")
    changed = share != 1.0 or declared == 0 < there
    return Header(
        "wav",
        patches=(*(patches if changed else ()), *([(0, name)] if name != magic else ())),
        share=share,
        remark=remark,
    )


def _wave64(read: Read, size: int) -> Header | None:
    """Read Sony's wave64: names of 16 bytes, sizes of 8 that count their own head."""
    at = 40
    for _ in range(_MOST_CHUNKS):
        name, length = read(at, 16), int.from_bytes(read(at + 16, 8), "little")
        if len(name) < 16:
            return None
        if name == b"data" + _W64_TAIL:
            break
        at += max(24, length + -length % 8)
    else:
        return None
    there = max(0, size - at - 24)
    share, remark = _judge(max(0, length - 24), there, lambda place: False)
    if share == 1.0:
        return Header("w64", remark=remark)
    sizes = [(16, size.to_bytes(8, "little")), (at + 16, (there + 24).to_bytes(8, "little"))]
    return Header("w64", patches=tuple(sizes), share=share, remark=remark)


def _aiff(read: Read, size: int) -> Header | None:
    """Read AIFF and AIFF-C, in which the count of frames may stand before or behind the sound."""
    at, begin, count_at, declared, length_at = 12, 0, 0, 0, 0
    for _ in range(_MOST_CHUNKS):
        name, length = read(at, 4), int.from_bytes(read(at + 4, 4), "big")
        if len(name) < 4 or (begin and count_at):
            break
        if name == b"COMM":
            count_at = at + 10
        elif name == b"SSND":
            begin, declared, length_at = at + 16, max(0, length - 8), at + 4
        at += 8 + length + length % 2
    if not begin or not count_at:
        return None
    there = max(0, size - begin)
    share, remark = _judge(declared, there, lambda place: _is_chunk(read, begin + place, size, "big"))
    if share == 1.0 and not (declared == 0 < there):
        return Header("aiff", remark=remark)
    channels, bits = (int.from_bytes(read(place, 2), "big") for place in (count_at - 2, count_at + 4))
    block = max(1, channels * -(-bits // 8))
    numbers = ((4, size - 8), (length_at, there + 8), (count_at, there // block))
    patches = tuple((place, min(value, _ALL_ONES).to_bytes(4, "big")) for place, value in numbers)
    return Header("aiff", patches=patches, share=share, remark=remark)


def _au(read: Read, size: int) -> Header | None:
    """Read Sun's au, whose header allows for an unknown length; DEC's has its bytes the other way round."""
    order: Order = "big" if read(0, 1) == b"." else "little"
    begin, declared = (int.from_bytes(read(at, 4), order) for at in (4, 8))
    if not 24 <= begin <= size:
        return None
    there = max(0, size - begin)
    share, remark = _judge(declared, there, lambda place: False)
    if share == 1.0 and not (declared == 0 < there):
        return Header("au", remark=remark)
    length = min(there, _ALL_ONES).to_bytes(4, order)
    return Header("au", patches=((8, length),), share=share, remark=remark)


def _judge(declared: int, there: int, is_chunk: Callable[[int], bool]) -> tuple[float | None, str]:
    """Return the declared length as a multiple of that which is there, None if unknown, and a remark."""
    if declared == 0 and there > 0 and not is_chunk(0):
        return None, (
            "its header says that it holds no sound (a recording that was not closed); read to the end"
        )
    if declared <= there:
        rest = there - declared - declared % 2
        stray = rest > max(_STRAY_BYTES, _STRAY_SHARE * declared)
        if stray and not is_chunk(declared + declared % 2) and not is_chunk(declared):
            return 1.0, f"{rest} bytes behind its sound belong to nothing and are left out"
        return 1.0, ""
    if declared == _ALL_ONES or declared >= 2**63 - _EDGE:  # how a stream says that it does not know
        return None, ""
    if abs(declared - 2**31) <= _EDGE or _ALL_ONES - _EDGE <= declared < 2**32:
        return None, (
            f"its header says {declared} bytes of sound, which stands for an unknown length; read to the end"
        )
    return declared / max(1, there), ""


def _is_chunk(read: Read, at: int, size: int, order: Order) -> bool:
    """Whether a chunk begins here: a name, and a length that ends within the file."""
    head = read(at, 8)
    if len(head) < 8 or not all(0x20 <= byte < 0x7F for byte in head[:4]):
        return False
    return at + 8 + int.from_bytes(head[4:], order) <= size + 1
