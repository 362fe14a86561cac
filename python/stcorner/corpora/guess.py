"""Find out which corpus a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stcorner.corpora.clip import AUDIO_SUFFIXES, VIDEO_SUFFIXES, find_media
from stcorner.corpora.cremad import load_cremad, parse_cremad_name
from stcorner.corpora.folder import load_folder
from stcorner.corpora.ravdess import load_ravdess, parse_ravdess_name
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stcorner.corpora.clip import ClipList

__all__ = ["SYNTHETIC_MANIFEST", "guess_corpus", "load_corpus"]

# `make_corpus` writes this file beside its clips, so that they are never taken for recordings.
SYNTHETIC_MANIFEST = "synthetic-corpus.json"


def load_corpus(root: str | Path, *, modality: str | None = None) -> ClipList:
    """List the clips of a folder, reading it as the corpus that it looks like.

    Parameters
    ----------
    root : path
        Folder of RAVDESS, CREMA-D or `make_corpus`, known by the names of most of its files; any other
        folder, or a CSV file, is read by `load_folder`.
    modality : {None, "audio", "video", "both"}
        As in the readers.

    Returns
    -------
    ClipList

    Raises
    ------
    DatasetError
        If `root` does not exist or holds no usable clip.

    Examples
    --------
    >>> load_corpus("no such folder")
    Traceback (most recent call last):
    stcorner.errors.DatasetError: root must be a folder or a .csv file, got 'no such folder'
    """
    place = Path(root)
    if not place.is_dir():
        return load_folder(place, modality=modality)
    corpus = guess_corpus(place)
    if corpus == "crema-d":
        return load_cremad(place, modality=modality)
    if corpus is not None:
        return load_ravdess(place, modality=modality, corpus=corpus)
    return load_folder(place, modality=modality)


def guess_corpus(root: Path) -> str | None:
    """Return "ravdess", "synthetic" or "crema-d" where most files below a folder have such names, else None.

    Raises
    ------
    DatasetError
        If there is no audio or video file.
    """
    stems = [path.stem for path in find_media(root, AUDIO_SUFFIXES | VIDEO_SUFFIXES)]
    if not stems:
        raise DatasetError(f"root must hold audio or video files, got none below {str(root)!r}")
    if _share(stems, parse_ravdess_name) > 0.5:
        return "synthetic" if (root / SYNTHETIC_MANIFEST).is_file() else "ravdess"
    return "crema-d" if _share(stems, parse_cremad_name) > 0.5 else None


def _share(stems: list[str], parse: Callable[[str], object]) -> float:
    def readable(stem: str) -> bool:
        try:
            parse(stem)
        except DatasetError:
            return False
        return True

    return sum(map(readable, stems)) / len(stems)
