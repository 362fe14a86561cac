"""What a column of a table holds."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ColumnDescription"]


class ColumnDescription(NamedTuple):
    """What a column holds.

    Attributes
    ----------
    meaning : str
        One sentence.
    unit : str
        Empty where there is none.
    range : (float, float)
        Smallest and largest value that can occur.
    source : str
        Where it is defined.
    """

    meaning: str
    unit: str
    range: tuple[float, float]
    source: str
