"""Plain files of sound written byte by byte, with headers as programs leave them."""

from __future__ import annotations

import struct

import numpy as np

__all__ = ["aiff_bytes", "au_bytes", "id3_bytes", "integers", "w64_bytes", "wav_bytes"]

SR = 16000
_W64 = {
    b"riff": bytes.fromhex("726966662e91cf11a5d628db04c10000"),
    **{
        name: name + bytes.fromhex("f3acd3118cd100c04f8edb8a")
        for name in (b"wave", b"fmt ", b"data", b"fact")
    },
}


def integers(y: np.ndarray, bits: int) -> np.ndarray:
    """Full-scale 1.0 to integers of so many bits."""
    scale = 2 ** (bits - 1)
    return np.clip(np.rint(np.asarray(y, np.float64) * scale), -scale, scale - 1).astype(np.int64)


def _samples(y: np.ndarray, container: int, valid: int, *, big: bool, kind: str) -> bytes:
    """Interleave (channels, n) or (n,) sound; `valid` bits stand left in `container` bits."""
    flat = np.atleast_2d(y).T.ravel()
    order = ">" if big else "<"
    if kind == "float":
        return flat.astype(f"{order}f{container // 8}").tobytes()
    values = integers(flat, valid) << (container - valid)
    if container == 8:
        return (values + (128 if kind == "unsigned" else 0)).astype(np.uint8).tobytes()
    width = container // 8
    raw = values.astype(">i8" if big else "<i8").view(np.uint8).reshape(-1, 8)
    return (raw[:, 8 - width :] if big else raw[:, :width]).tobytes()


def wav_bytes(
    y: np.ndarray,
    *,
    sr: int = SR,
    container: int = 16,
    valid: int | None = None,
    kind: str = "integer",
    big: bool = False,
    extensible: bool = False,
    magic: bytes = b"RIFF",
    data_size: int | None = None,
    riff_size: int | None = None,
    ds64: tuple[int, int] | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """Write a wav; the sizes are the true ones unless they are given."""
    order = ">" if big else "<"
    channels = len(np.atleast_2d(y))
    valid = container if valid is None else valid
    block = channels * container // 8
    tag = 3 if kind == "float" else 1
    fmt = struct.pack(order + "HHIIHH", tag, channels, sr, sr * block, block, container)
    if extensible:
        guid = struct.pack(order + "IHH", tag, 0, 0x10) + bytes.fromhex("800000aa00389b71")
        extra = struct.pack(order + "HHI", 22, valid, 0) + guid
        fmt = struct.pack(order + "H", 0xFFFE) + fmt[2:] + extra
    sound = _samples(y, container, valid, big=big, kind="unsigned" if container == 8 else kind)
    body = sound + b"\0" * (len(sound) % 2) + after
    chunks = b"fmt " + struct.pack(order + "I", len(fmt)) + fmt + before
    if ds64 is not None:
        sizes = struct.pack("<QQQI", *ds64, len(sound) // block, 0)
        chunks = b"ds64" + struct.pack("<I", len(sizes)) + sizes + chunks
    declared = len(sound) if data_size is None else data_size
    whole = 4 + len(chunks) + 8 + len(body) if riff_size is None else riff_size
    head = (b"RIFX" if big else magic) + struct.pack(order + "I", whole) + b"WAVE"
    return head + chunks + b"data" + struct.pack(order + "I", declared) + body


def w64_bytes(y: np.ndarray, *, data_size: int | None = None, riff_size: int | None = None) -> bytes:
    """Write a wave64 of 16 bits; sizes count their own head of 24 bytes."""
    sound = _samples(y, 16, 16, big=False, kind="integer")
    fmt = struct.pack("<HHIIHH", 1, 1, SR, 2 * SR, 2, 16)
    declared = len(sound) + 24 if data_size is None else data_size
    body = _W64[b"wave"] + _W64[b"fmt "] + struct.pack("<Q", 24 + len(fmt)) + fmt
    body += _W64[b"data"] + struct.pack("<Q", declared) + sound
    return _W64[b"riff"] + struct.pack("<Q", 24 + len(body) if riff_size is None else riff_size) + body


def aiff_bytes(
    y: np.ndarray,
    *,
    container: int = 16,
    data_size: int | None = None,
    frames: int | None = None,
    late_count: bool = False,
) -> bytes:
    """Write an AIFF; the chunk with the count of frames stands before the sound, or behind it."""
    sound = _samples(y, container, container, big=True, kind="integer")
    channels = len(np.atleast_2d(y))
    count = len(sound) // (channels * container // 8) if frames is None else frames
    rate = struct.pack(">HQ", 16383 + 13, SR << 50)  # 80 bits: 1.xxx times 2 ** 13
    comm = b"COMM" + struct.pack(">IHIH", 18, channels, count, container) + rate
    length = len(sound) + 8 if data_size is None else data_size
    ssnd = b"SSND" + struct.pack(">III", length, 0, 0) + sound + b"\0" * (len(sound) % 2)
    body = b"AIFF" + (ssnd + comm if late_count else comm + ssnd)
    return b"FORM" + struct.pack(">I", len(body)) + body


def au_bytes(y: np.ndarray, *, data_size: int | None = None, little: bool = False) -> bytes:
    """Write an au of 16 bits."""
    sound = _samples(y, 16, 16, big=not little, kind="integer")
    declared = len(sound) if data_size is None else data_size
    magic, order = (b"dns.", "<") if little else (b".snd", ">")
    return magic + struct.pack(order + "IIIII", 24, declared, 3, SR, 1) + sound


def id3_bytes(size: int = 300, *, footer: bool = False) -> bytes:
    """Write an ID3v2.4 tag with a title and padding."""
    frame = b"TIT2" + bytes([0, 0, 0, 6, 0, 0]) + b"\x03title"
    body = frame + bytes(size - len(frame))
    length = bytes((size >> 7 * shift) & 0x7F for shift in (3, 2, 1, 0))
    head = b"\x04\x00" + (b"\x10" if footer else b"\0") + length
    return b"ID3" + head + body + (b"3DI" + head if footer else b"")
