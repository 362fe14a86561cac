"""Find the reader of a corpus, and read a folder as the corpus that it holds."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner._base.validation import check_choice
from stcorner.corpora import readers
from stcorner.corpora.annotations import load_annotations
from stcorner.corpora.clip import AUDIO_SUFFIXES, VIDEO_SUFFIXES, ClipList, find_media
from stcorner.corpora.folder import load_folder
from stcorner.corpora.reader import CorpusReader
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    import re

__all__ = ["corpus_readers", "guess_reader", "load_corpus"]

_GROUP = "stcorner.corpora"


@cache
def corpus_readers() -> dict[str, CorpusReader]:
    """Return the readers by name: those of the package, then those of other installed packages.

    Raises
    ------
    DatasetError
        If an installed reader cannot be imported, is no `CorpusReader`, or has a name that is taken.

    Examples
    --------
    >>> [name for name in corpus_readers() if name in ("crema-d", "emo-db", "ravdess", "savee", "tess")]
    ['crema-d', 'emo-db', 'ravdess', 'savee', 'tess']
    """
    found: dict[str, CorpusReader] = {}
    for module in sorted(pkgutil.iter_modules(readers.__path__), key=lambda module: module.name):
        reader = importlib.import_module(f"{readers.__name__}.{module.name}").READER
        found[reader.name] = reader
    for entry in entry_points(group=_GROUP):
        source = f"reader {entry.name!r} of the package {entry.dist.name if entry.dist else entry.value}"
        try:
            loaded = entry.load()
        except Exception as error:
            raise DatasetError(
                f"{source} must be importable, and is not ({error!r}): update or remove that package"
            ) from error
        if not isinstance(loaded, CorpusReader):
            raise DatasetError(f"{source} must be a CorpusReader, got {type(loaded).__name__}")
        if found.setdefault(loaded.name, loaded) is not loaded:
            raise DatasetError(f"{source} has the name {loaded.name!r}, which is taken: choose another")
    return found


def guess_reader(root: Path) -> CorpusReader | None:
    """Return the reader that knows most files below a folder, None where none knows more than half.

    Raises
    ------
    DatasetError
        If there is no audio or video file.
    """
    paths = find_media(root, AUDIO_SUFFIXES | VIDEO_SUFFIXES)
    if not paths:
        raise DatasetError(
            f"root must hold audio or video files, got none below {str(root)!r}: check the path"
        )
    best, most = None, len(paths) // 2
    for reader in corpus_readers().values():
        if reader.marker is not None:
            if (root / reader.marker).is_file():
                return reader
            continue
        known = sum(map(reader.knows, paths))
        if known > most:
            best, most = reader, known
    return best


def load_corpus(
    root: str | Path,
    *,
    corpus: str | None = None,
    modality: str | None = None,
    subject: str | re.Pattern[str] | int | None = None,
    media_root: str | Path | None = None,
    annotations: str | Path | None = None,
    tier: str | None = None,
    **options: Any,
) -> ClipList:
    r"""List the clips of a folder, reading it as the corpus that it looks like.

    Parameters
    ----------
    root : path
        Folder of one of `corpus_readers`, known by the names of most of its files; any other folder, or a
        CSV file, is read by `load_folder`.
    corpus : str, optional
        A name of `corpus_readers`: read the folder as that corpus, whatever it looks like.
    modality : {None, "audio", "video", "both"}
        As in the readers.
    subject : str, pattern or int, optional
        Regular expression searched in the path below `root` (with `/`); its first group is the speaker,
        as `r"spk(\d+)"`. Or the folder that is the speaker's: 1 is the first below `root`, -1 the one that
        holds the file. Without it the folder between emotion and file is the speaker
        (`happy/anna/03.wav`); where there is none the speaker is unknown (empty), and actor folds are
        refused.
    media_root : path, optional
        Folder that the files of a table lie in; default: the table's own. A row that leads out of it is
        refused: a table from elsewhere must not read what it was not given.
        A published corpus knows its speakers and takes neither.
    annotations : path, optional
        Folder of annotations as in `load_annotations`: labelled spans of the files are the clips.
    tier : str, optional
        As in `load_annotations`.
    **options
        For the reader: ``channel`` of RAVDESS, ``label`` and ``ties`` of CREMA-D.

    Returns
    -------
    ClipList
        The clips; `skipped` lists the files that were left out.

    Raises
    ------
    DatasetError
        If `root` does not exist or holds no usable clip.
    ValueError
        If an option is not of the reader that is chosen.

    See Also
    --------
    load_ravdess : Read RAVDESS, with its own options.
    load_cremad : Read CREMA-D, with its own options.
    load_folder : Read folders or a table of your own.
    actor_folds : Split the clips by person.

    Examples
    --------
    >>> load_corpus("no such folder")
    Traceback (most recent call last):
    stcorner.errors.DatasetError: root must be a folder or a .csv file, got 'no such folder'
    """
    place = Path(root)
    if annotations is not None:
        if corpus is not None or media_root is not None or options:
            raise ParameterError(
                "annotations must come without corpus, media_root and options of readers: leave these out, "
                "the annotations name the clips"
            )
        return load_annotations(place, annotations=annotations, tier=tier, subject=subject, modality=modality)
    if tier is not None:
        raise ParameterError(
            f"tier must come with annotations, got {tier!r} alone: give annotations too (on the command "
            "line --annotations)"
        )
    if corpus is not None:
        known = corpus_readers()
        reader: CorpusReader | None = known[check_choice("corpus", corpus, tuple(known))]
    else:
        # A subject's pattern says that the names tell nothing: then nothing is guessed from them.
        reader = guess_reader(place) if place.is_dir() and subject is None else None
    if reader is None:
        if options:
            raise ParameterError(
                f"{', '.join(sorted(options))} must be left out, as {str(root)!r} is a folder of your own "
                "and no published corpus"
            )
        return _rooted(load_folder(place, modality=modality, subject=subject, media_root=media_root), place)
    if subject is not None or media_root is not None:
        raise ParameterError(
            f"subject and media_root must be None for {reader.title}, whose file names tell both: leave "
            "them out"
        )
    return _rooted(reader.read(place, modality=modality, **options), place)


def _rooted(clips: ClipList, place: Path) -> ClipList:
    """Let names in tables count from the folder that was read."""
    root = place if place.is_dir() else place.parent
    return ClipList([replace(clip, root=root) for clip in clips], skipped=clips.skipped)
