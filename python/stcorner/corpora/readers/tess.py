"""TESS, the Toronto emotional speech set: two women speak 200 words in seven ways."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stcorner.corpora.clip import canonical_label
from stcorner.corpora.reader import CorpusReader
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["READER"]

# One file of the copy that is passed on most begins with OA for OAF.
_NAME = re.compile(r"(OAF|YAF|OA)_([A-Za-z]+)_([A-Za-z_]+)")
_EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")


def _parse(path: Path) -> dict[str, Any]:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise DatasetError(f"name must be speaker_word_emotion as OAF_back_angry, got {path.stem!r}")
    speaker, word, emotion = match.groups()
    if emotion.lower() not in _EMOTIONS:
        raise DatasetError(f"emotion must be one of {', '.join(_EMOTIONS)}, got {emotion} in {path.stem!r}")
    subject = "OAF" if speaker == "OA" else speaker
    name = f"{subject}_{word.lower()}_{emotion.lower()}"
    return {
        "clip_id": name,
        "subject": subject,
        "sex": "female",
        "sentence": word.lower(),
        "label": canonical_label(emotion),
        "take": name,
    }


READER = CorpusReader(
    name="tess",
    title="TESS",
    parse=_parse,
    example="OAF_back_angry.wav",
    terms="TESS (Pichora-Fuller & Dupuis 2020), CC BY-NC-ND 4.0: not for commercial use, no derivatives.",
)
