"""One recorded utterance and the list that the corpus readers return."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from stcorner._base.validation import check_choice, check_real
from stcorner.errors import DatasetError, ParameterError
from stcorner.media.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stcorner.media.recording import Source

__all__ = [
    "AUDIO_SUFFIXES",
    "LABELS",
    "VIDEO_SUFFIXES",
    "Clip",
    "ClipList",
    "SkippedFile",
    "canonical_label",
    "find_files",
    "find_media",
    "map_labels",
    "modality_hint",
    "new_names",
]

LABELS = ("angry", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise")
# What a folder is searched for: all that is commonly called a recording and can be read.
AUDIO_SUFFIXES = frozenset({
    ".wav", ".wave", ".rf64", ".w64", ".flac", ".mp3", ".mp2", ".mp1", ".mpa", ".mpga", ".m2a", ".ogg",
    ".oga", ".opus", ".ra", ".spx", ".m4a", ".m4b", ".m4r", ".aac", ".ac3", ".eac3", ".aiff", ".aif", ".aifc",
    ".amr", ".awb", ".3ga", ".au", ".snd", ".caf", ".mka", ".weba", ".wma", ".wv", ".tta", ".ape", ".voc",
})  # fmt: skip
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".f4v", ".mov", ".qt", ".3gp", ".3gpp", ".3g2", ".3gp2", ".mkv", ".webm", ".flv", ".avi",
    ".divx", ".xvid", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".m2p", ".m2t", ".m2ts", ".mts", ".ts", ".tod",
    ".vob", ".wmv", ".asf", ".dv", ".mxf", ".ogv", ".ogm", ".ogx", ".rm", ".rmvb", ".mjpeg", ".y4m", ".nut",
})  # fmt: skip
MODALITIES = ("audio", "video", "both")

_SYNONYMS = {
    "angry": ("anger", "ang", "rage"),
    "calm": ("calmness", "relaxed"),
    "disgust": ("disgusted", "dis"),
    "fear": ("fearful", "fea", "afraid", "scared"),
    "happy": ("happiness", "hap", "joy", "joyful"),
    "neutral": ("neu", "neutrality"),
    "sad": ("sadness",),
    "surprise": ("surprised", "sur", "ps", "pleasant_surprise", "pleasant_surprised"),
}
# What tables write where there is no value.
_NO_LABEL = frozenset({"nan", "na", "n/a", "#n/a", "n.a.", "<na>", "none", "null", "nil", "nat"})
_CANONICAL = {name: label for label, names in _SYNONYMS.items() for name in (label, *names)}


def canonical_label(name: str) -> str:
    """Return the name that stcorner uses for an emotion.

    Parameters
    ----------
    name : str
        Any case; spaces and hyphens count as underscores. Known synonyms ("anger", "fearful", "ps")
        become one of `LABELS`; a name outside the list ("boredom") is kept in lower case.

    Returns
    -------
    str
        Lower case; the name itself where no synonym is known.

    Raises
    ------
    ValueError
        If `name` is not a string, holds no letter, or stands for a missing value ("nan", "NA", "None").

    Examples
    --------
    >>> canonical_label("Anger"), canonical_label("Pleasant Surprise"), canonical_label("Boredom")
    ('angry', 'surprise', 'boredom')
    """
    given: object = name
    if not isinstance(given, str) or not re.search(r"[^\W\d_]", given):
        raise ParameterError(
            f"label must be a name with at least one letter, got {name!r}: name the emotion in words"
        )
    # A Mac writes the names of folders as letters and accents apart, other systems as one character.
    key = re.sub(r"[\s\-_]+", "_", unicodedata.normalize("NFC", name).strip().lower()).strip("_")
    if key in _NO_LABEL:
        raise ParameterError(
            f"label must be an emotion, got {name!r}, which stands for a missing value: "
            "name it, or leave the clip out"
        )
    return _CANONICAL.get(key, key)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One recorded utterance: where it is, who speaks, and what it is labelled.

    Parameters
    ----------
    path : Path
        The media file; for `modality` "both" the one with the picture.
    clip_id : str
        Name of the clip within its corpus, without folder and suffix.
    label : str
        Emotion, in the form that `canonical_label` returns; empty where unknown (then it cannot be learnt
        from).
    subject : str
        Speaker within the corpus; empty where unknown (then actor folds are refused).
    take : str
        What was recorded. All files that show one moment (RAVDESS `01-`, `02-` and `03-` of equal
        remaining fields, an augmented copy, a cut) share it, and no fold may separate them.
    modality : {"audio", "video", "both"}
        What of the clip is to be used. An mp4 with sound can be read as "audio".
    corpus : str
        Name of the corpus.
    sentence, intensity, repetition : str, optional
        As far as the corpus tells.
    channel : str
        "speech" or "song".
    sex : str, optional
        As far as the corpus tells.
    start, end : float, optional
        Part of the file in seconds; None means from the beginning, to the end.
    audio_path : Path, optional
        Sound of the same take in a file of its own; None means that the sound is in `path`.
    recording : Recording, optional
        Sound and pictures in arrays; `path` is then a name and no file.
    root : Path, optional
        Folder that the clip's name in tables counts from, see `file`.

    Raises
    ------
    ValueError
        If a field is outside what is said above.

    See Also
    --------
    load_corpus : Lists the clips of a corpus.
    Recording : A clip in memory.

    Examples
    --------
    >>> clip = Clip(path="a/03-01.wav", clip_id="03-01", label="happy", subject="01", take="01",
    ...             modality="audio", corpus="mine")
    >>> clip.path.name, clip.key, clip.group
    ('03-01.wav', ('mine', '01'), ('mine', '01'))
    """

    path: Path
    clip_id: str
    label: str
    subject: str
    take: str
    modality: str
    corpus: str
    sentence: str | None = None
    intensity: str | None = None
    repetition: str | None = None
    channel: str = "speech"
    sex: str | None = None
    start: float | None = None
    end: float | None = None
    audio_path: Path | None = None
    recording: Recording | None = None
    root: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse fields that a later stage would trip over."""
        object.__setattr__(self, "path", Path(self.path))
        if self.audio_path is not None:
            object.__setattr__(self, "audio_path", Path(self.audio_path))
        for name in ("clip_id", "take", "corpus"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise ParameterError(f"{name} must be a non-empty string, got {value!r}")
        if not isinstance(self.subject, str):
            raise ParameterError(f"subject must be a string (empty: unknown), got {self.subject!r}")
        if self.label != "" and self.label != canonical_label(self.label):
            raise ParameterError(f"label must be {canonical_label(self.label)!r}, got {self.label!r}")
        check_choice("modality", self.modality, MODALITIES)
        start = 0.0 if self.start is None else check_real("start", self.start, low=0)
        if self.end is not None:
            check_real("end", self.end, low=start, open_low=True)

    def __repr__(self) -> str:
        """Return what tells one clip from another; the other fields are attributes."""
        about = f"label={self.label!r}, subject={self.subject!r}, modality={self.modality!r}"
        return f"Clip({self.clip_id!r}, {about}, corpus={self.corpus!r})"

    @classmethod
    def of(cls, item: Any) -> Clip:
        """Return a clip as it is, and an unlabelled clip for a path or a recording.

        Parameters
        ----------
        item : Clip, str or path
            A clip, or a media file.

        Returns
        -------
        Clip
            The clip itself, or an unlabelled one for the file.

        Raises
        ------
        ValueError
            If `item` is none of them.
        """
        if isinstance(item, Clip):
            return item
        if not cls.is_one(item):
            raise ParameterError(
                f"clips must be Clip objects, paths or recordings, got one of type {type(item).__name__}"
            )
        recording = item if isinstance(item, Recording) else None
        path = Path(str(item) if isinstance(item, Recording) else item)
        name = path.stem or path.name
        return cls(
            path=path, clip_id=name, label="", subject="", take=name, modality="both", corpus="files",
            recording=recording,
        )  # fmt: skip

    @staticmethod
    def is_one(item: Any) -> bool:
        """Whether `item` is what `of` takes, and no sequence of such.

        Parameters
        ----------
        item : object
            Anything.

        Returns
        -------
        bool
            True for what `Clip.of` takes.
        """
        return isinstance(item, Clip | str | os.PathLike | Recording)

    @property
    def key(self) -> tuple[str, str]:
        """Corpus and take: equal for all files of one recorded moment."""
        return self.corpus, self.take

    @property
    def group(self) -> tuple[str, str]:
        """Corpus and subject: equal for all clips of one person."""
        return self.corpus, self.subject

    @property
    def file(self) -> str:
        """Name of the file in tables: below `root`, or the path where there is none."""
        return str(self.path) if self.root is None else os.path.relpath(self.path, self.root)

    @property
    def sound(self) -> Path:
        """The file that holds the sound."""
        return self.audio_path or self.path

    def source(self, stream: str) -> Source:
        """Return what is to be read for a stream, "audio" or "video": a file, or the recording.

        Parameters
        ----------
        stream : {"audio", "video"}
            Which stream is wanted.

        Returns
        -------
        Path or Recording
            Where it comes from.
        """
        return self.recording or (self.sound if stream == "audio" else self.path)


@dataclass(frozen=True, kw_only=True)
class SkippedFile:
    """A file that a reader found and left out, and why.

    Parameters
    ----------
    path : Path
        The file.
    clip_id : str
        The id that it would have had.
    reason : str
        Why it was left out.
    """

    path: Path
    clip_id: str
    reason: str


class ClipList(list[Clip]):
    """The clips of a corpus, with a row for each file that was left out.

    It is a list; a slice and a sum are again a `ClipList`.

    Parameters
    ----------
    clips : iterable of Clip
        The clips.
    skipped : iterable of SkippedFile
        Files that were left out.

    Examples
    --------
    >>> ClipList([], skipped=[SkippedFile(path=Path("a.wav"), clip_id="a", reason="empty")]).skipped[0].reason
    'empty'
    >>> def clip(name, label):
    ...     return Clip(path=name, clip_id=name, label=label, subject="1", take=name, modality="audio",
    ...                 corpus="mine")
    >>> ClipList([clip("a", "sad"), clip("b", "happy"), clip("c", "sad")])[:2]
    ClipList(2 clips of 1 subject: happy 1, sad 1)
    """

    def __init__(self, clips: Iterable[Clip] = (), *, skipped: Iterable[SkippedFile] = ()) -> None:
        super().__init__(clips)
        self.skipped = list(skipped)

    def __repr__(self) -> str:
        """Return counts: a corpus has thousands of clips."""
        people = len({clip.group for clip in self})
        labels = ", ".join(f"{name} {n}" for name, n in sorted(Counter(clip.label for clip in self).items()))
        about = f"{len(self)} clip{'s' * (len(self) != 1)} of {people} subject{'s' * (people != 1)}"
        skipped = f"; {len(self.skipped)} skipped" if self.skipped else ""
        return f"ClipList({about}{': ' * bool(labels)}{labels}{skipped})"

    @overload
    def __getitem__(self, index: SupportsIndex) -> Clip: ...

    @overload
    def __getitem__(self, index: slice) -> ClipList: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Clip | ClipList:
        """Return a clip, or some of them with all that was skipped."""
        chosen = super().__getitem__(index)
        return chosen if isinstance(chosen, Clip) else ClipList(chosen, skipped=self.skipped)

    def __add__(self, other: list[Any]) -> ClipList:  # type: ignore[override]
        """Return the clips of both, with what was skipped in both."""
        return ClipList([*self, *other], skipped=[*self.skipped, *getattr(other, "skipped", ())])


def new_names(label_map: Mapping[str, str | None], labels: set[str | None]) -> dict[str, str | None]:
    """Return the map with canonical names, of labels that clips have."""
    if not hasattr(label_map, "items"):
        raise ParameterError(f"label_map must be a mapping of labels, got {type(label_map).__name__}")
    names = {canonical_label(old): new and canonical_label(new) for old, new in label_map.items()}
    if absent := sorted(names.keys() - labels):
        raise ParameterError(
            f"label_map must name labels of the clips, got {', '.join(absent)}, which no clip has: check "
            "the spelling"
        )
    return names


def map_labels(clips: Iterable[Clip], label_map: Mapping[str, str | None]) -> ClipList:
    """Rename or drop emotions, for instance 8 classes to 6.

    Parameters
    ----------
    clips : iterable of Clip
        Labelled clips.
    label_map : mapping of str to str or None
        New name of each label that changes; None drops its clips. Labels that are not named stay.

    Returns
    -------
    ClipList
        Dropped clips stand in `skipped`.

    Raises
    ------
    ValueError
        If `label_map` is not a mapping, or names a label that no clip has.

    See Also
    --------
    load_corpus : Gives the clips.

    Examples
    --------
    >>> def clip(name, label):
    ...     return Clip(path=name, clip_id=name, label=label, subject="1", take=name, modality="audio",
    ...                 corpus="mine")
    >>> mapped = map_labels([clip("a", "calm"), clip("b", "surprise")], {"calm": "neutral", "surprise": None})
    >>> [c.label for c in mapped], [row.clip_id for row in mapped.skipped]
    (['neutral'], ['b'])
    """
    kept = ClipList(skipped=getattr(clips, "skipped", ()))
    clips = list(clips)
    names = new_names(label_map, {clip.label for clip in clips})
    for clip in clips:
        label = names.get(clip.label, clip.label)
        if label is None:
            reason = f"label {clip.label!r} is dropped by label_map"
            kept.skipped.append(SkippedFile(path=clip.path, clip_id=clip.clip_id, reason=reason))
            continue
        kept.append(replace(clip, label=label))
    return kept


def find_files(root: str | os.PathLike[str], *, unlisted: list[SkippedFile] | None = None) -> list[Path]:
    """Return all files below `root`, hidden ones and hidden folders left out, sorted by path.

    Folders that links point to are entered too, each folder once: under its own name where it has one below
    `root`, else under that of the first link. A link back up does not lead round for ever. Folders that
    cannot be listed (no permission, a path that is too long) stand in `unlisted` then, where a list is given.
    """
    top = Path(root)
    if not top.is_dir():
        raise DatasetError(f"root must be a folder, got {str(root)!r}: check the path")
    found: list[Path] = []
    entered: set[str] = set()
    waiting = [top]

    def note(error: OSError) -> None:
        folder = Path(os.fsdecode(error.filename))
        if folder == top:
            raise DatasetError(f"root must be a folder to be listed, got {str(root)!r}: {error.strerror}")
        if unlisted is not None:
            reason = f"the folder cannot be listed: {error.strerror}"
            unlisted.append(SkippedFile(path=folder, clip_id=folder.name, reason=reason))

    while waiting:
        linked: list[Path] = []
        for begin in waiting:
            for folder, inside, names in os.walk(begin, onerror=note):
                true = os.path.realpath(folder)
                if true in entered:
                    inside.clear()
                    continue
                entered.add(true)
                inside[:] = sorted(name for name in inside if not name.startswith("."))
                linked += [path for name in inside if _is((path := Path(folder, name)).is_symlink)]
                # "._name" is what macOS leaves in unpacked archives: it has the suffix and no media.
                found += [Path(folder, name) for name in names if not name.startswith(".")]
        waiting = linked
    return sorted(found)


def find_media(
    root: str | Path, suffixes: Iterable[str], *, skipped: list[SkippedFile] | None = None
) -> list[Path]:
    """Return the `find_files` that have one of the suffixes and are files, not broken links or pipes.

    Those stand in `skipped` then, where a list is given, and so do folders that cannot be listed.
    """
    wanted = frozenset(suffixes)
    found = []
    for path in find_files(root, unlisted=skipped):
        if path.suffix.lower() not in wanted:
            continue
        if _is(path.is_file):
            found.append(path)
        elif skipped is not None:
            skipped.append(SkippedFile(path=path, clip_id=path.stem, reason=_no_file(path)))
    return found


def _is(question: Callable[[], bool]) -> bool:
    """Whether a path is what it is asked for; one that is too long is nothing."""
    try:
        return question()
    except OSError:
        return False


def _no_file(path: Path) -> str:
    try:
        path.stat()
    except FileNotFoundError:
        return "does not exist: the link is broken"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "is no regular file"


def modality_hint(paths: Iterable[Path]) -> str:
    """Return what to do where no clip has the modality that was asked for."""
    kinds = {path.suffix.lower() in VIDEO_SUFFIXES for path in paths}
    if kinds == {False}:
        return ": it holds sound alone, ask for modality='audio' (on the command line --modality audio)"
    return ""
