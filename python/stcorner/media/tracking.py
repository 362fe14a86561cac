"""Faces followed through a video: found a few times per second, named, smoothed, and filled in between."""

from __future__ import annotations

import math
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stcorner.media._cuts import CutFinder, goes_straight_on
from stcorner.media._quality import face_quality
from stcorner.media._track import (
    ANGLE,
    CONF,
    EX,
    EY,
    EYES,
    FOUND,
    INTERVAL,
    MAX_GAP,
    QUALITY,
    REACH,
    S,
    T,
    Track,
    X,
    Y,
    as_row,
    box_of,
    likeness,
)
from stcorner.media.choosing import choose_detector
from stcorner.media.detectors import FaceDetector, check_faces, keep_separate, overlap
from stcorner.media.patches import EyeFinder, appearance, close_view, search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from stcorner.media._cuts import ShotFrame
    from stcorner.media._track import Pose

__all__ = ["FaceTracker", "TrackedFrame"]

# Frames after which one looks at the faces that are followed, however short the time.
_MAX_FRAMES = 16
# Seconds between looks at the whole picture: usually, while nobody is followed, after long emptiness.
_SCAN, _SCAN_EMPTY, _SCAN_IDLE = 1.5, 0.4, 1.5
_IDLE_AFTER = 5.0
# Somebody who is missing is looked for after so large a share of the time since.
_LOST_SHARE = 0.25
# A face is shown once it has been found so often, with so much confidence in sum; each time counts somewhat.
_CONFIRM, _EVIDENCE, _COUNTS = 2, 1.0, 0.34
# Looks that are awaited before a frame leaves, so that smoothing sees both sides.
_LOOKAHEAD = 3
# Longest time in seconds that a face is followed by its texture alone.
_MAX_COAST = 2.0
# Seconds between measurements of the eyes, and after which they no longer count as seen.
_EYES_EVERY, _EYES_KEPT = 0.8, 3.0
# Lost faces are remembered for so many seconds, and so many of them.
_MEMORY = 60.0
_MAX_REMEMBERED = 64
# Jump that is a cut where no face is followed, which would tell by going straight on.
_CUT_ALONE = 0.05
# Likeness from which a face is taken for a known one: followed, after a gap, by texture alone while the
# detector has just seen it, and by texture where the detector missed it.
_ACCEPT = 0.45
_ACCEPT_LOST = 0.7
_FOLLOW = 0.85
_ACCEPT_TEXTURE = 0.75


class TrackedFrame(NamedTuple):
    """A frame, its time, the faces in it by id, the number of its shot, and its own."""

    gray: NDArray[np.uint8]
    time: float
    faces: dict[int, Pose]
    shot: int
    number: int


class FaceTracker:
    """Follow all faces of a video that is pushed frame by frame.

    A few times per second each face is looked at, by the detector in a close view and, in between, by its
    texture; every 1.5 s, and while somebody is missing, the detector sees the whole picture. Faces keep their
    id while they move, and get it back by place, motion and looks when they return within a minute. A cut of
    the film ends them all: behind it ids are new. Frames come out some 0.6 s later than they went in, because
    boxes are smoothed to both sides. Memory does not grow with the length of the video.

    Parameters
    ----------
    detector : FaceDetector or str, default="auto"
        As for `track_faces`.
    """

    def __init__(self, detector: FaceDetector | str | None = "auto") -> None:
        self.detector = choose_detector(detector)
        near = getattr(self.detector, "close_up", None)
        self._close: FaceDetector | None = None if near is None else near()
        self.seconds = 0.0
        self._eyes = EyeFinder()
        self._cuts = CutFinder()
        self._shot = 0
        self._tracks: list[Track] = []
        self._waiting: deque[tuple[NDArray[np.uint8], float]] = deque()
        self._n_released = 0
        self._keys: list[tuple[float, NDArray[np.uint8]]] = []
        self._n_keys = 0
        self._since_key = 0
        self._last_scan = -math.inf
        self._last_seen = 0.0
        self._next_id = 0

    @property
    def name(self) -> str:
        """Name of the detector's class."""
        return type(self.detector).__name__

    def push(self, gray: NDArray[np.uint8], time: float) -> list[TrackedFrame]:
        """Take a frame; return those that are ready."""
        return self._follow(self._cuts.push(gray, time))

    def flush(self) -> list[TrackedFrame]:
        """Return the frames that are left; the last one is looked at too."""
        return [*self._follow(self._cuts.flush()), *self._end_shot()]

    def _follow(self, frames: Iterable[ShotFrame]) -> list[TrackedFrame]:
        ready = []
        for gray, time, jump in frames:
            if jump and self._is_cut(gray, time, jump):
                ready += self._end_shot()
            self._waiting.append((gray, time))
            self._since_key += 1
            # A millisecond clock jitters: without the slack, 5 frames at 25 per second are now and then 6.
            if self._keys and time - self._keys[-1][0] < INTERVAL - 0.004 and self._since_key < _MAX_FRAMES:
                continue
            self._look(gray, time)
            if len(self._keys) > _LOOKAHEAD:
                ready += self._release(self._keys[-1 - _LOOKAHEAD][0])
        return ready

    def _is_cut(self, gray: NDArray[np.uint8], time: float, jump: float) -> bool:
        """Whether a jump of the picture is a cut: not where a face goes straight on."""
        if not self._waiting or not self._keys:
            return False
        before, time_before = self._waiting[-1]
        live = [track for track in self._tracks if track.last[T] >= self._keys[-1][0]]
        if not live:
            return jump > _CUT_ALONE
        # What stands still in the background of two shots may have been taken for a face.
        main = max(live, key=lambda track: (track.face_id is not None, track.last[S]))
        return not goes_straight_on(before, gray, main.predict(time_before))

    def _end_shot(self) -> list[TrackedFrame]:
        """Look at the last frame too, return what is left, and begin anew."""
        if self._waiting and self._waiting[-1][1] > self._keys[-1][0]:
            self._look(*self._waiting[-1])
        if self._n_keys <= _LOOKAHEAD:  # too short a shot for a face to be found twice
            for track in self._tracks:
                self._confirm(track)
        ready = self._release(math.inf)
        self._tracks, self._keys = [], []
        self._n_keys = self._since_key = 0
        self._last_scan = -math.inf
        self._shot += 1
        return ready

    def _release(self, until: float) -> list[TrackedFrame]:
        shown = [track for track in self._tracks if track.face_id is not None]
        ready = []
        while self._waiting and self._waiting[0][1] <= until:
            gray, time = self._waiting.popleft()
            poses = ((track.face_id, track.pose(time)) for track in shown)
            faces = {face_id: pose for face_id, pose in poses if face_id is not None and pose is not None}
            ready.append(TrackedFrame(gray, time, faces, self._shot, self._n_released))
            self._n_released += 1
        if ready:
            for track in self._tracks:
                track.forget(ready[-1].time - REACH - MAX_GAP)
            del self._keys[: max(0, len(self._keys) - _LOOKAHEAD - 1)]
        return ready

    def _look(self, gray: NDArray[np.uint8], time: float) -> None:
        """Find the faces of one frame and continue the tracks."""
        start = perf_counter()
        before = self._keys[-1][0] if self._keys else -math.inf
        live = [track for track in self._tracks if track.last[T] >= before]
        if self._scan_is_due(time, live):
            self._last_scan = time
            faces = check_faces(self.detector.detect(gray), self.detector)
        else:
            for track in live:
                if track.last[FOUND] and not self._in_company(track, live, time):
                    self._search(track, gray, time, _FOLLOW)
            faces = self._near_faces(gray, time, [track for track in live if track.last[T] < time])
        free = self._match(gray, time, faces)
        for track in live:
            if track.last[T] < time and track.coasting() < _MAX_COAST:
                self._search(track, gray, time, _ACCEPT_TEXTURE)
        for index in free:
            self._begin(gray, time, faces[index])
        seen = [track.last for track in self._tracks if track.last[T] == time]
        for row in seen:
            row[QUALITY] = face_quality(gray, *row[[X, Y, S, ANGLE, CONF]])
        if seen:
            self._last_seen = time
        self._keys.append((time, gray))
        self._n_keys += 1
        self._since_key = 0
        self._prune(time)
        self.seconds += perf_counter() - start

    def _scan_is_due(self, time: float, live: Sequence[Track]) -> bool:
        if self._close is None:
            return True
        every = _SCAN
        if not live:
            every = _SCAN_IDLE if time - self._last_seen > _IDLE_AFTER else _SCAN_EMPTY
        for track in self._tracks:
            if track.face_id is not None and track not in live:
                every = min(every, _LOST_SHARE * (time - track.last[T]))
        return time - self._last_scan >= every - 0.004

    def _in_company(self, track: Track, live: Sequence[Track], time: float) -> bool:
        """Whether another face is so near that texture may jump over to it."""
        x, y, size = track.predict(time)
        others = (other.predict(time) for other in live if other is not track)
        return any(math.hypot(x - other[0], y - other[1]) < 1.2 * max(size, other[2]) for other in others)

    def _near_faces(self, gray: NDArray[np.uint8], time: float, live: Sequence[Track]) -> NDArray[np.float64]:
        """Look closely where each face is expected."""
        found = []
        for track in live:
            view = close_view(gray, track.predict(time))
            if view is None or self._close is None:
                continue
            rows = check_faces(self._close.detect(view.picture), self._close)
            found += [view.to_picture(row) for row in rows[:2]]
        if not found:
            return np.zeros((0, 5))
        width = min(len(row) for row in found)
        return keep_separate(np.array([row[:width] for row in found])).astype(np.float64)

    def _match(self, gray: NDArray[np.uint8], time: float, faces: NDArray[np.float64]) -> list[int]:
        """Give faces to tracks by place, motion and looks; return the indices of those left over."""
        if not len(faces) or not self._tracks:
            return list(range(len(faces)))
        rows = [as_row(face, time) for face in faces]
        patches = [appearance(gray, row[X], row[Y], row[S]) for row in rows]
        scores = np.array(
            [
                [likeness(track, row, patch) for row, patch in zip(rows, patches, strict=True)]
                for track in self._tracks
            ]
        )
        free = set(range(len(faces)))
        for i, j in _best_pairs(scores):
            track = self._tracks[i]
            if scores[i, j] < (_ACCEPT if time - track.last[T] < MAX_GAP else _ACCEPT_LOST):
                continue
            free.discard(int(j))
            track.found += 1
            track.patch = 0.8 * track.patch + 0.2 * patches[j]
            self._add(track, rows[j], gray, faces[j])
        return sorted(free)

    def _add(
        self, track: Track, row: NDArray[np.float64], gray: NDArray[np.uint8], face: NDArray[np.float64]
    ) -> None:
        row[[ANGLE, EX, EY, EYES]] = track.last[[ANGLE, EX, EY, EYES]]
        # Eyes that come with the face cost nothing.
        if len(face) >= 9 or row[T] - track.eyes_at >= _EYES_EVERY:
            self._align(track, row, gray, face)
        track.rows.append(row)
        track.evidence += max(_COUNTS, row[CONF])
        if track.found >= _CONFIRM and track.evidence >= _EVIDENCE - 1e-9:
            self._confirm(track)

    def _align(
        self, track: Track, row: NDArray[np.float64], gray: NDArray[np.uint8], face: NDArray[np.float64]
    ) -> None:
        """Measure the eyes and blend them with what was known; forget them when long unseen."""
        found = self._eyes.find(gray, row[X], row[Y], row[S], face)
        if found is not None:
            keep = (0.6 if len(face) < 9 else 0.4) if row[EYES] else 0.0
            row[[ANGLE, EX, EY]] = keep * row[[ANGLE, EX, EY]] + (1 - keep) * np.array(found)
            row[EYES] = 1.0
            track.eyes_at = row[T]
        elif row[T] - track.eyes_at > _EYES_KEPT:
            row[EYES] = 0.0

    def _search(self, track: Track, gray: NDArray[np.uint8], time: float, accept: float) -> None:
        """Continue a face by its texture, unless another face is there."""
        hit = search(gray, track.predict(time), track.patch, accept)
        if hit is None:
            return
        row = track.last.copy()
        row[[T, X, Y, CONF, FOUND]] = time, hit[0], hit[1], hit[2] * track.last[CONF], 0.0
        taken = np.array([box_of(other.last) for other in self._tracks if other.last[T] == time]).reshape(
            -1, 4
        )
        if not len(taken) or (overlap(box_of(row), taken) < 0.5).all():
            track.rows.append(row)

    def _begin(self, gray: NDArray[np.uint8], time: float, face: NDArray[np.float64]) -> None:
        """Start a track, and trace it back to when the detector should have seen it."""
        first = as_row(face, time)
        track = Track(first, appearance(gray, first[X], first[Y], first[S]))
        self._align(track, first, gray, face)
        for key_time, key_gray in reversed(self._keys):
            if track.rows[0][T] - key_time > MAX_GAP:
                break
            hit = search(key_gray, track.rows[0][[X, Y, S]], track.patch, _ACCEPT_TEXTURE)
            if hit is None:
                break
            earlier = track.rows[0].copy()
            earlier[[T, X, Y, CONF, FOUND]] = key_time, hit[0], hit[1], hit[2] * first[CONF], 0.0
            earlier[QUALITY] = face_quality(key_gray, *earlier[[X, Y, S, ANGLE, CONF]])
            track.rows.insert(0, earlier)
        self._tracks.append(track)

    def _confirm(self, track: Track) -> None:
        if track.face_id is None:
            track.face_id = self._next_id
            self._next_id += 1

    def _prune(self, time: float) -> None:
        """Forget faces that were seen once, or too long ago, or are too many."""
        self._tracks = [
            track
            for track in self._tracks
            if time - track.last[T] <= (_MEMORY if track.face_id is not None else 2 * _SCAN)
        ]
        if len(self._tracks) > _MAX_REMEMBERED:
            self._tracks.sort(key=lambda track: -track.last[T])
            del self._tracks[_MAX_REMEMBERED:]


def _best_pairs(scores: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return pairs of rows and columns with the largest sum of scores."""
    if min(scores.shape) == 1:  # mostly; the import below takes a third of the time of a short clip
        return [divmod(int(scores.argmax()), scores.shape[1])]
    from scipy.optimize import linear_sum_assignment

    return list(zip(*(index.tolist() for index in linear_sum_assignment(-scores)), strict=True))
