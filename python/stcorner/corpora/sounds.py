"""Recognise the same sound in two files, whatever their names, rates, loudness and codecs.

A fingerprint has one word of 32 bits per 32 ms: the signs of the change over time of the differences of
neighbouring bands (Haitsma and Kalker). Gain and slow colouring leave it alone; noise and lossy coding flip
some of its bits. Equal groups of 16 bits propose pairs of clips and their shift; the share of equal bits
over the common part decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.validation import check_array, check_real, refuse_samples_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["SoundFingerprint", "SoundMatch", "fingerprint", "match_sounds"]

_RATE = 8000
_WINDOW = 2048
_HOP = 256
_BITS = 32
_LAG = 2
_EDGES = np.round(np.geomspace(150, 3500, _BITS + 2) * _WINDOW / _RATE).astype(int)
# Frames more than this many dB below the loudest are silence: their bits are those of the room.
_FLOOR_DB = 25.0
_GROUPS = (0, 5, 11, 16)
_STRETCHES = np.array([1.0, 0.98, 1.02, 0.96, 1.04, 0.94, 1.06])
_MIN_FRAMES = 12
_MIN_SHARE = 0.6


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SoundFingerprint:
    """Bits of one sound.

    Parameters
    ----------
    signs : ndarray of shape (n, 32), int8
        +1 or -1 per frame of 32 ms and pair of neighbouring bands.
    active : ndarray of shape (n,), bool
        Frames that are loud enough to be compared.
    """

    signs: NDArray[np.int8]
    active: NDArray[np.bool_]

    def __repr__(self) -> str:
        """Return how much there is to compare."""
        return f"SoundFingerprint({len(self.signs)} frames, {int(self.active.sum())} active)"

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same bits."""
        if not isinstance(other, SoundFingerprint):
            return NotImplemented
        return np.array_equal(self.signs, other.signs) and np.array_equal(self.active, other.active)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((self.signs.tobytes(), self.active.tobytes()))


@dataclass(frozen=True, kw_only=True)
class SoundMatch:
    """Two sounds that agree.

    Parameters
    ----------
    query, reference : int
        Positions in the two lists.
    similarity : float
        Share of equal bits less share of different bits over the common part: 1 for equal, about 0 for
        unrelated sounds.
    shift : float
        Seconds by which the query's beginning lies after the reference's.
    stretch : float
        Time scale of the query against the reference.
    """

    query: int
    reference: int
    similarity: float
    shift: float
    stretch: float


def fingerprint(y: ArrayLike, *, sr: float) -> SoundFingerprint:
    """Compute the fingerprint of a sound.

    Parameters
    ----------
    y : array_like of shape (n,)
        Mono samples.
    sr : float, > 0
        Sample rate in Hz.

    Returns
    -------
    SoundFingerprint
        Empty (no frames) for a sound that is shorter than 64 ms; silence has no active frame.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional, is empty or not finite, or `sr` is not positive.

    References
    ----------
    .. [1] J. Haitsma, T. Kalker, "A highly robust audio fingerprinting system", ISMIR (2002) 107-115.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    >>> quiet = fingerprint(tone / 64, sr=8000)
    >>> bool(np.array_equal(quiet.signs, fingerprint(tone, sr=8000).signs)), quiet.signs.shape
    (True, (30, 32))
    """
    from scipy.fft import rfft  # keeps float32, twice as fast as numpy's

    refuse_samples_first("y", y)
    sound = check_array("y", y, dtype=np.float32, ndim=1)
    rate = check_real("sr", sr, low=0, open_low=True)
    if rate != _RATE:
        import soxr

        sound = soxr.resample(sound, rate, _RATE)
    padded = np.pad(sound, _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1)) ** 2
    energy = np.add.reduceat(power[:, : _EDGES[-1]], _EDGES[:-1], axis=1)
    slope = energy[:, :-1] - energy[:, 1:]
    if len(slope) <= _LAG:
        return SoundFingerprint(signs=np.empty((0, _BITS), np.int8), active=np.empty(0, bool))
    total = energy.sum(axis=1)
    loud = total > max(total.max() * 10 ** (-_FLOOR_DB / 10), np.finfo(np.float32).tiny)
    signs = np.where(slope[_LAG:] > slope[:-_LAG], 1, -1).astype(np.int8)
    return SoundFingerprint(signs=signs, active=loud[_LAG:] & loud[:-_LAG])


def match_sounds(
    queries: Sequence[SoundFingerprint],
    references: Sequence[SoundFingerprint],
    *,
    threshold: float = 0.6,
) -> list[SoundMatch]:
    """Find the pairs of sounds that are the same recording.

    Parameters
    ----------
    queries, references : sequence of SoundFingerprint
        Sounds of the two sides.
    threshold : float, 0 < threshold <= 1
        Least similarity of a match.

    Returns
    -------
    list of SoundMatch
        Sorted by query and reference. The common part is at least 60 % of the shorter sound and 0.4 s.

    Raises
    ------
    ValueError
        If `threshold` is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, other = (fingerprint(rng.standard_normal(8000), sr=8000) for _ in range(2))
    >>> [(m.query, m.reference, m.similarity) for m in match_sounds([one], [other, one])]
    [(0, 1, 1.0)]
    """
    check_real("threshold", threshold, low=0, high=1, open_low=True)
    matches = []
    index = _Index(references)
    for number, query in enumerate(queries):
        for reference, shift in index.candidates(query):
            similarity, offset, stretch = _compare(query, references[reference], shift)
            if similarity >= threshold:
                matches.append(
                    SoundMatch(
                        query=number,
                        reference=reference,
                        similarity=similarity,
                        shift=offset * _HOP / _RATE,
                        stretch=stretch,
                    )
                )
    return sorted(matches, key=lambda match: (match.query, match.reference))


def _keys(sound: SoundFingerprint) -> NDArray[np.uint32]:
    """Return one key of 16 bits per frame and group, the group in the bits above; shape (n, groups)."""
    bits = (sound.signs > 0).astype(np.uint32)
    weights = np.uint32(1) << np.arange(16, dtype=np.uint32)
    parts = [bits[:, start : start + 16] @ weights + (number << 16) for number, start in enumerate(_GROUPS)]
    return np.stack(parts, axis=1).astype(np.uint32)


class _Index:
    """All keys of the references, sorted, with the clip and frame of each."""

    bin_width = 4
    n_candidates = 6
    min_votes = 4
    max_bucket = 2000

    def __init__(self, references: Sequence[SoundFingerprint]) -> None:
        keys, clips, frames = [], [], []
        for number, sound in enumerate(references):
            at = np.flatnonzero(sound.active)
            keys.append(_keys(sound)[at].ravel())
            clips.append(np.full(len(at) * len(_GROUPS), number))
            frames.append(np.repeat(at, len(_GROUPS)))
        joined = np.concatenate(keys) if keys else np.empty(0, np.uint32)
        order = np.argsort(joined, kind="stable")
        self.keys = joined[order]
        self.clips = np.concatenate(clips)[order] if clips else np.empty(0, np.int64)
        self.frames = np.concatenate(frames)[order] if frames else np.empty(0, np.int64)

    def candidates(self, query: SoundFingerprint) -> list[tuple[int, int]]:
        """Return the references, with the shift in frames, that share most keys with the query."""
        at = np.flatnonzero(query.active)
        keys = _keys(query)[at].ravel()
        frames = np.repeat(at, len(_GROUPS))
        first, last = np.searchsorted(self.keys, keys, "left"), np.searchsorted(self.keys, keys, "right")
        counts = last - first
        counts[counts > self.max_bucket] = 0  # a key that is everywhere says nothing
        if not counts.sum():
            return []
        hits = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        shifts = self.frames[hits] - np.repeat(frames, counts)
        # Two grids of bins, half a bin apart, so that no shift falls on a border of both.
        half = self.bin_width // 2
        low = int(shifts.min())
        places = (shifts - low) // half
        span = int(places.max()) + 2
        votes = np.bincount(self.clips[hits] * span + places, minlength=0).astype(np.int64)
        votes = np.concatenate([votes, np.zeros(-len(votes) % span, np.int64)]).reshape(-1, span)
        votes[:, 1:] += votes[:, :-1].copy()
        best = votes.argmax(axis=1)
        top = votes[np.arange(len(votes)), best]
        chosen = np.argsort(-top, kind="stable")[: self.n_candidates]
        return [(int(c), low + int(best[c]) * half) for c in chosen if top[c] >= self.min_votes]


def _compare(query: SoundFingerprint, reference: SoundFingerprint, shift: int) -> tuple[float, int, float]:
    """Return the best similarity near a shift, with the shift in frames and the stretch there."""
    frames = np.flatnonzero(query.active)
    needed = max(_MIN_FRAMES, _MIN_SHARE * min(len(frames), int(reference.active.sum())))
    middle = float(frames.mean())
    best = (-1.0, shift, 1.0)
    for stretch in _STRETCHES:
        # Stretching about the middle keeps the shift that the votes found.
        warped = np.round(middle + stretch * (frames - middle)).astype(int)
        for offset in range(shift - 4, shift + 5):
            at = warped + offset
            inside = (at >= 0) & (at < len(reference.active))
            inside[inside] = reference.active[at[inside]]
            if inside.sum() < needed:
                continue
            agreement = query.signs[frames[inside]] * reference.signs[at[inside]]
            similarity = float(agreement.mean())
            if similarity > best[0]:
                best = (similarity, offset, float(stretch))
        # Sounds that agree at another stretch agree a little without it; and a clear match needs no search.
        if not 0.2 < best[0] < 0.9:
            break
    return best
