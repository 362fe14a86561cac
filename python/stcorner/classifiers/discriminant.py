"""The default classifier: shrinkage discriminant analysis averaged with kernel ridge regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.estimator import Classifier, check_groups, check_row_weights, check_totals
from stcorner._base.spread import column_spreads, common_spread
from stcorner._base.validation import check_flag, check_integer, check_real
from stcorner.classifiers.algebra import (
    balance,
    check_seed,
    combine,
    draw_frequencies,
    fit_linear,
    fit_waves,
    folds,
    most_frequencies,
    spread,
)
from stcorner.classifiers.discriminant_predictor import FARTHEST, DiscriminantPredictor
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DiscriminantClassifier"]

_ENOUGH = 500  # rows held out


class DiscriminantClassifier(Classifier, DiscriminantPredictor):
    r"""Average of shrinkage linear discriminant analysis and kernel ridge regression on random waves.

    Features are standardised on the training rows and clipped. Two scores per class are computed, each
    divided by its spread, passed through a softmax, and the two sets of probabilities averaged:

    * linear discriminant analysis with equal priors, the covariance pooled over classes of equal weight
      and shrunk towards a multiple of the identity,
      :math:`(1 - s) S + s \frac{\operatorname{tr} S}{p} I`;
    * ridge regression with the kernel :math:`k(a, b) = \exp(-\gamma \lVert a - b \rVert^2 / p)`, approximated
      by cosines and sines of random frequencies, trained on targets of 1 for the row's class and
      :math:`-1/(c - 1)` for the others, rows weighted so that all classes count the same.

    The model keeps no training row, and its size does not depend on their number. The spreads and the
    sharpness of the softmax come from predictions of held-out training rows.

    Parameters
    ----------
    shrinkage : float, default=0.3
        Weight ``s`` of the identity in the covariance, in (0, 1].
    gamma : float, default=0.15
        Width of the kernel per feature, > 0. Standardised rows of different clips are about
        ``2 p`` apart in squared distance, whatever p.
    ridge : float, default=0.1
        Regularisation of the kernel part, > 0.
    kernel_weight : float, default=0.5
        Share of the kernel part in the average, in [0, 1].
    n_frequencies : int, default=1000
        Random frequencies of the kernel part, >= 1: with more it is nearer to the exact kernel. Rows of more
        than 16,000 features get fewer: features times frequencies are at most 2^24.
    clip : float, default=4.0
        Standardised features are limited to +/- this many standard deviations, > 0.
    standardize : bool, default=True
        With False all features are divided by one number and none is clipped, so that the weights that
        they come with (fused blocks) count.
    calibration_folds : int, default=5
        Folds of the held-out predictions, 0 or >= 2. With 0 the spreads are those of the training rows
        themselves and the probabilities are too confident.
    random_state : int, default=0
        Seed of the frequencies.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; the columns of `predict_proba`.
    n_features_in_ : int
        Number of features seen in `fit`.
    mean_, scale_ : ndarray of shape (n_features,), float64
        Standardisation.
    coef_, intercept_ : ndarray of shape (n_classes, n_features) and (n_classes,), float64
        Linear part, on standardised and clipped features.
    frequencies_, wave_coef_ : ndarray of shape (n_features, n_frequencies) and (2 n_frequencies, n_classes)
        Kernel part: what is drawn, and what is learnt for the cosines and sines.
    spreads_ : tuple of float
        Standard deviations that divide the linear and the kernel scores.
    sharpness_ : float
        Factor on the scores before the softmax.
    farthest_ : float
        Distance (see `distances`) below which 999 of 1,000 rows stayed that were held out. Fewer than 500 of
        these tell nothing, and no distance is too far.

    See Also
    --------
    MelCNNClassifier : A network of spectrograms, to be used beside.
    FERCNNClassifier : The network of the paper.

    References
    ----------
    .. [1] J. H. Friedman, "Regularized discriminant analysis", JASA 84 (1989) 165-175.
    .. [2] A. Rahimi, B. Recht, "Random features for large-scale kernel machines", NIPS 20 (2007).

    Examples
    --------
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> model = DiscriminantClassifier(calibration_folds=0).fit(X, ["sad", "sad", "happy", "happy"])
    >>> model.predict([[-3.0], [0.5]]).tolist()
    ['sad', 'happy']
    >>> model.predict_proba([[0.0]]).round(3).tolist()
    [[0.5, 0.5]]
    """

    def __init__(
        self,
        *,
        shrinkage: float = 0.3,
        gamma: float = 0.15,
        ridge: float = 0.1,
        kernel_weight: float = 0.5,
        n_frequencies: int = 1000,
        clip: float = 4.0,
        standardize: bool = True,
        calibration_folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.shrinkage = shrinkage
        self.gamma = gamma
        self.ridge = ridge
        self.kernel_weight = kernel_weight
        self.n_frequencies = n_frequencies
        self.clip = clip
        self.standardize = standardize
        self.calibration_folds = calibration_folds
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit both parts.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers.
        y : array_like of shape (n_rows,)
            Labels; at least two different ones.
        groups : array_like of shape (n_rows,), optional
            Rows that must stay together when predictions are held out: the actor, or the clip that
            augmented copies come from. Default: each row for itself.
        sample_weight : array_like of shape (n_rows,), optional
            Weights >= 0 of rows within their class; classes count the same whatever the weights.

        Returns
        -------
        DiscriminantClassifier
            The estimator itself.

        Raises
        ------
        ValueError
            If an array has another shape, is not finite, or a parameter is out of its range.
        """
        self._check_parameters()
        features, indices = self._training_rows(X, y)
        weight = check_row_weights(sample_weight, len(features))
        shares = np.eye(len(self.classes_))[indices] * weight[:, None]
        members = check_groups(groups, len(features))
        kept = shares.sum(axis=1) > 0
        features, shares, indices = features[kept], shares[kept], indices[kept]
        members = None if members is None else members[kept]
        check_totals(shares.sum(axis=0))

        count = min(self.n_frequencies, most_frequencies(features.shape[1]))
        count = count if self.kernel_weight > 0 else 0
        self.frequencies_ = draw_frequencies(features.shape[1], count, self.gamma, self.random_state)
        self._calibrate(features, shares, indices, members)
        self._fit_parts(features, shares)
        if self.spreads_[0] == 0:  # nothing was held out
            scores = self._scores(features)
            weight = balance(shares).sum(axis=1)
            self.spreads_ = (spread(scores[0], weight), spread(scores[1], weight))
        return self

    def _check_parameters(self) -> None:
        check_real("shrinkage", self.shrinkage, low=0, high=1, open_low=True)
        check_real("gamma", self.gamma, low=0, high=1e6, open_low=True)
        check_real("ridge", self.ridge, low=0, high=1e12, open_low=True)
        check_real("kernel_weight", self.kernel_weight, low=0, high=1)
        check_real("clip", self.clip, low=0, open_low=True)
        check_integer("n_frequencies", self.n_frequencies, low=1)
        check_seed(self.random_state)
        check_flag("standardize", self.standardize)
        if check_integer("calibration_folds", self.calibration_folds, low=0) == 1:
            raise ParameterError(
                "calibration_folds must be 0 or >= 2, got 1: one fold leaves nothing to train on"
            )

    def _fit_parts(self, features: NDArray[np.float64], shares: NDArray[np.float64]) -> None:
        weight = shares.sum(axis=1)
        mean, deviation = column_spreads(features, weight=weight, noise=1e-7)
        scale = deviation if self.standardize else np.full_like(deviation, common_spread(deviation))
        # A constant feature says nothing, in whatever unit a later row differs.
        self.mean_, self.scale_ = mean, np.where(deviation > 0, scale, np.finfo(np.float64).max)
        rows = self._standardise(features)
        balanced = balance(shares)
        self.wave_coef_ = np.zeros((0, shares.shape[1]))
        try:
            self.coef_, self.intercept_ = fit_linear(rows, balanced, self.shrinkage)
            if self.kernel_weight > 0:
                self.wave_coef_ = fit_waves(rows, balanced * weight.sum(), self.frequencies_, self.ridge)
        except (np.linalg.LinAlgError, ValueError) as error:
            raise ParameterError(
                f"shrinkage, gamma and ridge must leave equations that float64 can solve: {error}"
            ) from None

    def _calibrate(
        self,
        features: NDArray[np.float64],
        shares: NDArray[np.float64],
        indices: NDArray[np.intp],
        groups: NDArray[Any] | None,
    ) -> None:
        """Set spreads and sharpness from held-out predictions, where the rows allow it."""
        self.spreads_, self.sharpness_, self.farthest_ = (0.0, 0.0), 1.0, FARTHEST
        dealt = folds(indices, groups, self.calibration_folds)
        held: list[NDArray[np.bool_]] = []
        away: list[NDArray[np.float64]] = []
        scores: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        for fold in range(self.calibration_folds):
            test = dealt == fold
            # A training part without one of the classes has no score for it.
            if not test.any() or (shares[~test].sum(axis=0) <= 0).any():
                continue
            self._fit_parts(features[~test], shares[~test])
            scores.append(self._scores(features[test]))
            away.append(self._distances(features[test]))
            held.append(test)
        if not held:
            return
        if sum(map(len, away)) >= _ENOUGH:
            self.farthest_ = float(np.minimum(np.quantile(np.concatenate(away), 0.999), FARTHEST))
        target = np.concatenate([balance(shares)[test] for test in held])
        linear, kernel = (np.concatenate([score[part] for score in scores]) for part in (0, 1))
        weight = target.sum(axis=1)
        self.spreads_ = (spread(linear, weight), spread(kernel, weight))
        grid = np.geomspace(0.25, 16.0, 61)
        losses = [
            -(target * np.log(combine(linear, kernel, self.spreads_, s, self.kernel_weight) + 1e-12)).sum()
            for s in grid
        ]
        self.sharpness_ = float(grid[int(np.argmin(losses))])
