"""Do probabilities mean what they say, and what to do when they do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.validation import check_choice, check_integer
from stcorner.classifiers.temperature import check_codes, check_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "AbstentionCurve",
    "Reliability",
    "abstention_curve",
    "expected_calibration_error",
    "reliability",
]


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Confidence against accuracy, bin by bin; empty bins are left out.

    Attributes
    ----------
    confidence, accuracy : ndarray of shape (n_bins,), float64
        Mean of the highest probability, and share of correct predictions.
    count : ndarray of shape (n_bins,), int64
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]


def reliability(
    probabilities: ArrayLike, y: ArrayLike, *, n_bins: int = 15, binning: str = "width"
) -> Reliability:
    """Compare how sure predictions are with how often they are right.

    Parameters
    ----------
    probabilities : array_like of shape (n, n_classes)
        Rows sum to 1.
    y : array_like of shape (n,), int
        Column of the true class.
    n_bins : int, default=15
        Number of bins, >= 1.
    binning : {"width", "mass"}
        Bins of equal width in confidence, or of (nearly) equal numbers of clips.

    Returns
    -------
    Reliability
        Confidence, accuracy and number of clips of each bin.

    Raises
    ------
    ValueError
        If rows are no probabilities, `y` does not fit, or a parameter is out of range.

    Examples
    --------
    >>> r = reliability([[0.9, 0.1], [0.7, 0.3], [0.9, 0.1]], [0, 1, 1], n_bins=2)
    >>> r.confidence.round(3).tolist(), r.accuracy.round(3).tolist(), r.count.tolist()
    ([0.833], [0.333], [3])
    """
    rows = check_probabilities("probabilities", probabilities)
    codes = check_codes("y", y, *rows.shape)
    check_integer("n_bins", n_bins, low=1)
    check_choice("binning", binning, ("width", "mass"))
    confidence = rows.max(axis=1)
    correct = rows.argmax(axis=1) == codes
    if binning == "width":
        # A confidence on an edge belongs to the bin below it, as in Guo et al.
        bins = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    else:
        rank = np.empty(len(rows), dtype=np.int64)
        rank[np.argsort(confidence, kind="stable")] = np.arange(len(rows))
        bins = rank * n_bins // len(rows)
    count = np.bincount(bins, minlength=n_bins)
    kept = count > 0
    return Reliability(
        confidence=np.bincount(bins, confidence, n_bins)[kept] / count[kept],
        accuracy=np.bincount(bins, correct, n_bins)[kept] / count[kept],
        count=count[kept],
    )


def expected_calibration_error(
    probabilities: ArrayLike, y: ArrayLike, *, n_bins: int = 15, binning: str = "width"
) -> float:
    """Return the mean distance of confidence and accuracy over bins, weighted by their clips.

    Parameters
    ----------
    probabilities : array_like of shape (n, n_classes)
        Rows sum to 1.
    y : array_like of shape (n,), int
        Column of the true class.
    n_bins : int, default=15
        Number of bins, >= 1.
    binning : {"width", "mass"}
        Bins of equal width in confidence, or of (nearly) equal numbers of clips.

    Returns
    -------
    float
        0 (as sure as right) to 1. Even perfect probabilities score above 0 on few clips.

    References
    ----------
    .. [1] C. Guo et al., "On Calibration of Modern Neural Networks", ICML (2017).

    Examples
    --------
    >>> round(expected_calibration_error([[0.9, 0.1], [0.7, 0.3], [0.9, 0.1]], [0, 1, 1], n_bins=2), 3)
    0.5
    """
    bins = reliability(probabilities, y, n_bins=n_bins, binning=binning)
    return float(np.average(np.abs(bins.confidence - bins.accuracy), weights=bins.count))


@dataclass(frozen=True, kw_only=True)
class AbstentionCurve:
    """Scores of the predictions that are kept when the least sure ones are withheld.

    Attributes
    ----------
    coverage : ndarray of shape (n,), float64
        Share of clips kept, ascending to 1.
    threshold : ndarray of shape (n,), float64
        Least confidence that is kept.
    war, uar : ndarray of shape (n,), float64
        Accuracy, and mean recall over the classes that are left.
    """

    coverage: NDArray[np.float64]
    threshold: NDArray[np.float64]
    war: NDArray[np.float64]
    uar: NDArray[np.float64]


def abstention_curve(probabilities: ArrayLike, y: ArrayLike, *, n_points: int = 20) -> AbstentionCurve:
    """Score the surest predictions alone.

    Parameters
    ----------
    probabilities : array_like of shape (n, n_classes)
        Rows sum to 1.
    y : array_like of shape (n,), int
        Column of the true class.
    n_points : int, >= 1
        Coverages from 1 / n_points to 1.

    Returns
    -------
    AbstentionCurve
        Scores by the share of clips that are kept.

    Raises
    ------
    ValueError
        As `reliability`.

    Examples
    --------
    >>> curve = abstention_curve([[0.9, 0.1], [0.6, 0.4]], [0, 1], n_points=2)
    >>> curve.coverage.tolist(), curve.war.tolist(), curve.threshold.tolist()
    ([0.5, 1.0], [1.0, 0.5], [0.9, 0.6])
    """
    from stcorner.evaluation.metrics import unweighted_average_recall

    rows = check_probabilities("probabilities", probabilities)
    codes = check_codes("y", y, *rows.shape)
    check_integer("n_points", n_points, low=1)
    order = np.argsort(-rows.max(axis=1), kind="stable")
    n, k = rows.shape
    kept = np.unique(np.ceil(np.arange(1, n_points + 1) / n_points * n).astype(np.int64))
    cells = codes[order] * k + rows[order].argmax(axis=1)
    counts = np.stack([np.bincount(cells[:m], minlength=k * k).reshape(k, k) for m in kept])
    return AbstentionCurve(
        coverage=kept / n,
        threshold=rows.max(axis=1)[order][kept - 1],
        war=np.trace(counts, axis1=1, axis2=2) / kept,
        uar=unweighted_average_recall(counts),
    )


def label_codes(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the position of each label in `classes`."""
    position = {label: at for at, label in enumerate(classes)}
    return np.array([position[label] for label in labels], dtype=np.int64)
