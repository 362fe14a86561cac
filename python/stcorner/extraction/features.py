"""From media files to rows of features: one block per modality, and what went wrong beside them."""

from __future__ import annotations

import contextlib
import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import resolve_n_jobs
from stcorner.errors import ParameterError
from stcorner.extraction.rows import extract_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from stcorner.extraction.rows import ExtractionPlan, FailedInput, Row, Source

    Progress = Callable[[int, int], object]

__all__ = ["ClipFeatures", "check_features_of", "extract_sources", "feature_block_names", "per_row"]


@dataclass(frozen=True, kw_only=True)
class ClipFeatures:
    """Features of clips, one row per clip and per augmented copy.

    Attributes
    ----------
    clip_index : ndarray of shape (n,), int
        Which of the clips given each row is of.
    augmented : ndarray of shape (n,), bool
        Whether the row is an altered copy, for training only.
    blocks : dict of str to ndarray of shape (n, d), float32
        ``"audio"`` and ``"video"``, as far as asked for; a row of NaN is missing.
    names : dict of str to list of str
        Names of the columns of each block.
    status : dict of str to ndarray of shape (n,), str
        Per block ``"ok"``, ``"partial"`` (a face in part of the frames), or why it is missing:
        ``"no_audio"``, ``"silent"``, ``"no_video"``, ``"no_face"``, ``"error"``.
    errors : list of FailedInput
        One entry per missing block of an original clip.
    details : list of dict
        Per row: ``file``, ``clip_id``, ``start``, ``end``, ``face_id``, ``n_frames``, ``n_voiced``,
        ``fps``, ``sr``, ``errors`` and ``warnings``; None where it does not apply.
    """

    clip_index: NDArray[np.intp]
    augmented: NDArray[np.bool_]
    blocks: dict[str, NDArray[np.float32]]
    names: dict[str, list[str]]
    status: dict[str, NDArray[np.str_]]
    errors: list[FailedInput]
    details: list[dict[str, Any]] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.clip_index)

    def present(self, modalities: Sequence[str] | None = None) -> NDArray[np.bool_]:
        """Return which rows have at least one of the blocks named, by default of all."""
        names = self.blocks if modalities is None else modalities
        there = [np.isfinite(self.blocks[name]).all(axis=1) for name in names]
        return np.asarray(np.logical_or.reduce(there))

    def take(self, rows: ArrayLike) -> ClipFeatures:
        """Return some rows.

        Parameters
        ----------
        rows : array_like of int or bool
            Positions, or a mask over all rows. `errors` stays whole.
        """
        chosen = np.asarray(rows)
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        return ClipFeatures(
            clip_index=self.clip_index[positions],
            augmented=self.augmented[positions],
            blocks={name: block[positions] for name, block in self.blocks.items()},
            names=self.names,
            status={name: status[positions] for name, status in self.status.items()},
            errors=self.errors,
            details=[self.details[i] for i in positions],
        )


def feature_block_names(plan: ExtractionPlan) -> dict[str, list[str]]:
    """Return the names of the columns of each block of a plan."""
    names: dict[str, list[str]] = {}
    if "audio" in plan.modalities:
        from stcorner.audio import feature_names

        names["audio"] = list(feature_names(plan.recipe))
    if "video" in plan.modalities:
        from stcorner.extraction.face_features import face_feature_names

        names["video"] = face_feature_names(plan)
    return names


def extract_sources(
    sources: Sequence[Source],
    plan: ExtractionPlan,
    *,
    augment: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> ClipFeatures:
    """Compute the features of all sources; what fails is recorded, never skipped in silence."""
    results: list[list[Row]] = []
    for rows in _map(sources, plan, augment=augment, n_jobs=n_jobs):
        results.append(rows)
        if progress is not None:
            progress(len(results), len(sources))
    if augment:
        _warn_of_missing_copies(results, plan)
    return collect_rows(results, plan)


def _warn_of_missing_copies(results: list[list[Row]], plan: ExtractionPlan) -> None:
    """Say aloud if sound gave fewer altered copies than asked: training would be poorer, unseen."""
    short = [rows for rows in results if "audio" in rows[0].blocks and len(rows) <= len(plan.augment)]
    if short:
        reason = next(text for text in short[0][0].details["warnings"] if text.startswith("no "))
        warnings.warn(f"{len(short)} clips have fewer altered copies than asked: {reason}", stacklevel=4)


def collect_rows(results: Sequence[Sequence[Row]], plan: ExtractionPlan) -> ClipFeatures:
    """Put the rows of clips together; the first row of each clip is the clip itself."""
    names = feature_block_names(plan)
    rows = [row for group in results for row in group]
    copies = [copy for group in results for copy in range(len(group))]
    return ClipFeatures(
        clip_index=np.repeat(np.arange(len(results)), [len(group) for group in results]),
        augmented=np.asarray(copies, dtype=np.intp) > 0,
        blocks={name: _stack([row.blocks.get(name) for row in rows], len(names[name])) for name in names},
        names=names,
        status={name: np.asarray([row.status[name] for row in rows], dtype=np.str_) for name in names},
        errors=[error for group in results for error in group[0].errors],
        details=[row.details for row in rows],
    )


def _stack(vectors: list[NDArray[np.float32] | None], width: int) -> NDArray[np.float32]:
    block = np.full((len(vectors), width), np.nan, dtype=np.float32)
    for i, vector in enumerate(vectors):
        if vector is not None:
            block[i] = vector
    return block


def _map(
    sources: Sequence[Source], plan: ExtractionPlan, *, augment: bool, n_jobs: int | None
) -> Iterator[list[Row]]:
    workers = min(resolve_n_jobs(n_jobs), len(sources))
    if workers <= 1:
        for source in sources:
            yield extract_rows(source, plan, augment)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Each worker is one kernel thread: the variable is read when the worker loads the core.
    with (
        _environment("OMP_NUM_THREADS", "1"),
        ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        chunk = max(1, min(8, len(sources) // (4 * workers)))
        yield from pool.map(
            extract_rows, sources, [plan] * len(sources), [augment] * len(sources), chunksize=chunk
        )


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def per_row(name: str, values: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Return `values` as an array with one entry for each row."""
    array = np.asarray(values)
    if array.shape != (n_rows,):
        raise ParameterError(f"{name} must have shape ({n_rows},), one entry per row, got {array.shape}")
    return array


def check_features_of(clips: Sequence[Any], features: ClipFeatures) -> None:
    """Refuse features of other clips, of a part of them, or of the same in another order.

    Labels are taken by position: they would go to the wrong rows in silence.
    """
    found = np.unique(features.clip_index)
    if not np.array_equal(found, np.arange(len(clips))):
        raise ParameterError(
            f"features must be of the {len(clips)} clips, got rows of {len(found)} by clip_index"
        )
    for at, details in zip(features.clip_index.tolist(), features.details, strict=True):
        given = details.get("clip_id")
        if given is not None and given != clips[at].clip_id:
            raise ParameterError(
                f"features must be of the clips in their order: clip {at} is {clips[at].clip_id!r}, "
                f"got {given!r}"
            )
