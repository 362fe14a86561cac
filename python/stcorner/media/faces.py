"""Faces of a video: who is where, and one person cut out at a fixed size and frame rate."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from stcorner._base.validation import check_integer, check_real
from stcorner.errors import MediaError, ParameterError
from stcorner.media._container import MAX_BYTES
from stcorner.media._cropper import Cropper, FaceRows
from stcorner.media.clips import FaceClip, FaceTrack, empty_clip, join, status_of
from stcorner.media.picture import decoded_frames
from stcorner.media.recording import check_source
from stcorner.media.tracking import FaceTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from stcorner.media._cropper import Crop, Row
    from stcorner.media.detectors import FaceDetector
    from stcorner.media.recording import MediaLike, Source
    from stcorner.media.tracking import TrackedFrame

__all__ = ["crop_face", "iter_faces", "track_faces"]

# Frames in a block.
_BLOCK = 250
# A face of this share of the largest one's area, summed over time, could have been meant.
_RIVAL = 0.1

Rule = Literal["largest", "all"] | int


def track_faces(path: MediaLike, *, detector: FaceDetector | str | None = "auto") -> list[FaceTrack]:
    """Follow all faces of a video.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Any video file that FFmpeg can read.
    detector : FaceDetector, "auto", "haar" or "blazeface", default="auto"
        "auto": `BlazeFaceDetector` where the extra `face` is installed, else `HaarDetector`. The result says
        which one it was.

    Returns
    -------
    list of FaceTrack
        By id; empty where no face was found.

    Raises
    ------
    MediaError
        If the file is missing, damaged or has no video stream.

    See Also
    --------
    crop_face : Cut one face out at a fixed size and rate.
    """
    tracker = FaceTracker(detector)
    seen: dict[int, list[tuple[Any, ...]]] = {}
    for frame in _tracked(check_source(path), tracker):
        for face_id, pose in frame.faces.items():
            box = (pose.x - pose.size / 2, pose.y - pose.size / 2, pose.size, pose.size)
            seen.setdefault(face_id, []).append(
                (frame.number, frame.time, box, pose.angle, pose.confidence, pose.quality)
            )
    tracks = []
    for face_id in sorted(seen):
        frames, times, boxes, angles, confidence, quality = zip(*seen[face_id], strict=True)
        tracks.append(
            FaceTrack(
                face_id=face_id,
                frames=np.array(frames, np.int64),
                times=np.array(times),
                boxes=np.array(boxes, np.float32),
                angles=np.array(angles, np.float32),
                confidence=np.array(confidence, np.float32),
                face_quality=np.array(quality, np.float32),
                detector=tracker.name,
            )
        )
    return tracks


@overload
def crop_face(
    path: MediaLike,
    *,
    size: int = 96,
    fps: float = 25.0,
    rule: Literal["largest"] | int = "largest",
    detector: FaceDetector | str | None = "auto",
    margin: float = 0.1,
    start: float = 0.0,
    end: float | None = None,
) -> FaceClip: ...
@overload
def crop_face(
    path: MediaLike,
    *,
    size: int = 96,
    fps: float = 25.0,
    rule: Literal["all"],
    detector: FaceDetector | str | None = "auto",
    margin: float = 0.1,
    start: float = 0.0,
    end: float | None = None,
) -> list[FaceClip]: ...
def crop_face(
    path: MediaLike,
    *,
    size: int = 96,
    fps: float = 25.0,
    rule: Rule = "largest",
    detector: FaceDetector | str | None = "auto",
    margin: float = 0.1,
    start: float = 0.0,
    end: float | None = None,
) -> FaceClip | list[FaceClip]:
    """Cut one person's face out of a video: fixed size, fixed frame rate, smoothed, aligned by the eyes.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Any video file that FFmpeg can read.
    size : int, default=96
        Side of the crop in pixels, 8 to 1024.
    fps : float, default=25.0
        Frames per second of the crop, above 0 and up to 1000. Each shows the video's frame nearest in time.
    rule : {"largest", "all"} or int, default="largest"
        "largest": the face with the largest area summed over the time from `start` to `end`. "all": one clip
        for each face. A number: the face of this id, as `track_faces` counts. A clip never mixes people: a
        face's id ends at a cut of the film at the latest.
    detector : FaceDetector, "auto", "haar" or "blazeface", default="auto"
        "auto": `BlazeFaceDetector` where the extra `face` is installed, else `HaarDetector`. The result says
        which one it was.
    margin : float, default=0.1
        Room around the detector's box, as a share of its side, -0.6 to 2: the crop's side is ``1 + margin``
        boxes, and shares its centre with the box once the eyes are in their place. Where the eyes were found
        they are level, 0.38 boxes below the box's top; `FaceDetector` says how large the box is. With -0.2 a
        tenth is cut off each side of the box.
    start : float, default=0.0
        Seconds of the file's clock from which on frames are wanted, >= 0.
    end : float, optional
        Seconds up to which frames are wanted, > `start`; nothing behind is decoded. Ids and crops are those
        of the whole file: it is followed from its beginning.

    Returns
    -------
    FaceClip, or list of FaceClip with ``rule="all"``
        Where no face was found, the status says so and there are no frames; the list is empty.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    MediaError
        If the file is missing, damaged, has no video stream, or the crops would take more than 4 GiB
        (read them with `iter_faces` then).

    See Also
    --------
    iter_faces : The same by blocks, in constant memory.
    """
    faces = face_rows(
        size=size,
        fps=fps,
        rule="all" if rule == "largest" else rule,
        detector=detector,
        margin=margin,
        start=start,
        end=end,
    )
    blocks: list[FaceClip] = []
    total = 0
    for block in _face_blocks(check_source(path), faces, _BLOCK):
        blocks.append(block)
        total += block.frames.nbytes
        if total > MAX_BYTES:
            raise MediaError(
                f"{path} holds more faces than {MAX_BYTES} bytes: read them by blocks with iter_faces"
            )
    ids = sorted({block.face_id for block in blocks if block.face_id is not None})
    if rule == "all":
        return [join(blocks, face_id, trim=True) for face_id in ids]
    if not ids:
        share = blocks[-1].detection_share if blocks else 0.0
        return replace(empty_clip(faces.cropper.size, faces.cropper.fps, share), detector=faces.tracker.name)
    areas = faces.cropper.areas
    chosen = faces.cropper.largest if rule == "largest" else ids[0]
    assert chosen is not None
    others = sum(area >= _RIVAL * areas[chosen] for face_id, area in areas.items() if face_id != chosen)
    return replace(join(blocks, chosen, trim=False), others=others)


def iter_faces(
    path: MediaLike,
    *,
    size: int = 96,
    fps: float = 25.0,
    rule: Rule = "largest",
    detector: FaceDetector | str | None = "auto",
    margin: float = 0.1,
    start: float = 0.0,
    end: float | None = None,
    block_length: int = _BLOCK,
) -> Iterator[FaceClip]:
    """Cut faces out of a video block by block, in constant memory.

    Joined, the blocks of one id are what `crop_face` returns. A block before the first face, or without any,
    has the status "no_face" and no id. With ``rule="largest"`` the file is read twice: only its end tells who
    was the largest over its time.

    Parameters
    ----------
    path : str or os.PathLike
        Any video file that FFmpeg can read.
    size : int, default=96
        Side of the crop in pixels, 8 to 1024.
    fps : float, default=25.0
        Frames per second of the crop, above 0 and up to 1000. Each shows the video's frame nearest in time.
    rule : {"largest", "all"} or int, default="largest"
        "largest": the face with the largest area summed over the time from `start` to `end`. "all": one clip
        for each face. A number: the face of this id, as `track_faces` counts. A clip never mixes people: a
        face's id ends at a cut of the film at the latest.
    detector : FaceDetector, "auto", "haar" or "blazeface", default="auto"
        "auto": `BlazeFaceDetector` where the extra `face` is installed, else `HaarDetector`. The result says
        which one it was.
    margin : float, default=0.1
        Room around the detector's box, as a share of its side, -0.6 to 2: the crop's side is ``1 + margin``
        boxes, and shares its centre with the box once the eyes are in their place. Where the eyes were found
        they are level, 0.38 boxes below the box's top; `FaceDetector` says how large the box is. With -0.2 a
        tenth is cut off each side of the box.
    start : float, default=0.0
        Seconds of the file's clock from which on frames are wanted, >= 0.
    end : float, optional
        Seconds up to which frames are wanted, > `start`; nothing behind is decoded. Ids and crops are those
        of the whole file: it is followed from its beginning.
    block_length : int, default=250
        Frames in each block but the last, >= 1.

    Yields
    ------
    FaceClip
        With ``rule="all"``, one for each face seen in the block, by id.

    Raises
    ------
    ParameterError
        If a parameter is out of range (at the call).
    MediaError
        As `crop_face`.

    See Also
    --------
    crop_face : The same at once.
    """
    length = check_integer("block_length", block_length, low=1)
    follow = partial(face_rows, size=size, fps=fps, detector=detector, margin=margin, start=start, end=end)
    faces = follow(rule=rule)
    file = check_source(path)
    return _largest_blocks(file, follow, length) if rule == "largest" else _face_blocks(file, faces, length)


def face_rows(
    *,
    size: int,
    fps: float,
    rule: Rule,
    detector: FaceDetector | str | None = "auto",
    margin: float = 0.1,
    start: float = 0.0,
    end: float | None = None,
) -> FaceRows:
    """Check the parameters of `iter_faces` and return what takes the frames one by one.

    With the rule "largest" the face is chosen as the frames come in, as `Cropper` says.
    """
    first = check_real("start", start, low=0.0)
    cropper = Cropper(
        size=check_integer("size", size, low=8, high=1024),
        fps=check_real("fps", fps, low=0.0, high=1000.0, open_low=True),
        rule=_check_rule(rule),
        margin=check_real("margin", margin, low=-0.6, high=2.0),
        start=first,
        end=math.inf if end is None else check_real("end", end, low=first, open_low=True),
    )
    return FaceRows(FaceTracker(detector), cropper)


def _largest_blocks(file: Source, follow: Callable[..., FaceRows], length: int) -> Iterator[FaceClip]:
    """Read the file once to see who is the largest, and once more for the blocks."""
    faces = follow(rule="all")
    faces.cropper.pictures = False
    for gray, time in decoded_frames(file, gray=True):
        faces.push(gray, time)
        if faces.cropper.done:
            break
    else:
        faces.flush()
    chosen = faces.cropper.largest
    yield from _face_blocks(file, follow(rule=0 if chosen is None else chosen), length)


def _face_blocks(file: Source, faces: FaceRows, length: int) -> Iterator[FaceClip]:
    begin = perf_counter()
    cropper = faces.cropper
    rows: list[Row] = []

    def blocks(*, last: bool = False) -> Iterator[FaceClip]:
        while len(rows) >= length or (last and rows):
            share = faces.tracker.seconds / max(1e-9, perf_counter() - begin)
            for clip in _clips(rows[:length], cropper, share):
                yield replace(clip, detector=faces.tracker.name)
            del rows[:length]

    for gray, time in decoded_frames(file, gray=True):
        rows.extend(faces.push(gray, time))
        yield from blocks()
        if cropper.done:
            break
    else:
        rows.extend(faces.flush())
    yield from blocks(last=True)


def _tracked(file: Source, tracker: FaceTracker) -> Iterator[TrackedFrame]:
    for gray, time in decoded_frames(file, gray=True):
        yield from tracker.push(gray, time)
    yield from tracker.flush()


def _clips(rows: list[Row], cropper: Cropper, share: float) -> Iterator[FaceClip]:
    """Yield one clip for each face in the rows, or one without."""
    ids = sorted({face_id for row in rows for face_id in row.crops})
    times = np.array([row.time for row in rows])
    for face_id in ids:
        yield _filled(
            times,
            {i: row.crops[face_id] for i, row in enumerate(rows) if face_id in row.crops},
            face_id,
            cropper,
            share,
        )
    if not ids:
        yield _filled(times, {}, None, cropper, share)


def _filled(
    times: NDArray[np.float64], crops: dict[int, Crop], face_id: int | None, cropper: Cropper, share: float
) -> FaceClip:
    n, size = len(times), cropper.size
    success = np.zeros(n, np.bool_)
    aligned = np.zeros(n, np.bool_)
    frames = np.zeros((n, size, size), np.uint8)
    boxes = np.full((n, 4), np.nan, np.float32)
    confidence = np.zeros(n, np.float32)
    visible = np.zeros(n, np.float32)
    quality = np.zeros(n, np.float32)
    for i, one in crops.items():
        frames[i], boxes[i], confidence[i], aligned[i], visible[i], quality[i] = one
        success[i] = True
    return FaceClip(
        frames=frames,
        times=times,
        boxes=boxes,
        success=success,
        status=status_of(success),
        face_id=face_id,
        fps=cropper.fps,
        confidence=confidence,
        aligned=aligned,
        visible=visible,
        face_quality=quality,
        detection_share=share,
    )


def _check_rule(rule: object) -> str | int:
    if rule in ("largest", "all"):
        return str(rule)
    if isinstance(rule, int) and not isinstance(rule, bool) and rule >= 0:
        return rule
    raise ParameterError(f"rule must be 'largest', 'all' or the id of a face (>= 0), got {rule!r}")
