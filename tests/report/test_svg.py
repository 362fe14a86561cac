"""Charts are valid SVG that says in words what it draws."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from stcorner._base.palette import AGAINST, FOR
from stcorner.report import _svg

NS = "{http://www.w3.org/2000/svg}"


def test_confusion_matrix_shows_every_count() -> None:
    counts = np.array([[5, 1], [0, 7]])
    root = ET.fromstring(_svg.confusion_matrix(counts, ["happy", "sad <&>"]))
    texts = [node.text for node in root.iter(f"{NS}text")]
    assert texts.count("happy") == 2
    assert texts.count("sad <&>") == 2
    assert {"5", "1", "0", "7"} <= set(texts)
    assert "happy recalled 83%" in (root.findtext(f"{NS}title") or "")


def test_long_names_are_not_cut_off() -> None:
    """Names stand inside their figure: in a sans-serif of 11 pixels a letter takes at least 5."""
    classes = ["anger", "disappointment", "embarrassment", "w" * 60]
    matrix = ET.fromstring(_svg.confusion_matrix(np.eye(4, dtype=int), classes))
    width = float(matrix.get("width"))
    for node in matrix.iter(f"{NS}text"):
        reach = 5 * len(node.text)
        if node.get("text-anchor") == "end":
            assert float(node.get("x")) > reach
        elif node.get("transform"):
            assert float(node.get("y")) > 0.7 * reach
            assert float(node.get("x")) + 0.7 * reach < width
    plane = ET.fromstring(_svg.scatter(np.eye(4), classes, classes, title="plane"))
    assert all(
        float(node.get("x")) + 5 * len(node.text) < float(plane.get("width"))
        for node in plane.iter(f"{NS}text")
    )
    chart = _svg.line_chart([1, 2], dict.fromkeys(classes, (0.0, 1.0)), x_label="x", y_label="y", title="t")
    names = [node for node in ET.fromstring(chart).iter(f"{NS}text") if node.text in classes]
    places = [float(node.get("x")) for node in names]
    assert all(b - a > 5 * len(n.text) for a, b, n in zip(places, places[1:], names, strict=False))


def test_reliability_skips_empty_bins() -> None:
    root = ET.fromstring(_svg.reliability_diagram([0.2, 0.5, 0.9], [0.1, 0.0, 0.8], [4, 0, 9], 0.04))
    assert len(list(root.iter(f"{NS}circle"))) == 2
    assert "4.0%" in (root.findtext(f"{NS}title") or "")


def test_line_chart_has_a_line_per_series_and_survives_nan() -> None:
    svg = _svg.line_chart(
        [1, 2, 3], {"train": [1.0, 0.5, 0.2], "validation": [1.2, np.nan, 0.9]},
        x_label="epoch", y_label="loss", title="Learning",
    )  # fmt: skip
    lines = list(ET.fromstring(svg).iter(f"{NS}polyline"))
    assert [len(line.get("points").split()) for line in lines] == [3, 2]


def test_scatter_places_every_point_inside(rng: np.random.Generator) -> None:
    root = ET.fromstring(_svg.scatter(rng.normal(size=(9, 3)), list("aabbccabc"), list("abc"), title="plane"))
    discs = [node for node in root.iter(f"{NS}circle")]
    assert len(discs) == 9
    assert all(0 <= float(d.get("cx")) <= 380 and 0 <= float(d.get("cy")) <= 380 for d in discs)


def test_face_map_colours_say_for_or_against() -> None:
    root = ET.fromstring(_svg.face_map(np.array([[[0.5, -0.25]]])))
    cells = list(root.iter(f"{NS}rect"))
    assert [cell.get("fill") for cell in cells] == [FOR, AGAINST]


def test_axes_end_at_round_numbers() -> None:
    svg = _svg.line_chart([5.6, 100], {"UAR": [72.2, 93.3]}, x_label="x", y_label="y", title="t")
    texts = [node.text for node in ET.fromstring(svg).iter(f"{NS}text")]
    assert texts[2:] == ["0", "20", "40", "60", "80", "100", "70", "75", "80", "85", "90", "95", "UAR"]


@pytest.mark.parametrize(("low", "high"), [(0, 1e-9), (0.3, 0.3), (0, 0), (-5, 5), (1, 2), (99.9, 100)])
def test_ticks_hold_the_data(low: float, high: float) -> None:
    ticks = _svg._round_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert ticks[0] <= low + 1e-12
    assert ticks[-1] >= high - 1e-12
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])
