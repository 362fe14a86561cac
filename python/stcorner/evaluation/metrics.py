"""Scores of predicted labels, all of them functions of counts per actor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "METRICS",
    "ClassScore",
    "bootstrap_interval",
    "class_recall_intervals",
    "confusion_matrix",
    "macro_f1",
    "per_class_scores",
    "unweighted_average_recall",
    "weighted_average_recall",
]

METRICS = ("uar", "war", "macro_f1")


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, classes: Sequence[str]) -> NDArray[np.int64]:
    """Count how often each label was taken for each other.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n,), str
        True and predicted labels.
    classes : sequence of str
        Order of rows (true) and columns (predicted).

    Returns
    -------
    ndarray of shape (n_classes, n_classes), int64
        Numbers of clips.

    Raises
    ------
    ValueError
        If the lengths differ, are 0, or a label is not among `classes`.

    Examples
    --------
    >>> confusion_matrix(["sad", "sad", "happy"], ["sad", "happy", "happy"], ["happy", "sad"])
    array([[1, 0],
           [1, 1]])
    """
    names = [str(name) for name in classes]
    if len(set(names)) < len(names) or not names:
        raise ParameterError(f"classes must be different labels, at least one, got {names}")
    true, predicted = (
        _codes(name, labels, names) for name, labels in (("y_true", y_true), ("y_pred", y_pred))
    )
    if len(true) != len(predicted):
        raise ParameterError(f"y_pred must have {len(true)} labels as y_true, got {len(predicted)}")
    n = len(names)
    return np.bincount(true * n + predicted, minlength=n * n).reshape(n, n)


def _codes(name: str, labels: ArrayLike, classes: Sequence[str]) -> NDArray[np.int64]:
    values = np.asarray(labels)
    if values.ndim != 1 or values.size == 0:
        raise ParameterError(f"{name} must be one-dimensional and not empty, got shape {values.shape}")
    position = {label: at for at, label in enumerate(classes)}
    unknown = sorted({str(value) for value in values.tolist()} - position.keys())
    if unknown:
        raise ParameterError(f"{name} must hold only {list(classes)}, got {unknown}")
    return np.array([position[str(value)] for value in values.tolist()], dtype=np.int64)


def unweighted_average_recall(counts: ArrayLike) -> NDArray[np.float64]:
    """Mean recall over the classes that occur (UAR, UA, balanced accuracy).

    Parameters
    ----------
    counts : array_like of shape (..., n_classes, n_classes)
        Confusion matrices, true labels in rows.

    Returns
    -------
    ndarray of shape (...), float64
        0 to 1; nan where nothing was counted.

    Examples
    --------
    >>> float(unweighted_average_recall([[1, 0], [1, 1]]))
    0.75
    """
    matrix = np.asarray(counts, dtype=np.float64)
    totals = matrix.sum(axis=-1)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    present = totals > 0
    recall = np.divide(hits, totals, out=np.zeros_like(hits), where=present)
    return _ratio(recall.sum(axis=-1), present.sum(axis=-1))


def weighted_average_recall(counts: ArrayLike) -> NDArray[np.float64]:
    """Share of correct predictions (WAR, WA, accuracy).

    Parameters
    ----------
    counts : array_like of shape (..., n_classes, n_classes)
        Confusion matrices, true labels in rows.

    Returns
    -------
    ndarray of shape (...), float64
        0 to 1.

    Examples
    --------
    >>> round(float(weighted_average_recall([[1, 0], [1, 1]])), 3)
    0.667
    """
    matrix = np.asarray(counts, dtype=np.float64)
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1)))


def macro_f1(counts: ArrayLike) -> NDArray[np.float64]:
    """Mean over classes of F1, the harmonic mean of precision and recall.

    A class that occurs but is never predicted counts 0; one that neither occurs nor is predicted does not
    count.

    Parameters
    ----------
    counts : array_like of shape (..., n_classes, n_classes)
        Confusion matrices, true labels in rows.

    Returns
    -------
    ndarray of shape (...), float64
        0 to 1.

    Examples
    --------
    >>> round(float(macro_f1([[1, 0], [1, 1]])), 3)
    0.667
    """
    matrix = np.asarray(counts, dtype=np.float64)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    seen = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    f1 = np.divide(2 * hits, seen, out=np.zeros_like(hits), where=seen > 0)
    return _ratio(f1.sum(axis=-1), (seen > 0).sum(axis=-1))


def _ratio(above: NDArray[np.float64], below: ArrayLike) -> NDArray[np.float64]:
    divisor = np.asarray(below, dtype=np.float64)
    out = np.full(np.shape(above), np.nan)
    return np.asarray(np.divide(above, divisor, out=out, where=divisor > 0))


_FUNCTIONS = {"uar": unweighted_average_recall, "war": weighted_average_recall, "macro_f1": macro_f1}


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """Scores of one class; nan: `precision` where it was never predicted, `recall` where it never occurs.

    Parameters
    ----------
    label : str
        The class.
    n : int
        Number of clips with this label.
    precision, recall, f1 : float
        Scores, 0 to 1.
    """

    label: str
    n: int
    precision: float
    recall: float
    f1: float


def per_class_scores(counts: ArrayLike, classes: Sequence[str]) -> list[ClassScore]:
    """Return precision, recall and F1 of each class from a confusion matrix.

    Parameters
    ----------
    counts : array_like of shape (n_classes, n_classes)
        Confusion matrix: rows true, columns predicted.
    classes : sequence of str
        Names of the classes.

    Returns
    -------
    list of ClassScore
        One for each class, in order.

    Examples
    --------
    >>> [(s.label, s.precision, s.recall) for s in per_class_scores([[1, 0], [1, 1]], ["happy", "sad"])]
    [('happy', 0.5, 1.0), ('sad', 1.0, 0.5)]
    """
    matrix = np.asarray(counts, dtype=np.float64)
    hits = np.diagonal(matrix)
    recall, precision = _ratio(hits, matrix.sum(axis=1)), _ratio(hits, matrix.sum(axis=0))
    f1 = _ratio(2 * hits, matrix.sum(axis=0) + matrix.sum(axis=1))
    return [
        ClassScore(
            label=str(label),
            n=int(matrix[at].sum()),
            precision=float(precision[at]),
            recall=float(recall[at]),
            f1=float(f1[at]),
        )
        for at, label in enumerate(classes)
    ]


def bootstrap_interval(
    counts: ArrayLike, *, metric: str = "uar", level: float = 0.95, n_resamples: int = 5000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval of a score when other actors had been recorded.

    Whole actors are drawn with replacement, because the clips of one actor are alike: drawing clips would
    make the interval too narrow. With few actors even this one is too narrow.

    Parameters
    ----------
    counts : array_like of shape (n_actors, n_classes, n_classes)
        Confusion matrix of each actor.
    metric : {"uar", "war", "macro_f1"}
    level : float, default=0.95
        Share of draws inside the interval, between 0 and 1.
    n_resamples : int, default=5000
        Draws, >= 1.
    seed : int, default=0
        Seed of the draws, >= 0.

    Returns
    -------
    (float, float)
        (nan, nan) with fewer than 2 actors.

    Raises
    ------
    ValueError
        If `counts` has another shape or a parameter is out of range.

    References
    ----------
    .. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall (1993), chapter 13.

    Examples
    --------
    >>> bootstrap_interval([[[4, 0], [0, 4]], [[4, 0], [0, 4]]])
    (1.0, 1.0)
    """
    check_choice("metric", metric, METRICS)
    resampled = _resample_actors(counts, level=level, n_resamples=n_resamples, seed=seed)
    if resampled is None:
        return float("nan"), float("nan")
    low, high = np.nanquantile(_FUNCTIONS[metric](resampled), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def class_recall_intervals(
    counts: ArrayLike, *, level: float = 0.95, n_resamples: int = 5000, seed: int = 0
) -> NDArray[np.float64]:
    """Return the percentile interval of each class's recall when other actors had been recorded.

    Parameters
    ----------
    counts : array_like of shape (n_actors, n_classes, n_classes)
        Confusion matrix of each actor.
    level : float, default=0.95
        Share of draws inside the interval, between 0 and 1.
    n_resamples : int, default=5000
        Draws, >= 1.
    seed : int, default=0
        Seed of the draws, >= 0.

    Returns
    -------
    ndarray of shape (n_classes, 2)
        nan with fewer than 2 actors, and for a class that never occurs.

    Examples
    --------
    >>> class_recall_intervals([[[4, 0], [0, 4]], [[4, 0], [0, 4]]]).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    resampled = _resample_actors(counts, level=level, n_resamples=n_resamples, seed=seed)
    bounds = np.full((np.shape(counts)[-1], 2), np.nan)
    if resampled is None:
        return bounds
    recalls = _ratio(np.diagonal(resampled, axis1=-2, axis2=-1), resampled.sum(axis=-1))
    seen = ~np.isnan(recalls).all(axis=0)
    bounds[seen] = np.nanquantile(recalls[:, seen], [(1 - level) / 2, (1 + level) / 2], axis=0).T
    return bounds


def _resample_actors(
    counts: ArrayLike, *, level: float, n_resamples: int, seed: int
) -> NDArray[np.float64] | None:
    """Return sums of the actors' confusion matrices, drawn with replacement; None with fewer than 2."""
    check_real("level", level, low=0, high=1, open_low=True, open_high=True)
    check_integer("n_resamples", n_resamples, low=100)
    matrices = np.asarray(counts, dtype=np.float64)
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
        raise ParameterError(f"counts must have shape (n_actors, n_classes, n_classes), got {matrices.shape}")
    n_actors = len(matrices)
    if n_actors < 2:
        return None
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    drawn = rng.multinomial(n_actors, np.full(n_actors, 1 / n_actors), size=n_resamples)
    return np.asarray(np.tensordot(drawn, matrices, axes=1))
