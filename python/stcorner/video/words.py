"""Interest points of a clip as one vector: how often each visual word occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.estimator import Transformer, check_is_fitted
from stcorner._base.validation import check_array, check_integer, check_real
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["StipBagOfWords"]


class StipBagOfWords(Transformer):
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

    See Also
    --------
    describe_stips : Gives the descriptors.

    Examples
    --------
    >>> import numpy as np
    >>> near, far = np.zeros((3, 2)), np.full((3, 2), 9.0)
    >>> bag = StipBagOfWords(n_words=2).fit([near, far])
    >>> sorted(bag.transform([near])[0].tolist())
    [0.0, 1.0]
    """

    def __init__(self, *, n_words: int = 256, max_samples: int = 100_000, random_state: int = 0) -> None:
        self.n_words = n_words
        self.max_samples = max_samples
        self.random_state = random_state

    def fit(self, descriptors: Sequence[ArrayLike], y: object = None) -> StipBagOfWords:
        """Learn the vocabulary.

        Parameters
        ----------
        descriptors : sequence of array_like of shape (n_i, d)
            Descriptors of each clip, as from `describe_stips`; a clip may have none.
        y : ignored
            For scikit-learn's pipelines.

        Returns
        -------
        StipBagOfWords
            The estimator itself.
        """
        from sklearn.cluster import KMeans

        check_integer("n_words", self.n_words, low=1)
        check_integer("max_samples", self.max_samples, low=1)
        check_integer("random_state", self.random_state, low=0)
        clips = _check_clips(descriptors)
        stacked = np.concatenate(clips)
        if len(stacked) < self.n_words:
            raise ParameterError(
                f"n_words must be <= the number of descriptors ({len(stacked)}), got {self.n_words}: lower "
                "n_words or give more clips"
            )
        if len(stacked) > self.max_samples:
            rng = np.random.default_rng(self.random_state)
            stacked = stacked[np.sort(rng.choice(len(stacked), self.max_samples, replace=False))]
        model = KMeans(self.n_words, n_init=3, random_state=self.random_state).fit(stacked)
        self.words_: NDArray[np.float32] = model.cluster_centers_.astype(np.float32)
        self._n_features_out = self.n_words
        return self

    def transform(self, descriptors: Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Count the words of each clip.

        Parameters
        ----------
        descriptors : sequence of array_like of shape (n_points, d)
            Descriptors of each clip's points.

        Returns
        -------
        ndarray of shape (n_clips, n_words), float32
            Shares that sum to 1; all 0 for a clip without points.
        """
        check_is_fitted(self)
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

    def __sklearn_tags__(self) -> Any:  # noqa: D105
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # a list with one array a clip
        return tags


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
