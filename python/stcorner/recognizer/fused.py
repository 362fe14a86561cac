"""The fused vector of a clip, from the state of a fitted `ModalityFusion`, with numpy alone.

Fitting needs scikit-learn; a process that only predicts should not wait for its import. Both a freshly
fitted and a loaded recogniser go through this one path, so they give the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stcorner._base.validation import check_integer, check_real
from stcorner.errors import ModelError
from stcorner.fusion.blocks import BlockScaler, check_blocks, scale_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["FusedSpace"]


class FusedSpace:
    """What `ModalityFusion` learnt, ready to be applied.

    Parameters
    ----------
    state : dict
        JSON half of the state of `ModalityFusion`.
    arrays : dict of str to ndarray
        Its arrays.
    """

    def __init__(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.state = dict(state)
        # BLAS rounds by memory layout: in C order a fitted fusion gives the bits of the loaded one.
        self.arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        try:
            limits = [check_real("limit", limit, low=0, open_low=True) for limit in state["limits"]]
            count = check_integer("n_projections", state["n_projections"], low=0, high=len(limits))
            means = [self._array(f"mean_{i}", 1) for i in range(len(limits))]
            factors = [self._array(f"factor_{i}", 1) for i in range(len(limits))]
            self.projections = [
                (self._array(f"offset_{i}", 1), self._array(f"matrix_{i}", 2)) for i in range(count)
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"state of the fusion is incomplete: {error!r}") from None
        self.block_sizes = [len(mean) for mean in means]
        total = sum(self.block_sizes)
        inputs = self.block_sizes if count > 1 else [total] * count
        if [factor.shape for factor in factors] != [mean.shape for mean in means] or len(inputs) != count:
            raise ModelError("state of the fusion has blocks that do not fit each other")
        for size, (offset, matrix) in zip(inputs, self.projections, strict=True):
            if len(offset) != size or matrix.shape[1] != size:
                raise ModelError(f"a projection of the fusion must take {size} columns, got {matrix.shape}")
        if any(len(factor) and factor.min() < 0 for factor in factors):
            raise ModelError("the factors of the fusion must be >= 0")
        self.scaler = BlockScaler(means, factors, limits)
        self.n_features = sum(len(matrix) for _, matrix in self.projections) or total

    @property
    def block_means(self) -> list[NDArray[np.float64]]:
        """Average of each block over the training rows."""
        return self.scaler.means

    def _array(self, name: str, ndim: int) -> NDArray[np.float64]:
        array = self.arrays[name]
        if array.ndim != ndim or array.dtype != np.float64:  # a cast would take more memory than the file
            raise ModelError(
                f"array {name} of the fusion must be float64 of {ndim} dimensions, "
                f"got {array.dtype} of {array.ndim}"
            )
        return array

    @classmethod
    def fit(
        cls,
        blocks: Sequence[NDArray[Any]],
        y: ArrayLike,
        groups: ArrayLike | None,
        **parameters: Any,
    ) -> Self:
        """Fit a `ModalityFusion` with these parameters to the blocks and keep its state."""
        from stcorner.fusion import ModalityFusion

        return cls(*ModalityFusion(**parameters).fit(list(blocks), y, groups).get_state())

    def transform(self, blocks: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Return the fused rows; a missing block (NaN) stands at its mean."""
        scaled = scale_blocks(check_blocks(list(blocks), self.block_sizes), self.scaler)
        if not self.projections:
            return np.hstack(scaled)
        parts = [np.hstack(scaled)] if len(self.projections) == 1 else scaled
        return np.hstack(
            [
                (part - offset) @ matrix.T
                for part, (offset, matrix) in zip(parts, self.projections, strict=True)
            ]
        )
