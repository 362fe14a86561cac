"""What `make_corpus` writes: RAVDESS names, and a manifest that keeps them from passing for recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stcorner.corpora.reader import CorpusReader
from stcorner.corpora.readers.ravdess import READER as RAVDESS
from stcorner.corpora.readers.ravdess import load_ravdess

if TYPE_CHECKING:
    from pathlib import Path

    from stcorner.corpora.clip import ClipList

__all__ = ["READER", "SYNTHETIC_MANIFEST"]

SYNTHETIC_MANIFEST = "synthetic-corpus.json"


def _load(root: str | Path, *, modality: str | None = None, channel: str | None = "speech") -> ClipList:
    return load_ravdess(root, modality=modality, channel=channel, corpus="synthetic")


READER = CorpusReader(
    name="synthetic",
    title="the synthetic corpus",
    parse=RAVDESS.parse,
    example=RAVDESS.example,
    terms="Made by stcorner's own generator: faces and voices of nobody. Of use for tests only.",
    protocol="actor-k4",
    load=_load,
    marker=SYNTHETIC_MANIFEST,
)
