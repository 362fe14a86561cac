"""Changes of a model's document that keep it JSON: values of other kinds and sizes at any of its places."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from stcorner.recognizer import modelfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["VALUES", "changed", "members_of", "places", "sealed"]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 2**31, 2**63, -(2**63), 10**30, 0.0, -0.0, 0.5, 1e-320, 5e-324, 1e-9,
    1e308, -1e308, "", "a", "audio", "both", "fercnn", "mfa", "lda", "\x1b]52;c;YQ==\x07", "..", "/etc/passw",
    "é" * 300, [], [[]], [1, 2], ["a"], ["a", "a"], [None], [0.0, 0.0], [1e308, 1e308], [1e-320, 1e-320],
    {}, {"a": 1}, {"": None}, {"audio": []}, [{}],
)  # fmt: skip

Place = tuple[Any, ...]


def members_of(content: bytes) -> dict[str, bytes]:
    """Return the members of a model file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(members: dict[str, bytes]) -> bytes:
    """Return a model file of these members, with a seal that fits."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = b" " * modelfile._SEAL_BYTES
    body = buffer.getvalue()[: -modelfile._SEAL_BYTES]
    return body + modelfile._SEAL + hashlib.sha256(body).hexdigest().encode()


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield the path of every value in a document; of a list the first two and the last."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*at, key))
    elif isinstance(value, list):
        for index in sorted({0, 1, len(value) - 1} & set(range(len(value)))):
            yield from places(value[index], (*at, index))


def changed(members: dict[str, bytes], at: Place, change: Callable[[Any, Any], None]) -> bytes:
    """Return a sealed file whose document was changed: ``change(parent, key)`` at the place `at`."""
    document = copy.deepcopy(json.loads(members["model.json"]))
    parent = document
    for key in at[:-1]:
        parent = parent[key]
    change(parent, at[-1])
    return sealed({**members, "model.json": json.dumps(document).encode()})
