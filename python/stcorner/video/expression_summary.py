"""Expressions of a face over a clip, pooled into one vector: how they are on average, vary, and peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.validation import check_array
from stcorner.errors import ParameterError
from stcorner.video.expressions import NAMES, expression_log_probabilities

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["expression_summary", "expression_summary_names", "mean_expressions", "pool_expressions"]

# Share of the sides of the standard face crop (a tenth of room around the detector's box) that the network
# sees: faces of FER2013 fill their pictures.
ZOOM = 0.58
_STATISTICS = ("mean", "std", "max", "peak_time")


def expression_summary_names() -> list[str]:
    """Name the values of `expression_summary`: ``logp_EMOTION_STATISTIC``.

    ``mean`` and ``std`` are of the natural logarithm of the probability over frames, ``max`` is its largest
    value, and ``peak_time`` the place of that moment, from 0 (first frame) to 1 (last).

    Examples
    --------
    >>> expression_summary_names()[:2], len(expression_summary_names())
    (['logp_angry_mean', 'logp_disgust_mean'], 28)
    """
    return [f"logp_{name}_{statistic}" for statistic in _STATISTICS for name in NAMES]


def expression_summary(frames: ArrayLike, quality: ArrayLike | None = None) -> NDArray[np.float32]:
    """Describe the expressions of a cropped face over a clip.

    Parameters
    ----------
    frames : array_like of shape (t, y, x), uint8
        The standard crops of `crop_face`, those with the face.
    quality : array_like of shape (t,), optional
        How well each frame shows the face, 0 to 1: frames weigh as much. Default: all the same.

    Returns
    -------
    ndarray of shape (28,), float32
        Values as `expression_summary_names`.

    Raises
    ------
    ParameterError
        If there is no frame, or `quality` does not fit.
    """
    return pool_expressions(expression_log_probabilities(frames, zoom=ZOOM), quality)


def mean_expressions(summary: ArrayLike) -> dict[str, float]:
    """Return the probabilities that the mean logarithms of a summary stand for, by ``expression_NAME``.

    Examples
    --------
    >>> found = mean_expressions([0.0, -1, -1, -1, -1, -1, -1, *[0] * 21])
    >>> round(found["expression_angry"], 2)
    0.31
    """
    logs = np.asarray(summary, dtype=np.float64)[: len(NAMES)]
    shares = np.exp(logs - logs.max())
    return {f"expression_{name}": float(p) for name, p in zip(NAMES, shares / shares.sum(), strict=True)}


def pool_expressions(logs: ArrayLike, quality: ArrayLike | None = None) -> NDArray[np.float32]:
    """Pool log probabilities of frames, shape (t, 7), as `expression_summary` does.

    Examples
    --------
    >>> logs = np.log([[0.5, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05], [0.1, 0.5, 0.1, 0.1, 0.1, 0.05, 0.05]])
    >>> np.exp(pool_expressions(logs, [1.0, 0.0])[:2].astype(float)).round(3).tolist()
    [0.5, 0.1]
    """
    rows = check_array("logs", logs, ndim=2, dtype=np.float64)
    if rows.shape[1] != len(NAMES):
        raise ParameterError(f"logs must have shape (t, {len(NAMES)}), got {rows.shape}")
    n = len(rows)
    weight = np.ones(n) if quality is None else check_array("quality", quality, ndim=1, dtype=np.float64)
    if len(weight) != n or (weight < 0).any():
        raise ParameterError(f"quality must have {n} entries >= 0, got shape {weight.shape}")
    weight = np.full(n, 1 / n) if weight.sum() <= 0 else weight / weight.sum()
    mean = weight @ rows
    spread = np.sqrt(np.maximum(weight @ (rows - mean) ** 2, 0.0))
    # A frame that hardly shows the face is no peak.
    counted = np.where((weight >= 0.5 * np.median(weight))[:, None], rows, -np.inf)
    peak = counted.argmax(axis=0)
    place = peak / max(1, n - 1)
    return np.concatenate([mean, spread, counted.max(axis=0), place]).astype(np.float32)
