"""The paper's samples: three versions of each voice, stretches of each face, and both together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice, check_integer
from stcorner.audio.augmentation import clip_seed, shift_pitch, stretch_time
from stcorner.errors import DatasetError, StcornerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from stcorner.corpora import Clip

    Progress = Callable[[int, int], object]

__all__ = ["VERSIONS", "PaperRows", "audio_rows", "fused_rows", "video_rows", "voice_versions"]

VERSIONS = ("as recorded", "with noise", "slower and higher")
_RATE = 22050
_OFFSET, _SECONDS = 0.6, 2.5  # the part of a clip that the notebook reads
_WINDOW = 12  # frames of a stretch of the face at 25 frames a second, hopping by half of it


@dataclass(frozen=True, kw_only=True)
class PaperRows:
    """Samples as the paper counts them.

    Attributes
    ----------
    X : ndarray of shape (n, d), float32
        One row per sample.
    y, subject, take : ndarray of shape (n,), str
        Label, actor, and recording that the sample comes from.
    version : ndarray of shape (n,), int
        Which altered version, or which stretch of the clip.
    failed : tuple of str
        One line per clip that gave no rows.
    """

    X: NDArray[np.float32]
    y: NDArray[np.str_]
    subject: NDArray[np.str_]
    take: NDArray[np.str_]
    version: NDArray[np.intp]
    failed: tuple[str, ...]


def voice_versions(
    y: NDArray[np.float32], sr: int, *, seed: int = 0, copies: int = 3
) -> list[NDArray[np.float32]]:
    """Return the notebook's versions of a voice: as it is, with noise, slower and higher.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Sound.
    sr : int
        Sampling rate in Hz.
    seed : int, default=0
        Of the noise.
    copies : int, default=3
        Versions wanted; from the fourth on, further ones with noise.

    Notes
    -----
    Noise: 0.035 u max(y) times a standard normal value, u uniform in 0 to 1. Slower: 0.8 times as fast,
    then 0.7 semitones up.
    """
    rng = np.random.default_rng(seed)

    def noisy() -> NDArray[np.float32]:
        amplitude = 0.035 * rng.uniform() * float(y.max())
        return (y + amplitude * rng.standard_normal(len(y))).astype(np.float32)

    versions = [y]
    if copies > 1:
        versions.append(noisy())
    if copies > 2:
        versions.append(shift_pitch(stretch_time(y, factor=0.8), sr=sr, semitones=0.7))
    return versions + [noisy() for _ in range(copies - 3)]


def audio_rows(
    clips: Sequence[Clip],
    *,
    recipe: str = "notebook162",
    copies: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> PaperRows:
    """Describe several versions of every voice.

    Parameters
    ----------
    clips : sequence of Clip
        With sound.
    recipe : {"notebook162", "paper162"}, default="notebook162"
        What the paper's numbers came from, or what its text says.
    copies : int, default=3
        Versions of each clip; see `voice_versions`.
    seed : int, default=0
        Of the noise.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    PaperRows
        One row for each version of each clip.
    """
    check_choice("recipe", recipe, ("notebook162", "paper162"))
    copies = check_integer("copies", copies, low=1)

    def rows(clip: Clip) -> list[NDArray[np.float32]]:
        from stcorner.audio import clip_features
        from stcorner.audio.recipes import notebook_means
        from stcorner.media import load_audio

        start = clip.start or 0.0
        length = None if clip.end is None else clip.end - start
        y, sr = load_audio(clip.audio_path or clip.path, _RATE, offset=start, duration=length)
        if recipe == "notebook162":
            y = y[round(_OFFSET * sr) : round((_OFFSET + _SECONDS) * sr)]
            if len(y) == 0:
                raise DatasetError(f"shorter than {_OFFSET} s")
        versions = voice_versions(y, sr, seed=clip_seed(seed, clip.clip_id), copies=copies)
        if recipe == "notebook162":  # altered after it was cut; the recipe itself would cut again
            return [notebook_means(version) for version in versions]
        return [clip_features(version, sr=sr, recipe=recipe) for version in versions]

    return _collect(clips, rows, progress)


def video_rows(clips: Sequence[Clip], *, progress: Progress | None = None) -> PaperRows:
    """Describe overlapping stretches of half a second of every face: the paper's frames as samples.

    Parameters
    ----------
    clips : sequence of Clip
        With a picture.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    PaperRows
        One row for each stretch of half a second.
    """

    def rows(clip: Clip) -> list[NDArray[np.float32]]:
        from stcorner.media import crop_face
        from stcorner.video import texture_map_histogram

        face = crop_face(clip.path)
        starts = range(0, len(face.frames) - _WINDOW + 1, _WINDOW // 2)
        whole = [s for s in starts if face.success[s : s + _WINDOW].all()]
        if not whole:
            raise DatasetError(f"no face for {_WINDOW} frames in a row")
        return [
            np.asarray(texture_map_histogram(face.frames[s : s + _WINDOW]), dtype=np.float32) for s in whole
        ]

    return _collect(clips, rows, progress)


def fused_rows(audio: PaperRows, video: PaperRows) -> tuple[PaperRows, int]:
    """Pair every version of a voice with the mean of its own clip's face; return the voice's size too.

    Takes that lack one of the two are left out.

    Parameters
    ----------
    audio : PaperRows
        Voices.
    video : PaperRows
        Faces of the same takes.

    Returns
    -------
    rows : PaperRows
        One row for each version of a voice.
    size : int
        Number of the voice's columns.
    """
    takes, place = np.unique(video.take, return_inverse=True)
    means = np.stack([video.X[place == i].mean(axis=0) for i in range(len(takes))])
    known = {take: i for i, take in enumerate(takes)}
    kept = np.asarray([i for i, take in enumerate(audio.take) if take in known], dtype=np.intp)
    if len(kept) == 0:
        raise DatasetError(
            "clips must share takes between sound and picture, got none that do: keep the files' "
            "published names"
        )
    faces = means[[known[take] for take in audio.take[kept]]]
    joined = PaperRows(
        X=np.hstack([audio.X[kept], faces]).astype(np.float32),
        y=audio.y[kept],
        subject=audio.subject[kept],
        take=audio.take[kept],
        version=audio.version[kept],
        failed=audio.failed + video.failed,
    )
    return joined, audio.X.shape[1]


def _collect(
    clips: Sequence[Clip], rows: Callable[[Clip], list[NDArray[np.float32]]], progress: Progress | None
) -> PaperRows:
    vectors: list[NDArray[np.float32]] = []
    notes: list[tuple[str, str, str, int]] = []
    failed: list[str] = []
    for done, clip in enumerate(clips, start=1):
        try:
            found: list[Any] = rows(clip)
        except (StcornerError, OSError) as error:
            failed.append(f"{clip.path}: {error}")
            found = []
        vectors += found
        notes += [(clip.label, clip.subject, clip.take, version) for version in range(len(found))]
        if progress is not None:
            progress(done, len(clips))
    if not vectors:
        raise DatasetError(f"clips must give at least one row, got none from {len(clips)}: {failed[:3]}")
    labels, subjects, takes, versions = zip(*notes, strict=True)
    return PaperRows(
        X=np.stack(vectors),
        y=np.asarray(labels, dtype=np.str_),
        subject=np.asarray(subjects, dtype=np.str_),
        take=np.asarray(takes, dtype=np.str_),
        version=np.asarray(versions, dtype=np.intp),
        failed=tuple(failed),
    )
