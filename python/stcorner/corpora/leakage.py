"""Find what training and test clips share that makes a test score meaningless."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from stcorner._base.text import shown
from stcorner._base.validation import check_choice, check_flag, resolve_n_jobs
from stcorner.corpora.sounds import fingerprint, match_sounds
from stcorner.errors import LeakageError, MediaError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

    from stcorner.corpora.clip import Clip
    from stcorner.corpora.protocols import Fold
    from stcorner.corpora.sounds import SoundFingerprint

__all__ = ["CHECKS", "Leak", "LeakageReport", "audit_folds", "audit_leakage"]

CHECKS = {
    "copy": "the same clip, or an augmented copy of it",
    "take": "the same take in another file or modality",
    "frames": "other frames of the same file",
    "sound": "the same sound under another name",
    "actor": "the same actor",
    "sentence": "the same sentence",
}
_ALWAYS = ("copy", "take", "frames", "sound")
_LINES = 8


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Something that stands on both sides.

    Parameters
    ----------
    check : str
        A key of `CHECKS`.
    shared : str
        What is shared: the take, the file, the actor, the sentence; for sounds, how much they agree.
    train, test : tuple of str
        Ids of the clips on either side, each once, sorted.
    """

    check: str
    shared: str
    train: tuple[str, ...]
    test: tuple[str, ...]

    def __repr__(self) -> str:
        """Return counts: an actor may have hundreds of clips."""
        return f"Leak({self.check!r}, {self.shared!r}, train={len(self.train)}, test={len(self.test)})"


@dataclass(frozen=True, kw_only=True)
class LeakageReport:
    """What training and test side share.

    Parameters
    ----------
    n_train, n_test : int
        Clips on either side.
    forbidden : tuple of str
        Checks whose findings are leaks; the others are shared by the design of the split.
    leaks, notes : tuple of Leak
        What is forbidden and was found, and what is shared by design.
    unchecked : tuple of str
        What could not be checked, and why: files without readable sound, clips without a subject.

    See Also
    --------
    audit_leakage : Makes one.

    Examples
    --------
    >>> report = LeakageReport(n_train=1, n_test=1, forbidden=("take",), leaks=(), notes=(), unchecked=())
    >>> report.ok, str(report)
    (True, 'no leak between 1 training and 1 test clip(s); checked: take')
    """

    n_train: int
    n_test: int
    forbidden: tuple[str, ...]
    leaks: tuple[Leak, ...]
    notes: tuple[Leak, ...]
    unchecked: tuple[str, ...]

    def __repr__(self) -> str:
        """Return counts; `str` gives the text."""
        sizes = f"n_train={self.n_train}, n_test={self.n_test}"
        return f"LeakageReport({sizes}, leaks={len(self.leaks)}, notes={len(self.notes)})"

    @property
    def ok(self) -> bool:
        """Whether nothing forbidden was found."""
        return not self.leaks

    @property
    def counts(self) -> dict[str, int]:
        """Number of test clips that each check found, forbidden or not."""
        found: dict[str, set[str]] = {name: set() for name in CHECKS}
        for leak in self.leaks + self.notes:
            found[leak.check].update(leak.test)
        return {name: len(clips) for name, clips in found.items()}

    def raise_if_leaky(self) -> None:
        """Raise `LeakageError` with the whole text unless `ok`."""
        if self.leaks:
            raise LeakageError(str(self))

    def __str__(self) -> str:
        """Return a text with one line per kind of leak and some examples."""
        sides = f"{self.n_train} training and {self.n_test} test clip(s)"
        lines = [f"{'leaks' if self.leaks else 'no leak'} between {sides}"]
        if self.forbidden:
            lines[0] += f"; checked: {', '.join(self.forbidden)}"
        for title, leaks in (("LEAK", self.leaks), ("shared by design", self.notes)):
            for check in CHECKS:
                found = [leak for leak in leaks if leak.check == check]
                if found:
                    clips = len(set(chain(*(leak.test for leak in found))))
                    lines.append(f"{title}: {CHECKS[check]}: {clips} test clip(s)")
                    if leaks is self.leaks:
                        some = (
                            f"  {leak.shared}: {leak.train[0]} | {leak.test[0]}" for leak in found[:_LINES]
                        )
                        lines += map(shown, some)
        lines += [shown(f"not checked: {reason}") for reason in self.unchecked[:_LINES]]
        if len(self.unchecked) > _LINES:
            lines.append(f"not checked: {len(self.unchecked) - _LINES} more")
        return "\n".join(lines)


def audit_leakage(
    train: Iterable[Clip],
    test: Iterable[Clip],
    *,
    forbid: Collection[str] = ("take", "actor"),
    sound: bool = True,
    n_jobs: int | None = None,
) -> LeakageReport:
    """Find what training and test clips share.

    Parameters
    ----------
    train, test : iterable of Clip
        Clips of the two sides.
    forbid : collection of {"take", "actor", "sentence"}
        What the split promises to keep apart, as `Fold.separates`. With "take", copies, cuts of one file
        and equal sounds are leaks as well. What is shared and not forbidden is listed in `notes`.
    sound : bool
        Whether to read and compare the sound of all clips. Recordings are recognised after changes of
        loudness, rate and codec, a speed changed by 1 %, cut ends, noise at 10 dB and a small room; not after
        larger shifts of pitch or tempo.
    n_jobs : int, optional
        Files read side by side; None or -1: as many as there are cores, -2 one less, and so on.

    Returns
    -------
    LeakageReport
        What is shared, and whether the split forbids it.

    Raises
    ------
    ValueError
        If a side is empty or `forbid` names something else.

    See Also
    --------
    audit_folds : The same for all folds of a protocol.

    Examples
    --------
    >>> from stcorner import Clip
    >>> def clip(name, subject, take):
    ...     return Clip(path=name, clip_id=name, label="sad", subject=subject, take=take, modality="audio",
    ...                 corpus="mine")
    >>> report = audit_leakage([clip("a", "anna", "1")], [clip("b", "anna", "2")], sound=False)
    >>> report.ok, report.leaks[0].check, report.leaks[0].shared
    (False, 'actor', 'anna')
    """
    sides = list(train), list(test)
    for name, clips in zip(("train", "test"), sides, strict=True):
        if not clips:
            raise ParameterError(f"{name} must not be empty")
    for name in forbid:
        check_choice("forbid", name, ("take", "actor", "sentence"))
    if not check_flag("sound", sound):
        return _audit(*sides, tuple(forbid), None, {})
    sounds, unreadable = _read_sounds([*sides[0], *sides[1]], n_jobs)
    return _audit(*sides, tuple(forbid), _match(sides, sounds), unreadable)


def audit_folds(
    clips: Sequence[Clip], folds: Sequence[Fold], *, sound: bool = True, n_jobs: int | None = None
) -> list[LeakageReport]:
    """Audit all folds of a protocol; each file is read once.

    Parameters
    ----------
    clips : sequence of Clip
        What the folds were made from.
    folds : sequence of Fold
        Validation clips count as training. `Fold.separates` is what is forbidden.
    sound : bool
        Whether to read and compare the sound of all clips. Recordings are recognised after changes of
        loudness, rate and codec, a speed changed by 1 %, cut ends, noise at 10 dB and a small room; not after
        larger shifts of pitch or tempo.
    n_jobs : int, optional
        Files read side by side; None or -1: as many as there are cores, -2 one less, and so on.

    Returns
    -------
    list of LeakageReport
        One per fold.

    See Also
    --------
    audit_leakage : The same for two lists of clips.

    Examples
    --------
    >>> from stcorner import Clip, actor_folds
    >>> clips = [Clip(path=f"{i}.wav", clip_id=str(i), label="sad", subject=str(i % 2), take=str(i),
    ...               modality="audio", corpus="mine") for i in range(4)]
    >>> [report.ok for report in audit_folds(clips, actor_folds(clips, "actor-loo"), sound=False)]
    [True, True]
    """
    clips = list(clips)
    pairs: dict[tuple[Hashable, Hashable], float] | None = None
    unreadable: dict[Hashable, str] = {}
    if check_flag("sound", sound):
        sounds, unreadable = _read_sounds(clips, n_jobs)
        pairs = _match((clips, clips), sounds)
    reports = []
    for fold in folds:
        rows = ([*fold.train.tolist(), *fold.validation.tolist()], fold.test.tolist())
        # A row of "paper-leaky" stands for one version of a clip.
        train, test = ([clips[row % len(clips)] for row in side] for side in rows)
        reports.append(_audit(train, test, fold.separates, pairs, unreadable))
    return reports


def _identity(clip: Clip) -> tuple[Hashable, ...]:
    return clip.path.absolute(), clip.start, clip.end


def _audit(
    train: Sequence[Clip],
    test: Sequence[Clip],
    separates: tuple[str, ...],
    pairs: dict[tuple[Hashable, Hashable], float] | None,
    unreadable: dict[Hashable, str],
) -> LeakageReport:
    """Compare two sides; `pairs` is None where nobody listened, and the report must not say so."""
    forbidden = (
        *(name for name in (_ALWAYS if "take" in separates else ()) if name != "sound" or pairs is not None),
        *(n for n in ("actor", "sentence") if n in separates),
    )
    found = [
        *_shared(train, test, "copy", _identity, lambda clip: clip.clip_id),
        *_shared(train, test, "frames", lambda clip: clip.path.absolute(), lambda clip: clip.path.name),
        *_shared(train, test, "take", lambda clip: clip.key, lambda clip: clip.take),
        *_equal_sounds(train, test, pairs or {}),
        *_shared(
            train, test, "actor", lambda clip: clip.group if clip.subject else None, lambda clip: clip.subject
        ),
        *_shared(
            train,
            test,
            "sentence",
            lambda clip: (clip.corpus, clip.sentence) if clip.sentence else None,
            lambda clip: str(clip.sentence),
        ),
    ]
    unchecked = []
    for name, value in (("actor", "subject"), ("sentence", "sentence")):
        unknown = sum(not getattr(clip, value) for clip in (*train, *test))
        if unknown and name in forbidden:
            unchecked.append(f"{name}: {unknown} clip(s) have no {value}")
    silent = {_identity(clip) for clip in (*train, *test)} & unreadable.keys()
    unchecked += sorted(f"sound: {unreadable[key]}" for key in silent)
    return LeakageReport(
        n_train=len(train),
        n_test=len(test),
        forbidden=forbidden,
        leaks=tuple(leak for leak in found if leak.check in forbidden),
        notes=tuple(leak for leak in found if leak.check not in forbidden),
        unchecked=tuple(unchecked),
    )


def _shared(
    train: Sequence[Clip],
    test: Sequence[Clip],
    check: str,
    key_of: Callable[[Clip], Hashable],
    name_of: Callable[[Clip], str],
) -> list[Leak]:
    """Return one leak per key that stands on both sides, but for what a stricter check tells already."""
    groups: dict[Hashable, tuple[list[Clip], list[Clip]]] = {}
    for side, clips in enumerate((train, test)):
        for clip in clips:
            key = key_of(clip)
            if key is not None:
                groups.setdefault(key, ([], []))[side].append(clip)
    leaks = []
    for here, there in groups.values():
        if not here or not there:
            continue
        if check in ("frames", "take"):
            stricter = _identity if check == "frames" else lambda clip: clip.path.absolute()
            if len({stricter(clip) for clip in (*here, *there)}) < 2:
                continue
        leaks.append(Leak(check=check, shared=name_of(here[0]), train=_ids(here), test=_ids(there)))
    return leaks


def _ids(clips: Iterable[Clip]) -> tuple[str, ...]:
    return tuple(sorted({clip.clip_id for clip in clips}))


def _equal_sounds(
    train: Sequence[Clip], test: Sequence[Clip], pairs: dict[tuple[Hashable, Hashable], float]
) -> list[Leak]:
    here = {_identity(clip): clip for clip in train}
    there = {_identity(clip): clip for clip in test}
    leaks = []
    for (one, other), similarity in pairs.items():
        for first, second in ((one, other), (other, one)):
            if first in here and second in there and here[first].key != there[second].key:
                shared = f"sounds agree to {similarity:.2f}"
                ids = here[first].clip_id, there[second].clip_id
                leaks.append(Leak(check="sound", shared=shared, train=ids[:1], test=ids[1:]))
    return leaks


def _match(
    sides: tuple[Sequence[Clip], Sequence[Clip]], sounds: dict[Hashable, SoundFingerprint]
) -> dict[tuple[Hashable, Hashable], float]:
    """Return the similarity of each pair of different clips with the same sound, as (train, test)."""
    here, there = ([key for key in dict.fromkeys(map(_identity, side)) if key in sounds] for side in sides)
    matches = match_sounds([sounds[key] for key in there], [sounds[key] for key in here])
    pairs: dict[tuple[Hashable, Hashable], float] = {}
    for match in matches:
        one, other = here[match.reference], there[match.query]
        if one != other and (other, one) not in pairs:
            pairs[one, other] = match.similarity
    return pairs


def _read_sounds(
    clips: Sequence[Clip], n_jobs: int | None
) -> tuple[dict[Hashable, SoundFingerprint], dict[Hashable, str]]:
    """Return the fingerprints of all clips that have sound, and the reason for those that have none."""
    from stcorner.media import load_audio

    def read(clip: Clip) -> SoundFingerprint | str:
        start = clip.start or 0.0
        length = None if clip.end is None else clip.end - start
        try:
            y, sr = load_audio(clip.sound, sr=8000, offset=start, duration=length)
            bits = fingerprint(y, sr=sr)
        except (MediaError, ParameterError) as error:
            return str(error)
        return bits if bits.active.any() else f"{clip.sound} is silent or too short to compare"

    distinct = {_identity(clip): clip for clip in clips}
    workers = resolve_n_jobs(-1 if n_jobs is None else n_jobs)
    with ThreadPoolExecutor(workers) as pool:
        results = dict(zip(distinct, pool.map(read, distinct.values()), strict=True))
    sounds: dict[Hashable, SoundFingerprint] = {
        key: value for key, value in results.items() if not isinstance(value, str)
    }
    return sounds, {key: value for key, value in results.items() if isinstance(value, str)}
