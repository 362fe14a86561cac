"""What there is to do: the files below a folder, and the rows that one of them gives."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner._base.files import printable
from stcorner.corpora.clip import Clip
from stcorner.errors import DatasetError, StcornerError
from stcorner.extraction.describe import FailedInput, Row, RowBuilder, describe_clip, fault_of_input
from stcorner.extraction.windows import window_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stcorner.corpora.clip import SkippedFile
    from stcorner.extraction.plan import Plan

__all__ = ["Item", "failed_row", "list_media", "make_items", "work_on"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One clip to read: its name in tables, and what tells whether its file is still the same."""

    clip: Clip
    name: str
    stamp: str

    @property
    def key(self) -> str:
        """Tell whether this is still the same work: what is known of the clip, and the file's identity."""
        about = {field.name: getattr(self.clip, field.name) for field in fields(self.clip)}
        part = (self.name, {**about, "path": None}, self.stamp)
        return hashlib.sha256(json.dumps(part, sort_keys=True, default=str).encode()).hexdigest()


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
    """
    from stcorner.corpora.clip import AUDIO_SUFFIXES, VIDEO_SUFFIXES, find_files

    wanted = AUDIO_SUFFIXES | VIDEO_SUFFIXES
    unlisted: list[SkippedFile] = []
    found = [path for path in find_files(root, unlisted=unlisted) if path.suffix.lower() in wanted]
    return sorted([*found, *(row.path for row in unlisted)])


def make_items(clips_or_root: Any) -> tuple[list[Item], Path | None]:
    """Return the work, in a fixed order, and the folder that the names count from."""
    root = None
    if isinstance(clips_or_root, str | os.PathLike) and not Path(clips_or_root).is_file():
        root = Path(clips_or_root)
        paths = list_media(root)
        labelled = _labelled(root, paths)
        # In the order of the corpus's reader, so that learning from the table is learning from the clips.
        given: Sequence[Any] = [*labelled.values(), *(path for path in paths if path not in labelled)]
        if not given:
            raise DatasetError(f"root must hold audio or video files, got none below {str(root)!r}")
    else:
        single = isinstance(clips_or_root, str | os.PathLike)
        given = [Path(clips_or_root)] if single else list(clips_or_root)
        if not given:
            raise DatasetError("clips must not be empty")
    clips = [Clip.of(one) for one in given]
    if any(clip.recording is not None for clip in clips):
        raise DatasetError("clips must be files to extract, got a Recording: use EmotionRecognizer.extract")
    return [_item(clip, root) for clip in clips], root


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


def _item(clip: Clip, root: Path | None) -> Item:
    name = str(clip.path) if root is None else os.path.relpath(clip.path, root)
    stamps = []
    for path in dict.fromkeys((clip.path, clip.sound)):
        try:
            status = path.stat()
        except OSError as error:
            stamps.append(str(error.errno))
        else:
            stamps.append(f"{status.st_size}:{status.st_mtime_ns}")
    # A name that is no valid Unicode cannot stand in a table; its bytes are written out.
    return Item(clip=clip, name=printable(name), stamp=" ".join(stamps))


def work_on(clip: Clip, plan: Plan) -> list[Row]:
    """Compute the rows of one clip; what is wrong with it is in them.

    Raises
    ------
    InternalError
        If what goes wrong is no fault of the file.
    """
    try:
        return list(_rows(clip, plan))
    except Exception as error:  # one bad file must not stop the others
        return [failed_row(clip, plan, "media", fault_of_input(error, clip.path))]


def _rows(clip: Clip, plan: Plan) -> Iterator[Row]:
    if plan.window is not None and plan.hop is not None:
        yield from window_rows(clip, plan)
        return
    info = None
    if plan.max_seconds is not None:
        from stcorner.media import probe

        info = None if clip.end is not None else probe(clip.source("video"))
        end = clip.end if info is None else info.duration
        length = None if end is None else end - (clip.start or 0.0)
        if length is not None and length > plan.max_seconds:
            raise DatasetError(
                f"{clip.path} is {length:.0f} s long, more than the {plan.max_seconds:.0f} s of one row: "
                "read it by windows"
            )
    yield from describe_clip(clip, plan, info=info)


def failed_row(clip: Clip, plan: Plan, stage: str, text: str) -> Row:
    """Return the row of a clip from which nothing came."""
    builder = RowBuilder(clip, plan)
    builder.status.update(dict.fromkeys(plan.blocks, "error"))
    builder.errors.append(FailedInput(path=clip.path, stage=stage, error=text))
    return builder.build()
