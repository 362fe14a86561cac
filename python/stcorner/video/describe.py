"""Descriptors of interest points, and one vector per clip made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stcorner import _core
from stcorner._base.validation import (
    check_array,
    check_choice,
    check_integer,
    check_real,
    core_errors,
)
from stcorner.errors import ModelError, ParameterError
from stcorner.video._source import FrameSource, harris_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from stcorner.video._source import VideoLike
    from stcorner.video.points import Stips

__all__ = ["StipBagOfWords", "describe_stips"]

# Values of a point: 3 x 3 x 2 cells with 4 bins of orientation, then with 5 bins of flow.
_PARTS = {"hog": slice(0, 72), "hof": slice(72, 162), "hoghof": slice(0, 162)}
# Neighbourhood on each side, in standard deviations of the point's scale.
_SPACE_EXTENT, _TIME_EXTENT = 9.0, 4.0
_STILL = 0.2  # pixels a frame


def describe_stips(
    video: VideoLike,
    stips: Stips,
    *,
    descriptor: Literal["hog", "hof", "hoghof"] = "hoghof",
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    r"""Describe the neighbourhood of each interest point by histograms of gradients and of flow.

    Parameters
    ----------
    video : array_like of shape (t, y, x), path, or iterable of arrays of shape (n, y, x)
        The video that the points were found in; read once, in constant memory.
    stips : Stips
        Points of `detect_stips`.
    descriptor : {"hoghof", "hog", "hof"}
        Which histograms.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (n_points, 162 | 72 | 90), float32
        HOG then HOF, each of Euclidean length 1 (or all 0 where the picture is even). Order within
        each: 2 cells along t, 3 along y, 3 along x, then bins.

    Raises
    ------
    ParameterError
        If the video has another shape than `stips.shape`, or as `corner_harris_3d`.

    Notes
    -----
    The neighbourhood reaches 9 sigma in space and 4 tau in time to each side. Gradients and flow come
    from a structure tensor with ``sigma = tau = 1``: HOG bins are the orientation modulo 180 degrees at
    0, 45, 90 and 135, weighted by the gradient's magnitude; HOF bins are the directions right, down, left
    and up of the Lucas-Kanade flow, and one for less than 0.2 pixels a frame. Votes are shared by the
    two nearest directions.

    References
    ----------
    I. Laptev, M. Marszalek, C. Schmid, B. Rozenfeld, "Learning realistic human actions from movies",
    CVPR 2008.

    Examples
    --------
    >>> import numpy as np
    >>> video = np.zeros((25, 33, 33), np.float32)
    >>> video[11:14, 15:18, 15:18] = 1.0
    >>> points = detect_stips(video, sigmas=2.0, taus=1.5, num_peaks=1)
    >>> describe_stips(video, points).shape
    (1, 162)
    """
    part = _PARTS[check_choice("descriptor", descriptor, tuple(_PARTS))]
    half_t = np.maximum(_TIME_EXTENT * stips.tau, 1.0)
    half_x = np.maximum(_SPACE_EXTENT * stips.sigma, 1.5)
    source = FrameSource(video)
    if source.shape != stips.shape[1:]:
        raise ParameterError(f"video must have frames of {stips.shape[1:]} as stips, got {source.shape}")
    options = harris_options(
        source.shape,
        scales=[(1.0, 1.0)],
        s=2.0,
        k=0.0,
        scale_normalize=False,
        tensor=True,
        n_threads=n_threads,
    )
    around = np.column_stack([stips.coordinates, half_t, half_x, half_x])
    with core_errors():
        describer = _core.StipDescriber(options, points=around, still=_STILL)
    for block in source:
        with core_errors():
            describer.push(block, drain=False)
    with core_errors():
        describer.finish()
    if source.n_frames != stips.shape[0]:
        raise ParameterError(f"video must have {stips.shape[0]} frames as stips, got {source.n_frames}")
    return np.ascontiguousarray(describer.describe()[:, part])


class StipBagOfWords:
    """One vector per clip: how often each visual word occurs among its interest points.

    Words are the centres of k-means over the descriptors of the training clips.

    Parameters
    ----------
    n_words : int, default=256
        Size of the vocabulary, >= 1; at most the number of training descriptors.
    max_samples : int, default=100000
        Descriptors drawn for k-means where there are more.
    random_state : int, default=0
        Seed of the drawing and of k-means.

    Attributes
    ----------
    words_ : ndarray of shape (n_words, d), float32
        The vocabulary.

    Examples
    --------
    >>> import numpy as np
    >>> near, far = np.zeros((3, 2)), np.full((3, 2), 9.0)
    >>> bag = StipBagOfWords(n_words=2).fit([near, far])
    >>> sorted(bag.transform([near])[0].tolist())
    [0.0, 1.0]
    """

    def __init__(self, *, n_words: int = 256, max_samples: int = 100_000, random_state: int = 0) -> None:
        self.n_words = check_integer("n_words", n_words, low=1)
        self.max_samples = check_integer("max_samples", max_samples, low=1)
        self.random_state = check_integer("random_state", random_state, low=0)

    def fit(self, descriptors: Sequence[ArrayLike], y: object = None) -> StipBagOfWords:
        """Learn the vocabulary.

        Parameters
        ----------
        descriptors : sequence of array_like of shape (n_i, d)
            Descriptors of each clip, as from `describe_stips`; a clip may have none.
        y : ignored
            For scikit-learn's pipelines.
        """
        from sklearn.cluster import KMeans

        clips = _check_clips(descriptors)
        stacked = np.concatenate(clips)
        if len(stacked) < self.n_words:
            raise ParameterError(
                f"n_words must be <= the number of descriptors ({len(stacked)}), got {self.n_words}"
            )
        if len(stacked) > self.max_samples:
            rng = np.random.default_rng(self.random_state)
            stacked = stacked[np.sort(rng.choice(len(stacked), self.max_samples, replace=False))]
        model = KMeans(self.n_words, n_init=3, random_state=self.random_state).fit(stacked)
        self.words_: NDArray[np.float32] = model.cluster_centers_.astype(np.float32)
        return self

    def transform(self, descriptors: Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Count the words of each clip.

        Returns
        -------
        ndarray of shape (n_clips, n_words), float32
            Shares that sum to 1; all 0 for a clip without points.
        """
        if not hasattr(self, "words_"):
            raise ModelError("StipBagOfWords must be fitted before transform")
        words = self.words_.astype(np.float64)
        squares = (words * words).sum(axis=1)
        clips = _check_clips(descriptors, words.shape[1])
        out = np.zeros((len(clips), len(words)), np.float32)
        for row, clip in zip(out, clips, strict=True):
            for start in range(0, len(clip), 4096):
                part = clip[start : start + 4096]
                nearest = np.argmin(squares - 2.0 * (part @ words.T), axis=1)
                row += np.bincount(nearest, minlength=len(words)).astype(np.float32)
            if len(clip):
                row /= len(clip)
        return out

    def fit_transform(self, descriptors: Sequence[ArrayLike], y: object = None) -> NDArray[np.float32]:
        """Learn the vocabulary and count the words of the same clips."""
        return self.fit(descriptors, y).transform(descriptors)

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what a model file holds: a JSON part and arrays."""
        if not hasattr(self, "words_"):
            raise ModelError("StipBagOfWords must be fitted before get_state")
        meta = {"n_words": self.n_words, "max_samples": self.max_samples, "random_state": self.random_state}
        return meta, {"words": self.words_}

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> StipBagOfWords:
        """Rebuild from `get_state`; needs numpy only."""
        bag = cls(**meta)
        words = check_array("words", arrays["words"], dtype=np.float32, ndim=2)
        if len(words) != bag.n_words:
            raise ModelError(f"words must have {bag.n_words} rows, got {len(words)}")
        bag.words_ = words
        return bag


def _check_clips(descriptors: Sequence[ArrayLike], width: int | None = None) -> list[NDArray[np.float64]]:
    clips = [
        check_array("descriptors", clip, dtype=np.float64, ndim=2, allow_empty=True) for clip in descriptors
    ]
    if not clips:
        raise ParameterError("descriptors must hold at least one clip, got none")
    widths = (
        {clip.shape[1] for clip in clips} if width is None else {clip.shape[1] for clip in clips} | {width}
    )
    if len(widths) > 1:
        raise ParameterError(f"descriptors must all have the same length, got {sorted(widths)}")
    check_real("descriptors' length", next(iter(widths)), low=1)
    return clips
