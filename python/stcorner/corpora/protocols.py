"""Protocols by name: who is tested in which fold. The members are TOML files in `splits`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Fold", "Folds", "Protocol", "load_protocol", "protocol_names"]

_RULES = ("actor-k<n>", "actor-loo", "random-k<n>", "sentence", "paper-leaky")


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """One split of a list of clips.

    Parameters
    ----------
    name : str
        Name of the fold, as "ravdess-luna5/2".
    train, test, validation : ndarray of int64
        Positions in the list of clips, ascending, without a common element; `validation` is
        empty where the protocol has none (its users draw it from `train`).
    separates : tuple of str
        What the two sides must not share: some of "take", "actor", "sentence".
    copies : int
        Versions of each clip that are split as if they were clips; 1 but for "paper-leaky", where
        position `c * n_clips + i` stands for version `c` of clip `i`.

    See Also
    --------
    actor_folds : Makes the folds of a protocol.

    Examples
    --------
    >>> fold = Fold(name="a/1", train=np.array([0, 1]), test=np.array([2]), separates=("take",))
    >>> fold.validation.size, fold.copies
    (0, 1)
    """

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    validation: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    separates: tuple[str, ...] = ("take", "actor")
    copies: int = 1

    def __repr__(self) -> str:
        """Return the name and the sizes: the positions are thousands of numbers."""
        sides = {side: len(getattr(self, side)) for side in ("train", "validation", "test")}
        return f"Fold({self.name!r}, {', '.join(f'{side}={n}' for side, n in sides.items() if n)})"

    def __eq__(self, other: object) -> bool:
        """Whether both name the same fold and hold the same positions."""
        if not isinstance(other, Fold):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, field), getattr(other, field)) for field in self.__dataclass_fields__
        )

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((self.name, self.separates, self.copies, len(self.train), len(self.test)))


class Folds(list[Fold]):
    """The folds of one protocol, and which it is.

    Attributes
    ----------
    protocol : str
        Name of the protocol that made them.
    remark : str
        Why this one, where ``"auto"`` chose it; else empty.
    """

    def __init__(self, folds: Iterable[Fold], *, protocol: str, remark: str = "") -> None:
        super().__init__(folds)
        self.protocol = protocol
        self.remark = remark

    def __repr__(self) -> str:
        """Return the protocol and the number of folds."""
        return f"Folds({self.protocol!r}, {len(self)} fold{'s' * (len(self) != 1)})"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Members of the folds of one corpus, as read from a protocol file.

    Parameters
    ----------
    name : str
        Name of the protocol.
    corpora : tuple of str
        Names of the corpora that the members belong to.
    separates : tuple of str
        As in `Fold`.
    source : str
        Where the members come from.
    test, validation : tuple of tuple of str
        Subjects of each fold's test and validation side; all others train.
    """

    name: str
    corpora: tuple[str, ...]
    separates: tuple[str, ...]
    source: str
    test: tuple[tuple[str, ...], ...]
    validation: tuple[tuple[str, ...], ...] = ()


def protocol_names() -> list[str]:
    """Return the names that `actor_folds` knows: the protocol files of the package, then the rules.

    Two splits of CREMA-D that others publish, of TensorFlow Datasets and of nkululeko, are left out: only
    their sizes are known to us, not their members, and a guess under their name would mislead.

    Returns
    -------
    list of str
        Names for `actor_folds`.

    See Also
    --------
    actor_folds : The folds of a protocol.

    Examples
    --------
    >>> protocol_names()[0], protocol_names()[-1]
    ('cremad-hicmae5', 'paper-leaky')
    """
    stored = (files("stcorner.corpora") / "splits").iterdir()
    return [*sorted(file.name[:-5] for file in stored if file.name.endswith(".toml")), *_RULES]


def load_protocol(name: str | Path) -> Protocol:
    """Read a protocol file of the package, or one of your own.

    Parameters
    ----------
    name : str or path
        Name without suffix, or the path of a `.toml` file with the keys `corpora`, `separates`, `source`,
        `test` and optionally `validation`.

    Returns
    -------
    Protocol
        What the file says.

    Raises
    ------
    ValueError
        If there is no such protocol, or the file has unknown keys, wrong types, a subject in two test sides
        or on two sides of one fold.

    Examples
    --------
    >>> load_protocol("ravdess-luna5").test[4]
    ('01', '04', '09', '22')
    """
    own = Path(name)
    try:
        if own.suffix == ".toml":
            text = own.read_text(encoding="utf-8")
        else:
            text = (files("stcorner.corpora") / "splits" / f"{name}.toml").read_text(encoding="utf-8")
        return _check(own.stem if own.suffix == ".toml" else str(name), tomllib.loads(text))
    except OSError:
        allowed = ", ".join(["auto", *protocol_names()])
        raise ParameterError(
            f"protocol must be a .toml file or one of {allowed}, got {str(name)!r}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"protocol file {str(name)!r} must be TOML: {error}") from None


def _check(name: str, data: dict[str, Any]) -> Protocol:
    needed, optional = {"corpora", "separates", "source", "test"}, {"validation"}
    if not needed <= data.keys() <= needed | optional:
        raise DatasetError(f"protocol {name!r} must have the keys {sorted(needed)}, got {sorted(data)}")
    sides = {side: data.get(side, []) for side in ("test", "validation")}
    for side, folds in sides.items():
        if not isinstance(folds, list) or not all(_is_names(members) for members in folds):
            raise DatasetError(f"protocol {name!r}: {side} must be lists of subjects, got {folds!r}")
    if not _is_names(data["corpora"]) or not _is_names(data["separates"]) or not sides["test"]:
        raise DatasetError(f"protocol {name!r}: corpora, separates and test must not be empty")
    if not set(data["separates"]) <= {"take", "actor", "sentence"}:
        raise DatasetError(
            f"protocol {name!r}: separates must be of take, actor, sentence: {data['separates']}"
        )
    members = [subject for fold in sides["test"] for subject in fold]
    if len(set(members)) < len(members):
        raise DatasetError(
            f"protocol {name!r}: a subject must be tested in one fold only: delete it from the others"
        )
    if sides["validation"] and len(sides["validation"]) != len(sides["test"]):
        raise DatasetError(f"protocol {name!r}: validation must have as many folds as test")
    for test, validation in zip(sides["test"], sides["validation"], strict=False):
        if set(test) & set(validation):
            raise DatasetError(
                f"protocol {name!r}: a fold must not test and validate the same subjects, got {test} and "
                f"{validation}: take them out of one"
            )
    return Protocol(
        name=name,
        corpora=tuple(data["corpora"]),
        separates=tuple(data["separates"]),
        source=str(data["source"]),
        test=tuple(map(tuple, sides["test"])),
        validation=tuple(map(tuple, sides["validation"])),
    )


def _is_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) and name for name in value)
