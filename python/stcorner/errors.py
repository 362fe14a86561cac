"""Exceptions of stcorner. Every message names the parameter, what is allowed and what came."""

from __future__ import annotations

from typing import Any

__all__ = [
    "DatasetError",
    "InternalError",
    "LeakageError",
    "MediaError",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "ParameterError",
    "StcornerError",
]


class StcornerError(Exception):
    """Base class of all errors that stcorner raises on purpose."""


class InternalError(RuntimeError):
    """The package failed on a file in a way that no file may cause; the message names the file.

    It is no `StcornerError`: a fault of the code must not pass for one of the input. Please report it.
    """


class ParameterError(StcornerError, ValueError):
    """An argument has a value, shape or dtype that the function does not accept."""


class MediaError(StcornerError, OSError):
    """A media file is missing, unreadable, damaged, or lacks the stream that was asked for."""


class DatasetError(StcornerError, ValueError):
    """A corpus folder or table does not have the form that its reader expects."""


class LeakageError(DatasetError):
    """Training and test data share something that makes the test score meaningless."""


class OutputError(StcornerError, OSError):
    """Results cannot be written: no room, no rights, or another run writes them."""


class ModelError(StcornerError, ValueError):
    """A model file is damaged, of an unknown version, or does not fit the request."""


class MissingExtraError(StcornerError, ImportError):
    """A function needs packages of an optional extra that is not installed.

    Parameters
    ----------
    feature : str
        What needs the packages.
    package : str
        The package that is missing.
    extra : str
        Name of the extra that installs it.
    """

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(f"{feature} needs {package}: pip install 'stcorner[{extra}]'")
        self.feature, self.package, self.extra = feature, package, extra

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be pickled: its message alone does not make it again."""
        return type(self), (self.feature, self.package, self.extra), self.__dict__
