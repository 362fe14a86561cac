"""SAVEE, the Surrey audio-visual expressed emotion database: four men speak 120 sentences each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stcorner.corpora.reader import CorpusReader
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["READER"]

_SPEAKERS = ("DC", "JE", "JK", "KL")
# As published the speaker is a folder (DC/a01.wav); a copy that is passed on has it in the name (DC_a01.wav).
_NAME = re.compile(r"(?:([A-Z]{2})_)?(a|d|f|h|n|sa|su)(\d\d)")
_EMOTION = {
    "a": "angry", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprise",
}  # fmt: skip


def _parse(path: Path) -> dict[str, Any]:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DatasetError(f"name must be emotion and sentence as a01 or DC_a01, got {path.stem!r}")
    speaker = match[1] or path.parent.name
    if speaker not in _SPEAKERS:
        raise DatasetError(
            f"speaker must be one of {', '.join(_SPEAKERS)}, in the name or as its folder, got {speaker!r} "
            f"for {path.name!r}"
        )
    most = 30 if match[2] == "n" else 15
    if not 1 <= int(match[3]) <= most:
        raise DatasetError(f"sentence must be 01 to {most}, got {match[3]} in {path.name!r}")
    name = f"{speaker}_{match[2]}{match[3]}"
    # The number is no text: three sentences are common to all emotions, the others are not.
    return {
        "clip_id": name,
        "subject": speaker,
        "sex": "male",
        "label": _EMOTION[match[2]],
        "take": name,
    }


READER = CorpusReader(
    name="savee",
    title="SAVEE",
    parse=_parse,
    example="DC_a01.wav",
    terms="SAVEE (Haq & Jackson 2009): free for research, after registration with the University of Surrey.",
)
