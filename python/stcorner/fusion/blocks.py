"""Feature blocks of several modalities: checks, missing rows, scaling, weighting. Numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stcorner._base.spread import column_spreads
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["BlockScaler", "check_blocks", "fit_scaler", "present_rows", "scale_blocks"]


class BlockScaler(NamedTuple):
    """Per block: mean, factor (weight over standard deviation), and limit (weight times clip)."""

    means: list[NDArray[np.float64]]
    factors: list[NDArray[np.float64]]
    limits: list[float]


def check_blocks(X: Any, n_features: Sequence[int] | None = None) -> list[NDArray[np.float64]]:
    """Return the blocks as float64 matrices of equal length; one array counts as one block.

    A row without a modality is NaN in all columns of its block. NaN in some columns only is refused,
    and so is a row without any modality.
    """
    parts = list(X) if isinstance(X, list | tuple) and len(X) and np.ndim(X[0]) == 2 else [X]
    blocks = []
    for number, part in enumerate(parts):
        name = f"X[{number}]" if len(parts) > 1 else "X"
        try:
            block = np.asarray(part, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ParameterError(f"{name} must be a matrix of real numbers: {error}") from None
        if block.ndim != 2:
            raise ParameterError(f"{name} must have 2 dimensions, got {block.ndim} (shape {block.shape})")
        if 0 in block.shape:
            raise ParameterError(f"{name} must not be empty, got shape {block.shape}")
        if np.isinf(block).any():
            raise ParameterError(f"{name} must not hold infinite values: drop or fill them first")
        gaps = np.isnan(block)
        partial = gaps.any(axis=1) & ~gaps.all(axis=1)
        if partial.any():
            raise ParameterError(
                f"{name} must be NaN in all columns of a row or in none: row {int(partial.argmax())}"
            )
        blocks.append(block)
    lengths = [len(block) for block in blocks]
    if len(set(lengths)) > 1:
        raise ParameterError(f"X must hold blocks of equal length, got {lengths} rows")
    if n_features is not None and [block.shape[1] for block in blocks] != list(n_features):
        raise ParameterError(
            f"X must have {list(n_features)} columns per block, got {[block.shape[1] for block in blocks]}"
        )
    nothing = ~present_rows(blocks).any(axis=1)
    if nothing.any():
        raise ParameterError(
            f"X must have at least one modality in each row, got none in row {int(nothing.argmax())}"
        )
    return blocks


def present_rows(blocks: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Return (n, n_blocks): whether a row has a modality."""
    return np.stack([~np.isnan(block[:, 0]) for block in blocks], axis=1)


def fit_scaler(
    blocks: Sequence[NDArray[np.float64]], weights: Sequence[float] | None, clip: float
) -> BlockScaler:
    """Standardise each block over the rows that have it, then weight it.

    Without `weights`, a block of d columns gets ``(widest / d) ** 0.25``: halfway, in ratio, between
    equal weight of every column and equal weight of every block.
    """
    widest = max(block.shape[1] for block in blocks)
    if weights is None:
        weights = [(widest / block.shape[1]) ** 0.25 for block in blocks]
    means, factors, limits = [], [], []
    for number, (block, weight) in enumerate(zip(blocks, weights, strict=True)):
        rows = block[~np.isnan(block[:, 0])]
        if len(rows) == 0:
            raise ParameterError(f"X[{number}] must have at least one row that is not NaN")
        mean, spread = column_spreads(rows, noise=1e-12, name=f"X[{number}]")
        means.append(mean)
        # A constant column has a spread of rounding errors only; scaled by it, it would become noise.
        factors.append(weight / np.where(spread > 0, spread, np.inf))
        limits.append(weight * clip)
    return BlockScaler(means, factors, limits)


def scale_blocks(blocks: Sequence[NDArray[np.float64]], scaler: BlockScaler) -> list[NDArray[np.float64]]:
    """Standardise, clip and weight; a missing row becomes 0, the mean of its block."""
    scaled = []
    for block, mean, factor, limit in zip(blocks, *scaler, strict=True):
        part = np.clip((block - mean) * factor, -limit, limit)
        scaled.append(np.where(np.isnan(part), 0.0, part))
    return scaled
