"""The codebook of the picture: what each column of the face table and of the blocks of a face means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stcorner._base.columns import ColumnDescription
from stcorner.video.expression_summary import expression_summary_names
from stcorner.video.facetable import FACE_COLUMNS
from stcorner.video.orientation import orientation_histogram_names
from stcorner.video.texture import texture_map_names

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["describe_video_columns"]

_SHARE, _POSITIVE, _ANY = (0.0, 1.0), (0.0, float("inf")), (-float("inf"), float("inf"))
_OURS, _FER = "stcorner", "face_expressions, trained on FER2013 (Goodfellow et al. 2013)"
_LAPTEV = "Laptev 2005, IJCV 64, 107-123"
_PLACE = {
    "time": ("Moment of the frame on the file's clock.", "s", _POSITIVE),
    "frame": ("Number of the video's frame, from 0.", "", _POSITIVE),
    "face_id": ("Number of the face, from 0 in the order of appearance.", "", _POSITIVE),
    "x": ("Left edge of the face's square box.", "pixels", _ANY),
    "y": ("Top edge of the face's square box.", "pixels", _ANY),
    "width": ("Width of the face's box.", "pixels", _POSITIVE),
    "height": ("Height of the face's box.", "pixels", _POSITIVE),
    "confidence": ("How sure the detector is of the face.", "", _SHARE),
    "quality": ("How much the face can tell, by score, size, sharpness, turn, light and place.", "", _SHARE),
}
_STATISTICS = {
    "mean": ("Mean over frames, weighted by quality,", (-float("inf"), 0.0)),
    "std": ("Standard deviation over frames, weighted by quality,", _POSITIVE),
    "max": ("Largest value", (-float("inf"), 0.0)),
    "peak_time": ("Place from the first frame (0) to the last (1) of the largest value", _SHARE),
}


def describe_video_columns(place: str) -> dict[str, ColumnDescription]:
    """Return the columns of the face table (``"faces"``), or of a block of the face."""
    makers = {
        "faces": _of_faces,
        "expression": _of_expression,
        "video": _of_orientation,
        "texture": _of_texture,
    }
    return dict(makers[place]())


def _of_faces() -> Iterator[tuple[str, ColumnDescription]]:
    for name in FACE_COLUMNS:
        kind, _, which = name.partition("_")
        if name in _PLACE:
            meaning, unit, limits = _PLACE[name]
            yield name, ColumnDescription(meaning, unit, limits, _OURS)
        elif kind == "expression":
            yield name, ColumnDescription(f"Probability that the face looks {which}.", "", _SHARE, _FER)
        else:
            meaning = f"Sixth root of the mean positive corner response over the {which}."
            yield name, ColumnDescription(meaning, "gray values", _POSITIVE, _LAPTEV)


def _of_expression() -> Iterator[tuple[str, ColumnDescription]]:
    for name in expression_summary_names():
        emotion, _, statistic = name.removeprefix("logp_").partition("_")
        how, limits = _STATISTICS[statistic]
        meaning = f"{how} of the logarithm of the probability that the face looks {emotion}."
        unit = "" if statistic == "peak_time" else "nat"
        yield name, ColumnDescription(meaning, unit, limits, _FER)


def _of_texture() -> Iterator[tuple[str, ColumnDescription]]:
    source = "Kamarol et al. 2016, STTM; normalised response of " + _LAPTEV
    for name in texture_map_names():
        _, sigma, tau, *cell = name.split("_")
        t, y, x, b = (int(part[1:]) + 1 for part in cell)
        meaning = (
            f"Share of the voxels of third {t} of the clip, row {y}, column {x} of the face whose response "
            f"at sigma {sigma}, tau {tau} is in bin {b} of 16."
        )
        yield name, ColumnDescription(meaning, "", _SHARE, source)


_PARTS = {
    "steady": "gradients that do not change",
    "brighter": "gradients that become brighter",
    "darker": "gradients that become darker",
    "axis": "the tensor's main axis",
    "motion": "motion",
}


def _of_orientation() -> Iterator[tuple[str, ColumnDescription]]:
    for name in orientation_histogram_names():
        found = re.fullmatch(r"orientation_t(\d)_y(\d)_x(\d)_([a-z]+)([\d.]+)", name)
        assert found is not None
        t, y, x = (int(found[i]) + 1 for i in (1, 2, 3))
        meaning = (
            f"Votes for {_PARTS[found[4]]} at {found[5]} degrees in third {t} of the clip, row {y}, column "
            f"{x} of the face."
        )
        yield name, ColumnDescription(meaning, "", (0.0, 2.0), "orientation_histogram of stcorner")
