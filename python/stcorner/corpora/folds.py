"""Split clips into training and test sides by actor, by sentence, or (to show what it does) at random."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.validation import check_integer
from stcorner.corpora.protocols import Fold, Folds, load_protocol
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from stcorner.corpora.clip import Clip
    from stcorner.corpora.protocols import Protocol

__all__ = ["actor_folds"]

_GENERIC = re.compile(r"(actor|random)-k(\d+)")
# With so few people every one that is held out is missed in training: each is tested alone.
_FEW = 6
# Versions of each clip in the paper (as it is, with noise, stretched and pitched), and the share of rows that
# it tested: 1,080 of 3 x 1,440 for RAVDESS, 4,466 of 3 x 7,442 for CREMA-D.
_PAPER_COPIES = 3
_PAPER_SHARE = {"crema-d": 0.2}


def actor_folds(clips: Sequence[Clip], protocol: str | Path = "auto", *, seed: int = 0) -> Folds:
    """Split clips into training and test sides by a named protocol.

    Parameters
    ----------
    clips : sequence of Clip
        Clips of one corpus, with subjects.
    protocol : str or path, default="auto"
        A name of `protocol_names`, or a protocol file (see `load_protocol`), restricted to the subjects
        present; folds that lose all their test subjects are left out.

        * "actor-k5" (any number): subjects spread over k folds so that these are of nearly equal size.
        * "actor-loo": each subject tested alone.
        * "sentence": each sentence tested alone, actors on both sides.
        * "random-k5" (any number): takes spread over k folds, stratified by label, actors on both sides.
          It overrates what happens with new speakers; for comparison only.
        * "paper-leaky": three versions of each clip, then a random quarter (CREMA-D: fifth) of all rows
          tested, as in the paper. It measures memory; for demonstration only.
        * "auto": the protocol of the corpus (`CorpusReader.protocol`, such as "ravdess-luna5"), else
          "actor-k4"; with up to 6 subjects "actor-loo".
    seed : int
        Order of subjects or clips in the rules that draw; stored members do not depend on it.

    Returns
    -------
    Folds
        A list of `Fold` in the protocol's order, with the name of the `protocol` and, for "auto", a `remark`
        on why it was chosen. But for "paper-leaky" and stored protocols with one fold, each clip is
        tested once.

    Raises
    ------
    ValueError
        If the protocol is unknown, is of another corpus, or does not name a subject that is present; if
        subjects or sentences are unknown where they are needed; if fewer than two sides remain.

    See Also
    --------
    protocol_names : Protocols that are known.
    audit_folds : Look for what the sides share.

    Examples
    --------
    >>> from stcorner import Clip
    >>> clips = [Clip(path=f"{i}.wav", clip_id=str(i), label="sad", subject=f"{i % 2 + 1:02d}", take=str(i),
    ...               modality="audio", corpus="ravdess") for i in range(4)]
    >>> [(fold.name, fold.train.tolist(), fold.test.tolist()) for fold in actor_folds(clips, "actor-loo")]
    [('actor-loo/01', [1, 3], [0, 2]), ('actor-loo/02', [0, 2], [1, 3])]
    """
    clips = list(clips)
    if not clips:
        raise ParameterError("clips must hold at least one clip, got none")
    seed = check_integer("seed", seed, low=0)
    name, remark = _resolve_auto(clips) if protocol == "auto" else (str(protocol), "")
    return Folds(_make_folds(clips, name, seed), protocol=name, remark=remark)


def _make_folds(clips: Sequence[Clip], name: str, seed: int) -> list[Fold]:
    generic = _GENERIC.fullmatch(name)
    if generic and generic[1] == "random":
        return _random_folds(clips, name, int(generic[2]), seed)
    if generic:
        return _group_folds(clips, name, _spread_subjects(clips, int(generic[2]), seed))
    if name == "actor-loo":
        return _group_folds(clips, name, _subjects(clips))
    if name == "sentence":
        if any(clip.sentence is None for clip in clips):
            raise DatasetError(
                "clips must all have a sentence for the protocol 'sentence', got some without: use a "
                "protocol by actor"
            )
        sentences = [str(clip.sentence) for clip in clips]
        return _group_folds(clips, name, sentences, separates=("take", "sentence"))
    if name == "paper-leaky":
        return [_paper_leaky(clips, seed)]
    return _stored_folds(clips, load_protocol(name))


def _resolve_auto(clips: Sequence[Clip]) -> tuple[str, str]:
    """Return the protocol for these clips, and why."""
    from stcorner.corpora.loading import corpus_readers

    n_people = len(set(_subjects(clips)))
    if n_people <= _FEW:
        return "actor-loo", f"actor-loo was chosen: with {n_people} subjects each is tested alone"
    corpora = {clip.corpus for clip in clips}
    reader = corpus_readers().get(next(iter(corpora))) if len(corpora) == 1 else None
    if reader is not None:
        return reader.protocol, f"{reader.protocol} was chosen: it is the protocol of {reader.title}"
    return "actor-k4", f"actor-k4 was chosen: {n_people} subjects and no published corpus"


def _subjects(clips: Sequence[Clip]) -> list[str]:
    """Return the subject of each clip, the corpus before it where there are several."""
    unknown = sum(not clip.subject for clip in clips)
    if unknown:
        raise DatasetError(
            f"clips must all have a subject for folds by actor, {unknown} of {len(clips)} have none: give "
            "load_folder a `subject` pattern or a table with a column 'subject' ('random-k5' needs none, and "
            "overrates)"
        )
    several = len({clip.corpus for clip in clips}) > 1
    return [f"{clip.corpus}:{clip.subject}" if several else clip.subject for clip in clips]


def _group_folds(
    clips: Sequence[Clip],
    name: str,
    groups: Sequence[str],
    *,
    separates: tuple[str, ...] = ("take", "actor"),
) -> list[Fold]:
    labels = np.asarray(groups)
    names = sorted(set(groups))
    if len(names) < 2:
        raise DatasetError(
            f"protocol {name!r} needs clips of at least 2 groups, got {names}: give clips of more people, "
            "or another protocol"
        )
    return [
        Fold(
            name=f"{name}/{group}",
            train=np.flatnonzero(labels != group),
            test=np.flatnonzero(labels == group),
            separates=separates,
        )
        for group in names
    ]


def _spread_subjects(clips: Sequence[Clip], k: int, seed: int) -> list[str]:
    """Return the fold of each clip; the largest subject goes first, each to the emptiest fold."""
    subjects = _subjects(clips)
    names, sizes = np.unique(subjects, return_counts=True)
    if not 2 <= k <= len(names):
        raise DatasetError(
            f"protocol actor-k{k} needs 2 <= k <= number of subjects, got {len(names)} subject(s): use "
            "'actor-loo', or clips of more people"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    filled = np.zeros(k, dtype=np.int64)
    fold_of: dict[str, str] = {}
    for at in order[np.argsort(-sizes[order], kind="stable")]:
        fold = int(np.argmin(filled))
        filled[fold] += sizes[at]
        fold_of[str(names[at])] = f"{fold + 1:0{len(str(k))}d}"
    return [fold_of[subject] for subject in subjects]


def _random_folds(clips: Sequence[Clip], name: str, k: int, seed: int) -> list[Fold]:
    takes: dict[Hashable, list[int]] = {}
    for index, clip in enumerate(clips):
        takes.setdefault(clip.key, []).append(index)
    if not 2 <= k <= len(takes):
        raise DatasetError(
            f"protocol {name!r} needs 2 <= k <= number of takes, got {len(takes)} take(s): give more clips"
        )
    members = list(takes.values())
    order = np.random.default_rng(seed).permutation(len(members))
    # Dealing out the shuffled takes label by label, without starting anew at each label, spreads both evenly.
    dealt = sorted(order.tolist(), key=lambda take: clips[members[take][0]].label)
    fold_of = [""] * len(clips)
    for position, take in enumerate(dealt):
        for index in members[take]:
            fold_of[index] = f"{position % k + 1:0{len(str(k))}d}"
    return _group_folds(clips, name, fold_of, separates=("take",))


def _paper_leaky(clips: Sequence[Clip], seed: int) -> Fold:
    corpora = {clip.corpus for clip in clips}
    share = _PAPER_SHARE.get(next(iter(corpora)), 0.25) if len(corpora) == 1 else 0.25
    n_rows = _PAPER_COPIES * len(clips)
    order = np.random.default_rng(seed).permutation(n_rows)
    n_test = int(np.ceil(share * n_rows))
    return Fold(
        name="paper-leaky/1",
        train=np.sort(order[n_test:]),
        test=np.sort(order[:n_test]),
        separates=(),
        copies=_PAPER_COPIES,
    )


def _stored_folds(clips: Sequence[Clip], protocol: Protocol) -> list[Fold]:
    foreign = sorted({clip.corpus for clip in clips} - set(protocol.corpora))
    if foreign:
        raise DatasetError(
            f"protocol {protocol.name!r} must get clips of {', '.join(protocol.corpora)}, got {foreign}: "
            "use 'actor-loo' or 'actor-k5'"
        )
    subjects = np.asarray(_subjects(clips))
    known = {subject for side in (protocol.test, protocol.validation) for fold in side for subject in fold}
    # Where each subject is tested once, one that no fold names is a mistake; else it trains.
    unnamed = sorted(set(subjects) - known) if len(protocol.test) > 1 else []
    if unnamed:
        raise DatasetError(
            f"protocol {protocol.name!r} must name every subject, got clips of {', '.join(unnamed)}: "
            "leave these out, or use 'actor-loo'"
        )
    folds = []
    for number, members in enumerate(protocol.test):
        test = np.isin(subjects, members)
        validation = np.isin(subjects, protocol.validation[number] if protocol.validation else ())
        train = ~(test | validation)
        if test.any() and train.any():
            folds.append(
                Fold(
                    name=f"{protocol.name}/{number + 1}",
                    train=np.flatnonzero(train),
                    test=np.flatnonzero(test),
                    validation=np.flatnonzero(validation),
                    separates=protocol.separates,
                )
            )
    if len(folds) < min(2, len(protocol.test)):
        present = sorted(set(subjects))
        raise DatasetError(
            f"protocol {protocol.name!r} must get subjects of at least 2 of its folds, got only "
            f"{present}: add people, or use 'actor-loo'"
        )
    return folds
