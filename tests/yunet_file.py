"""An ONNX file with the inputs and outputs of YuNet and arithmetic that a hand can follow.

Its "faces" are bright: where a cell of 8 x 8 pixels is white on average, a face of 40 x 40 pixels is centred
on it, with the eyes 8 pixels left and right and 4 above. The file is written field by field, as protocol
buffers lay them out, so that no test needs the package onnx.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_yunet"]

_INTEGER, _INTEGERS = 2, 7  # kinds of attributes
_FLOAT, _INT64 = 1, 7  # kinds of tensors


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _message(*fields: tuple[Any, ...]) -> bytes:
    """Fields as (number, int, text or bytes)."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value & (1 << 64) - 1)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return out


def _attribute(name: str, values: int | list[int]) -> bytes:
    if isinstance(values, int):
        return _message((1, name), (3, values), (20, _INTEGER))
    return _message((1, name), *((8, value) for value in values), (20, _INTEGERS))


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> bytes:
    return _message(
        *((1, name) for name in inputs),
        (2, output),
        (3, f"{kind}_{output}"),
        (4, kind),
        *((5, _attribute(name, values)) for name, values in attributes.items()),
    )


def _tensor(name: str, array: np.ndarray) -> bytes:
    kind = _FLOAT if array.dtype == np.float32 else _INT64
    return _message(*((1, n) for n in array.shape), (2, kind), (8, name), (9, array.tobytes()))


def _value(name: str, shape: list[int]) -> bytes:
    dims = _message(*((1, _message((1, n))) for n in shape))
    return _message((1, name), (2, _message((1, _message((1, _FLOAT), (2, dims))))))


def _head(name: str, stride: int, weight: float, bias: list[float]) -> tuple[list[bytes], list[bytes]]:
    """Output `name`: a convolution over cells of the stride, cells in rows."""
    channels = len(bias)
    kernel = np.full((channels, 3, stride, stride), weight, np.float32)
    shape = np.array([1, -1, channels], np.int64)
    tensors = [
        _tensor(f"w_{name}", kernel),
        _tensor(f"b_{name}", np.array(bias, np.float32)),
        _tensor(f"s_{name}", shape),
    ]
    nodes = [
        _node(
            "Conv", ["input", f"w_{name}", f"b_{name}"], f"c_{name}",
            kernel_shape=[stride] * 2, strides=[stride] * 2, pads=[0] * 4, dilations=[1, 1], group=1,
        ),
        _node("Transpose", [f"c_{name}"], f"t_{name}", perm=[0, 2, 3, 1]),
        _node("Reshape", [f"t_{name}", f"s_{name}"], name),
    ]  # fmt: skip
    return nodes, tensors


def write_yunet(path: Path, side: int = 320) -> Path:
    """Write the file and return its path."""
    nodes, tensors, outputs = [], [], []
    # From the cell's corner, in cells: centre, logarithm of the size; eyes, nose, corners of the mouth.
    box = [0.5, 0.5, math.log(5), math.log(5)]
    points = [-0.5, 0.0, 1.5, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0]
    for kind, bias in (("cls", [0.0]), ("obj", [0.0]), ("bbox", box), ("kps", points)):
        for stride in (8, 16, 32):
            bright = 1 / (3 * 255 * stride**2) if kind in ("cls", "obj") and stride == 8 else 0.0
            head = _head(f"{kind}_{stride}", stride, bright, bias)
            nodes += head[0]
            tensors += head[1]
            outputs.append(_value(f"{kind}_{stride}", [1, (side // stride) ** 2, len(bias)]))
    graph = _message(
        *((1, node) for node in nodes),
        (2, "yunet"),
        *((5, tensor) for tensor in tensors),
        (11, _value("input", [1, 3, side, side])),
        *((12, output) for output in outputs),
    )
    path.write_bytes(_message((1, 7), (7, graph), (8, _message((1, ""), (2, 11)))))
    return path
