"""The default classifier: shrinkage discriminant analysis averaged with kernel ridge regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.estimator import (
    ClassifierBase,
    check_groups,
    check_is_fitted,
    check_row_weights,
    check_totals,
    class_list,
    stored_classes,
)
from stcorner._base.spread import column_spreads, common_spread
from stcorner._base.validation import check_array, check_flag, check_integer, check_real
from stcorner.classifiers.algebra import (
    LEAST_SPREAD,
    balance,
    combine,
    fit_kernel,
    fit_linear,
    folds,
    rbf,
    spread,
)
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DiscriminantClassifier"]

_BLOCK = 1024  # rows classified at a time: bounds the kernel matrix to a few MB
_LEAST_SHARE = 1e-12  # a smaller one changes no bit of a sum
_TOO_FAR = "X must lie nearer to the training rows: float64 cannot hold its scores"
_ARRAYS = ("mean", "scale", "coef", "intercept", "rows", "dual")


class DiscriminantClassifier(ClassifierBase):
    r"""Average of shrinkage linear discriminant analysis and RBF kernel ridge regression.

    Features are standardised on the training rows and clipped. Two scores per class are computed, each
    divided by its spread, passed through a softmax, and the two sets of probabilities averaged:

    * linear discriminant analysis with equal priors, the covariance pooled over classes of equal weight
      and shrunk towards a multiple of the identity,
      :math:`(1 - s) S + s \frac{\operatorname{tr} S}{p} I`;
    * kernel ridge regression with :math:`k(a, b) = \exp(-\gamma \lVert a - b \rVert^2 / p)`, trained on
      targets of 1 for the row's class and :math:`-1/(c - 1)` for the others, rows weighted so that all
      classes count the same.

    The spreads and the sharpness of the softmax come from predictions of held-out training rows.

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
        Share of the kernel part in the average, in [0, 1]. With 0 no training row is kept.
    clip : float, default=4.0
        Standardised features are limited to +/- this many standard deviations, > 0.
    standardize : bool, default=True
        With False all features are divided by one number and none is clipped, so that the weights that
        they come with (fused blocks) count.
    calibration_folds : int, default=5
        Folds of the held-out predictions, 0 or >= 2. With 0 the spreads are those of the training rows
        themselves and the probabilities are too confident.

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
    rows_, dual_ : ndarray of shape (n_rows, n_features) float16 and (n_rows, n_classes) float64
        Kernel part. The rows are rounded before the regression is solved, so that nothing is lost when
        the model is saved at two bytes a value.
    spreads_ : tuple of float
        Standard deviations that divide the linear and the kernel scores.
    sharpness_ : float
        Factor on the scores before the softmax.

    References
    ----------
    .. [1] J. H. Friedman, "Regularized discriminant analysis", JASA 84 (1989) 165-175.
    .. [2] C. Saunders, A. Gammerman, V. Vovk, "Ridge regression learning algorithm in dual variables",
       ICML 1998.

    Examples
    --------
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> model = DiscriminantClassifier(calibration_folds=0).fit(X, ["sad", "sad", "happy", "happy"])
    >>> model.predict([[-3.0], [0.5]]).tolist()
    ['sad', 'happy']
    >>> model.predict_proba([[0.0]]).round(3).tolist()
    [[0.5, 0.5]]
    """

    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]
    rows_: NDArray[np.float16]
    dual_: NDArray[np.float64]
    spreads_: tuple[float, float]
    sharpness_: float

    def __init__(
        self,
        *,
        shrinkage: float = 0.3,
        gamma: float = 0.15,
        ridge: float = 0.1,
        kernel_weight: float = 0.5,
        clip: float = 4.0,
        standardize: bool = True,
        calibration_folds: int = 5,
    ) -> None:
        self.shrinkage = shrinkage
        self.gamma = gamma
        self.ridge = ridge
        self.kernel_weight = kernel_weight
        self.clip = clip
        self.standardize = standardize
        self.calibration_folds = calibration_folds

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        soft_labels: ArrayLike | None = None,
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
        soft_labels : array_like of shape (n_rows, n_classes), optional
            Shares >= 0 of each class (columns in sorted label order), such as votes of raters; every
            row's sum must be > 0. Default: all on `y`.

        Returns
        -------
        self : DiscriminantClassifier

        Raises
        ------
        ValueError
            If an array has another shape, is not finite, or a parameter is out of its range.
        """
        self._check_parameters()
        features, indices = self._validate_fit(X, y)
        shares = self._shares(indices, sample_weight, soft_labels)
        members = check_groups(groups, len(features))
        kept = shares.sum(axis=1) > 0
        features, shares, indices = features[kept], shares[kept], indices[kept]
        members = None if members is None else members[kept]
        check_totals(shares.sum(axis=0))

        self._calibrate(features, shares, indices, members)
        self._fit_parts(features, shares)
        if self.spreads_[0] == 0:  # nothing was held out
            scores = self._scores(features)
            weight = balance(shares).sum(axis=1)
            self.spreads_ = (spread(scores[0], weight), spread(scores[1], weight))
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Rows sum to 1; columns as ``classes_``.
        """
        rows = self._validate_predict(X)
        blocks = [self._scores(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        linear = np.concatenate([block[0] for block in blocks])
        kernel = np.concatenate([block[1] for block in blocks])
        with np.errstate(over="ignore", invalid="ignore"):  # seen below
            shares = combine(linear, kernel, self.spreads_, self.sharpness_, self.kernel_weight)
        if not np.isfinite(shares).all():
            raise ParameterError(_TOO_FAR)
        return shares

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` needs: values for JSON, and arrays."""
        check_is_fitted(self)
        meta = {
            "params": self.get_params(),
            "classes": class_list(self.classes_),
            "spreads": list(self.spreads_),
            "sharpness": self.sharpness_,
        }
        return meta, {name: getattr(self, f"{name}_") for name in _ARRAYS}

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Restore a fitted classifier; it predicts the same bits, with numpy alone.

        Raises
        ------
        ModelError
            If something is missing, or the shapes do not fit each other.
        """
        try:
            model = cls(**meta["params"])
            model._check_parameters()
            model.classes_ = stored_classes(meta["classes"])
            # A spread is at least this where it is measured; less would make infinite scores.
            linear, kernel = (check_real("spread", one, low=LEAST_SPREAD) for one in meta["spreads"])
            model.spreads_ = (linear, kernel)
            model.sharpness_ = check_real("sharpness", meta["sharpness"], low=0, high=1e6, open_low=True)
            parts = {name: np.asarray(arrays[name]) for name in _ARRAYS}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"state of DiscriminantClassifier is incomplete: {error!r}") from None
        if set(arrays) != set(_ARRAYS):
            raise ModelError(
                f"arrays of DiscriminantClassifier must be {_ARRAYS}, got {tuple(sorted(arrays))}"
            )
        n_classes, n_features, n_rows = len(model.classes_), parts["mean"].size, parts["rows"].shape[:1]
        expected = {
            "mean": (n_features,),
            "scale": (n_features,),
            "coef": (n_classes, n_features),
            "intercept": (n_classes,),
            "rows": (*n_rows, n_features),
            "dual": (*n_rows, n_classes),
        }
        for name, shape in expected.items():
            array = parts[name]
            if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
                raise ModelError(
                    f"array {name} must be finite of shape {shape}, got {array.dtype} of {array.shape}"
                )
            setattr(model, f"{name}_", array)
        if n_features == 0 or not (parts["scale"] > 0).all():
            raise ModelError("array scale must hold a number > 0 for each of at least one feature")
        model.n_features_in_ = n_features
        return model

    def _check_parameters(self) -> None:
        check_real("shrinkage", self.shrinkage, low=0, high=1, open_low=True)
        check_real("gamma", self.gamma, low=0, open_low=True)
        check_real("ridge", self.ridge, low=0, open_low=True)
        check_real("kernel_weight", self.kernel_weight, low=0, high=1)
        check_real("clip", self.clip, low=0, open_low=True)
        check_flag("standardize", self.standardize)
        if check_integer("calibration_folds", self.calibration_folds, low=0) == 1:
            raise ParameterError("calibration_folds must be 0 or >= 2, got 1")

    def _shares(self, indices: NDArray[np.intp], sample_weight: Any, soft_labels: Any) -> NDArray[np.float64]:
        n_rows, n_classes = len(indices), len(self.classes_)
        if soft_labels is None:
            shares = np.eye(n_classes)[indices]
        else:
            shares = check_array("soft_labels", soft_labels, dtype=np.float64, ndim=2)
            if shares.shape != (n_rows, n_classes) or (shares < 0).any() or (shares.max(axis=1) <= 0).any():
                raise ParameterError(
                    f"soft_labels must have shape {(n_rows, n_classes)}, values >= 0 and row sums > 0, "
                    f"got shape {shares.shape}"
                )
            shares = shares / shares.max(axis=1, keepdims=True)  # whose sum cannot overflow
            shares = shares / shares.sum(axis=1, keepdims=True)
            shares[shares < _LEAST_SHARE] = 0.0
        return shares * check_row_weights(sample_weight, n_rows)[:, None]

    def _fit_parts(self, features: NDArray[np.float64], shares: NDArray[np.float64]) -> None:
        weight = shares.sum(axis=1)
        mean, spread = column_spreads(features, weight=weight, noise=1e-7)
        scale = spread if self.standardize else np.full_like(spread, common_spread(spread))
        # A constant feature says nothing, in whatever unit a later row differs.
        self.mean_, self.scale_ = mean, np.where(spread > 0, scale, np.finfo(np.float64).max)
        self.rows_ = self._standardise(features).astype(np.float16)
        rows = self.rows_.astype(np.float64)
        balanced = balance(shares)
        self.coef_, self.intercept_ = fit_linear(rows, balanced, self.shrinkage)
        self.dual_ = np.zeros((len(rows), shares.shape[1]))
        if self.kernel_weight > 0:
            self.dual_ = fit_kernel(rows, balanced * weight.sum(), self.gamma, self.ridge)
        else:
            self.rows_, self.dual_ = self.rows_[:0], self.dual_[:0]

    def _standardise(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):  # what is too far for float64 is clipped, or refused as a score
            scaled = (features - self.mean_) / self.scale_
        return np.clip(scaled, -self.clip, self.clip) if self.standardize else scaled

    def _scores(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rows = self._standardise(features)
        with np.errstate(over="ignore", invalid="ignore"):  # seen below
            linear = rows @ self.coef_.T.astype(np.float64) + self.intercept_
        if not np.isfinite(linear).all():
            raise ParameterError(_TOO_FAR)
        if len(self.rows_) == 0:
            return linear, np.zeros_like(linear)
        kernel = rbf(rows, self.rows_.astype(np.float64), self.gamma) @ self.dual_.astype(np.float64)
        return linear, kernel

    def _calibrate(
        self,
        features: NDArray[np.float64],
        shares: NDArray[np.float64],
        indices: NDArray[np.intp],
        groups: NDArray[Any] | None,
    ) -> None:
        """Set spreads and sharpness from held-out predictions, where the rows allow it."""
        self.spreads_, self.sharpness_ = (0.0, 0.0), 1.0
        dealt = folds(indices, groups, self.calibration_folds)
        held: list[NDArray[np.bool_]] = []
        scores: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        for fold in range(self.calibration_folds):
            test = dealt == fold
            # A training part without one of the classes has no score for it.
            if not test.any() or (shares[~test].sum(axis=0) <= 0).any():
                continue
            self._fit_parts(features[~test], shares[~test])
            scores.append(self._scores(features[test]))
            held.append(test)
        if not held:
            return
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
