"""A person against themselves: features z-scored within each person, over all their clips.

People differ more than their emotions do: one speaks low, another has a broad face. What is left when each is
measured by their own mean and spread is how their clips differ. It takes no labels, but several clips of the
person at once, those that are to be predicted among them: such results are transductive, and stand apart from
those of single clips.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stcorner.errors import ParameterError
from stcorner.extraction.describe import FailedInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stcorner.extraction.clipfeatures import ClipFeatures

__all__ = ["MIN_CLIPS", "NOTICE", "WITHIN", "learnable", "transductive", "within_subject"]

WITHIN = ("subject",)
NOTICE = (
    "transductive: features are z-scored within each person over all their clips, without labels, those that "
    "are predicted among them; these scores do not hold for a single clip of a new person"
)
MIN_CLIPS = 10
"""Clips of a person below which their mean and spread say little: nothing is predicted from fewer."""

_STAGE = "subject"


def transductive(name: str, within: str | None) -> str:
    """Return the name that a model has in tables and reports."""
    return name if within is None else f"{name} (transductive, within {within})"


def within_subject(features: ClipFeatures) -> ClipFeatures:
    """Return the features with each block's columns z-scored within each person.

    Mean and spread are those of the person's clips as they are, altered copies left out. A column without
    spread becomes 0. Clips of nobody in particular and of people with fewer than `MIN_CLIPS` have no features
    then, and an error that says so.
    """
    people = np.asarray(["/".join(clip.group) if clip.subject else "" for clip in features.clips])
    owners, original = people[features.clip_index], features.copies == ""
    blocks = {name: np.full(block.shape, np.nan, np.float32) for name, block in features.blocks.items()}
    reasons = {"": "its person is unknown, and this model measures people by their clips: name the subject"}
    for person in np.unique(owners[owners != ""]).tolist():
        most = 0
        for name, block in features.blocks.items():
            rows = np.isfinite(block).all(axis=1) & (owners == person)
            known = block[rows & original].astype(np.float64)
            most = max(most, len(known))
            if len(known) >= MIN_CLIPS:
                blocks[name][rows] = (block[rows] - known.mean(axis=0)) / _spread(known)
        if most < MIN_CLIPS:
            reasons[person] = (
                f"its person, {person}, has {most} clip(s) with features, and this model measures people by "
                f"at least {MIN_CLIPS}"
            )
    lost = {
        sample: f"{clip.path}: {reasons[person]}"
        for sample, (clip, person) in enumerate(zip(features.clips, people.tolist(), strict=True))
        if person in reasons
    }
    details = [dict(row) for row in features.details]
    for row, sample, there in zip(details, features.clip_index.tolist(), features.present(), strict=True):
        if there and sample in lost:
            row["errors"] = [*row.get("errors", ()), lost[sample]]
    errors = [
        FailedInput(path=features.clips[at].path, stage=_STAGE, error=text) for at, text in lost.items()
    ]
    return replace(features, blocks=blocks, details=details, errors=[*features.errors, *errors])


def learnable(features: ClipFeatures) -> ClipFeatures:
    """Return `within_subject`, and refuse clips that this leaves nothing of.

    Raises
    ------
    ParameterError
        Naming the first one.
    """
    found = within_subject(features)
    lost = [error.error for error in found.errors if error.stage == _STAGE]
    if lost:
        raise ParameterError(f"within='subject' needs all clips of each person: {lost[0]}")
    return found


def _spread(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each column; infinity where only rounding is left of it."""
    spread = known.std(axis=0)
    flat = spread <= 1e-6 * np.abs(known).max(axis=0)
    return np.where(flat, np.inf, spread)
