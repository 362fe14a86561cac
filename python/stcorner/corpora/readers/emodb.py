"""EMO-DB, the Berlin database: ten people speak ten German sentences in seven ways."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stcorner.corpora.reader import CorpusReader
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["READER"]

_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z]?)")
# The letters are those of the German words: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
_EMOTION = {
    "W": "angry", "L": "boredom", "E": "disgust", "A": "fear", "F": "happy", "T": "sad", "N": "neutral",
}  # fmt: skip
_SEX = {
    "03": "male", "08": "female", "09": "female", "10": "male", "11": "male",
    "12": "male", "13": "female", "14": "female", "15": "male", "16": "female",
}  # fmt: skip
_TEXTS = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")


def _parse(path: Path) -> dict[str, Any]:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DatasetError(f"name must be speaker, text, emotion, version as 03a01Fa, got {path.stem!r}")
    speaker, text, emotion, version = match.groups()
    for name, code, allowed in (
        ("speaker", speaker, _SEX), ("text", text, _TEXTS), ("emotion", emotion, _EMOTION)
    ):  # fmt: skip
        if code not in allowed:
            raise DatasetError(f"{name} must be one of {', '.join(allowed)}, got {code} in {path.stem!r}")
    return {
        "subject": speaker,
        "sex": _SEX[speaker],
        "sentence": text,
        "label": _EMOTION[emotion],
        "repetition": version or None,
        "take": path.stem,
    }


READER = CorpusReader(
    name="emo-db",
    title="EMO-DB",
    parse=_parse,
    example="03a01Fa.wav",
    terms="EMO-DB (Burkhardt et al. 2005): free of charge from its authors, who ask to be cited.",
)
