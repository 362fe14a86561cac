"""What a face leaves behind: its track, and the clip of its crops."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stcorner._base.validation import check_integer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FaceClip", "FaceTrack", "empty_clip", "join", "status_of"]

Status = Literal["ok", "partial", "no_face"]

_PER_FRAME = ("frames", "times", "boxes", "success", "confidence", "aligned", "visible", "face_quality")


@dataclass(frozen=True, eq=False, repr=False)
class FaceTrack:
    """One person's face through a video.

    Attributes
    ----------
    face_id : int
        0, 1, 2 in the order of appearance; a face that returns within a minute keeps its id, but not across a
        cut.
    frames : ndarray of shape (n,), int64
        Numbers of the frames, from 0, in which the face is seen.
    times : ndarray of shape (n,), float64
        Their presentation times in seconds.
    boxes : ndarray of shape (n, 4), float32
        Smoothed square boxes: x, y, width, height in pixels.
    angles : ndarray of shape (n,), float32
        Turn of the line through the eyes in radians; 0 where they were not found.
    confidence : ndarray of shape (n,), float32
        0 to 1.
    face_quality : ndarray of shape (n,), float32
        How much the face can tell, 0 to 1: the root of the product of shares for confidence, size, sharpness,
        upright position, light, and the part within the picture.
    detector : str
        Class of the detector that found it.

    See Also
    --------
    track_faces : Makes them.
    """

    face_id: int
    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    boxes: NDArray[np.float32]
    angles: NDArray[np.float32]
    confidence: NDArray[np.float32]
    face_quality: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    detector: str = ""

    def __eq__(self, other: object) -> bool:
        """Whether the other is a track with the same values."""
        return _same_values(self, other) if isinstance(other, FaceTrack) else NotImplemented

    # Arrays can change.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return who, when, how large and how good, on one line."""
        if not len(self.frames):
            return f"FaceTrack(face_id={self.face_id}, 0 frames)"
        return (
            f"FaceTrack(face_id={self.face_id}, {len(self.frames)} frames, "
            f"{self.times[0]:.2f} to {self.times[-1]:.2f} s, {np.median(self.boxes[:, 2]):.0f} pixels wide, "
            f"{_quality_text(self.face_quality)})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class FaceClip:
    """Crops of one face at a fixed frame rate.

    Attributes
    ----------
    frames : ndarray of shape (t, size, size), uint8
        Luma; all 0 where `success` is False.
    times : ndarray of shape (t,), float64
        Seconds from the file's zero, ``1 / fps`` apart.
    boxes : ndarray of shape (t, 4), float32
        Smoothed square box x, y, width, height in pixels of the video; NaN where `success` is False.
    success : ndarray of shape (t,), bool
        Whether the face was there.
    status : {"ok", "partial", "no_face"}
        A face in all frames, in some, or in none; with "no_face", `t` is 0.
    face_id : int or None
        Which face, as in `track_faces`; None without one.
    fps : float
        Frames per second of `frames`.
    confidence : ndarray of shape (t,), float32
        0 to 1; 0 where `success` is False.
    aligned : ndarray of shape (t,), bool
        Whether the crop is aligned by the eyes.
    visible : ndarray of shape (t,), float32
        Share of the box within the picture, 0 to 1.
    face_quality : ndarray of shape (t,), float32
        How much the face can tell, 0 to 1, as in `FaceTrack`; 0 where `success` is False.
    detector : str
        Class of the detector that looked for it.
    others : int
        How many other faces have a tenth or more of its area, summed over time; 0 where an id was asked for.
    detection_share : float
        Share of the time of the whole run, decoding included, that went into finding and following faces.
        It is a measurement and differs from run to run.

    See Also
    --------
    crop_face : Makes one.
    """

    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    boxes: NDArray[np.float32]
    success: NDArray[np.bool_]
    status: Status
    face_id: int | None
    fps: float
    confidence: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    aligned: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    visible: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    face_quality: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    detector: str = ""
    others: int = 0
    detection_share: float = field(default=0.0, compare=False)

    def __eq__(self, other: object) -> bool:
        """Whether the other is a clip with the same values, the share of time for detection aside."""
        return _same_values(self, other) if isinstance(other, FaceClip) else NotImplemented

    # Arrays can change.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return who, how long, and how good, on one line."""
        size = " x ".join(str(n) for n in self.frames.shape)
        quality = self.face_quality[self.success] if len(self.face_quality) else self.face_quality
        return (
            f"FaceClip(face_id={self.face_id}, status={self.status!r}, frames {size} at {self.fps:g} Hz, "
            f"{int(self.success.sum())} with the face, {_quality_text(quality)})"
        )

    @property
    def quality(self) -> tuple[str, ...]:
        """What a reader of the numbers should know; empty where all is well.

        "gaps" (no face in some frames), "small" (the box has fewer pixels than the crop), "cut" (more than a
        tenth of it lies outside the picture in every tenth frame), "dark" and "bright" (mean below 40, above
        215), "blurred" (hardly any detail), "no_eyes" (less than half of the frames aligned by the eyes).
        """
        seen = self.success
        if not seen.any():
            return ("gaps",) if len(seen) else ()
        faces = self.frames[seen]
        mean = float(faces.mean())
        detail = np.abs(np.diff(faces[:: max(1, len(faces) // 32)].astype(np.int16), axis=2)).mean()
        flags = {
            "gaps": not seen.all(),
            "small": float(np.median(self.boxes[seen, 2])) < self.frames.shape[1],
            "cut": float((self.visible[seen] < 0.9).mean()) > 0.1,
            "dark": mean < 40,
            "bright": mean > 215,
            "blurred": float(detail) < 1.0,
            "no_eyes": float(self.aligned[seen].mean()) < 0.5,
        }
        return tuple(name for name, raised in flags.items() if raised)

    def segments(self, min_length: int = 1) -> list[slice]:
        """Return the stretches, `min_length` frames or longer, in which the face was there throughout.

        Parameters
        ----------
        min_length : int, default=1
            Least number of frames, >= 1.

        Returns
        -------
        list of slice
            Ranges of frames.

        Examples
        --------
        >>> clip = FaceClip(np.zeros((4, 8, 8), np.uint8), np.arange(4) / 25, np.zeros((4, 4), np.float32),
        ...                 np.array([True, False, True, True]), "partial", 0, 25.0)
        >>> clip.segments()
        [slice(0, 1, None), slice(2, 4, None)]
        """
        least = check_integer("min_length", min_length, low=1)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self.success, [False]]).astype(np.int8)))
        return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= least]


def _same_values(one: FaceTrack | FaceClip, other: FaceTrack | FaceClip) -> bool:
    for name in (part.name for part in fields(one) if part.compare):
        mine, theirs = getattr(one, name), getattr(other, name)
        if not isinstance(mine, np.ndarray):
            same = bool(mine == theirs)
        else:
            same = np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f")
        if not same:
            return False
    return True


def _quality_text(quality: NDArray[np.float32]) -> str:
    return f"quality {quality.mean():.2f}" if len(quality) else "quality unknown"


def join(blocks: list[FaceClip], face_id: int, *, trim: bool) -> FaceClip:
    """Join the blocks of one face; where it is not in a block, that block without it."""
    parts: dict[float, FaceClip] = {}
    for block in blocks:
        start = float(block.times[0])
        if block.face_id == face_id or start not in parts:
            parts[start] = block if block.face_id == face_id else _without(block)
    whole = list(parts.values())
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in whole]) for name in _PER_FRAME
    }
    if trim:
        seen = np.flatnonzero(joined["success"])
        joined = {name: values[seen[0] : seen[-1] + 1] for name, values in joined.items()}
    return FaceClip(
        **joined,
        status=status_of(joined["success"]),
        face_id=face_id,
        fps=blocks[0].fps,
        detector=blocks[0].detector,
        detection_share=blocks[-1].detection_share,
    )


def _without(block: FaceClip) -> FaceClip:
    n = len(block.times)
    return replace(
        block,
        frames=np.zeros_like(block.frames),
        boxes=np.full((n, 4), np.nan, np.float32),
        success=np.zeros(n, np.bool_),
        confidence=np.zeros(n, np.float32),
        aligned=np.zeros(n, np.bool_),
        visible=np.zeros(n, np.float32),
        face_quality=np.zeros(n, np.float32),
    )


def empty_clip(size: int, fps: float, share: float) -> FaceClip:
    """Return the clip of a video without a face."""
    return FaceClip(
        frames=np.zeros((0, size, size), np.uint8),
        times=np.zeros(0),
        boxes=np.zeros((0, 4), np.float32),
        success=np.zeros(0, np.bool_),
        status="no_face",
        face_id=None,
        fps=fps,
        detection_share=share,
    )


def status_of(success: NDArray[np.bool_]) -> Status:
    """Say in how many frames the face was there."""
    if success.all() and len(success):
        return "ok"
    return "partial" if success.any() else "no_face"
