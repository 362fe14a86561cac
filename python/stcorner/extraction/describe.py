"""What one clip gives: decoded, cut to the face, described, with every failure named."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import InternalError, MediaError, MissingExtraError, StcornerError
from stcorner.extraction.plan import SAMPLE_RATE
from stcorner.media.remarks import collected_remarks, remark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.corpora.clip import Clip
    from stcorner.extraction.plan import Plan
    from stcorner.media import FaceClip, MediaInfo
    from stcorner.media.recording import Source

    Described = dict[str, NDArray[np.float32]]

__all__ = [
    "FailedInput", "MissingStreamError", "Row", "RowBuilder", "describe_clip", "describe_face",
    "describe_sound", "fault_of_input",
]  # fmt: skip

# Packages whose own errors speak of the data that they were given.
_DECODERS = frozenset({"av", "soundfile"})
# Below this magnitude (-80 dB of full scale) a track is digital silence or dither, not a voice.
_SILENCE = 1e-4
# Samples at either end that do not count for that: resampling makes a step of a constant offset ring.
_EDGE = SAMPLE_RATE // 100
# Seconds: tables give times to the hundredth, and lossy codecs end with a block.
_END_TOLERANCE = 0.05
# Shorter than nearly all syllables: there is nothing in it that the statistics of a clip could be of.
_SHORT = SAMPLE_RATE // 10
_VOICES = 6  # of the babble of a copy
_VOICE_SECONDS = 10.0  # of each, so that long ones do not fill the memory
_REMARKS = {
    "little_speech": "less than 0.3 s of its sound is voiced: too little to tell anything by",
    "no_speech": "no voice was found in its sound",
    "music_or_noise": "its sound is not that of a voice",
}
# Shorter stretches of a face (in frames of the plan's rate) are too few for corners in time.
_MIN_FRAMES = 12
# A face that is seen in a smaller share of the time is remarked on.
_SEEN = 0.8


@dataclass(frozen=True, kw_only=True)
class FailedInput:
    """An input, or one stream of it, from which no features came.

    Attributes
    ----------
    path : Path
        The file.
    stage : str
        ``"media"``, ``"audio"``, ``"face"`` or the name of a block: where it failed.
    error : str
        What was wrong.
    """

    path: Path
    stage: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one sample, or of an altered copy of it (``copy`` names the kind)."""

    clip: Clip
    blocks: dict[str, NDArray[np.float32]]
    status: dict[str, str]
    errors: tuple[FailedInput, ...]
    details: dict[str, Any]
    copy: str = ""


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


class MissingStreamError(Exception):
    """A stream is not there: an ordinary outcome, with its own status."""

    def __init__(self, status: str, stage: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.stage = stage

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be pickled: its message alone does not make it again."""
        return type(self), (self.status, self.stage, str(self)), self.__dict__


class RowBuilder:
    """Collect the blocks of one row, and what went wrong with those that are missing."""

    def __init__(self, clip: Clip, plan: Plan) -> None:
        self._clip, self._plan = clip, plan
        self.blocks: Described = {}
        self.status: dict[str, str] = {}
        self.errors: list[FailedInput] = []
        self.warnings: list[str] = []
        self.details: dict[str, Any] = {
            "start": clip.start, "end": clip.end, "face_id": None, "n_frames": None, "n_voiced": None,
            "fps": None, "analysis_fps": plan.fps if "video" in plan.streams else None, "sr": None,
        }  # fmt: skip

    def branch(self) -> RowBuilder:
        """Return another row that begins with what this one holds."""
        other = RowBuilder(self._clip, self._plan)
        other.blocks, other.status, other.details = dict(self.blocks), dict(self.status), dict(self.details)
        other.errors, other.warnings = list(self.errors), list(self.warnings)
        return other

    def attempt(
        self, stream: str, path: Path, compute: Callable[[], tuple[Described, dict[str, Any]]]
    ) -> None:
        """Fill the blocks of a stream by `compute`, or record why they are missing."""
        blocks = self._plan.blocks_of(stream)
        with collected_remarks() as caught:
            try:
                vectors, found = compute()
                self.status.update(dict.fromkeys(blocks, found.pop("status")))
                self.blocks.update(vectors)
                self.details.update(found)
            except MissingStreamError as missing:
                if missing.status == "silent":
                    self.details.update(speech="silent", voiced_seconds=0.0, speech_share=0.0, n_voiced=0)
                self._fail(blocks, missing.status, path, missing.stage, str(missing))
            except Exception as error:  # whatever a damaged file provokes, the run goes on and says so
                stage = "media" if isinstance(error, MediaError) else stream
                self._fail(blocks, "error", path, stage, fault_of_input(error, path))
        self.warnings += caught

    def _fail(self, blocks: tuple[str, ...], status: str, path: Path, stage: str, text: str) -> None:
        self.status.update(dict.fromkeys(blocks, status))
        self.errors.append(FailedInput(path=path, stage=stage, error=text))

    def build(self, *, copy: str = "") -> Row:
        """Return the row."""
        details = {
            **self.details,
            "errors": [failed.error for failed in self.errors],
            "warnings": list(dict.fromkeys(self.warnings)),
        }
        return Row(
            clip=self._clip,
            blocks={name: self.blocks[name] for name in self._plan.blocks if name in self.blocks},
            status=self.status,
            errors=tuple(self.errors),
            details=details,
            copy=copy,
        )


def describe_clip(clip: Clip, plan: Plan, info: MediaInfo | None = None) -> list[Row]:
    """Return the row of one clip and the rows of its copies with altered sound.

    Where the caller has probed ``clip.path``, `info` saves doing it again.
    """
    builder = RowBuilder(clip, plan)
    sound: list[NDArray[np.float32]] = []
    faces: list[FaceClip] = []
    known = {} if info is None else {clip.source("video"): info}

    def from_sound() -> tuple[Described, dict[str, Any]]:
        _look(clip.source("audio"), "audio", builder.details, known)
        sound.append(_load_sound(clip, plan))
        if 0 < len(sound[0]) < _SHORT:
            length = len(sound[0]) / SAMPLE_RATE
            remark(
                f"{clip.sound}: {length:.3f} s of sound is shorter than a syllable: do not trust its features"
            )
        vectors, found = describe_sound(sound[0], plan, name=str(clip.sound))
        if found["speech"] != "ok" and len(sound[0]) >= _SHORT:
            remark(f"{clip.sound}: {_REMARKS[found['speech']]}")
        return vectors, found

    def from_picture() -> tuple[Described, dict[str, Any]]:
        _look(clip.source("video"), "video", builder.details, known)
        faces.extend(_crop_faces(clip, plan))
        return from_face(faces[0])

    def from_face(face: FaceClip) -> tuple[Described, dict[str, Any]]:
        vectors, found = describe_face(
            face.frames, face.success, plan, name=str(clip.path), quality=face.face_quality
        )
        if face.others:
            count = 1 + face.others
            remark(
                f"{clip.path}: {count} faces were found, and face {face.face_id}, the largest, is described: "
                "choose another with face= (--face)"
            )
        if face.success.mean() < _SEEN:
            share = 100 * face.success.mean()
            remark(
                f"{clip.path}: the face is in view for {share:.0f} % of the time only: its features describe "
                "that part"
            )
        return vectors, {**found, "face_id": face.face_id}

    if "audio" in plan.streams:
        builder.attempt("audio", clip.sound, from_sound)
    base = builder.branch()
    if "video" in plan.streams:
        builder.attempt("video", clip.path, from_picture)
    rows = [builder.build()]
    for face in faces[1:]:
        other = base.branch()
        other.details |= {name: builder.details[name] for name in ("start", "end", "fps")}
        other.attempt("video", clip.path, partial(from_face, face))
        rows.append(other.build())
    wanted = plan.augment and sound and (clip.label or not plan.labelled_copies)
    if wanted and not rows[0].blocks.keys().isdisjoint(plan.blocks_of("audio")):
        return [each for row in rows for each in (row, *_altered_copies(row, sound[0], plan))]
    return rows


def _crop_faces(clip: Clip, plan: Plan) -> list[FaceClip]:
    """Return the face that counts, or all that are seen long enough to be described."""
    from stcorner.media import crop_face, track_faces

    source = clip.source("video")
    start, end = _span(clip, plan)
    found = crop_face(source, size=plan.crop_size, fps=plan.fps, rule=plan.face, start=start, end=end)
    for face in found if isinstance(found, list) else [found]:
        _check_length(clip.path, len(face.frames) / plan.fps, plan)
    if not isinstance(found, list):
        if found.face_id is None and isinstance(plan.face, int):
            there = ", ".join(str(track.face_id) for track in track_faces(source))
            told = f"{clip.path}: no face {plan.face} was found, there is {there or 'none'}"
            raise MissingStreamError("no_face", "face", told)
        return [found]
    lasting = [face for face in found if np.count_nonzero(face.success) >= _MIN_FRAMES]
    for face in found:
        if lasting and face not in lasting:
            remark(
                f"{clip.path}: face {face.face_id} is in view too briefly to be described: give a longer "
                "clip or another face"
            )
    if not lasting:
        raise MissingStreamError("no_face", "face", f"{clip.path}: no face was found")
    return lasting


def _altered_copies(row: Row, sound: NDArray[np.float32], plan: Plan) -> list[Row]:
    """Return one copy per kind; one that gives no features (too short, say) is left out with a warning."""
    from stcorner.audio.augmentation import augment_audio, clip_seed

    seed = clip_seed(plan.seed, row.clip.clip_id)
    voices = _voices(row.clip, plan)
    copies = []
    for kind in plan.augment:
        altered = RowBuilder(row.clip, plan)

        def described(kind: str = kind) -> tuple[Described, dict[str, Any]]:
            kinds = kind.split("+")
            altered = augment_audio(sound, sr=SAMPLE_RATE, kinds=kinds, seed=seed, voices=voices)
            return describe_sound(altered, plan, presence=False)

        altered.attempt("audio", row.clip.sound, described)
        if not altered.errors:
            blocks = {name: altered.blocks.get(name, vector) for name, vector in row.blocks.items()}
            copies.append(
                Row(
                    clip=row.clip, blocks=blocks, status=row.status, errors=(), details=row.details, copy=kind
                )
            )
        else:
            reason = altered.errors[0].error
            row.details["warnings"].append(f"no {kind!r} copy of {row.clip.sound}: {reason}")
    return copies


def _voices(clip: Clip, plan: Plan) -> list[NDArray[np.float32]]:
    """Return what other clips of the speaker say, a few drawn; those that cannot be read are left out."""
    from stcorner.audio.augmentation import clip_seed

    others = [other for other in plan.voices.get(clip.group, ()) if other.key != clip.key]
    drawn = np.random.default_rng(clip_seed(plan.seed, f"voices of {clip.clip_id}")).permutation(len(others))
    voices: list[NDArray[np.float32]] = []
    for other in (others[at] for at in drawn[:_VOICES].tolist()):
        try:
            with collected_remarks():  # said where that clip is described
                voices.append(_voice(other.sound, other.sound.stat().st_mtime_ns, *_span(other, plan)))
        except Exception as error:
            fault_of_input(error, other.path)
    return voices


@lru_cache(maxsize=64)  # the clips of one speaker, which all draw from one another
def _voice(path: Path, changed: int, start: float, end: float | None) -> NDArray[np.float32]:
    """Return the first seconds of a clip, read once as long as the file is not `changed`."""
    from stcorner.media import load_audio

    duration = _VOICE_SECONDS if end is None else min(end - start, _VOICE_SECONDS)
    return load_audio(path, SAMPLE_RATE, offset=start, duration=duration)[0]


def _look(path: Source, stream: str, details: dict[str, Any], known: dict[Source, MediaInfo]) -> None:
    """Take rates and span from the container, and refuse a file without the stream."""
    from stcorner.media import probe

    if path not in known:
        known[path] = probe(path)
    info = known[path]
    if (info.audio if stream == "audio" else info.video) is None:
        raise MissingStreamError(f"no_{stream}", "media", f"{path} has no {stream} stream")
    if info.audio is not None and stream == "audio":
        details["sr"] = info.audio.sample_rate
    if info.video is not None and stream == "video":
        details["fps"] = info.video.fps or None
    if details["start"] is None:
        details["start"] = 0.0
    if details["end"] is None:
        details["end"] = info.duration
    elif info.duration is not None and details["end"] > info.duration + _END_TOLERANCE:
        remark(f"{path}: ends at {info.duration:.3f} s, before the end of the segment, {details['end']:g} s")
        details["end"] = info.duration


def _load_sound(clip: Clip, plan: Plan) -> NDArray[np.float32]:
    """Read the sound of a clip; how long it is counts, not how long it is said to be."""
    from stcorner.media import load_audio

    start, end = _span(clip, plan)
    duration = None if end is None else end - start
    y = load_audio(clip.source("audio"), SAMPLE_RATE, offset=start, duration=duration)[0]
    _check_length(clip.sound, len(y) / SAMPLE_RATE, plan)
    return y


def _span(clip: Clip, plan: Plan) -> tuple[float, float | None]:
    """Return where to read from, and to: little beyond what one row may hold."""
    start, end, most = clip.start or 0.0, clip.end, plan.max_seconds
    if most is not None and (end is None or end - start > most):
        end = start + most + 1.0
    return start, end


def _check_length(path: Path, seconds: float, plan: Plan) -> None:
    if plan.max_seconds is not None and seconds > plan.max_seconds:
        raise MediaError(
            f"{path} holds more than the {plan.max_seconds:.0f} s of one row: read it by windows "
            "(window=3, on the command line --window 3)"
        )


def describe_sound(
    y: NDArray[np.float32], plan: Plan, *, name: str = "the sound", presence: bool = True
) -> tuple[Described, dict[str, Any]]:
    """Return the blocks of sound at `SAMPLE_RATE`, and what is known about it."""
    from stcorner.audio.patch import log_mel_patch
    from stcorner.audio.presence import presence_of
    from stcorner.audio.recipes import tracked_features

    inner = y[_EDGE:-_EDGE] if len(y) > 4 * _EDGE else y
    if not len(inner) or np.abs(inner - inner.mean()).max() < _SILENCE:
        raise MissingStreamError(
            "silent", "audio", f"{name} is silent: no sample exceeds {_SILENCE:g} of full scale"
        )
    vector, tracks = tracked_features(y, recipe=plan.recipe)
    vectors = {"audio": vector}
    if "mel" in plan.blocks:
        vectors["mel"] = log_mel_patch(y).ravel()
    found = {"n_voiced": int(np.count_nonzero(tracks.voiced)), "status": "ok"}
    # Of the copies for training nobody asks it.
    return vectors, {**found, **presence_of(y, tracks)} if presence else found


def describe_face(
    frames: NDArray[np.uint8],
    seen: NDArray[np.bool_],
    plan: Plan,
    *,
    name: str,
    quality: NDArray[np.float32] | None = None,
) -> tuple[Described, dict[str, Any]]:
    """Return the blocks of a cropped face, shape (t, y, x).

    What looks at motion takes the longest stretch without a gap: frames without the face are black, and a
    jump between them and the face would be one large corner. Expressions are read in every frame with it.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(np.int8)))
    stretches = list(zip(edges[::2], edges[1::2], strict=True))
    start, stop = max(stretches, key=lambda pair: pair[1] - pair[0], default=(0, 0))
    vectors: Described = {}
    descriptions = plan.face_descriptions()
    found = int(seen.sum())
    if not found:
        raise MissingStreamError("no_face", "face", f"{name}: no face was found")
    if found < min(_MIN_FRAMES, len(seen) / 10) or (descriptions and stop - start < _MIN_FRAMES):
        text = f"no face was seen long enough: in {found} of {len(seen)} frames, {stop - start} in a row"
        raise MissingStreamError("no_face", "face", f"{name}: {text}")
    for block, describe in descriptions.items():
        vectors[block] = describe(frames[start:stop])
    if "expression" in plan.blocks:
        from stcorner.video.expression_summary import expression_summary

        vectors["expression"] = expression_summary(frames[seen], None if quality is None else quality[seen])
    return vectors, {"n_frames": int(stop - start), "status": "ok" if seen.all() else "partial"}
