"""Which clips there are below folders, and what they are called: the same in every table."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner.corpora.clip import AUDIO_SUFFIXES, VIDEO_SUFFIXES, Clip, find_files
from stcorner.errors import DatasetError, StcornerError
from stcorner.media.recording import Recording

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    from stcorner.corpora.clip import SkippedFile

__all__ = ["IDENTITY", "find_clips", "identity", "inside", "list_media"]

# The columns that every table begins with: they say what a row is of, and tables join on them.
IDENTITY = ("file", "clip_id", "subject", "root")


def identity(clip: Clip) -> dict[str, str | None]:
    """Return the values of `IDENTITY`."""
    root = None if clip.root is None else str(clip.root)
    values = (clip.file, clip.clip_id, clip.subject or None, root)
    return dict(zip(IDENTITY, values, strict=True))


def inside(clip_id: str) -> str:
    """Return the name of a clip as a path that does not lead out of a folder.

    Examples
    --------
    >>> inside("../p01/talk"), inside("/clips/talk")
    ('p01/talk', 'clips/talk')
    """
    return "/".join(part for part in clip_id.split("/") if part not in ("", ".", ".."))


def list_media(root: str | os.PathLike[str]) -> list[Path]:
    """Return all audio and video files below a folder, in the order of their paths.

    Links are followed, each folder once; hidden files and folders are left out. Files that cannot be read
    and folders that cannot be listed are listed too: reading them will say why.

    Parameters
    ----------
    root : path
        The folder.

    Returns
    -------
    list of Path
        Files, sorted.

    Raises
    ------
    DatasetError
        If `root` is no folder.

    See Also
    --------
    load_folder : Lists clips with labels.
    """
    wanted = AUDIO_SUFFIXES | VIDEO_SUFFIXES
    unlisted: list[SkippedFile] = []
    found = [path for path in find_files(root, unlisted=unlisted) if path.suffix.lower() in wanted]
    return sorted([*found, *(row.path for row in unlisted)])


def find_clips(
    given: Any,
    *,
    root: str | os.PathLike[str] | None = None,
    subject: str | re.Pattern[str] | int | None = None,
) -> list[Clip]:
    """Return the clips of files and folders, with names that are the same in every table.

    Parameters
    ----------
    given : path, Clip, Recording, or sequence of them
        A folder stands for all media files below it; those of a published corpus bring their labels.
    root : path, optional
        Folder that names count from. Default: the folder, where one is given, else the deepest one that holds
        all files. A clip that has a root keeps it.
    subject : str, pattern or int, optional
        Who is seen, as in `load_folder`: the number of a folder below the root, or a pattern. Then nothing
        else is read from the files' names.

    Returns
    -------
    list of Clip
        Each with ``root`` and a ``clip_id`` that no other has: its path below the root without suffix, or the
        corpus's own.

    Raises
    ------
    DatasetError
        If a folder holds no media, or `subject` does not fit a path.
    """
    items = [given] if isinstance(given, str | os.PathLike | Clip | Recording) else list(given)
    if not items:
        raise DatasetError("clips must hold at least one clip, got none")
    folder = _common(items) if root is None else Path(root)
    clips: list[Clip] = []
    for item in items:
        if isinstance(item, str | os.PathLike) and Path(item).is_dir():
            clips += _below(Path(item), guess=subject is None)
        else:
            clips.append(Clip.of(item))
    rooted = [clip.root is not None or clip.recording is not None for clip in clips]
    clips = [clip if has else replace(clip, root=folder) for clip, has in zip(clips, rooted, strict=True)]
    if subject is not None:
        from stcorner.corpora.folder import speaker_of

        find = speaker_of(subject)
        clips = [replace(clip, subject=find(Path(clip.file))) for clip in clips]
    return _named(clips)


def _common(items: Sequence[Any]) -> Path | None:
    """Return the deepest folder that holds all; None where there is none, as of two drives."""
    named = [item.path if isinstance(item, Clip) and item.recording is None else item for item in items]
    places = [Path(item) for item in named if isinstance(item, str | os.PathLike)]
    folders = [place if place.is_dir() else place.parent for place in places]
    try:
        return Path(os.path.commonpath(folders) or ".")
    except ValueError:
        return None


def _below(root: Path, *, guess: bool) -> list[Clip]:
    paths = list_media(root)
    if not paths:
        raise DatasetError(
            f"root must hold audio or video files, got none below {str(root)!r}: check the path"
        )
    labelled = _labelled(root, paths) if guess else {}
    # In the order of the corpus's reader, so that learning from the table is learning from the clips.
    return [*labelled.values(), *(Clip.of(path) for path in paths if path not in labelled)]


def _labelled(root: Path, paths: Sequence[Path]) -> dict[Path, Clip]:
    """Return the clips of a named corpus by their paths; other trees have no labels to trust.

    A reader gives each take once. Here every file has a row, and the label that its name says: songs, too,
    and the sound beside the picture of the same take.
    """
    from stcorner.corpora.loading import guess_reader

    clips: dict[Path, Clip] = {}
    with contextlib.suppress(StcornerError, OSError):
        reader = guess_reader(root)
        if reader is None:
            return {}
        for path in paths:
            with contextlib.suppress(DatasetError):  # a name of another kind
                known = {"clip_id": path.stem, "modality": "both", **reader.parse(path)}
                if known["clip_id"] not in reader.broken:
                    clips[path] = Clip(path=path, corpus=reader.name, **known)
        # A picture whose sound is another file is known to the reader alone.
        read = {clip.path: clip for clip in reader.read(root)}
        return {**read, **{path: clip for path, clip in clips.items() if path not in read}}
    return clips


def _named(clips: Sequence[Clip]) -> list[Clip]:
    """Give clips of no corpus the name of their path, and clips of one name a longer one."""
    plain = [clip.corpus == "files" for clip in clips]
    ids = [_stem(clip) if free else clip.clip_id for clip, free in zip(clips, plain, strict=True)]
    longer: tuple[Callable[[Clip], str], ...] = (_stem, lambda clip: Path(clip.file).as_posix())
    for name in longer:
        count = Counter(ids)
        ids = [one if count[one] == 1 else name(clip) for one, clip in zip(ids, clips, strict=True)]
    return [
        clip if one == clip.clip_id else replace(clip, clip_id=one, take=one if free else clip.take)
        for clip, one, free in zip(clips, ids, plain, strict=True)
    ]


def _stem(clip: Clip) -> str:
    return Path(clip.file).with_suffix("").as_posix()
