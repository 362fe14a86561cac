"""Figures of evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.palette import PALETTE
from stcorner._base.validation import check_choice
from stcorner.errors import ParameterError
from stcorner.evaluation import Evaluation
from stcorner.plotting.style import label_at_end, set_title, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from stcorner.plotting.style import Look

__all__ = ["plot_abstention", "plot_actors", "plot_confusion", "plot_reliability"]


def _several(evaluation: Evaluation | Sequence[Evaluation]) -> list[Evaluation]:
    listed = [evaluation] if isinstance(evaluation, Evaluation) else list(evaluation)
    if not listed or not all(isinstance(each, Evaluation) for each in listed):
        raise ParameterError(f"evaluation must be an Evaluation or several, got {evaluation!r}")
    if len(listed) > len(PALETTE):
        raise ParameterError(f"evaluation must be at most {len(PALETTE)} of them, got {len(listed)}")
    if not all(each.predicted.any() for each in listed):
        raise ParameterError("evaluation must hold at least one prediction, got none: its errors say why")
    return listed


def _names(evaluations: Sequence[Evaluation]) -> list[str]:
    """Name each by its model, and by its protocol where models are the same."""
    models = [each.model for each in evaluations]
    if len(set(models)) == len(models):
        return models
    return [f"{each.model}, {each.protocol}" for each in evaluations]


def plot_confusion(evaluation: Evaluation, *, theme: str = "light") -> Figure:
    """Draw the confusion matrix: shade and percent are shares of the true label, counts stand below.

    Parameters
    ----------
    evaluation : Evaluation
        What to draw.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        If the evaluation holds no prediction.
    MissingExtraError
        If matplotlib is not installed.
    """
    (one,) = _several([evaluation])
    counts = one.confusion
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with styled(theme) as look:
        from matplotlib.figure import Figure

        n = len(one.classes)
        figure = Figure(figsize=(2.1 + 0.66 * n, 1.5 + 0.56 * n), layout="constrained")
        axes = figure.subplots()
        shades = look.shades()
        axes.imshow(share, cmap=shades, vmin=0, vmax=100, aspect="auto")
        for (i, j), percent in np.ndenumerate(share):
            name = f"{percent:.0f} %\n{counts[i, j]}" if counts[i, j] else "0"
            axes.text(
                j, i, name, ha="center", va="center", fontsize=7.5, linespacing=1.1,
                color=_legible(look, shades(percent / 100)) if counts[i, j] else look.quiet,
                fontweight="bold" if i == j else "normal",
            )  # fmt: skip
        axes.set_xticks(range(n), one.classes, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(n), one.classes)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        set_title(axes, f"{one.model}: UAR {100 * one.uar:.1f} %, {int(counts.sum())} clips")
        return figure


def _legible(look: Look, ground: tuple[float, float, float, float]) -> str:
    """Return ink or paper, whichever stands out more from a colour (contrast as WCAG has it)."""
    from matplotlib.colors import to_rgb

    def luminance(colour: tuple[float, ...]) -> float:
        parts = np.asarray(colour[:3])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05

    below = luminance(ground)
    ink, paper = (luminance(to_rgb(colour)) for colour in (look.ink, look.paper))
    return look.ink if max(ink / below, below / ink) >= max(paper / below, below / paper) else look.paper


def plot_reliability(evaluation: Evaluation, *, theme: str = "light") -> Figure:
    """Draw accuracy against confidence, before and after calibration, and how often each occurs.

    Parameters
    ----------
    evaluation : Evaluation
        What to draw.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        On the diagonal predictions are right as often as they claim. Areas of discs are clips.
    """
    (one,) = _several([evaluation])
    kinds = [(False, "as given"), (True, "calibrated")][: 1 if one.calibrated is None else 2]
    with styled(theme) as look:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5.4, 5.6), layout="constrained")
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        axes.plot([0, 100], [0, 100], color=look.other, linestyle="--", linewidth=1)
        axes.annotate(
            "as sure as right", (68, 68), xytext=(0, 4), textcoords="offset points", ha="center", va="bottom",
            rotation=45, rotation_mode="anchor", transform_rotates_text=True, color=look.quiet, fontsize=8,
        )  # fmt: skip
        n = int(one.predicted.sum())
        for (calibrated, name), colour in zip(kinds, (PALETTE[0], PALETTE[1]), strict=False):
            bins = one.reliability(calibrated=calibrated)
            label = f"{name}: calibration error {100 * one.ece(calibrated=calibrated):.1f} %"
            axes.plot(100 * bins.confidence, 100 * bins.accuracy, color=colour, linewidth=1, alpha=0.7)
            axes.scatter(
                100 * bins.confidence, 100 * bins.accuracy, s=12 + 260 * bins.count / n, color=colour,
                edgecolor=look.paper, linewidth=0.6, zorder=3, label=label,
            )  # fmt: skip
            rows = one.calibrated if calibrated else one.probabilities
            assert rows is not None  # `kinds` has "calibrated" only where there is one
            sure = 100 * rows[one.predicted].max(axis=1)
            below.hist(sure, bins=20, range=(0, 100), histtype="step", color=colour, linewidth=1.4)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 104)
        axes.grid()
        axes.set_ylabel("right, %")
        axes.legend(loc="upper left", markerscale=0.6)
        set_title(axes, one.model)
        below.set_ylabel("clips")
        below.set_xlabel("confidence, %")
        return figure


def plot_actors(
    evaluation: Evaluation | Sequence[Evaluation], *, metric: str = "uar", theme: str = "light"
) -> Figure:
    """Draw the score of each actor, and the score of all with its interval.

    Parameters
    ----------
    evaluation : Evaluation, or several of them
        Several stand side by side, actors in the order of the first one's scores.
    metric : {"uar", "war"}
        Mean recall of the classes, or accuracy.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        If a parameter is out of range or an evaluation holds no prediction.
    MissingExtraError
        If matplotlib is not installed.
    """
    listed = _several(evaluation)
    check_choice("metric", metric, ("uar", "war"))
    scores = [{row.actor: 100 * float(getattr(row, metric)) for row in each.per_actor} for each in listed]
    order = sorted({name for table in scores for name in table}, key=lambda a: (scores[0].get(a, -1.0), a))
    with styled(theme) as look:
        from matplotlib.figure import Figure

        figure = Figure(
            figsize=(max(5.2, 3.2 * len(listed)), 1.4 + 0.2 * max(4, len(order))), layout="constrained"
        )
        panels = figure.subplots(1, len(listed), sharey=True, sharex=True, squeeze=False)[0]
        for axes, each, table, name in zip(panels, listed, scores, _names(listed), strict=True):
            _draw_actors(axes, look, each, table, order, metric)
            set_title(axes, name)
        panels[0].set_ylabel("actor")
        panels[0].set_xlim(0, 100)
        return figure


def _draw_actors(
    axes: Axes, look: Look, each: Evaluation, table: dict[str, float], order: Sequence[str], metric: str
) -> None:
    low, high = (100 * end for end in each.interval(metric))
    overall, chance = 100 * float(getattr(each, metric)), 100 / len(each.classes)
    axes.axvspan(low, high, color=look.strong, alpha=0.18, linewidth=0)
    axes.axvline(overall, color=look.strong, linewidth=1.4)
    axes.axvline(chance, color=look.other, linestyle=":", linewidth=1)
    axes.scatter(
        [table.get(name, np.nan) for name in order], range(len(order)), s=26, color=look.ink, zorder=3
    )
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(-0.8, len(order) - 0.2)
    axes.grid(axis="y")
    axes.tick_params(axis="y", length=0)
    unit = metric.upper()
    axes.set_xlabel(
        f"{unit}, %: all {overall:.1f}, 95 % interval {low:.1f} to {high:.1f}\n(dotted: by chance)"
    )


def plot_abstention(evaluation: Evaluation | Sequence[Evaluation], *, theme: str = "light") -> Figure:
    """Draw the score of the surest predictions against the share of clips that they are.

    Parameters
    ----------
    evaluation : Evaluation, or several of them
        One gives its UAR and WAR, several give their UAR. Calibrated probabilities are used where there
        are some.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        If an evaluation holds no prediction.
    MissingExtraError
        If matplotlib is not installed.
    """
    listed = _several(evaluation)
    curves = [each.abstention(calibrated=each.calibrated is not None) for each in listed]
    if len(listed) == 1:
        lines = {"UAR": (curves[0].coverage, curves[0].uar), "WAR": (curves[0].coverage, curves[0].war)}
    else:
        names = _names(listed)
        lines = {name: (curve.coverage, curve.uar) for name, curve in zip(names, curves, strict=True)}
    with styled(theme):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        ends = {}
        for (name, (coverage, score)), colour in zip(lines.items(), PALETTE, strict=False):
            axes.plot(100 * coverage, 100 * score, color=colour, marker="o", markersize=3, clip_on=False)
            ends[name] = (100 * float(score[-1]), colour)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 102)
        axes.grid()
        axes.set_xlabel("clips answered, surest first, %")
        axes.set_ylabel("UAR, %" if len(listed) > 1 else "score, %")
        set_title(axes, listed[0].model if len(listed) == 1 else "Answering only when sure")
        label_at_end(axes, ends)
        return figure
