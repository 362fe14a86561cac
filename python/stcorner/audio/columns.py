"""The codebook of the voice: what each column of frame tables and clip vectors means."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from stcorner._base.columns import ColumnDescription
from stcorner._base.validation import check_choice
from stcorner.audio import _egemaps, _rich
from stcorner.audio._functionals import FUNCTIONALS
from stcorner.audio.descriptors import DESCRIPTORS, Descriptor
from stcorner.audio.recipes import PAPER_FUNCTIONALS, RECIPES, feature_names
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["describe_column", "described_columns"]

_INFINITE = float("inf")
_OURS = "stcorner, recipe rich"


def describe_column(name: str, recipe: str | None = None) -> ColumnDescription:
    """Tell meaning, unit, range and source of a column.

    Parameters
    ----------
    name : str
        Of a column of `frame_table` or of a value of `clip_features`.
    recipe : {"frames", "rich", "paper162", "notebook162", "egemaps"}, optional
        Where the column stands; ``"frames"`` is `frame_table`. Default: the first of these that has it, since
        some names occur in several recipes.

    Returns
    -------
    ColumnDescription
        Meaning, unit, range and source.

    Raises
    ------
    ValueError
        If there is no such column.

    See Also
    --------
    columns : The columns of all tables.

    Examples
    --------
    >>> found = describe_column("centroid_mean")
    >>> found.meaning
    'Mean over the active part of: mean frequency under the magnitude spectrum.'
    >>> found.unit, found.range
    ('Hz', (0.0, inf))
    """
    places: tuple[str, ...] = ("frames", *RECIPES)
    if recipe is not None:
        places = (check_choice("recipe", recipe, places),)
    for place in places:
        if name in (found := described_columns(place)):
            return found[name]
    raise ParameterError(f"name must be a column of {', '.join(places)}, got {name!r}")


@functools.cache
def described_columns(place: str) -> dict[str, ColumnDescription]:
    """Return the columns of a recipe, or of ``"frames"``."""
    if place == "frames":
        return dict(_of_frames())
    makers = {
        "rich": _of_rich,
        "paper162": _of_paper,
        "notebook162": _of_notebook,
        "egemaps": _of_egemaps,
    }
    found = dict(makers[place]())
    return {name: found[name] for name in feature_names(place)}


Described = tuple[str, ColumnDescription]


def _of_descriptor(found: Descriptor) -> Iterator[Described]:
    for name in found.columns:
        meaning = found.meaning.format(name.rpartition("_")[2])
        yield name, ColumnDescription(meaning, found.unit, found.range, found.source)


def _of_frames() -> Iterator[Described]:
    yield "time", ColumnDescription("Centre of the frame.", "s", (0.0, _INFINITE), "stcorner")
    for found in DESCRIPTORS.values():
        yield from _of_descriptor(found)


_MEANINGS = {
    "mean": "Mean",
    "std": "Standard deviation",
    "p10": "10th percentile",
    "p50": "Median",
    "p90": "90th percentile",
    "range": "Distance from the 10th to the 90th percentile",
    "slope": "Change from first to last frame along the line of least squares",
    "change": "Mean absolute difference of neighbouring frames",
    "skew": "Skewness",
}


def _summary(track: Described, functional: str, where: str) -> Described:
    name, found = track
    low, high = found.range
    width = high - low
    limits = {
        "std": (0.0, width / 2), "range": (0.0, width), "slope": (-1.5 * width, 1.5 * width),
        "change": (0.0, width), "skew": (-_INFINITE, _INFINITE),
    }.get(functional, found.range)  # fmt: skip
    unit = "" if functional == "skew" else found.unit
    meaning = f"{_MEANINGS[functional]} over {where} of: {found.meaning[0].lower()}{found.meaning[1:]}"
    return f"{name}_{functional}", ColumnDescription(meaning, unit, limits, found.source)


def _tracks(*names: str) -> Iterator[Described]:
    for name in names:
        yield from _of_descriptor(DESCRIPTORS[name])


_SHARE, _POSITIVE = (0.0, 1.0), (0.0, _INFINITE)
_CONTOUR = {
    "mean": ("Mean of f0", "semitones above 55 Hz", None),
    "std": ("Standard deviation of f0", "semitones", _POSITIVE),
    "p5": ("5th percentile of f0", "semitones above 55 Hz", None),
    "p20": ("20th percentile of f0", "semitones above 55 Hz", None),
    "p50": ("Median of f0", "semitones above 55 Hz", None),
    "p80": ("80th percentile of f0", "semitones above 55 Hz", None),
    "p95": ("95th percentile of f0", "semitones above 55 Hz", None),
    "range90": ("Distance from the 5th to the 95th percentile of f0", "semitones", _POSITIVE),
    "range60": ("Distance from the 20th to the 80th percentile of f0", "semitones", _POSITIVE),
    "slope": ("Change of f0 from begin to end along the line of least squares", "semitones", None),
    "curvature": ("Square term of the parabola of least squares, time from -0.5 to 0.5", "semitones", None),
    "rise_share": ("Share of steps between neighbouring frames that rise by more than 0.05", "", _SHARE),
    "fall_share": ("Share of steps between neighbouring frames that fall by more than 0.05", "", _SHARE),
    "rise_mean": ("Mean of the rising steps", "semitones per frame", (0.0, 6.0)),
    "fall_mean": ("Mean of the falling steps", "semitones per frame", (-6.0, 0.0)),
    "acceleration": ("Mean absolute difference of successive steps", "semitones per frame", (0.0, 12.0)),
    "change": ("Mean absolute step", "semitones per frame", (0.0, 6.0)),
    "change_std": ("Standard deviation of the steps", "semitones per frame", (0.0, 6.0)),
    "first_third": ("Mean of f0 in the first third", "semitones above 55 Hz", None),
    "middle_third": ("Mean of f0 in the middle third", "semitones above 55 Hz", None),
    "last_third": ("Mean of f0 in the last third", "semitones above 55 Hz", None),
    "first_third_rel": ("Mean of f0 in the first third less that of all", "semitones", None),
    "middle_third_rel": ("Mean of f0 in the middle third less that of all", "semitones", None),
    "last_third_rel": ("Mean of f0 in the last third less that of all", "semitones", None),
    "peak_position": ("Place of the highest f0 in the active part, its middle 0", "", (-0.5, 0.5)),
    "end_rel": ("Mean of the last eighth of f0 less that of all", "semitones", None),
}
_TIMING = {
    "duration": ("Length of the active part", "s", _POSITIVE),
    "log_duration": ("Natural logarithm of that length in seconds", "", None),
    "voiced_share": ("Share of the active part that is voiced", "", _SHARE),
    "segments": ("Number of voiced stretches", "", _POSITIVE),
    "segment_rate": ("Voiced stretches per second", "1/s", _POSITIVE),
    "segment_mean": ("Mean length of the voiced stretches", "s", _POSITIVE),
    "segment_std": ("Standard deviation of their length", "s", _POSITIVE),
    "segment_max": ("Length of the longest voiced stretch", "s", _POSITIVE),
    "pause_total": ("Length of all pauses in the active part", "s", _POSITIVE),
    "pauses": ("Number of pauses longer than 50 ms", "", _POSITIVE),
    "pause_max": ("Length of the longest pause", "s", _POSITIVE),
    "active_share": ("Share of the active part that is loud", "", _SHARE),
    "energy_peak_rate": ("Peaks of the smoothed energy per second", "1/s", _POSITIVE),
    "lead": ("Silence before the active part", "s", _POSITIVE),
    "tail": ("Silence after the active part", "s", _POSITIVE),
}
_RELATIVE = "dB relative to the loudest frame"
_ENERGY = {
    "p95": ("95th percentile of the energy", _RELATIVE, (-90.0, 1.0)),
    "power_mean": ("Mean power", _RELATIVE, (-90.0, 1.0)),
    "noise_floor": ("3rd percentile of the energy of the whole clip", _RELATIVE, (-90.0, 1.0)),
    "attack": ("Mean of the rising steps of the energy", "dB per frame", (0.0, 91.0)),
    "decay": ("Mean of the falling steps of the energy", "dB per frame", (-91.0, 0.0)),
    "peak_position": ("Place of the loudest frame in the active part, its middle 0", "", (-0.5, 0.5)),
}


def _of_rich() -> Iterator[Described]:
    for track in _tracks(*_rich.LLD_NAMES, "mfcc"):
        for functional in FUNCTIONALS:
            yield _summary(track, functional, "the active part")
    for track in _tracks("delta_mfcc"):
        for functional in ("mean", "std"):
            yield _summary(track, functional, "the active part")
    groups = (("f0_semitones", _CONTOUR), ("timing", _TIMING), ("energy_contour", _ENERGY))
    for group, entries in groups:
        where = " over the voiced frames" if group == "f0_semitones" else ""
        for name, (meaning, unit, limits) in entries.items():
            span = (-_INFINITE, _INFINITE) if limits is None else limits
            yield f"{group}_{name}", ColumnDescription(f"{meaning}{where}.", unit, span, _OURS)
    for name in _rich.CORRELATED:
        for other in _rich.CORRELATED:
            meaning = f"Correlation of {name} and {other} over the active part."
            yield f"corr_{name}_{other}", ColumnDescription(meaning, "", (-1.0, 1.0), _OURS)


def _of_paper() -> Iterator[Described]:
    for track in _tracks("zcr", "energy_db", "f0_semitones", "mfcc", "delta_mfcc"):
        where = "the voiced frames" if track[0] == "f0_semitones" else "the clip"
        for functional in PAPER_FUNCTIONALS:
            yield _summary(track, functional, where)


def _of_notebook() -> Iterator[Described]:
    librosa, all_of_it = "librosa 0.11", "frames of 2048 samples at 22,050 Hz"

    def mean(name: str, meaning: str, unit: str, limits: tuple[float, float]) -> Described:
        described = ColumnDescription(f"Mean over {all_of_it} of: {meaning}.", unit, limits, librosa)
        return f"{name}_mean", described

    yield mean("zcr", "share of neighbouring samples between which the sign changes", "", _SHARE)
    for tone in ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b"):
        sharp = tone.replace("s", " sharp").upper().replace("SHARP", "sharp")
        yield mean(f"chroma_{tone}", f"share of pitch class {sharp} in the frame's largest", "", _SHARE)
    for i in range(20):
        meaning = f"cepstral coefficient {i} of 128 mel bands (Slaney's scale) in decibels"
        yield mean(f"mfcc_{i}", meaning, "dB", (-_INFINITE, _INFINITE))
    yield mean("rms", "root mean square of the samples", "units of the signal", _POSITIVE)
    for i in range(128):
        meaning = f"power in mel band {i} of 128 (Slaney's scale)"
        yield mean(f"mel_{i}", meaning, "units of the signal, squared", _POSITIVE)


def _of_egemaps() -> Iterator[Described]:
    positive = (
        "percentile",
        "frequency",
        "bandwidth",
        "loudness",
        "Flux",
        "jitter",
        "shimmer",
        "Segment",
        "dev",
    )
    for name in _egemaps.NAMES:
        meaning, unit = _egemaps.meaning(name)
        signed = not any(part in name for part in positive) or name.endswith("stddevNorm")
        limits = (-_INFINITE, _INFINITE) if signed else _POSITIVE
        yield name, ColumnDescription(meaning, unit, limits, "Eyben et al. 2016, eGeMAPS")


def _earlier_names() -> dict[str, str]:
    """Return what columns of model files of format 1 were called, and what they are called now."""
    now = {"energy": "energy_db", "strength": "periodicity"}
    found = {f"{old}_{each}": f"{new}_{each}" for old, new in now.items() for each in FUNCTIONALS}
    found |= {f"f0_{name}": f"f0_semitones_{name}" for name in (*_CONTOUR, *PAPER_FUNCTIONALS)}
    return {**found, "f0_jitter": "f0_semitones_acceleration"}


def present_names(names: Iterable[str]) -> list[str]:
    """Return the names of columns with those of earlier versions replaced by today's."""
    earlier = _earlier_names()
    return [earlier.get(name, name) for name in names]
