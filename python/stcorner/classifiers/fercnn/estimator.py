"""FERCNN as a scikit-learn classifier."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.estimator import Classifier, check_groups, check_row_weights, check_totals
from stcorner._base.keras import import_keras
from stcorner._base.spread import column_spreads
from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.classifiers.fercnn.network import N_FEATURES, fercnn
from stcorner.classifiers.fercnn.predictor import FERCNNPredictor
from stcorner.classifiers.fercnn.scaling import fit_knots, normal_scores
from stcorner.classifiers.fercnn.training import (
    Progress,
    Rows,
    TrainingPlan,
    plan_summary,
    train_network,
)
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    import keras
    from numpy.typing import ArrayLike, NDArray

__all__ = ["FERCNNClassifier"]


class FERCNNClassifier(Classifier, FERCNNPredictor):
    """The paper's network, trained with early stopping on groups held out of the training rows.

    Features are scaled by the training rows. Keras trains (JAX unless ``KERAS_BACKEND`` says
    otherwise; a GPU is used where the backend finds one); prediction is plain numpy. On a CPU the same
    seed gives the same weights.

    Parameters
    ----------
    n_epochs : int, default=200
        Most epochs to run.
    batch_size : int, default=64
        Rows per step.
    learning_rate : float, default=1e-3
        Adam's rate at the start.
    schedule : {"plateau", "cosine", "constant"}, default="plateau"
        ``"plateau"`` halves the rate after ``patience / 3`` epochs without a better loss, ``"cosine"``
        lowers it to 0 over ``n_epochs``.
    patience : int, default=24
        Training stops after this many epochs without a better validation loss.
    validation_fraction : float, default=0.15
        Share of the groups (of the rows, without groups) held out for early stopping, in [0, 1).
        With 0 all epochs run and the last one counts.
    class_weight : {"balanced", None}, default="balanced"
        Whether all classes weigh the same.
    dropout : float, default=0.2
        Share of values dropped in training, in [0, 1).
    scaling : {"quantile", "standard"}, default="quantile"
        ``"quantile"`` gives each feature the spread of a normal distribution before it is standardised,
        ``"standard"`` does the latter alone.
    projection : {None, "seriate"}, default=None
        What to do with other than 162 features: refuse, or keep the 162 that separate the training
        classes best (all where there are fewer; the rest of the input is 0), in an order in which neighbours
        correlate.
    random_state : int, default=0
        Seed of initial weights, held-out groups, shuffling and dropout.
    checkpoint : path, optional
        Folder in which the state is kept after every epoch and from which training is resumed.
    progress : callable, optional
        Called as ``progress(epoch, n_epochs, logs)`` after every epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; the columns of `predict_proba`.
    n_features_in_ : int
        Number of features seen in `fit`.
    mean_, scale_ : ndarray of shape (162,), or fewer, float32 or, with ``scaling="standard"``, float64
        Standardisation of the network's inputs; a negative scale turns a feature round.
    knots_ : ndarray of shape (n_knots, 162)
        Quantiles of the training rows that ``scaling="quantile"`` maps by; no rows without it.
    columns_ : ndarray of shape (162,)
        Features that the network sees, in its order; fewer where there are fewer.
    weights_ : list of 14 ndarray
        Weights of the best epoch.
    held_out_ : ndarray of shape (n_rows,), bool
        Rows of `fit` that were held out for early stopping; absent after `from_state`.
    history_ : dict of list of float
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``learning_rate``, ``seconds``, one value
        per epoch.

    See Also
    --------
    DiscriminantClassifier : Better on new people.
    fercnn : The network alone.

    Notes
    -----
    On new speakers the network is far behind `DiscriminantClassifier` on the same
    features: use it to reproduce the paper. Means of a mel spectrum, most of the notebook's 162 features,
    have long tails; standardised alone, most of their values lie so close together that the network needs
    many more epochs to tell them apart (``bench/science/leak.py``).
    """

    held_out_: NDArray[np.bool_]

    def __init__(
        self,
        *,
        n_epochs: int = 200,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        schedule: str = "plateau",
        patience: int = 24,
        validation_fraction: float = 0.15,
        class_weight: str | None = "balanced",
        dropout: float = 0.2,
        scaling: str = "quantile",
        projection: str | None = None,
        random_state: int = 0,
        checkpoint: str | Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.dropout = dropout
        self.scaling = scaling
        self.projection = projection
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.progress = progress

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers; 162 features, or more with a `projection`.
        y : array_like of shape (n_rows,)
            Labels; at least two different ones.
        groups : array_like of shape (n_rows,), optional
            Actors: a group is held out as a whole. Default: each row for itself.
        sample_weight : array_like of shape (n_rows,), optional
            Weights >= 0 of the rows, beside those of `class_weight`.

        Returns
        -------
        FERCNNClassifier
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter, a shape or the number of features is not allowed, or too few groups are
            left to hold some out.
        MissingExtraError
            If Keras or its backend is not installed.
        """
        plan = self._plan()
        features, indices = self._training_rows(X, y)
        if self.projection is None and features.shape[1] != N_FEATURES:
            raise ParameterError(
                f"X must have {N_FEATURES} features unless projection='seriate', got {features.shape[1]}: "
                "give recipe='paper162' or 'notebook162', or projection='seriate'"
            )
        weight = self._row_weights(indices, sample_weight)
        members = check_groups(groups, len(indices))
        held = _hold_out(indices, members, self.validation_fraction, plan.seed)
        self.held_out_ = held
        self._fit_inputs(features[~held], indices[~held])
        inputs = self._inputs(features)
        train, validation = (Rows(X=inputs[m], y=indices[m], weight=weight[m]) for m in (~held, held))

        keras = import_keras()
        model = fercnn(N_FEATURES, len(self.classes_), dropout=self.dropout, seed=plan.seed)
        model.compile(
            optimizer=keras.optimizers.Adam(plan.learning_rate),
            loss="sparse_categorical_crossentropy",
            weighted_metrics=["accuracy"],
        )
        folder = None if self.checkpoint is None else Path(self.checkpoint)
        self.weights_, self.history_ = train_network(
            model,
            plan,
            train,
            validation if held.any() else None,
            checkpoint=folder,
            fingerprint=_fingerprint(plan, self.dropout, inputs, indices, weight, held),
            progress=self.progress,
        )
        return self

    def to_keras(self) -> keras.Model:
        """Return the trained network as a Keras model.

        Returns
        -------
        keras.Model
            What `network_inputs` gives, of shape (n, 162, 1), to probabilities of shape (n, n_classes).

        Raises
        ------
        MissingExtraError
            If Keras is not installed.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "weights_")
        network = fercnn(n_classes=len(self.classes_))
        network.set_weights(self.weights_)
        return network

    def network_inputs(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return what the network sees of rows: 162 scaled columns, 0 where there are fewer.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite numbers.

        Returns
        -------
        ndarray of shape (n_rows, 162, 1), float32
            Scaled values.
        """
        return self._inputs(self._rows(X))[..., None]

    def _plan(self) -> TrainingPlan:
        check_real("validation_fraction", self.validation_fraction, low=0, high=1, open_high=True)
        check_choice("class_weight", self.class_weight, ("balanced", None))
        check_real("dropout", self.dropout, low=0, high=1, open_high=True)
        check_choice("scaling", self.scaling, ("quantile", "standard"))
        check_choice("projection", self.projection, (None, "seriate"))
        return TrainingPlan(
            n_epochs=check_integer("n_epochs", self.n_epochs, low=1),
            batch_size=check_integer("batch_size", self.batch_size, low=1),
            learning_rate=check_real("learning_rate", self.learning_rate, low=0, open_low=True),
            schedule=check_choice("schedule", self.schedule, ("plateau", "cosine", "constant")),
            patience=check_integer("patience", self.patience, low=1),
            seed=check_integer("random_state", self.random_state, low=0, high=2**31 - 16),
        )

    def _row_weights(self, indices: NDArray[np.intp], sample_weight: Any) -> NDArray[np.float64]:
        weight = check_row_weights(sample_weight, len(indices))
        totals = np.bincount(indices, weights=weight)
        check_totals(totals)
        if self.class_weight == "balanced":
            weight = weight / totals[indices]
        scaled: NDArray[np.float64] = weight / weight.mean()
        return scaled

    def _fit_inputs(self, features: NDArray[np.float64], indices: NDArray[np.intp]) -> None:
        knots = fit_knots(features)[: None if self.scaling == "quantile" else 0]
        features = normal_scores(features, knots) if len(knots) else features
        mean, spread = column_spreads(features, noise=1e-7)
        # A constant feature says nothing, in whatever unit a later row differs.
        # Normal scores fit into float32, features in any unit do not.
        held = np.float32 if len(knots) else np.float64
        scale = np.where(spread > 0, spread, np.finfo(held).max)
        self.columns_ = np.arange(N_FEATURES)
        signs = np.ones(N_FEATURES, dtype=np.float32)
        if self.projection is not None:
            from stcorner.classifiers.fercnn.projection import seriate

            scaled = ((features - mean) / scale).astype(np.float32)
            self.columns_, signs = seriate(scaled, indices, N_FEATURES)
        self.knots_ = knots[:, self.columns_]
        self.mean_ = mean[self.columns_].astype(held)
        self.scale_ = (scale[self.columns_] * signs).astype(held)


def _hold_out(
    indices: NDArray[np.intp], groups: NDArray[Any] | None, fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Choose whole groups at random; every class must stay in training."""
    n_rows = len(indices)
    members = np.arange(n_rows) if groups is None else groups
    if fraction == 0:
        return np.zeros(n_rows, dtype=bool)
    names, group = np.unique(members, return_inverse=True)
    group = group.reshape(-1)
    n_held = max(1, round(fraction * len(names)))
    n_classes = len(np.unique(indices))
    rng = np.random.default_rng([seed, n_rows])
    for _ in range(100):
        held = np.isin(group, rng.permutation(len(names))[:n_held])
        if len(np.unique(indices[~held])) == n_classes:
            return held
    raise ParameterError(
        f"validation_fraction={fraction:g} of {len(names)} groups leaves no training rows of some class: "
        "give more groups, or validation_fraction=0 (for commands --validation-fraction 0)"
    )


def _fingerprint(plan: TrainingPlan, dropout: float, *arrays: NDArray[Any]) -> str:
    digest = hashlib.sha256(json.dumps([plan_summary(plan), dropout], sort_keys=True).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
