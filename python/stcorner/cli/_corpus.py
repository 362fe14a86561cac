"""What commands on corpora do alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stcorner.cli._output import complain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stcorner.corpora import ClipList
    from stcorner.recognizer import ClipFeatures

__all__ = ["parse_label_map", "read_corpus", "report_failures", "report_skipped"]

# A list of thousands of failures helps nobody on a screen.
_MOST = 20


def parse_label_map(pairs: Sequence[str] | None) -> dict[str, str | None]:
    """Return the mapping that ``OLD=NEW`` and ``OLD=`` ask for.

    Examples
    --------
    >>> parse_label_map(["calm=neutral", "surprise="])
    {'calm': 'neutral', 'surprise': None}
    """
    from stcorner.errors import ParameterError

    mapping: dict[str, str | None] = {}
    for pair in pairs or ():
        old, equals, new = pair.partition("=")
        if not equals or not old:
            raise ParameterError(f"--label-map must be OLD=NEW, or OLD= to drop, got {pair!r}")
        mapping[old] = new or None
    return mapping


def read_corpus(root: Path, *, modality: str, label_map: Sequence[str] | None = None) -> ClipList:
    """Return the clips of a corpus, labels renamed."""
    from stcorner.corpora import load_corpus, map_labels

    clips = load_corpus(root, modality=modality)
    mapping = parse_label_map(label_map)
    return map_labels(clips, mapping) if mapping else clips


def report_skipped(clips: ClipList) -> None:
    """Say which files a reader left out."""
    _list([f"skipped {row.path}: {row.reason}" for row in clips.skipped])


def report_failures(features: ClipFeatures) -> int:
    """List what was odd about inputs and which failed; return the exit code."""
    errors = features.errors
    plain = [row for row, copy in zip(features.details, features.augmented, strict=True) if not copy]
    _list([f"warning: {text}" for row in plain for text in row["warnings"]])
    _list([f"{error.stage}: {error.error}" for error in errors])
    if errors:
        complain(f"{len({error.path for error in errors})} input(s) failed")
    return 1 if errors else 0


def _list(lines: Sequence[str]) -> None:
    for line in lines[:_MOST]:
        complain(line)
    if len(lines) > _MOST:
        complain(f"and {len(lines) - _MOST} more")
