"""The blocks of a recogniser: built in, of a table, or of any object that describes a clip."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from stcorner._base.validation import check_choice, resolve_n_jobs
from stcorner.errors import ParameterError
from stcorner.extraction.clipfeatures import ClipFeatures, collect_rows
from stcorner.extraction.describe import FailedInput, fault_of_input
from stcorner.extraction.plan import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from stcorner.corpora.clip import Clip
    from stcorner.extraction.describe import Row
    from stcorner.extraction.plan import Plan

    Progress = Callable[[int, int], object]

__all__ = ["Block", "block_names_of", "describe_clips", "resolve_blocks"]

_LOG = logging.getLogger(__name__)
MODALITIES = {"both": ("audio", "video"), "audio": ("audio",), "video": ("video",)}


@runtime_checkable
class Block(Protocol):
    """A description of clips that is not built in.

    Attributes
    ----------
    name : str
        What the block is called in models and tables.
    feature_names : sequence of str
        Names of the values that `describe` returns.
    """

    @property
    def name(self) -> str:
        """What the block is called."""

    @property
    def feature_names(self) -> Sequence[str]:
        """Names of the values."""

    def describe(self, clip: Clip) -> ArrayLike | None:
        """Return the values of a clip, None where there are none.

        Parameters
        ----------
        clip : Clip
            The clip to describe.

        Returns
        -------
        array_like of shape (n_features,), or None
            Its values.
        """


def block_names_of(blocks: Any, modality: str = "both") -> tuple[str, ...]:
    """Return the names of blocks, or those that the short form `modality` stands for.

    Raises
    ------
    ValueError
        If a block is neither a name nor an object with ``name``, ``feature_names`` and ``describe``, or a
        name stands twice.
    """
    if blocks is None:
        return MODALITIES[check_choice("modality", modality, tuple(MODALITIES))]
    given = [blocks] if isinstance(blocks, str | Block) else list(blocks)
    names = []
    for block in given:
        name = block if isinstance(block, str) else getattr(block, "name", None)
        if not isinstance(name, str) or not name or not (isinstance(block, str | Block)):
            raise ParameterError(
                "blocks must be names or objects with name, feature_names and describe(clip), got "
                f"{type(block).__name__}"
            )
        if name in BUILT_IN and not isinstance(block, str):
            raise ParameterError(f"blocks must not take the name of a built-in block, got {name!r}")
        names.append(name)
    if not names or len(set(names)) != len(names):
        raise ParameterError(f"blocks must be one or more different names, got {names}")
    return tuple(names)


def resolve_blocks(blocks: Any, modality: str = "both") -> tuple[tuple[str, ...], dict[str, Block]]:
    """Return the names of all blocks and the objects among them by name."""
    names = block_names_of(blocks, modality)
    given = [] if blocks is None else [blocks] if isinstance(blocks, str | Block) else list(blocks)
    return names, {block.name: block for block in given if not isinstance(block, str)}


def describe_clips(
    clips: Sequence[Clip],
    plan: Plan,
    names: Sequence[str],
    others: Mapping[str, Block],
    *,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> ClipFeatures:
    """Compute all blocks of clips; what fails is recorded, never skipped in silence.

    Raises
    ------
    ParameterError
        If a block is neither built in nor given.
    """
    unknown = [name for name in names if name not in BUILT_IN and name not in others]
    if unknown:
        raise ParameterError(
            f"blocks {unknown} are not built in: give an object, such as FeatureTable(source, "
            f"name={unknown[0]!r}), or features that hold them"
        )
    plan = plan.hearing(clips)
    found: dict[int, list[Row]] = {}
    _LOG.info("describing %d clips by %s", len(clips), ", ".join(names))
    # Speaker by speaker: the babble of a copy is read from the speaker's other clips, which stay in memory.
    order = sorted(range(len(clips)), key=lambda at: clips[at].group)
    for place, rows in _map([clips[at] for at in order], plan, n_jobs):
        at = order[place]
        # A process that read a clip gives back a copy of it.
        found[at] = [replace(row, clip=clips[at]) for row in rows]
        _LOG.debug("%s: %s", clips[at].path, rows[0].status)
        if progress is not None:
            progress(len(found), len(clips))
    results = [found[at] for at in range(len(clips))]
    _warn_of_missing_copies(results, plan)
    return add_blocks(collect_rows(results, plan), names, others)


def _map(clips: Sequence[Clip], plan: Plan, n_jobs: int | None) -> Iterable[tuple[int, list[Row]]]:
    workers = min(resolve_n_jobs(n_jobs), len(clips)) if plan.blocks else 1
    if workers <= 1:
        from stcorner.extraction.work import work_on

        return ((at, work_on(clip, plan)) for at, clip in enumerate(clips))
    from stcorner.extraction.pool import run_pool

    return run_pool(clips, plan, n_jobs=workers)


def _warn_of_missing_copies(results: Sequence[Sequence[Row]], plan: Plan) -> None:
    """Say aloud if sound gave fewer altered copies than wanted: training would be poorer, unseen."""
    heard = set(plan.blocks_of("audio"))
    short = [rows for rows in results if heard & rows[0].blocks.keys() and len(rows) <= len(plan.augment)]
    if short and plan.augment:
        reason = next(text for text in short[0][0].details["warnings"] if text.startswith("no "))
        warnings.warn(
            f"{len(short)} clips have fewer altered copies than `augment` names, and train with those "
            f"that they have: {reason}",
            stacklevel=4,
        )


def add_blocks(features: ClipFeatures, names: Sequence[str], others: Mapping[str, Block]) -> ClipFeatures:
    """Return the features with the blocks of other tools beside, in the order of `names`."""
    if not others:
        return features
    blocks, columns, status = dict(features.blocks), dict(features.names), dict(features.status)
    errors, details = list(features.errors), list(features.details)
    for name, block in others.items():
        columns[name] = [str(each) for each in block.feature_names]
        values = np.full((len(features), len(columns[name])), np.nan, np.float32)
        states = np.full(len(features), "no_row", dtype="<U8")
        for sample, clip in enumerate(features.clips):
            try:
                vector = block.describe(clip)
            except Exception as error:  # one clip must not stop the others
                text = fault_of_input(error, clip.path)
                errors.append(FailedInput(path=clip.path, stage=name, error=text))
                states[sample] = "error"
                continue
            if vector is not None:
                values[sample], states[sample] = _checked(name, vector, values.shape[1]), "ok"
            elif not features.names:  # nothing else can tell why there is nothing
                text = f"{clip.path}: block {name!r} has nothing for clip {clip.clip_id!r}"
                errors.append(FailedInput(path=clip.path, stage=name, error=text))
                details[sample] = {**details[sample], "errors": [*details[sample]["errors"], text]}
        blocks[name], status[name] = values[features.clip_index], states[features.clip_index]
    order = [name for name in names if name in blocks]
    return ClipFeatures(
        clips=features.clips,
        clip_index=features.clip_index,
        copies=features.copies,
        blocks={name: blocks[name] for name in order},
        names={name: columns[name] for name in order},
        status={name: status[name] for name in order},
        errors=errors,
        details=details,
    )


def _checked(name: str, vector: ArrayLike, width: int) -> NDArray[np.float32]:
    values = np.asarray(vector, dtype=np.float32)
    if values.shape != (width,) or not np.isfinite(values).all():
        raise ParameterError(
            f"block {name!r} must give {width} finite values, got shape {values.shape}: check what its "
            "describe() returns"
        )
    return values
