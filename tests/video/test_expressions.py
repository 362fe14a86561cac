"""The expression network: equal to Keras, calibrated, right on faces that it never saw."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import stcorner
from stcorner.corpora.clip import canonical_label
from stcorner.errors import ParameterError
from stcorner.video.expressionnet import standardise
from stcorner.video.expressions import NAMES, expression_log_probabilities

if TYPE_CHECKING:
    from pathlib import Path

CKPLUS = {
    "anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy", "sadness": "sad",
    "surprise": "surprise",
}  # fmt: skip
RAVDESS = {
    "01": "neutral", "03": "happy", "04": "sad", "05": "angry", "06": "fear", "07": "disgust",
    "08": "surprise",
}  # fmt: skip


def made_faces(side: int = 48) -> np.ndarray:
    """Return four drawn faces, uint8: mouths bent down, straight, up, and open."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]

    def spot(cx: float, cy: Any, width: float, height: float) -> np.ndarray:
        return np.exp(-(((x - cx) / width) ** 2) - ((y - cy) / height) ** 2)

    faces = []
    for bend, height in ((-0.5, 0.06), (0.0, 0.06), (0.5, 0.06), (0.0, 0.25)):
        skin = 90 + 110 * (spot(0, 0, 0.8, 1.0) > 0.4)
        eyes = spot(-0.35, -0.3, 0.14, 0.07) + spot(0.35, -0.3, 0.14, 0.07)
        brows = spot(-0.35, -0.48, 0.2, 0.04) + spot(0.35, -0.48, 0.2, 0.04)
        mouth = spot(0, 0.5 - bend * (x**2 - 0.05), 0.3, height)
        faces.append(np.rint(np.clip(skin - 90 * (eyes + brows + mouth), 0, 255)))
    return np.array(faces, np.uint8)


# Logits of the trained Keras model, before its normalisations were folded, over the temperature.
KERAS_LOGITS = np.array(
    [
        [-0.33140, -1.52573, -0.44431, -1.12907, 2.33191, -1.41190, 2.50063],
        [-0.38813, -1.79462, -0.60210, -0.40011, 1.85008, -1.45593, 2.78076],
        [-0.91095, -1.93256, -0.99315, 1.15628, 1.07422, -1.34325, 2.93792],
        [-0.39489, -1.52186, -0.78445, -0.12477, 1.27646, -0.80412, 2.34485],
    ]
)


def labelled(data: Path, name: str, names: dict[str, str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    with np.load(data / "faces" / name) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    names = names or {label: label for label in NAMES}
    known = np.isin(labels, list(names))
    return images[known], np.array([NAMES.index(names[label]) for label in labels[known]])


def uar(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean([(predicted[truth == label] == label).mean() for label in np.unique(truth)]))


def test_equals_what_keras_computed_after_training() -> None:
    logs = KERAS_LOGITS - np.logaddexp.reduce(KERAS_LOGITS, axis=1, keepdims=True)
    found = expression_log_probabilities(made_faces(), mirror=False)
    np.testing.assert_allclose(np.exp(found), np.exp(logs), rtol=0, atol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
def test_equals_keras_with_the_same_weights(rng: np.random.Generator) -> None:
    model = stcorner.face_expression_network()
    faces = np.concatenate([made_faces(), rng.integers(0, 256, (9, 48, 48), dtype=np.uint8)])
    logits = model.predict(standardise(faces)[..., None], verbose=0)
    assert model.count_params() <= 1_000_000
    expected = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    found = expression_log_probabilities(faces, mirror=False)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_rows_are_probabilities_of_named_expressions(rng: np.random.Generator) -> None:
    found = stcorner.face_expressions(rng.integers(0, 256, (5, 60, 70), dtype=np.uint8))
    assert found.shape == (5, 7)
    assert found.dtype == np.float32
    assert (found > 0).all()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert stcorner.face_expression_names() == list(NAMES)
    assert set(NAMES) == {canonical_label(name) for name in NAMES}


def test_batches_do_not_matter(rng: np.random.Generator) -> None:
    faces = np.concatenate([made_faces(), rng.integers(0, 256, (33, 48, 48), dtype=np.uint8)])
    together = stcorner.face_expressions(faces)
    one_by_one = np.concatenate([stcorner.face_expressions(face[None]) for face in faces])
    np.testing.assert_allclose(one_by_one, together, rtol=0, atol=2e-6)
    assert stcorner.face_expressions(faces[:0]).shape == (0, 7)


def test_threads_get_what_one_gets() -> None:
    faces = made_faces()
    expected = [stcorner.face_expressions(faces[i : i + 2]) for i in range(3)] * 8
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: stcorner.face_expressions(faces[i % 3 : i % 3 + 2]), range(24)))
    np.testing.assert_array_equal(found, expected)


def test_light_dtype_and_colour_do_not_matter() -> None:
    faces = made_faces(96)
    expected = stcorner.face_expressions(faces)
    for same in (
        faces / 255.0,
        faces.astype(np.float32) * 0.3 + 100,
        faces.astype(np.uint16) * 257,
        faces.astype(float) * 1e200,
        np.repeat(faces[..., None], 3, axis=-1),
    ):
        np.testing.assert_allclose(stcorner.face_expressions(same), expected, rtol=0, atol=1e-4)


def test_mirrored_faces_get_the_same() -> None:
    faces = made_faces()
    faces[:, :, :20] //= 2
    straight, turned = stcorner.face_expressions(faces), stcorner.face_expressions(faces[:, :, ::-1])
    np.testing.assert_allclose(turned, straight, rtol=0, atol=1e-6)


def test_zoom_looks_at_the_middle() -> None:
    faces = made_faces(96)
    framed = np.zeros((4, 120, 120), np.uint8)
    framed[:, 12:108, 12:108] = faces
    found = stcorner.face_expressions(framed, zoom=0.8)
    np.testing.assert_array_equal(found, stcorner.face_expressions(faces))


def test_a_flat_picture_has_an_answer() -> None:
    found = stcorner.face_expressions(np.full((1, 48, 48), 7, np.uint8))
    np.testing.assert_allclose(found.sum(), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        (np.zeros((48, 48)), {}, "frames must have 3 or 4 dimension"),
        (np.zeros((1, 48, 48, 4)), {}, r"frames must be \(n, y, x\) or \(n, y, x, 3\)"),
        (np.zeros((1, 23, 48)), {}, "frames must have sides >= 24, got 23 x 48"),
        (np.full((1, 48, 48), np.nan), {}, "frames must be finite"),
        (np.zeros((1, 48, 48), complex), {}, "frames must hold real numbers"),
        (np.ma.array(np.zeros((1, 48, 48)), mask=True), {}, "frames must not be masked"),
        (np.zeros((1, 48, 48)), {"zoom": 0.2}, "zoom must be finite and >= 0.3 and <= 1"),
        (np.zeros((1, 48, 48)), {"mirror": 1}, "mirror must be True or False"),
    ],
)
def test_says_what_is_wrong(frames: np.ndarray, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        stcorner.face_expressions(frames, **options)


def test_calibrated_and_right_on_fer2013(real_data: Path) -> None:
    faces, truth = labelled(real_data, "fer2013_PublicTest.npz")
    found = stcorner.face_expressions(faces)
    right = found.argmax(1) == truth
    confidence = found.max(1)
    bin_of = np.minimum((confidence * 15).astype(int), 14)
    error = sum(abs((confidence - right)[bin_of == one].sum()) for one in range(15)) / len(truth)
    assert right.mean() >= 0.66
    assert error < 0.04


def test_right_on_people_of_ckplus(real_data: Path) -> None:
    faces, truth = labelled(real_data, "ckplus48_half.npz", CKPLUS)
    found = stcorner.face_expressions(faces)[:, : NAMES.index("neutral")]
    assert uar(truth, found.argmax(1)) >= 0.8


def test_right_on_clips_of_an_actor(real_data: Path) -> None:
    with np.load(real_data / "faces" / "ravdess_actor05_faces.npz") as arrays:
        clips = [name for name in arrays.files if name.split("-")[2] in RAVDESS]
        # A picture without a face is black in this set.
        faces = [arrays[name][arrays[name].std((1, 2)) > 1] for name in clips]
    logs = [expression_log_probabilities(one, zoom=0.7).mean(0) for one in faces]
    truth = np.array([NAMES.index(RAVDESS[name.split("-")[2]]) for name in clips])
    assert uar(truth, np.argmax(logs, axis=1)) >= 0.6
