"""Faces followed through a video: found a few times per second, named, smoothed, and filled in between."""

from __future__ import annotations

import math
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stcorner.media.detectors import FaceDetector, HaarDetector, check_faces, keep_separate, overlap
from stcorner.media.patches import EyeFinder, appearance, close_view, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FaceTracker", "Pose", "TrackedFrame"]

# Seconds between looks at the faces that are followed, and the frames after which one looks anyway.
_INTERVAL = 0.2
_MAX_FRAMES = 16
# Seconds between looks at the whole picture: usually, while nobody is followed, after long emptiness.
_SCAN, _SCAN_EMPTY, _SCAN_IDLE = 1.5, 0.4, 1.5
_IDLE_AFTER = 5.0
# Somebody who is missing is looked for after so large a share of the time since.
_LOST_SHARE = 0.25
# A face is shown once it has been found so often.
_CONFIRM = 2
# Looks that are awaited before a frame leaves, so that smoothing sees both sides.
_LOOKAHEAD = 3
_SIGMA = 0.25
_REACH = 0.65
# Longest hole, in seconds, that is bridged; and longest time that a face is followed by its texture alone.
_MAX_GAP = 0.5
_MAX_COAST = 2.0
# Seconds between measurements of the eyes, and after which they no longer count as seen.
_EYES_EVERY, _EYES_KEPT = 0.8, 3.0
# Lost faces are remembered for so many seconds, and so many of them.
_MEMORY = 60.0
_MAX_REMEMBERED = 64
# Likeness from which a face is taken for a known one: followed, after a gap, by texture alone while the
# detector has just seen it, and by texture where the detector missed it.
_ACCEPT = 0.45
_ACCEPT_LOST = 0.7
_FOLLOW = 0.85
_ACCEPT_TEXTURE = 0.75


class Pose(NamedTuple):
    """One face in one frame: square box by centre and side (pixels), turn (radians), and its source."""

    x: float
    y: float
    size: float
    angle: float
    confidence: float
    detected: bool
    eyes: bool


class TrackedFrame(NamedTuple):
    """A frame, its time, and the faces in it by id."""

    gray: NDArray[np.uint8]
    time: float
    faces: dict[int, Pose]


# Columns of a track's rows: time, centre, side, turn, shift that puts the eyes in place, eyes seen,
# confidence, found by the detector (1) or by texture (0).
_T, _X, _Y, _S, _ANGLE, _EX, _EY, _EYES, _CONF, _FOUND = range(10)


class _Track:
    def __init__(self, row: NDArray[np.float64], patch: NDArray[np.float32]) -> None:
        self.face_id: int | None = None
        self.rows: list[NDArray[np.float64]] = [row]
        self.patch = patch
        self.found = 1
        self.eyes_at = -math.inf
        self._smooth: dict[float, NDArray[np.float64]] = {}

    @property
    def last(self) -> NDArray[np.float64]:
        return self.rows[-1]

    def coasting(self) -> float:
        """Seconds since the detector last saw the face."""
        seen = [row[_T] for row in self.rows if row[_FOUND]]
        return float(self.last[_T] - seen[-1]) if seen else math.inf

    def predict(self, time: float) -> NDArray[np.float64]:
        """Centre and side expected at `time`: straight on for a second, then at rest."""
        rows = np.array(self.rows[-4:])
        centre, gap = rows[-1, [_X, _Y]], min(1.0, time - rows[-1, _T])
        span = rows[-1, _T] - rows[0, _T]
        if span > 0:
            t = rows[:, _T] - rows[:, _T].mean()
            speed = (t @ (rows[:, [_X, _Y]] - rows[:, [_X, _Y]].mean(axis=0))) / (t @ t)
            centre = centre + np.clip(speed, -2 * rows[-1, _S], 2 * rows[-1, _S]) * gap
        return np.array([centre[0], centre[1], rows[-1, _S]])

    def smooth(self, index: int) -> NDArray[np.float64]:
        """Row `index` averaged with its neighbours; the centre by a local line, so that it does not lag."""
        row = self.rows[index]
        if row[_T] in self._smooth:
            return self._smooth[row[_T]]
        low = high = index
        while low > 0 and self.rows[low][_T] - self.rows[low - 1][_T] <= _MAX_GAP:
            low -= 1
        while high + 1 < len(self.rows) and self.rows[high + 1][_T] - self.rows[high][_T] <= _MAX_GAP:
            high += 1
        near = np.array([r for r in self.rows[low : high + 1] if abs(r[_T] - row[_T]) <= _REACH])
        t = near[:, _T] - row[_T]
        weight = np.exp(-0.5 * (t / _SIGMA) ** 2) * (0.5 + 0.5 * near[:, _FOUND])
        weight /= weight.sum()
        result = row.copy()
        result[_S : _EY + 1] = weight @ near[:, _S : _EY + 1]
        mean_t = weight @ t
        spread = weight @ (t - mean_t) ** 2
        centre = near[:, [_X, _Y]]
        mean = weight @ centre
        slope = (weight * (t - mean_t)) @ centre / spread if spread > 0 else np.zeros(2)
        result[[_X, _Y]] = mean - slope * mean_t
        return self._smooth.setdefault(row[_T], result)

    def pose(self, time: float) -> Pose | None:
        """Return the smoothed face at `time`, None outside what was seen and in holes too long to bridge."""
        times = [row[_T] for row in self.rows]
        right = int(np.searchsorted(times, time))
        if right < len(times) and times[right] == time:
            return _as_pose(self.smooth(right))
        if right == 0 or right == len(times) or times[right] - times[right - 1] > _MAX_GAP:
            return None
        one, two = self.smooth(right - 1), self.smooth(right)
        share = (time - one[_T]) / (two[_T] - one[_T])
        return _as_pose(one + share * (two - one))

    def forget(self, before: float) -> None:
        """Drop rows that no frame needs any more, but for the last few."""
        while len(self.rows) > 8 and self.rows[1][_T] < before:
            self._smooth.pop(self.rows.pop(0)[_T], None)


def _as_pose(row: NDArray[np.float64]) -> Pose:
    return Pose(
        x=float(row[_X] + row[_EX] * row[_S]),
        y=float(row[_Y] + row[_EY] * row[_S]),
        size=float(row[_S]),
        angle=float(row[_ANGLE]),
        confidence=float(row[_CONF]),
        detected=bool(row[_FOUND] >= 1.0),
        eyes=bool(row[_EYES] > 0.0),
    )


class FaceTracker:
    """Follow all faces of a video that is pushed frame by frame.

    A few times per second each face is looked at, by the detector in a close view and, in between, by its
    texture; every 1.5 s, and while somebody is missing, the detector sees the whole picture. Faces keep their
    id while they move, and get it back by place, motion and looks when they return within a minute. Frames
    come out some 0.6 s later than they went in, because boxes are smoothed to both sides. Memory does not
    grow with the length of the video.

    Parameters
    ----------
    detector : FaceDetector, optional
        Default: `HaarDetector`.
    """

    def __init__(self, detector: FaceDetector | None = None) -> None:
        self.detector: FaceDetector = HaarDetector() if detector is None else detector
        near = getattr(self.detector, "close_up", None)
        self._close: FaceDetector | None = None if near is None else near()
        self.seconds = 0.0
        self._eyes = EyeFinder()
        self._tracks: list[_Track] = []
        self._waiting: deque[tuple[NDArray[np.uint8], float]] = deque()
        self._keys: list[tuple[float, NDArray[np.uint8]]] = []
        self._n_keys = 0
        self._since_key = 0
        self._last_scan = -math.inf
        self._last_seen = 0.0
        self._next_id = 0

    def push(self, gray: NDArray[np.uint8], time: float) -> list[TrackedFrame]:
        """Take a frame; return those that are ready."""
        self._waiting.append((gray, time))
        self._since_key += 1
        # A millisecond clock jitters: without the slack, 5 frames at 25 per second are now and then 6.
        if self._keys and time - self._keys[-1][0] < _INTERVAL - 0.004 and self._since_key < _MAX_FRAMES:
            return []
        self._look(gray, time)
        if len(self._keys) <= _LOOKAHEAD:
            return []
        return self._release(self._keys[-1 - _LOOKAHEAD][0])

    def flush(self) -> list[TrackedFrame]:
        """Return the frames that are left; the last one is looked at too."""
        if self._waiting and self._waiting[-1][1] > self._keys[-1][0]:
            self._look(*self._waiting[-1])
        if self._n_keys <= _LOOKAHEAD:  # too short a video for a face to be found twice
            for track in self._tracks:
                self._confirm(track)
        return self._release(math.inf)

    def _release(self, until: float) -> list[TrackedFrame]:
        shown = [track for track in self._tracks if track.face_id is not None]
        ready = []
        while self._waiting and self._waiting[0][1] <= until:
            gray, time = self._waiting.popleft()
            poses = ((track.face_id, track.pose(time)) for track in shown)
            faces = {face_id: pose for face_id, pose in poses if face_id is not None and pose is not None}
            ready.append(TrackedFrame(gray, time, faces))
        if ready:
            for track in self._tracks:
                track.forget(ready[-1].time - _REACH - _MAX_GAP)
            del self._keys[: max(0, len(self._keys) - _LOOKAHEAD - 1)]
        return ready

    def _look(self, gray: NDArray[np.uint8], time: float) -> None:
        """Find the faces of one frame and continue the tracks."""
        start = perf_counter()
        before = self._keys[-1][0] if self._keys else -math.inf
        live = [track for track in self._tracks if track.last[_T] >= before]
        if self._scan_is_due(time, live):
            self._last_scan = time
            faces = check_faces(self.detector.detect(gray), self.detector)
        else:
            for track in live:
                if track.last[_FOUND] and not self._in_company(track, live, time):
                    self._search(track, gray, time, _FOLLOW)
            faces = self._near_faces(gray, time, [track for track in live if track.last[_T] < time])
        free = self._match(gray, time, faces)
        for track in live:
            if track.last[_T] < time and track.coasting() < _MAX_COAST:
                self._search(track, gray, time, _ACCEPT_TEXTURE)
        for index in free:
            self._begin(gray, time, faces[index])
        if any(track.last[_T] == time for track in self._tracks):
            self._last_seen = time
        self._keys.append((time, gray))
        self._n_keys += 1
        self._since_key = 0
        self._prune(time)
        self.seconds += perf_counter() - start

    def _scan_is_due(self, time: float, live: Sequence[_Track]) -> bool:
        if self._close is None:
            return True
        every = _SCAN
        if not live:
            every = _SCAN_IDLE if time - self._last_seen > _IDLE_AFTER else _SCAN_EMPTY
        for track in self._tracks:
            if track.face_id is not None and track not in live:
                every = min(every, _LOST_SHARE * (time - track.last[_T]))
        return time - self._last_scan >= every - 0.004

    def _in_company(self, track: _Track, live: Sequence[_Track], time: float) -> bool:
        """Whether another face is so near that texture may jump over to it."""
        x, y, size = track.predict(time)
        others = (other.predict(time) for other in live if other is not track)
        return any(math.hypot(x - other[0], y - other[1]) < 1.2 * max(size, other[2]) for other in others)

    def _near_faces(
        self, gray: NDArray[np.uint8], time: float, live: Sequence[_Track]
    ) -> NDArray[np.float64]:
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
        from scipy.optimize import linear_sum_assignment

        rows = [_row(face, time) for face in faces]
        patches = [appearance(gray, row[_X], row[_Y], row[_S]) for row in rows]
        scores = np.array(
            [
                [_score(track, row, patch) for row, patch in zip(rows, patches, strict=True)]
                for track in self._tracks
            ]
        )
        free = set(range(len(faces)))
        for i, j in zip(*linear_sum_assignment(-scores), strict=True):
            track = self._tracks[i]
            if scores[i, j] < (_ACCEPT if time - track.last[_T] < _MAX_GAP else _ACCEPT_LOST):
                continue
            free.discard(int(j))
            track.found += 1
            track.patch = 0.8 * track.patch + 0.2 * patches[j]
            self._add(track, rows[j], gray, faces[j])
        return sorted(free)

    def _add(
        self, track: _Track, row: NDArray[np.float64], gray: NDArray[np.uint8], face: NDArray[np.float64]
    ) -> None:
        row[[_ANGLE, _EX, _EY, _EYES]] = track.last[[_ANGLE, _EX, _EY, _EYES]]
        if row[_T] - track.eyes_at >= _EYES_EVERY:
            self._align(track, row, gray, face)
        track.rows.append(row)
        if track.found >= _CONFIRM:
            self._confirm(track)

    def _align(
        self, track: _Track, row: NDArray[np.float64], gray: NDArray[np.uint8], face: NDArray[np.float64]
    ) -> None:
        """Measure the eyes and blend them with what was known; forget them when long unseen."""
        found = self._eyes.find(gray, row[_X], row[_Y], row[_S], face)
        if found is not None:
            keep = 0.6 if row[_EYES] else 0.0
            row[[_ANGLE, _EX, _EY]] = keep * row[[_ANGLE, _EX, _EY]] + (1 - keep) * np.array(found)
            row[_EYES] = 1.0
            track.eyes_at = row[_T]
        elif row[_T] - track.eyes_at > _EYES_KEPT:
            row[_EYES] = 0.0

    def _search(self, track: _Track, gray: NDArray[np.uint8], time: float, accept: float) -> None:
        """Continue a face by its texture, unless another face is there."""
        hit = search(gray, track.predict(time), track.patch, accept)
        if hit is None:
            return
        row = track.last.copy()
        row[[_T, _X, _Y, _CONF, _FOUND]] = time, hit[0], hit[1], hit[2] * track.last[_CONF], 0.0
        taken = np.array([_box(other.last) for other in self._tracks if other.last[_T] == time]).reshape(
            -1, 4
        )
        if not len(taken) or (overlap(_box(row), taken) < 0.5).all():
            track.rows.append(row)

    def _begin(self, gray: NDArray[np.uint8], time: float, face: NDArray[np.float64]) -> None:
        """Start a track, and trace it back to when the detector should have seen it."""
        first = _row(face, time)
        track = _Track(first, appearance(gray, first[_X], first[_Y], first[_S]))
        self._align(track, first, gray, face)
        for key_time, key_gray in reversed(self._keys):
            if track.rows[0][_T] - key_time > _MAX_GAP:
                break
            hit = search(key_gray, track.rows[0][[_X, _Y, _S]], track.patch, _ACCEPT_TEXTURE)
            if hit is None:
                break
            earlier = track.rows[0].copy()
            earlier[[_T, _X, _Y, _CONF, _FOUND]] = key_time, hit[0], hit[1], hit[2] * first[_CONF], 0.0
            track.rows.insert(0, earlier)
        self._tracks.append(track)

    def _confirm(self, track: _Track) -> None:
        if track.face_id is None:
            track.face_id = self._next_id
            self._next_id += 1

    def _prune(self, time: float) -> None:
        """Forget faces that were seen once, or too long ago, or are too many."""
        self._tracks = [
            track
            for track in self._tracks
            if time - track.last[_T] <= (_MEMORY if track.face_id is not None else 2 * _SCAN)
        ]
        if len(self._tracks) > _MAX_REMEMBERED:
            self._tracks.sort(key=lambda track: -track.last[_T])
            del self._tracks[_MAX_REMEMBERED:]


def _row(face: NDArray[np.float64], time: float) -> NDArray[np.float64]:
    row = np.zeros(10)
    row[_T], row[_S] = time, math.sqrt(face[2] * face[3])
    row[_X], row[_Y] = face[0] + face[2] / 2, face[1] + face[3] / 2
    row[_CONF], row[_FOUND] = face[4], 1.0
    return row


def _box(row: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([row[_X] - row[_S] / 2, row[_Y] - row[_S] / 2, row[_S], row[_S]])


def _score(track: _Track, row: NDArray[np.float64], patch: NDArray[np.float32]) -> float:
    """Likeness of a face to a track, up to 1; after a gap, looks count for more than place."""
    gap = row[_T] - track.last[_T]
    expected = track.predict(row[_T])
    size = max(expected[2], row[_S])
    distance = math.hypot(expected[0] - row[_X], expected[1] - row[_Y]) / size
    looks = float((track.patch * patch).sum() / max(1e-9, np.linalg.norm(track.patch)))
    place = math.exp(-0.5 * (distance / 0.4) ** 2)
    weight = 0.6 * math.exp(-max(0.0, gap - _INTERVAL) / 1.5)
    return weight * place + (1 - weight) * looks - 0.5 * abs(math.log(row[_S] / expected[2]))
