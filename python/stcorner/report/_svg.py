"""Small charts as SVG text: no script, no external resource, readable by a screen reader.

Colours are given as attributes, so the pages need no inline styles and their content-security policy
can forbid them.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.palette import AGAINST, FOR, PALETTE, class_colours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "confusion_matrix",
    "face_map",
    "line_chart",
    "reliability_diagram",
    "scatter",
]


# Room above and beside a frame, for discs and labels that reach over its edge.
_TOP, _RIGHT = 14, 20


def _svg(width: float, height: float, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" width="{width:g}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{"".join(body)}</svg>'
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", faint: bool = False, extra: str = ""
) -> str:
    css = ' class="faint"' if faint else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}{extra}>{escape(text)}</text>'


def _shown(label: str, most: int = 26) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def _width(labels: Sequence[str]) -> float:
    """Return pixels that the longest label takes at most in 11 pixels' sans-serif, whose "m" has 10."""
    return max(sum(10.0 if c in "mwMW…" or ord(c) > 0x2000 else 7.0 for c in label) for label in labels)


def confusion_matrix(counts: NDArray[np.integer], classes: Sequence[str]) -> str:
    """Draw counts with rows normalised: rows are true classes, columns predicted ones."""
    n, cell, names = len(classes), 46, [_shown(name) for name in classes]
    long = _width(names)
    slant = 0.71 * long  # of a label at 45 degrees
    left, top, right = round(max(78, long + 10)), round(max(66, slant + 20)), max(40, slant - cell / 2 + 12)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    body = []
    for i, true in enumerate(names):
        body.append(_text(left - 6, top + (i + 0.6) * cell, true, anchor="end"))
        x = left + (i + 0.5) * cell
        body.append(_text(x, top - 8, true, extra=f' transform="rotate(-45 {x:.1f} {top - 8})"'))
        for j in range(n):
            x, y = left + j * cell, top + i * cell
            body.append(
                f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" class="count" fill="{FOR}" '
                f'fill-opacity="{0.04 + 0.7 * share[i, j]:.3f}"/>'
            )
            body.append(_text(x + cell / 2, y + cell / 2 + 4, str(int(counts[i, j])), anchor="middle"))
    title = "Confusion matrix: rows are true classes, columns are predictions; " + "; ".join(
        f"{name} recalled {share[i, i]:.0%}" for i, name in enumerate(classes)
    )
    return _svg(left + n * cell + right, top + n * cell + 6, title, body)


def _axes(width: float, height: float, x_label: str, y_label: str, x_ticks: Sequence[tuple[float, str]],
          y_ticks: Sequence[tuple[float, str]], left: float, bottom: float) -> list[str]:  # fmt: skip
    """Frame with ticks; tick positions are shares of the frame, 0 to 1."""
    body = [
        f'<rect class="frame" x="{left}" y="{_TOP}" width="{width}" height="{height}"/>',
        _text(left + width / 2, height + _TOP + bottom - 4, x_label, anchor="middle", faint=True),
        _text(11, _TOP + height / 2, y_label, anchor="middle", faint=True,
              extra=f' transform="rotate(-90 11 {_TOP + height / 2:.1f})"'),
    ]  # fmt: skip
    body += [
        _text(left + p * width, height + _TOP + 14, label, anchor="middle", faint=True)
        for p, label in x_ticks
    ]
    body += [
        _text(left - 4, _TOP + 4 + (1 - p) * height, label, anchor="end", faint=True) for p, label in y_ticks
    ]
    return body


_SHARES = [(p, f"{100 * p:.0f} %") for p in (0.0, 0.25, 0.5, 0.75, 1.0)]


def reliability_diagram(
    confidence: Sequence[float], accuracy: Sequence[float], count: Sequence[int], ece: float
) -> str:
    """Draw accuracy against confidence, one disc for each bin, its area growing with the count."""
    size, left, bottom = 260, 52, 38
    body = _axes(size, size, "confidence", "accuracy", _SHARES, _SHARES, left, bottom)
    body.append(
        f'<line x1="{left}" y1="{_TOP + size}" x2="{left + size}" y2="{_TOP}" stroke="#888888" '
        'stroke-dasharray="4 4"/>'
    )
    largest = max([*count, 1])
    for c, a, n in zip(confidence, accuracy, count, strict=True):
        if n:
            radius = 3 + 9 * (n / largest) ** 0.5
            body.append(
                f'<circle cx="{left + c * size:.1f}" cy="{_TOP + (1 - a) * size:.1f}" r="{radius:.1f}" '
                f'class="for" fill="{FOR}" fill-opacity="0.7">'
                f"<title>{n} clips: confidence {c:.0%}, accuracy {a:.0%}</title></circle>"
            )
    return _svg(
        left + size + _RIGHT, size + _TOP + bottom, f"Reliability: expected calibration error {ece:.1%}", body
    )


def _round_ticks(low: float, high: float) -> list[float]:
    """Return three to seven evenly spaced round numbers from at most `low` to at least `high`.

    Examples
    --------
    >>> _round_ticks(5.6, 100), _round_ticks(0.3, 0.3)
    ([0.0, 20.0, 40.0, 60.0, 80.0, 100.0], [0.3, 0.4])
    """
    span = high - low if high > low else abs(high) or 1.0
    size = 10.0 ** np.floor(np.log10(span / 4))
    step = next(size * factor for factor in (1, 2, 5, 10) if span / (size * factor) <= 5)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [round(float(i * step), 12) for i in np.arange(first, last + 1)]


def line_chart(
    x: Sequence[float], series: dict[str, Sequence[float]], *, x_label: str, y_label: str, title: str
) -> str:
    """Draw one line for each series over shared axes that end at round numbers."""
    width, height, left, bottom = 340, 220, 58, 38
    values = np.concatenate([np.asarray(v, dtype=float) for v in series.values()])
    y_values = _round_ticks(float(np.nanmin(values)), float(np.nanmax(values)))
    x_values = _round_ticks(float(min(x)), float(max(x)))
    low, span = y_values[0], y_values[-1] - y_values[0]
    start, reach = x_values[0], x_values[-1] - x_values[0]
    x_ticks = [((value - start) / reach, f"{value:g}") for value in x_values]
    y_ticks = [((value - low) / span, f"{value:g}") for value in y_values]
    body = _axes(width, height, x_label, y_label, x_ticks, y_ticks, left, bottom)
    key = float(left)
    for k, (name, line) in enumerate(series.items()):
        points = " ".join(
            f"{left + (a - start) / reach * width:.1f},{_TOP + (1 - (b - low) / span) * height:.1f}"
            for a, b in zip(x, line, strict=True)
            if np.isfinite(b)
        )
        colour = PALETTE[k % len(PALETTE)]
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body.append(f'<rect x="{key:g}" y="0" width="10" height="10" fill="{colour}"/>')
        body.append(_text(key + 14, 9, name))
        key += max(100.0, _width([name]) + 24)
    return _svg(max(left + width + _RIGHT, key), height + _TOP + bottom, title, body)


def scatter(
    points: NDArray[np.floating], labels: Sequence[str], classes: Sequence[str], *, title: str
) -> str:
    """Draw the first two columns of `points`, coloured by class; axes have no unit."""
    size, pad = 380, 14
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    place = pad + (points[:, :2] - low) / np.maximum(high - low, 1e-12) * (size - 2 * pad)
    colour = dict(zip(classes, class_colours(classes), strict=True))
    body = [f'<rect class="frame" x="1" y="1" width="{size - 2}" height="{size - 2}"/>']
    body += [
        f'<circle cx="{x:.1f}" cy="{size - y:.1f}" r="3" fill="{colour[label]}" fill-opacity="0.75"/>'
        for (x, y), label in zip(place, labels, strict=True)
    ]
    for k, name in enumerate(classes):
        body.append(f'<rect x="{size + 10}" y="{10 + 18 * k}" width="11" height="11" fill="{colour[name]}"/>')
        body.append(_text(size + 26, 20 + 18 * k, _shown(name)))
    legend = max(110.0, 30 + _width([_shown(name) for name in classes]))
    return _svg(size + legend, max(size, 18 * len(classes) + 10), title, body)


def face_map(values: NDArray[np.floating]) -> str:
    """Draw the parts that blocks of the face had in a decision.

    Parameters
    ----------
    values : ndarray of shape (segments, rows, columns)
        Signed contributions. Blue speaks for the decision, orange against it.
    """
    segments, rows, columns = values.shape
    cell, gap = 22, 14
    largest = float(np.abs(values).max()) or 1.0
    body = []
    for s in range(segments):
        left = s * (columns * cell + gap)
        for r in range(rows):
            for c in range(columns):
                v = float(values[s, r, c])
                body.append(
                    f'<rect x="{left + c * cell}" y="{r * cell}" width="{cell - 1}" height="{cell - 1}" '
                    f'class="{"for" if v >= 0 else "against"}" fill="{FOR if v >= 0 else AGAINST}" '
                    f'fill-opacity="{0.05 + 0.9 * abs(v) / largest:.3f}">'
                    f"<title>row {r + 1}, column {c + 1}, stretch {s + 1}: {v:+.4f}</title></rect>"
                )
    width = segments * columns * cell + (segments - 1) * gap
    return _svg(width, rows * cell, "Contribution of each block of the face", body)
