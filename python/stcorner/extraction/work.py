"""What there is to do: the files below a folder, and the rows that one of them gives."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner._base.files import printable
from stcorner.errors import DatasetError
from stcorner.extraction.describe import FailedInput, Row, RowBuilder, describe_clip, fault_of_input
from stcorner.extraction.finding import find_clips
from stcorner.extraction.windows import window_rows

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from stcorner.corpora.clip import Clip
    from stcorner.extraction.plan import Plan

__all__ = ["Item", "failed_row", "make_items", "work_on"]

_SAMPLE = 4096


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
        part = (self.name, {**about, "path": None, "root": None}, self.stamp)
        return hashlib.sha256(json.dumps(part, sort_keys=True, default=str).encode()).hexdigest()


def make_items(clips_or_root: Any, *, subject: str | re.Pattern[str] | int | None = None) -> list[Item]:
    """Return the work, in a fixed order."""
    if isinstance(clips_or_root, str | os.PathLike) and not Path(clips_or_root).exists():
        raise DatasetError(f"root must be a folder, got {str(clips_or_root)!r}")
    clips = find_clips(clips_or_root, subject=subject)
    if any(clip.recording is not None for clip in clips):
        raise DatasetError("clips must be files to extract, got a Recording: use EmotionRecognizer.extract")
    return [_item(clip) for clip in clips]


def _item(clip: Clip) -> Item:
    stamps = []
    for path in dict.fromkeys((clip.path, clip.sound)):
        try:
            status = path.stat()
        except OSError as error:
            stamps.append(str(error.errno))
        else:
            stamps.append(f"{status.st_size}:{status.st_mtime_ns}:{_sample(path, status)}")
    # A name that is no valid Unicode cannot stand in a table; its bytes are written out.
    return Item(clip=clip, name=printable(clip.file), stamp=" ".join(stamps))


def _sample(path: Path, status: os.stat_result) -> str:
    """Tell files of one size and time apart by some bytes amid them, which copies of a file share."""
    if not stat.S_ISREG(status.st_mode):  # to open a pipe is to wait
        return ""
    try:
        with path.open("rb") as file:
            file.seek(max(status.st_size // 2 - _SAMPLE // 2, 0))
            return f"{zlib.crc32(file.read(_SAMPLE)):08x}"
    except OSError as error:
        return str(error.errno)


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
                "read it by windows (window=3, on the command line --window 3)"
            )
    yield from describe_clip(clip, plan, info=info)


def failed_row(clip: Clip, plan: Plan, stage: str, text: str) -> Row:
    """Return the row of a clip from which nothing came."""
    builder = RowBuilder(clip, plan)
    builder.status.update(dict.fromkeys(plan.blocks, "error"))
    builder.errors.append(FailedInput(path=clip.path, stage=stage, error=text))
    return builder.build()
