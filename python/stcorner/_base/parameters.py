"""Parameters of a class that must be importable without scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, Self

from stcorner.errors import ParameterError

__all__ = ["ParameterBase", "check_is_fitted"]


def check_is_fitted(estimator: object) -> None:
    """Raise scikit-learn's ``NotFittedError`` unless `estimator` has classes."""
    if not hasattr(estimator, "classes_"):
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(f"This {type(estimator).__name__} instance is not fitted yet: call fit first.")


class ParameterBase:
    """Parameters of a constructor as scikit-learn wants them: got, set, cloned and printed."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor; an unknown name is refused."""
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ParameterError(f"parameter must be one of {', '.join(known)}, got {name!r}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"
