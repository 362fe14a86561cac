"""RAVDESS: the file name tells everything; equal last six fields are one take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stcorner._base.validation import check_choice
from stcorner.corpora.clip import VIDEO_SUFFIXES, Clip, ClipList, SkippedFile, modality_hint
from stcorner.corpora.reader import CorpusReader, named_files
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["EMOTION_CODES", "READER", "load_ravdess", "parse_ravdess_name"]

_NAME = re.compile(r"\d\d(?:-\d\d){6}")
_MODALITY = {"01": "both", "02": "video", "03": "audio"}
_CHANNEL = {"01": "speech", "02": "song"}
_EMOTION = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
EMOTION_CODES = {label: code for code, label in _EMOTION.items()}
_INTENSITY = {"01": "normal", "02": "strong"}
_STATEMENT = {"01": "kids", "02": "dogs"}
_REPETITION = {"01": "1", "02": "2"}
_FIELDS = (
    ("modality", _MODALITY),
    ("channel", _CHANNEL),
    ("emotion", _EMOTION),
    ("intensity", _INTENSITY),
    ("statement", _STATEMENT),
    ("repetition", _REPETITION),
)
# Which files may serve a request, the best first: 01 has picture and sound, 02 the picture, 03 the sound.
_SERVES = {"audio": ("03", "01"), "video": ("02", "01"), "both": ("01",)}


def parse_ravdess_name(stem: str) -> dict[str, Any]:
    """Read the seven fields of a RAVDESS file name.

    Parameters
    ----------
    stem : str
        Seven two-digit numbers joined by hyphens: modality, channel, emotion, intensity, statement,
        repetition, actor.

    Returns
    -------
    dict of str to str
        The fields of `Clip` that the name determines.

    Raises
    ------
    ValueError
        If the name has another form or a field is out of range.

    Examples
    --------
    >>> fields = parse_ravdess_name("03-01-06-01-02-01-12")
    >>> fields["label"], fields["sentence"], fields["subject"], fields["sex"], fields["take"]
    ('fear', 'dogs', '12', 'female', '01-06-01-02-01-12')
    """
    if not _NAME.fullmatch(str(stem)):
        raise DatasetError(f"name must be seven two-digit fields as 03-01-06-01-02-01-12, got {stem!r}")
    codes = stem.split("-")
    values = {}
    for code, (name, table) in zip(codes, _FIELDS, strict=False):
        if code not in table:
            raise DatasetError(f"{name} must be 01 to {max(table)}, got {code} in {stem!r}")
        values[name] = table[code]
    actor = codes[6]
    if not 1 <= int(actor) <= 24:
        raise DatasetError(f"actor must be 01 to 24, got {actor} in {stem!r}")
    return {
        "modality": values["modality"],
        "channel": values["channel"],
        "label": values["emotion"],
        "intensity": values["intensity"],
        "sentence": values["statement"],
        "repetition": values["repetition"],
        "subject": actor,
        "sex": "male" if int(actor) % 2 else "female",
        "take": "-".join(codes[1:]),
    }


def load_ravdess(
    root: str | Path,
    *,
    modality: str | None = None,
    channel: str | None = "speech",
    corpus: str = "ravdess",
) -> ClipList:
    """List the clips of RAVDESS below a folder, one per take.

    The files of one take (`01-` picture and sound, `02-` picture, `03-` sound; equal last six fields)
    are the same moment recorded once. They become one clip, so that no take counts twice.

    Parameters
    ----------
    root : path
        Folder that holds the files, in any nesting and any audio or video format.
    modality : {None, "audio", "video", "both", "files"}
        None takes as much of each take as there is. "audio" and "video" take the takes that have sound
        or picture, "both" those that have both: an `01-` file, or `02-` with `03-` as `Clip.audio_path`.
        "files" makes each file a clip of its own: the duplicates that scores above 90 % rest on; for audits.
    channel : {"speech", "song", None}
        None takes both.
    corpus : str
        Name that the clips carry.

    Returns
    -------
    ClipList
        Sorted by clip id. Files with a broken name and second copies of a clip stand in `skipped`.

    Raises
    ------
    DatasetError
        If `root` is not a folder or holds no clip of the kind that was asked for.

    See Also
    --------
    load_corpus : Reads any known corpus.

    Notes
    -----
    The corpus as published holds one recording twice: the sound of ``03-01-03-01-02-01-07`` and
    ``03-01-03-01-02-02-07`` is the same, sample by sample. Both are listed; they are of one actor, so folds
    by actor keep them together, and `audit_leakage` reports them where another split does not.

    References
    ----------
    .. [1] S. R. Livingstone, F. A. Russo, "The Ryerson Audio-Visual Database of Emotional Speech and
       Song (RAVDESS)", PLoS ONE 13(5) (2018) e0196391.

    Examples
    --------
    >>> load_ravdess("no such folder")
    Traceback (most recent call last):
    stcorner.errors.DatasetError: root must be a folder, got 'no such folder': check the path
    """
    check_choice("modality", modality, (None, *_SERVES, "files"))
    check_choice("channel", channel, (None, *_CHANNEL.values()))
    files, skipped = _scan(root)
    takes: dict[str, dict[str, Path]] = {}
    for stem, path in files.items():
        if channel is None or _CHANNEL[stem[3:5]] == channel:
            takes.setdefault(stem[3:], {})[stem[:2]] = path
    clips = []
    for take in sorted(takes):
        clips += _clips_of_take(takes[take], modality, corpus)
    if not clips:
        raise DatasetError(
            f"root must hold RAVDESS files (03-01-06-01-02-01-12.wav) with modality={modality!r}, "
            f"channel={channel!r}, got none below {str(root)!r}{modality_hint(files.values())}"
        )
    return ClipList(sorted(clips, key=lambda clip: clip.clip_id), skipped=skipped)


def _scan(root: str | Path) -> tuple[dict[str, Path], list[SkippedFile]]:
    files, _, skipped = named_files(READER, root)
    chosen = {}
    for stem, paths in files.items():
        # The sound of a video, saved beside it under the same name, is not the file with the picture.
        best = paths[0] if stem.startswith("03") else next(filter(_has_picture, paths), paths[0])
        chosen[stem] = best
        skipped += [
            SkippedFile(path=path, clip_id=stem, reason=f"second copy of {best}")
            for path in paths
            if path != best
        ]
    return chosen, skipped


def _has_picture(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def _clips_of_take(files: Mapping[str, Path], modality: str | None, corpus: str) -> list[Clip]:
    """Make the clips of one take from its files, keyed by their modality field."""
    if modality == "files":
        return [_make(path, _MODALITY[code], corpus) for code, path in sorted(files.items())]
    wanted = (modality,) if modality else ("both", "video", "audio")
    for kind in wanted:
        for code in _SERVES[kind]:
            if code in files:
                return [_make(files[code], kind, corpus)]
        if kind == "both" and "02" in files and "03" in files:
            return [_make(files["02"], "both", corpus, audio_path=files["03"])]
    return []


def _make(path: Path, modality: str, corpus: str, audio_path: Path | None = None) -> Clip:
    fields = {**parse_ravdess_name(path.stem), "modality": modality}
    return Clip(path=path, clip_id=path.stem, corpus=corpus, audio_path=audio_path, **fields)


READER = CorpusReader(
    name="ravdess",
    title="RAVDESS",
    parse=lambda path: parse_ravdess_name(path.stem),
    example="03-01-06-01-02-01-12.wav",
    terms="RAVDESS (Livingstone & Russo 2018), CC BY-NC-SA 4.0: not for commercial use, share alike.",
    protocol="ravdess-luna5",
    load=load_ravdess,
)
