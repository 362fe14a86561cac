"""What commands on corpora do alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stcorner.cli._output import complain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stcorner.cli._options import CorpusOptions, RecognizerOptions
    from stcorner.corpora import ClipList, Fold
    from stcorner.extraction import ClipFeatures
    from stcorner.recognizer import EmotionRecognizer

__all__ = [
    "features_of", "held_out_plane", "parse_label_map", "read_clips", "read_corpus", "report_failures",
    "report_skipped",
]  # fmt: skip

_PARTICIPANT = re.compile(
    r"(p|s|vp|id|pid|sub|subj|subject|subjekt|participant|proband|person|patient|actor|speaker|spk|user)_?\d+"
)
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


def read_corpus(
    root: Path, *, modality: str, source: CorpusOptions, label_map: Sequence[str] | None = None
) -> ClipList:
    """Return the clips of a corpus, labels renamed."""
    from stcorner.corpora import map_labels

    clips = source.load(root, modality=modality)
    mapping = parse_label_map(label_map)
    return map_labels(clips, mapping) if mapping else clips


def read_clips(
    corpus: Path | None,
    table: Path | None,
    options: RecognizerOptions,
    source: CorpusOptions,
    *,
    any_labels: bool,
) -> ClipList | ClipFeatures:
    """Return the clips of a corpus, or the features of a table; labels renamed.

    Raises
    ------
    ParameterError
        If neither or both are given, or the labels look like participants.
    """
    from stcorner.errors import ParameterError
    from stcorner.extraction import ClipFeatures
    from stcorner.recognizer.training import relabelled

    if corpus is not None and table is None:
        clips = read_corpus(corpus, modality=options.modality, source=source, label_map=options.label_map)
        report_skipped(clips)
        if not any_labels:
            _refuse_participants({clip.label for clip in clips})
        return clips
    if corpus is not None or table is None:
        raise ParameterError("CORPUS or --features must be given, one of the two")
    mapping = parse_label_map(options.label_map)
    features = ClipFeatures.from_parquet(table)
    features = relabelled(features, mapping) if mapping else features
    if not any_labels:
        _refuse_participants(set(features.labels.tolist()))
    return features


def _refuse_participants(labels: set[str]) -> None:
    """Refuse labels that look like participants: a model would learn who speaks, not an emotion."""
    from stcorner.errors import ParameterError

    if labels and all(_PARTICIPANT.fullmatch(label) for label in labels):
        first = ", ".join(sorted(labels)[:3])
        raise ParameterError(
            f"labels must be emotions, got {len(labels)} that look like participants ({first}): give a CSV "
            "file with the columns file, label and subject, or folders named by emotion; --any-labels learns "
            "them as they are"
        )


def features_of(clips: ClipList | ClipFeatures, model: EmotionRecognizer, jobs: int) -> ClipFeatures:
    """Return the features of clips, with the tables that the model was given beside those that are there."""
    from stcorner.cli._output import progress
    from stcorner.extraction import ClipFeatures
    from stcorner.extraction.blocks import add_blocks

    if isinstance(clips, ClipFeatures):
        _, others = model.resolved_blocks()
        return add_blocks(clips, [*clips.blocks, *others], others)
    with progress(f"reading {len(clips)} clips") as report:
        return model.extract(clips, n_jobs=jobs, progress=report)


def held_out_plane(features: ClipFeatures, fold: Fold, *, fusion: str = "mfa") -> dict[str, Any] | None:
    """Return clips in two fused directions that were learned from the training side of a fold.

    Returns
    -------
    dict or None
        ``points`` (n, 2), ``labels``, ``held_out`` and the name of the ``fold``; None where a side of the
        fold has no features.
    """
    import numpy as np

    from stcorner.fusion import ModalityFusion

    features = features.originals()
    there = features.present()
    train, test = (np.isin(np.arange(len(there)), side) & there for side in (fold.train, fold.test))
    if not (train.any() and test.any()):
        return None
    labels, people = features.labels, np.array([clip.subject for clip in features.clips])
    blocks = list(features.blocks.values())
    space = ModalityFusion(fusion, n_components=2)
    space.fit([block[train] for block in blocks], labels[train], groups=people[train])
    shown = train | test
    return {
        "fold": fold.name,
        "points": space.transform([block[shown] for block in blocks]),
        "labels": labels[shown].tolist(),
        "held_out": test[shown],
    }


def report_skipped(clips: ClipList) -> None:
    """Say which files a reader left out."""
    _list([f"skipped {row.path}: {row.reason}" for row in clips.skipped])


def report_failures(features: ClipFeatures) -> int:
    """List what was odd about inputs and which failed; return the exit code."""
    errors = features.errors
    _list([f"warning: {text}" for row in features.originals().details for text in row["warnings"]])
    _list([f"{error.stage}: {error.error}" for error in errors])
    if errors:
        complain(f"{len({error.path for error in errors})} input(s) failed")
    return 1 if errors else 0


def _list(lines: Sequence[str]) -> None:
    for line in lines[:_MOST]:
        complain(line)
    if len(lines) > _MOST:
        complain(f"and {len(lines) - _MOST} more")
