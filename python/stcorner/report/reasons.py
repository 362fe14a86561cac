"""A decision in words: what about the clip spoke for which emotion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stcorner.recognizer.explanation import feature_group

if TYPE_CHECKING:
    from stcorner.extraction import ClipFeatures
    from stcorner.recognizer.explanation import Explanation
    from stcorner.recognizer.predictor import Predictor

__all__ = ["reasons_of"]

_COUNT = 8
# What the groups of the voice are called by people; others go by the codebook.
_NAMES = {
    "f0": "pitch",
    "energy_db": "loudness",
    "energy_contour": "peaks of loudness",
    "timing": "voiced share",
    "hnr": "ratio of harmonics to noise",
    "periodicity": "regularity of the voice",
    "h1_h2": "breathiness (first against second harmonic)",
    "h1_a3": "breathiness (first harmonic against third formant)",
    "centroid": "spectral centre",
    "spread": "spectral width",
    "flatness": "spectral noise",
    "flux": "spectral change",
    "alpha_ratio": "brightness (above against below 1 kHz)",
    "zcr": "rate of zero crossings",
    "chroma": "pitch classes",
    "mel": "mel spectrum",
}
_TYPICAL = {"f0": "f0_semitones_p50", "energy_contour": "energy_contour_p95", "timing": "timing_voiced_share"}


def reasons_of(
    explanation: Explanation, predictor: Predictor, features: ClipFeatures
) -> list[dict[str, Any]]:
    """Return the strongest parts of a decision in words, strongest first.

    Parameters
    ----------
    explanation : Explanation
        The parts.
    predictor : Predictor
        Holds the average clip.
    features : ClipFeatures
        The clip, as the first sample.

    Returns
    -------
    list of dict
        ``text``, such as "higher pitch than average", ``towards`` (an emotion), ``column`` (a name of the
        codebook) and ``part`` (log odds).
    """
    columns: dict[str, tuple[str, str, float]] = {}
    for block in predictor.blocks:
        names = predictor.names[block]
        values = features.blocks[block][0]
        for name, value, mean in zip(names, values, predictor.means[block], strict=True):
            group = feature_group(name, block, len(names))
            if group not in columns or name == _TYPICAL.get(group, f"{group}_p50"):
                columns[group] = (block, name, float(value) - float(mean))
    rows = []
    for group, part in sorted(explanation.parts.items(), key=lambda item: -abs(item[1]))[:_COUNT]:
        block, column, above = columns[group]
        rows.append({
            "text": _words(group, block, column, above),
            "towards": explanation.label if part > 0 else explanation.against,
            "column": {"audio": column, "mel": "mel_*"}.get(block, f"{block}_{column}"),
            "part": part,
        })  # fmt: skip
    return rows


def _words(group: str, block: str, column: str, above: float) -> str:
    more = "higher" if above > 0 else "lower"
    if block == "mel":
        return "the spectrogram of the voice as a whole"
    if group == "corr":
        return "unusual correlation of loudness and timbre"
    if found := re.match(r"face t(\d+)_y(\d+)_x(\d+)", group):
        segment, row, across = (int(each) + 1 for each in found.groups())
        return f"unusual motion in the face, row {row}, column {across}, part {segment} of the clip"
    if found := re.match(r"logp_(\w+)_(mean|std|max|min|last|first|\w+)$", column):
        emotion, statistic = found.groups()
        amount = "more" if above > 0 else "less"
        return {
            "mean": f"the face looks {amount} {emotion} than average",
            "std": f"the face changes {amount} between {emotion} and others than average",
            "max": f"at its peak the face looks {amount} {emotion} than average",
        }.get(statistic, f"{more} {statistic} of the face's {emotion} than average")
    if found := re.match(r"(delta_)?mfcc_?(\d+)", group):
        what = "change of timbre" if found[1] else "timbre"
        return f"{more} {what} (MFCC {found[2]}) than average"
    return f"{more} {_NAMES.get(group, _meaning(column) or group)} than average"


def _meaning(column: str) -> str:
    from stcorner.audio import describe_column
    from stcorner.errors import ParameterError

    try:
        text = describe_column(column).meaning
    except ParameterError:  # a column of another tool
        return ""
    return re.sub(r"^\w[\w ,-]*: ", "", text).rstrip(".")
