"""CREMA-D: labels from the file name, or from what the raters saw and heard."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner._base.validation import check_choice
from stcorner.corpora.clip import Clip, ClipList, SkippedFile, find_files, modality_hint
from stcorner.corpora.reader import CorpusReader, choose_file, named_files
from stcorner.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CREMAD_BROKEN", "READER", "load_cremad", "parse_cremad_name", "read_cremad_votes"]

_EMOTION = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_LEVEL = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
_SENTENCES = frozenset(["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"])
_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z]{2})")
_VOTES = {"A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
# The row ids of tabulatedVotes.csv are 1, 2 or 3 (what was rated) followed by the number of the clip. The
# majorities of its rows equal VoiceVote, FaceVote and MultiModalVote in summaryTable.csv for all clips.
_RATED = {"vote_voice": "1", "vote_face": "2", "vote_av": "3"}

CREMAD_BROKEN: Mapping[str, str] = {
    name: "known to be damaged in the published corpus: picture or sound cannot be used"
    for name in ("1064_IEO_DIS_MD", "1064_TIE_SAD_XX", "1076_MTI_NEU_XX", "1076_MTI_SAD_XX")
}


def parse_cremad_name(stem: str) -> dict[str, Any]:
    """Read the four fields of a CREMA-D file name.

    Parameters
    ----------
    stem : str
        Actor, sentence, emotion and level, joined by underscores.

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
    >>> fields = parse_cremad_name("1001_DFA_ANG_XX")
    >>> fields["subject"], fields["sentence"], fields["label"], fields["intensity"]
    ('1001', 'DFA', 'angry', 'unspecified')
    """
    match = _NAME.fullmatch(str(stem))
    if match is None:
        raise DatasetError(f"name must be actor_sentence_emotion_level as 1001_DFA_ANG_XX, got {stem!r}")
    actor, sentence, emotion, level = match.groups()
    if not 1001 <= int(actor) <= 1091:
        raise DatasetError(f"actor must be 1001 to 1091, got {actor} in {stem!r}")
    for name, code, allowed in (
        ("sentence", sentence, _SENTENCES),
        ("emotion", emotion, _EMOTION),
        ("level", level, _LEVEL),
    ):
        if code not in allowed:
            raise DatasetError(f"{name} must be one of {', '.join(sorted(allowed))}, got {code} in {stem!r}")
    return {
        "subject": actor,
        "sentence": sentence,
        "label": _EMOTION[emotion],
        "intensity": _LEVEL[level],
        "take": stem,
    }


def load_cremad(
    root: str | Path, *, modality: str | None = None, label: str = "intended", ties: str = "skip"
) -> ClipList:
    """List the clips of CREMA-D below a folder, one per recorded utterance.

    Parameters
    ----------
    root : path
        Folder with `VideoFlash`, `AudioWAV` or `AudioMP3`, in any nesting; for votes also
        `processedResults/tabulatedVotes.csv`. `VideoDemographics.csv`, where present, tells the sex.
    modality : {None, "audio", "video", "both"}
        None takes picture and sound of an utterance that has a video file, else its sound. A video file
        holds its own sound, which "both" uses; "audio" prefers wav to mp3 to the video's sound.
    label : {"intended", "vote_av", "vote_face", "vote_voice"}
        "intended" is what the actor was asked for (the file name). The votes are the label that most
        raters chose who saw and heard, only saw, or only heard the clip; `read_cremad_votes` has the shares.
    ties : {"skip", "intended", "alphabetical"}
        What to do where several labels share the most votes (420 clips for "vote_av", 470 for
        "vote_face", 644 for "vote_voice"). "skip" leaves the clip out, with a row in `skipped`; "intended"
        takes the intended label if it is among the tied ones and leaves the clip out if not; "alphabetical"
        takes the first name.

    Returns
    -------
    ClipList
        Sorted by clip id. The four clips that are broken as published, tied clips, files with other names and
        utterances without a vote stand in `skipped`.

    Raises
    ------
    DatasetError
        If `root` is not a folder, holds no clip of the kind asked for, or lacks the table of votes.

    See Also
    --------
    load_corpus : Reads any known corpus.

    References
    ----------
    .. [1] H. Cao et al., "CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset", IEEE
       Transactions on Affective Computing 5(4) (2014) 377-390.

    Examples
    --------
    >>> load_cremad("no such folder")
    Traceback (most recent call last):
    stcorner.errors.DatasetError: root must be a folder, got 'no such folder': check the path
    """
    check_choice("modality", modality, (None, "audio", "video", "both"))
    check_choice("label", label, ("intended", *_RATED))
    check_choice("ties", ties, ("skip", "intended", "alphabetical"))
    files, named, skipped = named_files(READER, root)
    votes = read_cremad_votes(_find_table(root, "tabulatedVotes.csv"), label) if label in _RATED else None
    sexes = _read_sexes(root)
    clips = []
    for stem, paths in sorted(files.items()):
        chosen = choose_file(paths, modality)
        if chosen is None:
            continue
        path, kind = chosen
        reason = CREMAD_BROKEN.get(stem)
        fields = named[stem]
        if votes is not None and reason is None:
            fields["label"], reason = _vote_label(votes.get(stem), fields["label"], ties)
        if reason is not None:
            skipped.append(SkippedFile(path=path, clip_id=stem, reason=reason))
            continue
        clips.append(
            Clip(path=path, modality=kind, corpus=READER.name, sex=sexes.get(fields["subject"]), **fields)
        )
    if not clips:
        raise DatasetError(
            f"root must hold usable CREMA-D files (1001_DFA_ANG_XX.flv) with modality={modality!r}, "
            f"label={label!r}, got none below {str(root)!r} ({len(skipped)} skipped)"
            f"{modality_hint(path for paths in files.values() for path in paths)}"
        )
    return ClipList(clips, skipped=skipped)


def read_cremad_votes(table: str | Path, label: str) -> dict[str, dict[str, float]]:
    """Read the shares of the raters' votes from `tabulatedVotes.csv`.

    Parameters
    ----------
    table : path
        The official table: one row per clip and rated modality.
    label : {"vote_av", "vote_face", "vote_voice"}

    Returns
    -------
    dict
        Clip id to the shares of the labels that got a vote; each clip's shares sum to 1.

    Raises
    ------
    DatasetError
        If the table cannot be read or lacks a column.
    """
    check_choice("label", label, tuple(_RATED))
    shares: dict[str, dict[str, float]] = {}
    for row in _read_rows(table, ("", *_VOTES, "fileName")):
        if row[""][:1] != _RATED[label]:
            continue
        try:
            counts = {name: int(row[code]) for code, name in _VOTES.items()}
        except ValueError:
            raise DatasetError(f"votes must be integers, got {row} in {str(table)!r}") from None
        total = sum(counts.values())
        if total > 0:
            shares[row["fileName"]] = {name: n / total for name, n in counts.items() if n}
    return shares


def _vote_label(shares: Mapping[str, float] | None, intended: str, ties: str) -> tuple[str, str | None]:
    """Return the majority label, and the reason to leave the clip out if there is one."""
    if shares is None:
        return intended, "no votes in tabulatedVotes.csv"
    most = max(shares.values())
    leaders = sorted(name for name, share in shares.items() if share == most)
    if len(leaders) == 1 or ties == "alphabetical":
        return leaders[0], None
    if ties == "intended" and intended in leaders:
        return intended, None
    return intended, f"tied votes: {', '.join(leaders)}"


def _files_named(root: str | Path, name: str) -> list[Path]:
    return [path for path in find_files(root) if path.name == name]


def _find_table(root: str | Path, name: str) -> Path:
    found = _files_named(root, name)
    if not found:
        raise DatasetError(f"root must hold {name} for labels by vote, got none below {str(root)!r}")
    return found[0]


def _read_sexes(root: str | Path) -> dict[str, str]:
    found = _files_named(root, "VideoDemographics.csv")
    if not found:
        return {}
    return {row["ActorID"]: row["Sex"].lower() for row in _read_rows(found[0], ("ActorID", "Sex"))}


def _read_rows(table: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with Path(table).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            header = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"table must be a readable CSV file, got {str(table)!r}: {error}") from None
    missing = [name for name in columns if name not in header]
    if missing:
        raise DatasetError(f"table must have the columns {list(columns)}, {str(table)!r} lacks {missing}")
    return rows


READER = CorpusReader(
    name="crema-d",
    title="CREMA-D",
    parse=lambda path: parse_cremad_name(path.stem),
    example="1001_DFA_ANG_XX.flv",
    terms="CREMA-D (Cao et al. 2014), Open Database License 1.0.",
    protocol="cremad-hicmae5",
    load=load_cremad,
    broken=CREMAD_BROKEN,
)
