"""The expression of a face, frame by frame, by a network that ships with the package."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_array, check_flag, check_real
from stcorner.errors import ModelError, ParameterError
from stcorner.video.expressionnet import SIDE, standardise

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike, NDArray

__all__ = ["face_expression_names", "face_expression_network", "face_expressions"]

NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
WEIGHTS = Path(__file__).parents[1] / "models" / "face_expressions.onnx"
SMALLEST = 24
# More faces at once take memory and gain no time.
_BATCH = 32
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def face_expression_names() -> list[str]:
    """Name the columns of `face_expressions`, in FER2013's order.

    Returns
    -------
    list of str
        Seven names.

    See Also
    --------
    face_expressions : Gives these columns.

    Examples
    --------
    >>> face_expression_names()
    ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']
    """
    return list(NAMES)


def face_expression_network() -> keras.Model:
    """Return the network that `face_expressions` runs, with its weights, as a Keras model.

    Needs the extra ``cnn``.

    Returns
    -------
    keras.Model
        Faces of shape (n, 48, 48, 1), float32, each with mean 0 and standard deviation 1, to logits of shape
        (n, 7) in the order of `face_expression_names`.

    Raises
    ------
    MissingExtraError
        If Keras is not installed.

    See Also
    --------
    face_expressions : Runs it without Keras.

    Examples
    --------
    >>> face_expression_network().output_shape
    (None, 7)
    """
    import cv2

    from stcorner.video.expressionnet import build

    model: keras.Model = build(folded=True)
    stored = cv2.dnn.readNetFromONNX(str(WEIGHTS))
    for layer in model.layers:
        if layer.weights:
            kernel, bias = (stored.getParam(f"onnx_node!{layer.name}", i) for i in (0, 1))
            if kernel.ndim == 4:  # ONNX has the channels first, Keras has them last
                kernel = kernel.transpose(2, 3, 1, 0)
            elif kernel.shape != layer.kernel.shape:
                kernel = kernel.T
            layer.set_weights([kernel, bias.ravel()])
    return model


def face_expressions(frames: ArrayLike, *, zoom: float = 1.0, mirror: bool = True) -> NDArray[np.float32]:
    """Return the probability of seven expressions in each picture of a face.

    Parameters
    ----------
    frames : array_like of shape (n, y, x) or (n, y, x, 3)
        Upright faces, gray or red, green, blue, of any real dtype; both sides 24 pixels or more. Only
        contrast counts: each face is brought to mean 0 and standard deviation 1.
    zoom : float, default=1.0
        Central part of each side that the network sees, 0.3 to 1. It matters: the face should fill the
        picture from the forehead to the chin. Of a box by `HaarDetector` take 0.7, of a crop by `crop_face`
        with its default margin 0.58.
    mirror : bool, default=True
        Average over the face and its mirror image: a little better, twice the time.

    Returns
    -------
    ndarray of shape (n, 7), float32
        Rows sum to 1; columns as `face_expression_names`. Calibrated on faces of FER2013, with
        no expression more likely than another beforehand.

    Raises
    ------
    ParameterError
        If `frames` has another shape, is masked, holds NaN or infinity, or a side is below 24 pixels; if
        `zoom` is out of range.

    See Also
    --------
    face_expression_names : Names of the columns.
    crop_face : Faces as this function wants them.

    Notes
    -----
    A convolutional network of 592,263 parameters, trained on FER2013 and run by OpenCV. What a face shows
    is not what a person feels, and the network errs on one face in three; its card says more:
    ``stcorner/models/face_expressions.md``.

    References
    ----------
    I. J. Goodfellow et al., "Challenges in representation learning: A report on three machine learning
    contests", Neural Networks 64 (2015) 59-63.

    Examples
    --------
    >>> faces = np.random.default_rng(0).integers(0, 256, (3, 96, 96), dtype=np.uint8)
    >>> face_expressions(faces).shape
    (3, 7)
    """
    return np.exp(expression_log_probabilities(frames, zoom=zoom, mirror=mirror))


def expression_log_probabilities(
    frames: ArrayLike, *, zoom: float = 1.0, mirror: bool = True
) -> NDArray[np.float32]:
    """Return the natural logarithm of what `face_expressions` returns, exact where that rounds to 0."""
    faces = _faces(frames, check_real("zoom", zoom, low=0.3, high=1.0))
    if not check_flag("mirror", mirror):
        return _log_softmax(_logits(faces))
    views = _log_softmax(_logits(np.concatenate([faces, faces[:, :, ::-1]])))
    return _log_softmax(views.reshape(2, -1, len(NAMES)).mean(axis=0))


def _faces(frames: ArrayLike, zoom: float) -> NDArray[np.float32]:
    """Return the faces as gray, cut to their central part, 48 x 48, standardised."""
    import cv2

    pictures = check_array("frames", frames, ndim=(3, 4), allow_empty=True)
    if pictures.ndim == 4 and pictures.shape[3] != 3:
        raise ParameterError(f"frames must be (n, y, x) or (n, y, x, 3), got shape {pictures.shape}")
    height, width = pictures.shape[1:3]
    if min(height, width) < SMALLEST:
        raise ParameterError(f"frames must have sides >= {SMALLEST}, got {height} x {width} pixels")
    top, left = (round(side * (1 - zoom) / 2) for side in (height, width))
    out = np.empty((len(pictures), SIDE, SIDE), np.float32)
    for face, picture in zip(out, pictures, strict=True):
        part = picture[top : height - top, left : width - left]
        if part.dtype.kind == "f":
            # Of any magnitude, it fits into float32 when scaled by its own range.
            part = part / (np.abs(part).max() or 1)
        part = np.ascontiguousarray(part, np.float32)
        gray = part @ _LUMA if part.ndim == 3 else part
        shrinks = gray.shape[0] > SIDE and gray.shape[1] > SIDE
        face[...] = cv2.resize(
            gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
    return standardise(out)


@cache
def _network() -> tuple[Any, threading.Lock]:
    """Return the network, read once a process, and the lock of who runs it."""
    import cv2

    data = WEIGHTS.read_bytes()
    try:
        return cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8)), threading.Lock()
    except cv2.error as error:
        raise ModelError(
            f"face_expressions.onnx of this installation is damaged: {error}: pip install "
            "--force-reinstall stcorner"
        ) from None


def _logits(faces: NDArray[np.float32]) -> NDArray[np.float32]:
    network, lock = _network()
    out = np.empty((len(faces), len(NAMES)), np.float32)
    for begin in range(0, len(faces), _BATCH):
        with lock:
            network.setInput(np.ascontiguousarray(faces[begin : begin + _BATCH, None]))
            out[begin : begin + _BATCH] = network.forward()
    return out


def _log_softmax(logits: NDArray[Any]) -> NDArray[np.float32]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
