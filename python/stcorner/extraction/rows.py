"""What one clip gives: decoded, cut to the face, described, with every failure named."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stcorner._base.validation import check_choice, check_integer
from stcorner._base.warnings import collected_warnings
from stcorner.errors import InternalError, MediaError, MissingExtraError, ParameterError, StcornerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from stcorner.media import MediaInfo

__all__ = [
    "ExtractionPlan", "FailedInput", "MissingModalityError", "Row", "RowBuilder", "Source", "audio_vector",
    "check_augment", "check_face", "extract_rows", "fault_of_input",
]  # fmt: skip

MODALITIES = ("audio", "video")
# The analysis rate of sound. Descriptors are defined up to 8 kHz, which every corpus and telephone call has.
SAMPLE_RATE = 16_000
# Packages whose own errors speak of the data that they were given.
_DECODERS = frozenset({"av", "soundfile"})
# Below this magnitude (-80 dB of full scale) a track is digital silence or dither, not a voice.
_SILENCE = 1e-4
# Samples at either end that do not count for that: resampling makes a step of a constant offset ring.
_EDGE = SAMPLE_RATE // 100
# Shorter than nearly all syllables: there is nothing in it that the statistics of a clip could be of.
_SHORT = SAMPLE_RATE // 10


@dataclass(frozen=True, kw_only=True)
class FailedInput:
    """An input, or one modality of it, from which no features came.

    Attributes
    ----------
    path : Path
        The file.
    stage : str
        ``"media"``, ``"audio"`` or ``"face"``: where it failed.
    error : str
        What was wrong.
    """

    path: Path
    stage: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the sound and the picture of one clip are, and which part of them counts."""

    path: Path
    audio_path: Path
    clip_id: str
    start: float | None = None
    end: float | None = None

    @classmethod
    def of(cls, item: Any) -> Source:
        """Return the source of a `Clip` or of a path."""
        if isinstance(item, str | os.PathLike):
            path = Path(item)
            return cls(path=path, audio_path=path, clip_id=path.stem)
        try:
            return cls(
                path=item.path, audio_path=item.sound, clip_id=item.clip_id, start=item.start, end=item.end
            )
        except AttributeError:
            raise ParameterError(
                f"clips must be Clip objects or paths, got one of type {type(item).__name__}"
            ) from None


def check_face(face: Any) -> Literal["largest"] | int:
    """Return which face counts: the largest, or one by its id."""
    return "largest" if face == "largest" else check_integer("face", face, low=0)


def check_augment(augment: Any) -> tuple[str, ...]:
    """Return the kinds of altered copies, each a kind of `augment_audio` or several joined by "+"."""
    from stcorner.audio.augmentation import AUDIO_KINDS

    kinds = (augment,) if isinstance(augment, str) else tuple(augment or ())
    for kind in kinds:
        for part in str(kind).split("+"):
            check_choice("augment", part, AUDIO_KINDS)
    return tuple(map(str, kinds))


@dataclass(frozen=True, kw_only=True)
class ExtractionPlan:
    """What to compute from a clip. Small and picklable: it travels to worker processes."""

    modality: str
    recipe: str = "rich"
    crop_size: int = 96
    fps: float = 25.0
    face: Literal["largest"] | int = "largest"
    augment: tuple[str, ...] = ()
    seed: int = 0

    @property
    def modalities(self) -> tuple[str, ...]:
        """The blocks that this plan fills."""
        return MODALITIES if self.modality == "both" else (self.modality,)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one clip, or of one augmented copy of it."""

    blocks: dict[str, NDArray[np.float32]]
    status: dict[str, str]
    errors: tuple[FailedInput, ...]
    details: dict[str, Any]


def fault_of_input(error: Exception, path: str | os.PathLike[str]) -> str:
    """Return what is wrong with a file; raise where the file cannot be the cause.

    Raises
    ------
    InternalError
        From errors other than our own, those of the system, and those of the decoders. An `AttributeError`,
        say, would come for every file: a table full of failures would hide it.
    """
    if isinstance(error, StcornerError) and not isinstance(error, MissingExtraError):
        named = isinstance(error, MediaError) or os.fspath(path) in str(error)
        return str(error) if named else f"{os.fspath(path)}: {error}"
    decoder = type(error).__module__.partition(".")[0] in _DECODERS
    if decoder or isinstance(error, OSError | MemoryError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, InternalError | MissingExtraError):
        raise error
    raise InternalError(f"{os.fspath(path)}: {type(error).__name__}: {error}") from error


class MissingModalityError(Exception):
    """A modality is not there: an ordinary outcome, with its own status."""

    def __init__(self, status: str, stage: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.stage = stage


class RowBuilder:
    """Collect the blocks of one row, and what went wrong with those that are missing."""

    def __init__(self, source: Source) -> None:
        self.blocks: dict[str, NDArray[np.float32]] = {}
        self.status: dict[str, str] = {}
        self.errors: list[FailedInput] = []
        self.warnings: list[str] = []
        self.details: dict[str, Any] = {
            "file": str(source.path), "clip_id": source.clip_id, "start": source.start, "end": source.end,
            "face_id": None, "n_frames": None, "n_voiced": None, "fps": None, "sr": None,
        }  # fmt: skip

    def attempt(
        self, modality: str, path: Path, compute: Callable[[], tuple[NDArray[np.float32], dict[str, Any]]]
    ) -> None:
        """Fill a block by `compute`, which gives the vector and details, or record why it failed."""
        with collected_warnings() as caught:
            try:
                vector, found = compute()
                self.status[modality] = found.pop("status")
                self.blocks[modality] = vector
                self.details.update(found)
            except MissingModalityError as missing:
                self.status[modality] = missing.status
                self.errors.append(FailedInput(path=path, stage=missing.stage, error=str(missing)))
            except Exception as error:  # whatever a damaged file provokes, the run goes on and says so
                text = fault_of_input(error, path)
                self.status[modality] = "error"
                stage = "media" if isinstance(error, MediaError) else modality
                self.errors.append(FailedInput(path=path, stage=stage, error=text))
        self.warnings += caught

    def build(self) -> Row:
        """Return the row."""
        details = {
            **self.details,
            "errors": [failed.error for failed in self.errors],
            "warnings": list(dict.fromkeys(self.warnings)),
        }
        return Row(blocks=self.blocks, status=self.status, errors=tuple(self.errors), details=details)


def extract_rows(
    source: Source, plan: ExtractionPlan, augment: bool = False, info: MediaInfo | None = None
) -> list[Row]:
    """Return the row of one clip and, for training, the rows of its copies with altered sound.

    Where the caller has probed ``source.path``, `info` saves doing it again.
    """
    builder = RowBuilder(source)
    sound: list[NDArray[np.float32]] = []
    known = {} if info is None else {source.path: info}

    def from_sound() -> tuple[NDArray[np.float32], dict[str, Any]]:
        from stcorner.media import MediaWarning

        _describe(source.audio_path, "audio", builder.details, known)
        sound.append(_load_sound(source))
        if 0 < len(sound[0]) < _SHORT:
            length = len(sound[0]) / SAMPLE_RATE
            warnings.warn(
                f"{source.audio_path}: {length:.3f} s of sound is less than a syllable and tells little",
                MediaWarning,
                stacklevel=1,
            )
        vector, found = audio_vector(sound[0], plan, name=str(source.audio_path))
        if not found["n_voiced"]:
            warnings.warn(f"{source.audio_path}: no voice was found in its sound", MediaWarning, stacklevel=1)
        return vector, found

    def from_picture() -> tuple[NDArray[np.float32], dict[str, Any]]:
        from stcorner.extraction.face_features import face_features

        _describe(source.path, "video", builder.details, known)
        return face_features(source, plan)

    if "audio" in plan.modalities:
        builder.attempt("audio", source.audio_path, from_sound)
    if "video" in plan.modalities:
        builder.attempt("video", source.path, from_picture)
    row = builder.build()
    if not augment or "audio" not in row.blocks:
        return [row]
    return [row, *_altered_copies(row, sound[0], source, plan)]


def _altered_copies(row: Row, sound: NDArray[np.float32], source: Source, plan: ExtractionPlan) -> list[Row]:
    """Return one copy per kind; one that gives no features (too short, say) is left out with a warning."""
    from stcorner.audio.augmentation import augment_audio, clip_seed

    seed = clip_seed(plan.seed, source.clip_id)
    copies = []
    for kind in plan.augment:
        altered = RowBuilder(source)

        def vector(kind: str = kind) -> tuple[NDArray[np.float32], dict[str, Any]]:
            return audio_vector(augment_audio(sound, sr=SAMPLE_RATE, kinds=kind.split("+"), seed=seed), plan)

        altered.attempt("audio", source.audio_path, vector)
        if "audio" in altered.blocks:
            blocks = {**row.blocks, "audio": altered.blocks["audio"]}
            copies.append(Row(blocks=blocks, status=row.status, errors=(), details=row.details))
        else:
            reason = altered.errors[0].error
            row.details["warnings"].append(f"no {kind!r} copy of {source.audio_path}: {reason}")
    return copies


def _describe(path: Path, modality: str, details: dict[str, Any], known: dict[Path, MediaInfo]) -> None:
    """Take rates and span from the container, and refuse a file without the stream."""
    from stcorner.media import probe

    if path not in known:
        known[path] = probe(path)
    info = known[path]
    if (info.audio if modality == "audio" else info.video) is None:
        raise MissingModalityError(f"no_{modality}", "media", f"{path} has no {modality} stream")
    if info.audio is not None and modality == "audio":
        details["sr"] = info.audio.sample_rate
    if info.video is not None and modality == "video":
        details["fps"] = info.video.fps or None
    if details["start"] is None:
        details["start"] = 0.0
    if details["end"] is None:
        details["end"] = info.duration


def _load_sound(source: Source) -> NDArray[np.float32]:
    from stcorner.media import load_audio

    start = source.start or 0.0
    duration = None if source.end is None else source.end - start
    return load_audio(source.audio_path, SAMPLE_RATE, offset=start, duration=duration)[0]


def audio_vector(
    y: NDArray[np.float32], plan: ExtractionPlan, *, name: str = "the sound"
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Return the vector of sound at `SAMPLE_RATE`, and what is known about it."""
    from stcorner.audio import pitch_autocorrelation
    from stcorner.audio.recipes import voiced_features

    inner = y[_EDGE:-_EDGE] if len(y) > 4 * _EDGE else y
    if not len(inner) or np.abs(inner - inner.mean()).max() < _SILENCE:
        raise MissingModalityError(
            "silent", "audio", f"{name} is silent: no sample exceeds {_SILENCE:g} of full scale"
        )
    vector, n_voiced = voiced_features(y, sr=SAMPLE_RATE, recipe=plan.recipe)
    if n_voiced is None:
        n_voiced = int(np.count_nonzero(pitch_autocorrelation(y, sr=SAMPLE_RATE)[1]))
    return vector, {"n_voiced": n_voiced, "status": "ok"}
