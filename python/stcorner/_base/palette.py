"""Colours that everything drawn shares: safe for colour-blind readers, the same for an emotion everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AGAINST", "FOR", "PALETTE", "class_colours"]

# Okabe and Ito's colours, yellow and black (paper and ink) replaced by a violet and an olive.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#999933")
FOR, AGAINST = "#0072b2", "#d55e00"

_EMOTIONS = {
    "angry": "#d55e00",
    "calm": "#009e73",
    "disgust": "#999933",
    "fear": "#8c6bb1",
    "happy": "#e69f00",
    "neutral": "#56b4e9",
    "sad": "#0072b2",
    "surprise": "#cc79a7",
}


def class_colours(classes: Sequence[str]) -> list[str]:
    """Return one colour for each class, in order.

    The eight emotions of the corpora have colours of their own, so that pages and figures of different
    models agree; other names get what is left, and colours repeat only when all eight are in use.

    Examples
    --------
    >>> class_colours(["happy", "bored", "sad"])
    ['#e69f00', '#009e73', '#0072b2']
    """
    taken = {_EMOTIONS[name] for name in classes if name in _EMOTIONS}
    free = [colour for colour in PALETTE if colour not in taken] or list(PALETTE)
    others = [name for name in dict.fromkeys(classes) if name not in _EMOTIONS]
    given = _EMOTIONS | {name: free[i % len(free)] for i, name in enumerate(others)}
    return [given[name] for name in classes]
