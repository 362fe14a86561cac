"""Probabilities that a block brings itself: the expression network's, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.predictor import class_list
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["PosteriorClassifier"]

_COLUMN = "logp_{}_mean"
# The network knows no calm face: it reads one as neutral, and cannot tell the two apart.
_STAND_INS = {"calm": "neutral"}


class PosteriorClassifier:
    """Take mean log probabilities of a clip's frames as the log probabilities of its classes.

    Nothing is learnt but which classes there are. A class that the network does not know takes the
    evidence of the nearest one that it does (calm: neutral), and the two share it evenly; a class without
    any gets the mean of all.

    Parameters
    ----------
    names : sequence of str
        Columns of the block, among them ``logp_EMOTION_mean``.
    sharpness : float
        Factor on the log probabilities, > 0: frames of one clip are far from independent.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    """

    classes_: NDArray[Any]
    n_features_in_: int

    def __init__(self, *, names: Sequence[str], sharpness: float = 1.0) -> None:
        self.names = list(names)
        self.sharpness = float(sharpness)

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Note the classes; `X` is not looked at."""
        return self._known(np.unique(np.asarray(y)))

    def _known(self, classes: NDArray[Any]) -> Self:
        self.classes_ = classes
        self.n_features_in_ = len(self.names)
        self.columns = []
        for label in classes.tolist():
            column = _COLUMN.format(_STAND_INS.get(str(label), str(label)))
            self.columns.append(self.names.index(column) if column in self.names else -1)
        if max(self.columns, default=-1) < 0:
            raise ParameterError(
                f"names must hold {_COLUMN.format('LABEL')!r} for a label of {classes.tolist()}, got none"
            )
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return class probabilities, shape (n_rows, n_classes); rows sum to 1."""
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            raise ParameterError(f"X must have shape (n, {self.n_features_in_}), got {rows.shape}")
        columns = np.asarray(self.columns)
        logs = rows[:, columns] * self.sharpness
        logs[:, columns < 0] = logs[:, columns >= 0].mean(axis=1, keepdims=True)
        powers = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares = np.array([1.0 if c < 0 else 1.0 / (columns == c).sum() for c in columns])
        powers *= shares
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def get_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `from_state` needs: values for JSON and (no) arrays."""
        state = {"names": self.names, "sharpness": self.sharpness, "classes": class_list(self.classes_)}
        return state, {}

    @classmethod
    def from_state(cls, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from `get_state`.

        Raises
        ------
        ModelError
            If something is missing or does not fit.
        """
        try:
            restored = cls(names=[str(name) for name in meta["names"]], sharpness=meta["sharpness"])
            if not 0 < restored.sharpness < np.inf:
                raise ParameterError(f"sharpness must be positive, got {restored.sharpness}")
            return restored._known(np.asarray([str(label) for label in meta["classes"]]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"state of a posterior is incomplete: {error!r}") from None
