"""Every face of a video, frame by frame: where it is, how well it shows, what it expresses, what moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stcorner.video.expression_summary import ZOOM
from stcorner.video.expressions import NAMES, expression_log_probabilities
from stcorner.video.harris import HarrisStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from stcorner.media import FaceDetector
    from stcorner.media._cropper import Crop, FaceRows
    from stcorner.media.recording import MediaLike

__all__ = ["FACE_COLUMNS", "face_table", "tabulate_faces"]

# Side of the crops, their frames per second by default, and the standard deviation in time of corners.
_SIZE, _FPS, _SECONDS = 96, 25.0, 0.06
# Crops that are looked at together.
_BATCH = 32
# Parts of the crop, in shares of its side: top, bottom, left, right.
REGIONS = {
    "brows": (0.18, 0.36, 0.15, 0.85),
    "eyes": (0.36, 0.48, 0.15, 0.85),
    "mouth": (0.62, 0.92, 0.25, 0.75),
}
_PLACE = ("time", "frame", "face_id", "x", "y", "width", "height", "confidence", "quality")
FACE_COLUMNS = (
    *_PLACE,
    *(f"expression_{name}" for name in NAMES),
    *(f"corners_{name}" for name in REGIONS),
)


def face_table(
    path: MediaLike,
    *,
    fps: float | None = _FPS,
    rule: Literal["largest", "all"] | int = "all",
    detector: FaceDetector | str | None = "auto",
    start: float = 0.0,
    end: float | None = None,
    as_pandas: bool = False,
) -> Any:
    """Tabulate every face of a video: one row for each face and each moment at which it is seen.

    The video is read once, in memory that grows by the rows alone.

    Parameters
    ----------
    path : str, os.PathLike or Recording
        Any video file that FFmpeg can read, or pictures in memory.
    fps : float or None, default=25.0
        Moments per second, above 0 and up to 1000: each shows the video's frame nearest in time. None: every
        frame of the video, at its own time. For a table of few rows a second average this one over time,
        probabilities by their logarithms: one frame a second would miss what lies between.
    rule : {"largest", "all"} or int, default="largest"
        "largest": the face with the largest area summed over the time from `start` to `end`. "all": one clip
        for each face. A number: the face of this id, as `track_faces` counts. A clip never mixes people: a
        face's id ends at a cut of the film at the latest.
    detector : FaceDetector, "auto", "haar" or "blazeface", default="auto"
        "auto": `BlazeFaceDetector` where the extra `face` is installed, else `HaarDetector`. The result says
        which one it was.
    start : float, default=0.0
        Seconds of the file's clock from which on frames are wanted, >= 0.
    end : float, optional
        Seconds up to which frames are wanted, > `start`; nothing behind is decoded. Ids and crops are those
        of the whole file: it is followed from its beginning.
        "all" is every face that was found.
    as_pandas : bool, default=False
        Return a `pandas.DataFrame` (needs the extra ``table``).

    Returns
    -------
    dict of str to ndarray of shape (n,), or DataFrame
        Rows by time, then by id; none at moments that show nobody. Columns: ``time`` (s, the file's clock),
        ``frame`` (number of the video's frame, from 0), ``face_id`` (as `track_faces`), ``x``, ``y``,
        ``width``, ``height`` (the square box, in pixels of the picture as it is shown), ``confidence`` and
        ``quality`` (0 to 1, as in `FaceTrack`), ``expression_angry`` to ``expression_neutral``
        (probabilities that sum to 1, as `face_expressions`), and ``corners_brows``, ``corners_eyes``,
        ``corners_mouth``: how much the part of the face changes its motion, as the sixth root of the mean
        positive response of `corner_harris_3d` over it, in gray values.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    MediaError
        If the file is missing, damaged or has no video stream.
    MissingExtraError
        If pandas is wanted and not installed.

    See Also
    --------
    tabulate_faces : The same of frames that come from elsewhere.

    Examples
    --------
    >>> clip = make_corpus("example", n_actors=1, n_takes=1)[0].path
    >>> table = face_table(clip, fps=10.0, rule="largest")
    >>> len(table["time"]), table["time"][:3].tolist()
    (13, [0.0, 0.1, 0.2])
    """
    from stcorner.media import probe
    from stcorner.media.faces import face_rows
    from stcorner.media.picture import decoded_frames
    from stcorner.media.recording import check_source

    faces = face_rows(
        size=_SIZE, fps=_FPS if fps is None else fps, rule="all" if rule == "largest" else rule,
        detector=detector, margin=0.1, start=start, end=end,
    )  # fmt: skip
    file = check_source(path)
    rate = fps
    if rate is None:
        video = probe(file).video
        rate = (None if video is None else video.fps) or _FPS
        faces.cropper.fps = math.inf
    table = tabulate_faces(decoded_frames(file, gray=True), faces, rate=rate)
    if rule == "largest":
        kept = table["face_id"] == faces.cropper.largest
        table = {name: values[kept] for name, values in table.items()}
    if not as_pandas:
        return table
    try:
        import pandas
    except ImportError:
        from stcorner.errors import MissingExtraError

        raise MissingExtraError("face_table(as_pandas=True)", "pandas", "table") from None
    return pandas.DataFrame(table)


def tabulate_faces(
    frames: Iterable[tuple[NDArray[np.uint8], float]], faces: FaceRows, *, rate: float
) -> dict[str, NDArray[Any]]:
    """Return the table of `face_table`.

    Parameters
    ----------
    frames : iterable of (ndarray of shape (y, x), float)
        Gray pictures and their times in seconds, in order.
    faces : FaceRows
        As `stcorner.media.faces.face_rows` gives it, with crops of 96 pixels and a margin of 0.1; each face
        that it gives has rows.
    rate : float
        Frames per second of its rows: corners are those of a fixed time, whatever the rate.
    """
    tau = max(0.5, _SECONDS * rate)
    found: dict[int, _Face] = {}
    at = 0

    def take(rows: Iterable[Any]) -> None:
        nonlocal at
        for row in rows:
            for face_id, crop in row.crops.items():
                found.setdefault(face_id, _Face(face_id, tau)).add(at, row.time, row.frame, crop)
            at += 1

    for gray, time in frames:
        take(faces.push(gray, time))
        if faces.cropper.done:
            break
    else:
        take(faces.flush())
    parts = [face.finish() for face in found.values()] or [_Face(0, tau).finish()]
    table = {name: np.concatenate([part[name] for part in parts]) for name in FACE_COLUMNS}
    order = np.lexsort((table["face_id"], table["time"]))
    return {name: values[order] for name, values in table.items()}


@dataclass
class _Face:
    """The rows of one face so far; its crops wait until they are a batch, or the face is gone."""

    face_id: int
    tau: float
    places: list[tuple[float, ...]] = field(default_factory=list)
    logs: list[NDArray[np.float32]] = field(default_factory=list)
    corners: list[NDArray[np.float32]] = field(default_factory=list)
    waiting: list[NDArray[np.uint8]] = field(default_factory=list)
    stream: HarrisStream | None = None
    last: int = -2

    def add(self, at: int, time: float, frame: int, crop: Crop) -> None:
        """Take the crop of row number `at`."""
        if at != self.last + 1:  # a jump between two places would be one large corner
            self._end_stretch()
        self.last = at
        self.places.append((time, frame, self.face_id, *crop.box, crop.confidence, crop.quality))
        self.waiting.append(crop.picture)
        if len(self.waiting) == _BATCH:
            self._read()

    def finish(self) -> dict[str, NDArray[Any]]:
        """Return the columns."""
        self._end_stretch()
        places = np.array(self.places, np.float64).reshape(-1, len(_PLACE)).T
        kinds = {"time": np.float64, "frame": np.int64, "face_id": np.int64}
        columns = {
            name: row.astype(kinds.get(name, np.float32)) for name, row in zip(_PLACE, places, strict=True)
        }
        shares = np.exp(np.concatenate([np.zeros((0, len(NAMES)), np.float32), *self.logs]))
        corners = np.concatenate([np.zeros((0, len(REGIONS)), np.float32), *self.corners])
        rest = zip(FACE_COLUMNS[len(_PLACE) :], [*shares.T, *corners.T], strict=True)
        return {**columns, **dict(rest)}

    def _read(self) -> None:
        if self.waiting:
            crops = np.stack(self.waiting)
            self.waiting.clear()
            self.logs.append(expression_log_probabilities(crops, zoom=ZOOM))
            if self.stream is None:
                self.stream = HarrisStream((_SIZE, _SIZE), tau=self.tau)
            self.corners.append(region_energy(self.stream.push(crops)))

    def _end_stretch(self) -> None:
        self._read()
        if self.stream is not None:
            self.corners.append(region_energy(self.stream.flush()))
            self.stream = None


def region_energy(response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much each of `REGIONS` of crops changes its motion, shape (t, 3), from their response."""
    side = response.shape[1]
    energy = np.empty((len(response), len(REGIONS)), np.float32)
    for column, edges in enumerate(REGIONS.values()):
        top, bottom, left, right = (round(share * side) for share in edges)
        part = np.maximum(response[:, top:bottom, left:right], 0)
        energy[:, column] = part.mean(axis=(1, 2), dtype=np.float64) ** (1 / 6)
    return energy
