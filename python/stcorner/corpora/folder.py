"""Corpora of one's own: one sub-folder per emotion, or a table that names the files."""

from __future__ import annotations

import contextlib
import csv
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stcorner._base.text import delimiter_of, from_cell
from stcorner._base.validation import check_choice
from stcorner.corpora.clip import (
    AUDIO_SUFFIXES,
    LABELS,
    VIDEO_SUFFIXES,
    Clip,
    ClipList,
    SkippedFile,
    canonical_label,
    find_media,
    modality_hint,
)
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["load_folder", "speaker_of"]

_COLUMNS = {
    "path": ("file", "path", "filename"),
    "label": ("label", "emotion"),
    "subject": ("subject", "speaker", "actor"),
    "take": ("take",),
    "sentence": ("sentence", "statement"),
    "intensity": ("intensity", "level"),
    "repetition": ("repetition",),
    "sex": ("sex", "gender"),
    "channel": ("channel",),
    "start": ("start",),
    "end": ("end",),
    "audio_path": ("audio_path",),
    "modality": ("modality",),
}


def load_folder(
    root: str | Path,
    *,
    subject: str | re.Pattern[str] | int | None = None,
    modality: str | None = None,
    corpus: str | None = None,
    media_root: str | Path | None = None,
) -> ClipList:
    r"""List the clips of a folder with one sub-folder per emotion, or of a CSV table.

    Parameters
    ----------
    root : path
        A folder: `root/<emotion>/.../<file>`, or `root/<subject>/<emotion>/<file>` when `subject`
        tells where the speaker stands. A `.csv` file: columns `file` (relative to `media_root`) and
        `label`; optionally `subject`, `take`, `sentence`, `intensity`, `repetition`, `sex`, `channel`,
        `start`, `end` (seconds), `audio_path`, `modality`.
    subject : str, pattern or int, optional
        Regular expression searched in the path below `root` (with `/`); its first group is the speaker,
        as `r"spk(\d+)"`. Or the folder that is the speaker's: 1 is the first below `root`, -1 the one that
        holds the file. Without it the folder between emotion and file is the speaker
        (`happy/anna/03.wav`); where there is none the speaker is unknown (empty), and actor folds are
        refused.
    modality : {None, "audio", "video", "both"}
        None reads sound files as "audio" and video files as "both". "audio" reads the sound of all
        files; "video" and "both" leave the sound files out, with a row in `skipped`.
    corpus : str, optional
        Name that the clips carry; default: the name of the folder or table.
    media_root : path, optional
        Folder that the files of a table lie in; default: the table's own. A row that leads out of it is
        refused, and so is a link out of the table's own folder: a table from elsewhere must not read what it
        was not given. Links below a folder that you name are followed.

    Returns
    -------
    ClipList
        Sorted by path. The clip id is the path below `root` without suffix. Rows that name a clip a second
        time stand in `skipped`.

    Raises
    ------
    DatasetError
        If `root` is neither folder nor CSV, no clip is found, `subject` does not match a path, the folders
        stand as speaker over emotion and `subject` is not given, or a row of the table cannot be read, has
        more fields than the header, no label (``NA``, ``nan``, ``None`` and the like are none), a file out of
        `media_root`, or a second label for a clip (the message has its line).

    See Also
    --------
    load_corpus : Recognise a published corpus by its names.

    Examples
    --------
    >>> load_folder("no such folder")
    Traceback (most recent call last):
    stcorner.errors.DatasetError: root must be a folder or a .csv file, got 'no such folder'
    """
    check_choice("modality", modality, (None, "audio", "video", "both"))
    place = Path(root)
    if place.is_file() and place.suffix.lower() == ".csv":
        if subject is not None:
            raise ParameterError("subject must be None for a table: give it a column 'subject'")
        base = place.parent if media_root is None else Path(media_root)
        if not base.is_dir():
            raise DatasetError(f"media_root must be a folder, got {str(base)!r}: check the path")
        clips = _from_table(place, base, corpus or place.stem, links=media_root is not None)
    elif place.is_dir():
        if media_root is not None:
            raise ParameterError(
                "media_root must be None for a folder, as it says where the files of a table lie: leave it "
                "out"
            )
        clips = _from_folders(place, subject, corpus or place.resolve().name or "folder")
    else:
        raise DatasetError(f"root must be a folder or a .csv file, got {str(root)!r}")
    chosen = ClipList(skipped=clips.skipped)
    for clip in clips:
        lacks_picture = clip.modality == "audio" and modality in ("video", "both")
        if lacks_picture:
            reason = f"modality {modality!r} was asked for and the file has no picture"
            chosen.skipped.append(SkippedFile(path=clip.path, clip_id=clip.clip_id, reason=reason))
        else:
            chosen.append(_with_modality(clip, modality))
    if not chosen:
        raise DatasetError(
            f"root must hold audio or video files in one sub-folder per emotion, got none for "
            f"modality={modality!r} in {str(root)!r}{modality_hint(clip.path for clip in clips)}"
        )
    return chosen


def _with_modality(clip: Clip, modality: str | None) -> Clip:
    from dataclasses import replace

    return clip if modality is None else replace(clip, modality=modality)


def _kind(path: Path) -> str:
    return "both" if path.suffix.lower() in VIDEO_SUFFIXES else "audio"


def speaker_of(subject: str | re.Pattern[str] | int) -> Callable[[Path], str]:
    """Return what finds the speaker in a path below the root."""
    if isinstance(subject, int) and not isinstance(subject, bool) and subject != 0:
        level = int(subject)

        def by_level(inner: Path) -> str:
            folders = inner.parts[:-1]
            if abs(level) > len(folders):
                raise DatasetError(
                    f"subject={level} must name a folder of every path, and {inner} has none there: give "
                    "another number, or move that file"
                )
            return folders[level - (level > 0)]

        return by_level
    try:
        pattern = re.compile(cast("str", subject))
    except (re.error, TypeError) as error:
        raise ParameterError(
            f"subject must be a regular expression, or the number of a folder (1 is the first, -1 the last), "
            f"got {subject!r}: {error}"
        ) from None
    if pattern.groups < 1:
        raise ParameterError(
            f"subject must have a group for the speaker, got {pattern.pattern!r}: put parentheses around "
            "the part that names the speaker"
        )

    def by_pattern(inner: Path) -> str:
        match = pattern.search(inner.as_posix())
        if match is None or not match.group(1):
            raise DatasetError(
                f"subject must match every path, and {pattern.pattern!r} does not match {inner}: widen the "
                "pattern, or move that file"
            )
        return str(match.group(1))

    return by_pattern


def _from_folders(root: Path, subject: str | re.Pattern[str] | int | None, corpus: str) -> ClipList:
    find = None if subject is None else speaker_of(subject)
    clips = ClipList()
    for path in find_media(root, AUDIO_SUFFIXES | VIDEO_SUFFIXES, skipped=clips.skipped):
        inner = path.relative_to(root)
        name = inner.with_suffix("").as_posix()
        if len(inner.parts) < 2:
            reason = "lies beside the sub-folders of the emotions, so it has no label"
            clips.skipped.append(SkippedFile(path=path, clip_id=name, reason=reason))
            continue
        if find is None:
            folder, speaker = inner.parts[0], inner.parts[1] if len(inner.parts) > 2 else ""
        else:
            speaker = find(inner)
            # With a speaker's folder on top the emotion stands below it.
            folder = inner.parts[1] if inner.parts[0] == speaker and len(inner.parts) > 2 else inner.parts[0]
        try:
            label = canonical_label(folder)
        except ParameterError as error:
            clips.skipped.append(SkippedFile(path=path, clip_id=name, reason=str(error)))
            continue
        clips.append(
            Clip(
                path=path,
                clip_id=name,
                label=label,
                subject=speaker,
                take=name,
                modality=_kind(path),
                corpus=corpus,
            )
        )
    if find is None:
        _check_order(clips)
    return clips


def _check_order(clips: ClipList) -> None:
    """Refuse speakers that would pass for emotions: a tree that is speaker over emotion."""
    labels, speakers = ({getattr(clip, name) for clip in clips} for name in ("label", "subject"))
    if clips and not labels & set(LABELS) and all(map(_is_emotion, speakers)):
        raise DatasetError(
            f"root must hold one sub-folder per emotion, got speakers ({min(labels)}, ...) over emotions "
            f"({min(speakers)}, ...): give subject=1 (on the command line --subject 1)"
        )


def _is_emotion(folder: str) -> bool:
    try:
        return canonical_label(folder) in LABELS
    except ParameterError:  # a number, or nothing
        return False


def _from_table(table: Path, base: Path, corpus: str, *, links: bool) -> ClipList:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            delimiter = delimiter_of(file.readline())
            file.seek(0)
            reader = csv.DictReader(file, restval="", delimiter=delimiter)
            found = list(reader.fieldnames or ())
            rows: list[tuple[int, dict[Any, Any]]] = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"root must be a readable CSV file, got {str(table)!r}: {error}") from None
    header = {from_cell(name).strip().lower(): name for name in found if name}
    columns = {
        field: next((header[name] for name in names if name in header), None)
        for field, names in _COLUMNS.items()
    }
    for needed in ("path", "label"):
        if columns[needed] is None:
            wanted = " or ".join(_COLUMNS[needed])
            raise DatasetError(
                f"{table.name} must have a column {wanted}, got {list(header)}: rename or add the column"
            )
    clips = ClipList()
    seen: dict[tuple[object, ...], tuple[Clip, int]] = {}
    for number, row in rows:
        extra = [value for value in row.get(None, ()) if value.strip()]
        if extra:  # a delimiter without quotes: what follows it stands in the wrong columns
            raise DatasetError(
                f"line {number} of {table.name} must have at most {len(found)} fields, got {extra} beyond: "
                "a value with a comma needs quotes"
            )
        values = {
            field: _read(field, (row[name] or "").strip(), base)
            for field, name in columns.items()
            if name is not None
        }
        try:
            clip = _clip_of_row(values, base, corpus, links=links)
        except ValueError as error:
            raise DatasetError(f"line {number} of {table.name}: {error}") from None
        part = (clip.path, clip.audio_path, clip.start, clip.end)
        first, line = seen.setdefault(part, (clip, number))
        if first is clip:
            clips.append(clip)
            continue
        if (first.label, first.subject) != (clip.label, clip.subject):
            raise DatasetError(
                f"line {number} of {table.name} must give {clip.clip_id!r} the label and the subject of line "
                f"{line} ({first.label!r}, {first.subject!r}), got {clip.label!r}, {clip.subject!r}"
            )
        clips.skipped.append(
            SkippedFile(path=clip.path, clip_id=clip.clip_id, reason=f"line {number} repeats line {line}")
        )
    return clips


def _read(field: str, cell: str, base: Path) -> str:
    """Return what stands in a cell of a table, which may be one of ours (see `stcorner._base.text`)."""
    text = from_cell(cell)
    if text != cell and field in ("path", "audio_path"):
        with contextlib.suppress(OSError, ValueError):  # a name that no file has
            if (base / cell).exists():  # a table of somebody else, and a name that only looks like ours
                return cell
    return text


def _clip_of_row(values: Mapping[str, str], base: Path, corpus: str, *, links: bool) -> Clip:
    if not values["path"]:
        raise ParameterError("file must name a recording, got an empty cell: fill it or delete the line")
    path = _below(base, values["path"], links=links)
    if not os.path.isfile(path):  # noqa: PTH113 - no error for a name that no file can have
        raise DatasetError(
            f"file must exist, got {str(path)!r}: mend the name in the table, or give media_root"
        )
    name = Path(values["path"]).with_suffix("").as_posix()
    span = "".join(f"@{values[edge]}" for edge in ("start", "end") if values.get(edge))
    fields: dict[str, Any] = {
        key: value for key, value in values.items() if value and key not in ("path", "label", "start", "end")
    }
    fields.update({edge: float(values[edge]) for edge in ("start", "end") if values.get(edge)})
    if "audio_path" in fields:
        fields["audio_path"] = _below(base, values["audio_path"], links=links)
    fields = {"subject": "", "take": name, "modality": _kind(path), **fields}
    return Clip(
        path=path, clip_id=name + span, label=canonical_label(values["label"]), corpus=corpus, **fields
    )


def _below(base: Path, name: str, *, links: bool) -> Path:
    """Return a file of a table, which must not lead out of the folder that its files lie in, nor by links."""
    path = base / name
    places = [(os.path.normpath(path.absolute()), os.path.normpath(base.absolute()))]
    if not links:
        places.append((os.path.realpath(path), os.path.realpath(base)))
    if not all(Path(place).is_relative_to(folder) for place, folder in places):
        raise DatasetError(
            f"file must lie in {str(base)!r}, got {name!r}: give media_root, the folder that holds all files"
        )
    return path
