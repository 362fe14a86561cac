"""Face detectors: what one must do, OpenCV's Haar cascades, and YuNet from a file that the user names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from stcorner._base.validation import check_array, check_integer, check_real
from stcorner.errors import MediaError, ParameterError
from stcorner.media._container import check_path

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

__all__ = ["FaceDetector", "HaarDetector", "YuNetDetector"]

# Pixels of the smallest face that is looked for; the cascades' own windows have 20.
_WINDOW = 24
_FRONTAL, _FRONTAL_TOO = "haarcascade_frontalface_alt2", "haarcascade_frontalface_default"
_PROFILE = "haarcascade_profileface"
# Degrees by which a picture is turned when nobody is found in it upright, the scale to which it is brought
# before that, and the share of confidence that is left to what is found late.
_TURNS, _LATE, _DOUBT = (-25.0, 25.0, -45.0, 45.0), 0.75, 0.7
# Hits beyond `min_neighbors` that are asked of the second frontal and the profile cascade, and in a turned
# picture: there faces had 12 to 55, and what is none 5 at most.
_MORE, _MORE_TURNED = 2, 5
# Range of gray values below which there is nothing to see, and the least that is spread over all values.
_NOTHING, _LEAST_RANGE = 4, 8.0
# Eyes in the frontal cascade's box, in its sides: below its centre, and from each other.
_EYES_ABOVE, _EYES_APART = -0.095, 0.37
# Pictures are reduced no further than for faces of this share: larger faces gain precision.
_REDUCE_TO = 0.25
_SAME_FACE = 0.3


@runtime_checkable
class FaceDetector(Protocol):
    """What `track_faces` and `crop_face` ask of a detector.

    Any object with this method will do. It must be deterministic; it is called on a few frames per second.

    The standard box, which `HaarDetector` and `BlazeFaceDetector` give, is the square in which the eyes of an
    upright face seen from the front are 0.37 sides apart, 0.40 sides below the top, and the mouth stands 0.39
    sides below the eyes. A detector whose boxes are larger or smaller gives other crops.

    See Also
    --------
    track_faces : Takes a detector.
    """

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the faces of one picture.

        Parameters
        ----------
        gray : ndarray of shape (y, x), uint8
            Luma, 0 to 255.

        Returns
        -------
        ndarray of shape (n, 5) or (n, 9), float32
            ``x, y, width, height`` of the box in pixels and the confidence, 0 to 1; with nine columns,
            also ``x, y`` of the eye at the left and at the right of the picture.
        """
        ...


class HaarDetector:
    """Faces by the Haar cascades that come with OpenCV.

    The frontal cascade sees the picture as it is. Only where it finds nobody, the picture is brought to even
    contrast, which shows dark and backlit faces, and seen by the frontal cascades, by the profile cascade
    from both sides, and by the frontal one turned by 25 and 45 degrees to either side.

    Parameters
    ----------
    min_face : float, default=0.1
        Smallest face, as a share of the picture's shorter side, above 0 and up to 1. The picture is reduced
        until such a face just fills the cascade's window, so that time does not grow with resolution.
    scale_factor : float, default=1.2
        Ratio of neighbouring window sizes, 1.01 to 2.
    min_neighbors : int, default=3
        Overlapping hits that make a face, >= 1.

    See Also
    --------
    BlazeFaceDetector : Finds turned and covered faces too.

    Notes
    -----
    The confidence is ``n / (n + min_neighbors)`` for `n` overlapping hits: 0.5 at the threshold. Of what only
    the profile, the turned or the second frontal cascade saw it is 0.7 of that. A turned face comes with
    eyes, which stand where the cascade's faces have them.

    References
    ----------
    .. [1] P. Viola, M. Jones, "Robust real-time face detection", IJCV 57 (2004) 137-154.

    Examples
    --------
    >>> HaarDetector().detect(np.zeros((120, 160), np.uint8)).shape
    (0, 5)
    """

    def __init__(self, *, min_face: float = 0.1, scale_factor: float = 1.2, min_neighbors: int = 3) -> None:
        self.min_face = check_real("min_face", min_face, low=0.0, high=1.0, open_low=True)
        self.scale_factor = check_real("scale_factor", scale_factor, low=1.01, high=2.0)
        self.min_neighbors = check_integer("min_neighbors", min_neighbors, low=1)
        self._cascades: dict[str, Any] = {}

    def __repr__(self) -> str:
        """Return the call that makes this detector."""
        return (
            f"HaarDetector(min_face={self.min_face:g}, scale_factor={self.scale_factor:g}, "
            f"min_neighbors={self.min_neighbors})"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the cascades: they cannot be pickled and are read again."""
        return {**self.__dict__, "_cascades": {}}

    def close_up(self) -> HaarDetector:
        """Return the detector for pictures that one face about half fills: no time goes into smaller ones.

        Returns
        -------
        HaarDetector
            A detector for large faces.
        """
        # A face is expected here, so that fewer hits convince, and finer steps cost little.
        fewer = max(1, self.min_neighbors - 1)
        near = HaarDetector(min_face=0.3, scale_factor=min(1.1, self.scale_factor), min_neighbors=fewer)
        near._cascades = self._cascades
        return near

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the faces of one picture, largest first, as `FaceDetector` says.

        Parameters
        ----------
        gray : ndarray of shape (y, x), uint8
            Luma of one picture, 0 to 255.

        Returns
        -------
        ndarray of shape (n, 5), float32
            Columns as `FaceDetector` defines them, in pixels; n is 0 where there is no face.

        Raises
        ------
        ParameterError
            If `gray` is not a non-empty two-dimensional uint8 array.
        """
        import cv2

        picture = check_gray(gray)
        short = min(picture.shape)
        factor = min(1.0, _WINDOW / max(1.0, min(self.min_face, _REDUCE_TO) * short))
        small = picture
        if factor < 1.0:
            size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
            small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        faces = self._hits(_FRONTAL, small)
        if not len(faces) and int(small.max()) - int(small.min()) >= _NOTHING:
            small = _even(picture, small.shape)
            faces = self._second_look(small)
        stretch = np.tile([picture.shape[1] / small.shape[1], picture.shape[0] / small.shape[0]], 4)
        faces[:, :4] *= stretch[:4]
        faces[:, 5:] *= stretch[4 : faces.shape[1] - 1]
        return keep_separate(faces)

    def _second_look(self, small: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the faces of the first kind that is found in a picture of even contrast."""
        import cv2

        faces = self._hits(_FRONTAL, small)
        if len(faces):
            return faces
        size = (max(1, round(small.shape[1] * _LATE)), max(1, round(small.shape[0] * _LATE)))
        late = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        faces = self._hits(_FRONTAL_TOO, late, more=_MORE)
        if not len(faces):
            right = self._hits(_PROFILE, np.ascontiguousarray(late[:, ::-1]), more=_MORE)
            right[:, 0] = late.shape[1] - right[:, 0] - right[:, 2]
            faces = np.concatenate([self._hits(_PROFILE, late, more=_MORE), right])
        if not len(faces):
            faces = np.concatenate([self._turned(late, degrees) for degrees in _TURNS])
        if not len(faces):
            return np.zeros((0, 5))
        scale = np.array([small.shape[1] / late.shape[1], small.shape[0] / late.shape[0]] * 4)
        faces[:, :4] *= scale[:4]
        faces[:, 5:] *= scale[: faces.shape[1] - 5]
        faces[:, 4] *= _DOUBT
        return faces

    def _turned(self, small: NDArray[np.uint8], degrees: float) -> NDArray[np.float64]:
        """Return the faces, with eyes, that stand upright once the picture is turned by so much."""
        import cv2

        height, width = small.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        size = np.abs(matrix[:, :2]) @ [width, height]
        matrix[:, 2] += size / 2 - [width / 2, height / 2]
        turned = cv2.warpAffine(
            small,
            matrix,
            (round(float(size[0])), round(float(size[1]))),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=float(small.mean()),
        )
        found = self._hits(_FRONTAL, np.asarray(turned, dtype=np.uint8), more=_MORE_TURNED)
        side = found[:, 2:3]
        centre = found[:, :2] + side / 2
        eyes = (centre + side * np.array([half, _EYES_ABOVE]) for half in (-_EYES_APART / 2, _EYES_APART / 2))
        points = np.stack([centre, *eyes], axis=1) - matrix[:, 2]
        # The inverse of a rotation is its transpose, which from the right is the matrix itself.
        middle, left, right = np.moveaxis(points @ matrix[:, :2], 1, 0)
        return np.column_stack([middle - side / 2, side, side, found[:, 4:], left, right])

    def _hits(self, name: str, small: NDArray[np.uint8], more: int = 0) -> NDArray[np.float64]:
        smallest = max(20, round(self.min_face * min(small.shape)))
        if min(small.shape) < smallest:
            return np.zeros((0, 5))
        boxes, counts = cascade(self._cascades, name).detectMultiScale2(
            small,
            scaleFactor=self.scale_factor,
            minNeighbors=self.min_neighbors + more,
            minSize=(smallest, smallest),
        )
        if not len(boxes):
            return np.zeros((0, 5))
        n = np.asarray(counts, dtype=np.float64).reshape(-1, 1)
        return np.hstack([np.asarray(boxes, dtype=np.float64), n / (n + self.min_neighbors)])


class YuNetDetector:
    """Faces by the YuNet network, from a model file that the caller has.

    Parameters
    ----------
    model_file : str or os.PathLike
        ONNX file of YuNet (``face_detection_yunet_2023mar.onnx`` of OpenCV's model zoo, for example).
    min_confidence : float, default=0.7
        Faces of less confidence are left out, 0 to 1.
    max_side : int, default=640
        Longer side in pixels to which larger pictures are reduced, >= 32.

    Raises
    ------
    MediaError
        If the file is missing or is no such model.

    See Also
    --------
    HaarDetector : Needs no model file.

    References
    ----------
    .. [1] W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face detector", MIR 20 (2023) 656-665.
    """

    def __init__(
        self, model_file: str | os.PathLike[str], *, min_confidence: float = 0.7, max_side: int = 640
    ) -> None:
        self.model_file = check_path(model_file, "model_file")
        self.min_confidence = check_real("min_confidence", min_confidence, low=0.0, high=1.0)
        self.max_side = check_integer("max_side", max_side, low=32)
        self._network: Any = None
        self._open()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the network: it cannot be pickled and is read again."""
        return {**self.__dict__, "_network": None}

    def close_up(self) -> YuNetDetector:
        """Return itself: a network takes the same time for every face.

        Returns
        -------
        YuNetDetector
            The same detector.
        """
        return self

    def _open(self) -> Any:
        import cv2

        if self._network is None:
            try:
                self._network = cv2.FaceDetectorYN.create(
                    str(self.model_file), "", (320, 320), self.min_confidence, 0.3, 200
                )
            except cv2.error as error:
                raise MediaError(f"{self.model_file} is not a YuNet model: {error.err or error}") from None
        return self._network

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
        """
        import cv2

        picture = check_gray(gray)
        factor = min(1.0, self.max_side / max(picture.shape))
        size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if factor < 1.0 else picture
        network = self._open()
        network.setInputSize(size)
        _, found = network.detect(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))
        if found is None:
            return np.zeros((0, 9), np.float32)
        rows = np.asarray(found, dtype=np.float64)
        # YuNet's first eye is the subject's right one, which stands at the left of the picture.
        faces = rows[:, [0, 1, 2, 3, 14, 4, 5, 6, 7]]
        across, down = picture.shape[1] / size[0], picture.shape[0] / size[1]
        return keep_separate(faces * np.array([across, down, across, down, 1.0, across, down, across, down]))


def _even(picture: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the picture in the given shape with the same contrast all over, out of more than 8 bits."""
    import cv2

    exact = cv2.resize(picture.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    low, high = np.percentile(exact, [0.5, 99.5])
    wide = np.clip((exact - low) * (65535.0 / max(_LEAST_RANGE, high - low)), 0, 65535).astype(np.uint16)
    even = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(6, 6)).apply(wide)
    return np.asarray(even >> 8, dtype=np.uint8)


def cascade(loaded: dict[str, Any], name: str) -> Any:
    """Return OpenCV's cascade of this name, read once into `loaded`."""
    import cv2

    if name not in loaded:
        loaded[name] = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / f"{name}.xml"))
        if loaded[name].empty():
            raise MediaError(
                f"OpenCV's file {name}.xml is missing from this installation: pip install --force-reinstall "
                "opencv-python-headless"
            )
    return loaded[name]


def check_faces(faces: Any, detector: object) -> NDArray[np.float64]:
    """Return what a plugged-in detector gave, or say what is wrong with it."""
    rows = np.asarray(faces, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] not in (5, 9):
        raise ParameterError(
            f"detector must return an array of shape (n, 5) or (n, 9), "
            f"got {rows.shape} from {type(detector).__name__}"
        )
    if not np.isfinite(rows).all() or (rows[:, 2:4] <= 0).any():
        raise ParameterError(
            f"detector must return finite boxes of positive size, got others from {type(detector).__name__}"
        )
    return rows


def overlap(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area common to a box (4,) and each of (n, 4), over the smaller of the two areas."""
    left = np.maximum(one[:2], others[:, :2])
    right = np.minimum(one[:2] + one[2:4], others[:, :2] + others[:, 2:4])
    common = np.prod(np.clip(right - left, 0.0, None), axis=1)
    result: NDArray[np.float64] = common / np.minimum(np.prod(one[2:4]), np.prod(others[:, 2:4], axis=1))
    return result


def keep_separate(faces: NDArray[np.float64]) -> NDArray[np.float32]:
    """Drop a face that mostly covers a surer one; largest first, in an order free of threads."""
    order = np.lexsort((*faces[:, 3::-1].T, -faces[:, 4]))
    kept: list[NDArray[np.float64]] = []
    for face in faces[order]:
        if not kept or (overlap(face[:4], np.array(kept)[:, :4]) <= _SAME_FACE).all():
            kept.append(face)
    if not kept:
        return faces[:0].astype(np.float32)
    kept.sort(key=lambda face: (-face[2] * face[3], *face[:2]))
    return np.array(kept, dtype=np.float32)


def check_gray(gray: ArrayLike) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = check_array("gray", gray, ndim=2)
    if picture.dtype != np.uint8:
        raise ParameterError(f"gray must have dtype uint8, got {picture.dtype}")
    return picture
