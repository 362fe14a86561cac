"""What the readers of published corpora have in common."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from stcorner._base.validation import check_choice
from stcorner.corpora.clip import (
    AUDIO_SUFFIXES,
    VIDEO_SUFFIXES,
    Clip,
    ClipList,
    SkippedFile,
    find_media,
    modality_hint,
)
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "CorpusReader",
    "choose_file",
    "named_files",
]

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class CorpusReader:
    """How one published corpus is recognised, read, split and cited.

    A module in `stcorner.corpora.readers`, or a package of your own with an entry point in the group
    ``stcorner.corpora``, offers one as `READER`.

    Parameters
    ----------
    name : str
        Name that the clips carry: lower-case letters, digits, hyphens.
    title : str
        Name to print.
    parse : callable
        Takes the path of a file and returns the fields of `Clip` that it determines: at least ``label``,
        ``subject`` and ``take``. Raises `DatasetError` for a name that is not of this corpus.
    example : str
        A file name of the corpus, for messages.
    terms : str
        Who made it and under which terms it may be used, in one or two sentences.
    protocol : str
        The protocol of ``"auto"``: actor-disjoint.
    load : callable, optional
        ``load(root, *, modality=None, **options)`` for a corpus whose files do not tell everything; by
        default each file name that `parse` knows is a clip.
    broken : mapping of str to str
        Ids of clips that are damaged as published, and how; they are left out.
    marker : str, optional
        A file beside the clips that settles which corpus they are, whatever their names.

    Examples
    --------
    >>> from pathlib import Path
    >>> from stcorner.corpora import corpus_readers
    >>> corpus_readers()["emo-db"].parse(Path("03a01Fa.wav"))["label"]
    'happy'
    """

    name: str
    title: str
    parse: Callable[[Path], dict[str, Any]]
    example: str
    terms: str
    protocol: str = "actor-loo"
    load: Callable[..., ClipList] | None = None
    broken: Mapping[str, str] = field(default_factory=dict)
    marker: str | None = None

    def __post_init__(self) -> None:
        """Refuse a name that a protocol file or a table could not hold."""
        if not _NAME.fullmatch(self.name):
            raise ParameterError(f"name must be lower-case letters, digits and hyphens, got {self.name!r}")

    def __repr__(self) -> str:
        """Return the name alone: the rest is functions."""
        return f"CorpusReader({self.name!r})"

    def knows(self, path: Path) -> bool:
        """Whether the path has a name of this corpus.

        Parameters
        ----------
        path : Path
            A file.

        Returns
        -------
        bool
            True if the file's name is one of this corpus.
        """
        try:
            self.parse(path)
        except DatasetError:
            return False
        return True

    def read(self, root: str | Path, *, modality: str | None = None, **options: Any) -> ClipList:
        """List the clips below a folder, with the reader's own options.

        Parameters
        ----------
        root : path
            Folder of the corpus.
        modality : {None, "audio", "video", "both"}
            Keep the clips with these streams. None keeps all.
        **options
            Options of this reader.

        Returns
        -------
        ClipList
            The clips; `skipped` lists the files that were left out.
        """
        load = self.load or partial(_load_named, self)
        known = [name for name in inspect.signature(load).parameters if name not in ("root", "modality")]
        if unknown := sorted(options.keys() - set(known)):
            allowed = " or ".join(known) or "none"
            raise ParameterError(f"options of {self.title} must be {allowed}, got {', '.join(unknown)}")
        return load(root, modality=modality, **options)


def named_files(
    reader: CorpusReader, root: str | Path
) -> tuple[dict[str, list[Path]], dict[str, dict[str, Any]], list[SkippedFile]]:
    """Sort the media files below a folder by clip.

    Returns
    -------
    files : dict of str to list of Path
        Clip id to its files, sorted by path.
    fields : dict of str to dict
        Clip id to the fields of `Clip` that the first file's name determines.
    skipped : list of SkippedFile
        Files of other names.
    """
    files: dict[str, list[Path]] = {}
    fields: dict[str, dict[str, Any]] = {}
    skipped: list[SkippedFile] = []
    for path in find_media(root, AUDIO_SUFFIXES | VIDEO_SUFFIXES, skipped=skipped):
        try:
            found = {"clip_id": path.stem, **reader.parse(path)}
        except DatasetError as error:
            skipped.append(SkippedFile(path=path, clip_id=path.stem, reason=str(error)))
            continue
        files.setdefault(found["clip_id"], []).append(path)
        fields.setdefault(found["clip_id"], found)
    return files, fields, skipped


def choose_file(paths: Sequence[Path], modality: str | None) -> tuple[Path, str] | None:
    """Return the file of a clip that serves a modality best, and what of it is used; None where none does."""
    video = [path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES]
    sound = [path for path in paths if path.suffix.lower() in AUDIO_SUFFIXES]
    sound.sort(key=lambda path: path.suffix.lower() not in (".wav", ".flac"))
    if modality == "audio" or (modality is None and not video):
        usable = sound or video
        return (usable[0], "audio") if usable else None
    return (video[0], modality or "both") if video else None


def _load_named(reader: CorpusReader, root: str | Path, *, modality: str | None) -> ClipList:
    check_choice("modality", modality, (None, "audio", "video", "both"))
    files, fields, skipped = named_files(reader, root)
    clips = []
    for clip_id, paths in sorted(files.items()):
        chosen = choose_file(paths, modality)
        if chosen is None:
            continue
        path, kind = chosen
        if clip_id in reader.broken:
            skipped.append(SkippedFile(path=path, clip_id=clip_id, reason=reader.broken[clip_id]))
            continue
        skipped += [
            SkippedFile(path=other, clip_id=clip_id, reason=f"second copy of {path}")
            for other in paths
            if other != path and other.suffix.lower() == path.suffix.lower()
        ]
        clips.append(Clip(path=path, modality=kind, corpus=reader.name, **fields[clip_id]))
    if not clips:
        raise DatasetError(
            f"root must hold {reader.title} files ({reader.example}) with modality={modality!r}, got none "
            f"below {str(root)!r}{modality_hint(path for paths in files.values() for path in paths)}"
        )
    return ClipList(clips, skipped=skipped)
