"""What there is to do: the files below a folder, and the rows that one of them gives."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.files import printable
from stcorner.errors import DatasetError, StcornerError
from stcorner.extraction.rows import FailedInput, Source, extract_rows, fault_of_input
from stcorner.extraction.windows import window_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from stcorner.extraction.rows import ExtractionPlan, Row

__all__ = ["Item", "Outcome", "Settings", "list_media", "make_items", "run_item"]

# A vector for longer than this says little, and its pictures would fill the memory: such files want windows.
MAX_CLIP_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to compute. Small and picklable: it travels to the workers."""

    plan: ExtractionPlan
    window: float | None = None
    hop: float | None = None

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers, for the manifest and for telling runs apart."""
        import stcorner

        return {
            "stcorner": stcorner.__version__,
            "plan": {name: value for name, value in sorted(vars(self.plan).items())},
            "window": self.window,
            "hop": self.hop,
        }


@dataclass(frozen=True, kw_only=True)
class Item:
    """One clip to read, with what its corpus says of it."""

    source: Source
    name: str
    about: dict[str, str | None]
    stamp: str

    @property
    def key(self) -> str:
        """Tell whether this is still the same work: name, part, and the file's size and time of change."""
        part = (self.name, self.source.clip_id, self.source.start, self.source.end, self.about, self.stamp)
        return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Rows of one item: plain values, and one array per block with NaN where it is missing."""

    details: list[dict[str, Any]] = field(default_factory=list)
    blocks: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    failures: list[tuple[str, str, str]] = field(default_factory=list)


def list_media(root: str | os.PathLike[str]) -> list[Path]:
    """Return all audio and video files below a folder, in the order of their paths.

    Links are followed, each folder once; hidden files and folders are left out. Files that cannot be
    read are listed too: reading them will say why.

    Parameters
    ----------
    root : path
        The folder.

    Raises
    ------
    DatasetError
        If `root` is no folder.
    """
    from stcorner.corpora.clip import AUDIO_SUFFIXES, VIDEO_SUFFIXES, find_files

    wanted = AUDIO_SUFFIXES | VIDEO_SUFFIXES
    return [path for path in find_files(root) if path.suffix.lower() in wanted]


def make_items(clips_or_root: Any) -> tuple[list[Item], str]:
    """Return the work, in a fixed order, and the folder that the names count from."""
    if isinstance(clips_or_root, str | os.PathLike) and not Path(clips_or_root).is_file():
        root = Path(clips_or_root)
        paths = list_media(root)
        labelled = _labelled(root, paths)
        given: Sequence[Any] = [labelled.get(path, path) for path in paths]
        if not given:
            raise DatasetError(f"root must hold audio or video files, got none below {str(root)!r}")
    else:
        single = isinstance(clips_or_root, str | os.PathLike)
        given, root = [Path(clips_or_root)] if single else list(clips_or_root), Path()
        if not given:
            raise DatasetError("clips must not be empty")
    return [_item(one, root) for one in given], str(root)


def _labelled(root: Path, paths: Sequence[Path]) -> dict[Path, Any]:
    """Return the clips of a named corpus by their paths; other trees have no labels to trust.

    A reader gives each take once. Here every file has a row, and the label that its name says: songs, too,
    and the sound beside the picture of the same take.
    """
    from stcorner.corpora.clip import Clip
    from stcorner.corpora.loading import guess_reader

    clips: dict[Path, Any] = {}
    with contextlib.suppress(StcornerError, OSError):
        reader = guess_reader(root)
        if reader is None:
            return {}
        for path in paths:
            with contextlib.suppress(DatasetError):  # a name of another kind
                fields = {"clip_id": path.stem, "modality": "both", **reader.parse(path)}
                if fields["clip_id"] not in reader.broken:
                    clips[path] = Clip(path=path, corpus=reader.name, **fields)
        # A picture whose sound is another file is known to the reader alone.
        clips.update((clip.path, clip) for clip in reader.read(root))
    return clips


def _item(given: Any, root: Path) -> Item:
    source = Source.of(given)
    name = os.path.relpath(source.path, root) if root != Path() else str(source.path)
    about = {key: getattr(given, key, None) for key in ("corpus", "label", "subject", "take")}
    stamps = []
    for path in dict.fromkeys((source.path, source.audio_path)):
        try:
            status = path.stat()
        except OSError as error:
            stamps.append(str(error.errno))
        else:
            stamps.append(f"{status.st_size}:{status.st_mtime_ns}")
    # A name that is no valid Unicode cannot stand in a table; its bytes are written out.
    return Item(source=source, name=printable(name), about=about, stamp=" ".join(stamps))


def run_item(item: Item, settings: Settings) -> Outcome:
    """Compute the rows of one item; what is wrong with it is in the outcome.

    Raises
    ------
    InternalError
        If what goes wrong is no fault of the file.
    """
    plan = settings.plan
    try:
        rows = list(_rows(item.source, settings))
    except Exception as error:  # one bad file must not stop the others
        text = fault_of_input(error, item.source.path)
        return Outcome(failures=[(item.name, "media", printable(text))])
    kept = [row for row in rows if row.blocks]
    # A missing stream or face beside something else is a state, and stands in the row.
    failures = [failed for row in rows if not kept or "error" in row.status.values() for failed in row.errors]
    blocks = {}
    for modality in plan.modalities:
        vectors = [row.blocks.get(modality) for row in kept]
        width = next((len(vector) for vector in vectors if vector is not None), 0)
        missing = np.full(width, np.nan, np.float32)
        if width:
            blocks[modality] = np.stack([missing if vector is None else vector for vector in vectors])
    return Outcome(
        details=[_details(item, row, plan) for row in kept],
        blocks=blocks,
        failures=_one_per_file(item, failures, [] if kept else rows),
    )


def _rows(source: Source, settings: Settings) -> Iterator[Row]:
    from stcorner.media import probe

    if settings.window is not None:
        hop = settings.window if settings.hop is None else settings.hop
        yield from window_rows(source, settings.plan, window=settings.window, hop=hop)
        return
    info = None if source.end is not None else probe(source.path)
    end = source.end if info is None else info.duration
    length = None if end is None else end - (source.start or 0.0)
    if length is not None and length > MAX_CLIP_SECONDS:
        raise DatasetError(
            f"{source.path} is {length:.0f} s long, more than the {MAX_CLIP_SECONDS:.0f} s of one row: "
            "read it by windows"
        )
    yield from extract_rows(source, settings.plan, info=info)


def _one_per_file(
    item: Item, failures: Sequence[FailedInput], lost: Sequence[Row]
) -> list[tuple[str, str, str]]:
    """Return what failed as one entry, with the warnings of rows that are not in the table to hold them."""
    if not failures:
        return []
    remarks = [text for row in lost for text in row.details["warnings"]]
    text = "; ".join(dict.fromkeys([*(failed.error for failed in failures), *remarks]))
    return [(item.name, failures[0].stage, printable(text))]


def _details(item: Item, row: Row, plan: ExtractionPlan) -> dict[str, Any]:
    found = row.details
    return {
        "file": item.name,
        "clip_id": printable(item.source.clip_id),
        **item.about,
        **{name: found[name] for name in ("start", "end", "face_id", "n_frames", "n_voiced", "fps", "sr")},
        **{f"{modality}_status": row.status[modality] for modality in plan.modalities},
        "warnings": printable("; ".join(found["warnings"])) or None,
    }
