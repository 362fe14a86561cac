"""Recordings with annotations beside them: each labelled span of a tier is a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stcorner._base.tiers import ANNOTATION_ENDINGS, Span, read_tiers
from stcorner._base.validation import check_choice
from stcorner.corpora.clip import (
    AUDIO_SUFFIXES,
    VIDEO_SUFFIXES,
    Clip,
    ClipList,
    SkippedFile,
    canonical_label,
    find_media,
)
from stcorner.corpora.folder import speaker_of
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    import os
    import re

__all__ = ["load_annotations"]


def load_annotations(
    root: str | os.PathLike[str],
    *,
    annotations: str | os.PathLike[str] | None = None,
    tier: str | None = None,
    subject: str | re.Pattern[str] | int | None = None,
    modality: str | None = None,
) -> ClipList:
    """List the labelled spans of recordings that Praat, ELAN or a table annotates.

    Parameters
    ----------
    root : path
        Folder of recordings.
    annotations : path, optional
        Folder of annotations, each at the place and with the name of its recording, and ending in
        ``.TextGrid``, ``.eaf`` or ``.csv`` (columns start, end, label and, where there are several, tier).
        Default: `root`.
    tier : str, optional
        Name of the tier whose labels are emotions. Default: the only one with labels.
    subject : str, pattern or int, optional
        Who is seen, as in `load_folder`.
    modality : {None, "audio", "video", "both"}
        As in `load_folder`.

    Returns
    -------
    ClipList
        One clip for each span; ``clip_id`` is the recording's, followed by ``@BEGIN-END`` in seconds.
        Recordings without annotation, and labels that are no emotion, stand in ``skipped``.

    Raises
    ------
    DatasetError
        If a file of annotations cannot be read or has no such tier, or there is no span at all.

    See Also
    --------
    load_corpus : Clips with the labels of their corpus.
    """
    check_choice("modality", modality, (None, "audio", "video", "both"))
    top = Path(root)
    beside = top if annotations is None else Path(annotations)
    find = None if subject is None else speaker_of(subject)
    clips = ClipList()
    for path in find_media(top, AUDIO_SUFFIXES | VIDEO_SUFFIXES, skipped=clips.skipped):
        inner = path.relative_to(top)
        name = inner.with_suffix("").as_posix()
        kind = "both" if path.suffix.lower() in VIDEO_SUFFIXES else "audio"
        file = _annotation_of(beside / inner)
        if file is None or (kind == "audio" and modality in ("video", "both")):
            reason = "has no annotation" if file is None else f"has no picture, for modality {modality!r}"
            clips.skipped.append(SkippedFile(path=path, clip_id=name, reason=reason))
            continue
        for span in _chosen(file, tier):
            clip_id = f"{name}@{span.start:g}-{span.end:g}"
            try:
                label = canonical_label(span.label)
            except ParameterError as error:
                clips.skipped.append(SkippedFile(path=path, clip_id=clip_id, reason=str(error)))
                continue
            clips.append(
                Clip(
                    path=path, clip_id=clip_id, label=label, subject="" if find is None else find(inner),
                    take=clip_id, modality=modality or kind, corpus=top.resolve().name or "folder",
                    start=span.start, end=span.end, root=top,
                )
            )  # fmt: skip
    if not clips:
        raise DatasetError(
            f"annotations must lie beside the recordings of {str(top)!r} or, with their names, in a folder "
            f"of their own, and end in {', '.join(ANNOTATION_ENDINGS)}: found none with a label in "
            f"{str(beside)!r}"
        )
    return clips


def _annotation_of(recording: Path) -> Path | None:
    """Return the file of annotations with the name of a recording."""
    for ending in (*ANNOTATION_ENDINGS, ".textgrid"):
        if (file := recording.with_suffix(ending)).is_file():
            return file
    return None


def _chosen(file: Path, tier: str | None) -> list[Span]:
    tiers = read_tiers(file)
    if tier is not None:
        if tier not in tiers:
            raise DatasetError(
                f"{file} must have the tier {tier!r}, got {', '.join(tiers) or 'none'}: name one of these "
                "with tier (on the command line --tier)"
            )
        return tiers[tier]
    labelled = [name for name, spans in tiers.items() if spans]
    if len(labelled) > 1:
        raise DatasetError(
            f"tier must name the one with the emotions (on the command line --tier), {file} has "
            f"{', '.join(labelled)}"
        )
    return tiers[labelled[0]] if labelled else []
