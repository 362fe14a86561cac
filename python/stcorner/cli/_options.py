"""Options that commands share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stcorner.corpora import Clip, ClipList
    from stcorner.extraction.plan import Face
    from stcorner.recognizer import EmotionRecognizer

__all__ = [
    "CorpusOptions", "NameOptions", "RecognizerOptions", "parse_face", "parse_subject", "read_blocks",
]  # fmt: skip


def read_blocks(pairs: Sequence[str], *, output: Path | None = None) -> list[Any]:
    """Return the tables that ``NAME=FILE`` and ``NAME=FILE@mean,std`` name, none of which is `output`."""
    from stcorner._base.files import check_not_input
    from stcorner.extraction import FeatureTable

    tables = []
    for pair in pairs:
        name, equals, source = pair.partition("=")
        file, _, functionals = source.partition("@")
        if not equals or not name or not file:
            raise ParameterError(f"--block must be NAME=FILE, or NAME=FILE@mean,std, got {pair!r}")
        if output is not None:
            check_not_input("--output", output, Path(file))
        tables.append(FeatureTable(file, name, functionals=functionals.split(",") if functionals else None))
    return tables


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """How a corpus is read.

    Parameters
    ----------
    reader
        Read the folder as this corpus, whatever its file names look like: ravdess, crema-d, emo-db, ...
    subject
        Who speaks, for folders of your own: the number of the folder that is the speaker's (1 is the first
        below the corpus, -1 the one that holds the file), or a regular expression whose group is the speaker.
    media_root
        Folder that the files of a CSV file lie in. Default: that of the CSV file.
    annotations
        Folder of annotations, .TextGrid, .eaf or .csv of start, end, label, each with the name of its
        recording: their labelled spans are the clips.
    tier
        Tier of the annotations whose labels are emotions. Default: the only one.
    """

    reader: str | None = None
    subject: str | None = None
    media_root: Path | None = None
    annotations: Path | None = None
    tier: str | None = None

    def load(self, root: Path, *, modality: str | None = None) -> ClipList:
        """Return the clips of a corpus."""
        from stcorner.corpora import load_corpus

        return load_corpus(
            root, corpus=self.reader, modality=modality, subject=parse_subject(self.subject),
            media_root=self.media_root, annotations=self.annotations, tier=self.tier,
        )  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NameOptions:
    """What clips are called in tables.

    Parameters
    ----------
    root
        Folder that names of files count from. Default: the folder that is given, or the deepest one that
        holds all files.
    subject
        Who is seen: the number of the folder that is the person's (1 is the first below the root, -1 the one
        that holds the file), or a regular expression whose group is the person.
    """

    root: Path | None = None
    subject: str | None = None

    def clips(self, files: Sequence[Path]) -> list[Clip]:
        """Return the clips of files and folders."""
        from stcorner.extraction.finding import find_clips

        if not files:
            raise ParameterError("FILES must name at least one audio or video file, got nothing")
        return find_clips(files, root=self.root, subject=parse_subject(self.subject))


def parse_face(text: str) -> Face:
    """Return which face is meant.

    Examples
    --------
    >>> parse_face("all"), parse_face("1")
    ('all', 1)
    """
    if text.isdecimal():
        return int(text)
    if text not in ("all", "largest"):
        raise ParameterError(f"--face must be all, largest or a number, got {text!r}")
    return "all" if text == "all" else "largest"


def parse_subject(text: str | None) -> str | int | None:
    """Return the number of a folder, or a pattern.

    Examples
    --------
    >>> parse_subject("-1"), parse_subject("spk(.)")
    (-1, 'spk(.)')
    """
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else text


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RecognizerOptions:
    """What a recogniser is made of.

    Parameters
    ----------
    modality
        Part of the clips to use.
    blocks
        Blocks by name, instead of --modality: audio, mel, video, expression, texture, or those of the
        features, separated by commas.
    block
        NAME=FILE adds a table of another tool, one row per clip; NAME=FILE@mean,std one of many rows per
        clip. May be given several times.
    recipe
        Description of the sound: rich, paper162 or notebook162.
    face
        Which face counts: largest, all (each gives a sample), or a number.
    fusion
        How to combine the blocks.
    classifier
        discriminant, the default; mel_cnn, a network that learns from the block mel; fercnn, the network of
        the paper. With --fusion late the block mel always has mel_cnn.
    validation_fraction
        Share of the people that the network of the paper holds out to know when to stop, 0.15 unless given.
        With few people: 0, which holds out nobody and trains through all epochs.
    label_map
        OLD=NEW renames a label, OLD= drops its clips; may be given several times.
    augment
        Altered copies of each training clip to add; one for each time you give this option: slower, faster,
        speed, pitch, stretch, noise, white, pink, coloured, babble, band, telephone, codec, hall, room, gain
        or clipped, several joined by +; or none. Default: the recogniser's own.
    within
        subject: z-score features within each person, over all their clips and without labels. The result is
        transductive, and every table calls it so.
    seed
        Seed of all random numbers.
    """

    modality: Literal["both", "audio", "video"] = "both"
    blocks: str | None = None
    block: tuple[str, ...] = ()
    recipe: str = "rich"
    face: str = "largest"
    fusion: Literal["concatenate", "mfa", "mfa_per_modality", "cca", "lda", "late"] = "concatenate"
    classifier: Literal["discriminant", "fercnn", "mel_cnn"] = "discriminant"
    validation_fraction: float | None = None
    label_map: tuple[str, ...] = ()
    augment: tuple[str, ...] = ()
    within: Literal["subject"] | None = None
    seed: int = 0

    def all_blocks(self) -> tuple[Any, ...] | None:
        """Return the blocks that are named and the tables that are given; None for those of the modality."""
        from stcorner.extraction.blocks import block_names_of

        tables = read_blocks(self.block)
        if self.blocks is None and not tables:
            return None
        named = block_names_of(None, self.modality) if self.blocks is None else self.blocks.split(",")
        given = {table.name for table in tables}
        return (*(name for name in named if name not in given), *tables)

    def recognizer(self, **more: Any) -> EmotionRecognizer:
        """Return an unfitted recogniser; clips are renamed when they are read, so it maps no labels."""
        from stcorner.recognizer import EmotionRecognizer

        if self.augment:
            more["augment"] = None if self.augment == ("none",) else self.augment
        if self.validation_fraction is not None:
            if self.classifier != "fercnn":
                raise ParameterError(
                    f"--validation-fraction must come with --classifier fercnn, got {self.classifier}"
                )
            more["classifier_params"] = {"validation_fraction": self.validation_fraction}
        return EmotionRecognizer(
            self.modality,
            blocks=self.all_blocks(),
            recipe=self.recipe,
            face=parse_face(self.face),
            fusion=self.fusion,
            classifier=self.classifier,
            random_state=self.seed,
            within=self.within,
            **more,
        )
