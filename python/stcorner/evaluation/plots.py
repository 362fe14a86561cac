"""Plotly figures of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import MissingExtraError

if TYPE_CHECKING:
    from stcorner.evaluation.result import Evaluation

__all__ = ["plot_abstention", "plot_confusion", "plot_reliability"]


def _graph_objects() -> Any:
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise MissingExtraError("a figure", "plotly", "report") from None
    return go


def plot_confusion(evaluation: Evaluation) -> Any:
    """Return the confusion matrix as a heat map: share of each true label in percent, counts in the cells.

    Raises
    ------
    MissingExtraError
        If plotly is not installed.
    """
    go = _graph_objects()
    counts = evaluation.confusion
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = go.Figure(
        go.Heatmap(
            z=(100 * counts / totals).tolist(),
            x=list(evaluation.classes),
            y=list(evaluation.classes),
            text=counts.tolist(),
            texttemplate="%{text}",
            hovertemplate="%{y} said as %{x}: %{z:.1f} %<extra></extra>",
            colorscale="Blues",
            zmin=0,
            zmax=100,
            colorbar={"title": "%"},
        )
    )
    figure.update_layout(xaxis_title="said", yaxis={"title": "true", "autorange": "reversed"})
    return figure


def plot_reliability(evaluation: Evaluation) -> Any:
    """Return accuracy against confidence, before and after calibration; raises as `plot_confusion`."""
    go = _graph_objects()
    figure = go.Figure()
    ends = [0, 1]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"dash": "dot", "color": "grey"}, name="as it should be"
    )
    for calibrated in (False, True)[: 1 if evaluation.calibrated is None else 2]:
        bins = evaluation.reliability(calibrated=calibrated)
        error = evaluation.ece(calibrated=calibrated)
        figure.add_scatter(
            x=bins.confidence.tolist(),
            y=bins.accuracy.tolist(),
            mode="lines+markers",
            marker={"size": (6 + 18 * np.sqrt(bins.count / bins.count.max())).tolist()},
            text=[f"{n} clips" for n in bins.count.tolist()],
            name=f"{'calibrated' if calibrated else 'as given'} (ECE {100 * error:.1f} %)",
        )
    figure.update_layout(xaxis_title="confidence", yaxis_title="share correct")
    return figure


def plot_abstention(evaluation: Evaluation) -> Any:
    """Return accuracy of the surest predictions against their share; raises as `plot_confusion`."""
    go = _graph_objects()
    curve = evaluation.abstention(calibrated=evaluation.calibrated is not None)
    figure = go.Figure()
    for name, values in (("WAR", curve.war), ("UAR", curve.uar)):
        figure.add_scatter(
            x=curve.coverage.tolist(),
            y=values.tolist(),
            mode="lines+markers",
            text=[f"confidence at least {value:.2f}" for value in curve.threshold.tolist()],
            name=name,
        )
    figure.update_layout(xaxis_title="share of clips answered", yaxis_title="score")
    return figure
