"""Figures of what was learned: fused planes, learning curves; and of how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.palette import PALETTE, class_colours
from stcorner._base.validation import check_array
from stcorner.errors import ParameterError
from stcorner.plotting.style import halo, label_at_end, set_title, styled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["plot_learning", "plot_plane"]

_MARKERS = "osD^v<>P"


def plot_plane(
    points: ArrayLike,
    labels: Sequence[str] | ArrayLike,
    *,
    held_out: ArrayLike | None = None,
    title: str = "",
    theme: str = "light",
) -> Figure:
    """Draw clips in the first two fused directions, coloured by emotion.

    Parameters
    ----------
    points : array_like of shape (n, d), d >= 2
        Rows of a fused space; the first two columns are drawn. They have no unit.
    labels : sequence of str, length n
        Emotion of each clip.
    held_out : array_like of bool, shape (n,), optional
        Clips that the directions were not fitted to: drawn strong, all others faint.
    title : str
        Title of the figure.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        If shapes or lengths do not fit.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> figure = plot_plane([[0, 1], [2, 3], [4, 5]], ["sad", "happy", "sad"])
    >>> sad = figure.axes[0].collections[1]
    >>> sad.get_label(), sad.get_offsets().tolist()
    ('sad (2)', [[0.0, 1.0], [4.0, 5.0]])
    """
    place = check_array("points", points, dtype="f8", ndim=2)
    names = np.asarray([str(label) for label in np.asarray(labels)], dtype=np.str_)
    if place.shape[1] < 2 or not len(place):
        raise ParameterError(f"points must have shape (n, d) with n >= 1 and d >= 2, got {place.shape}")
    if len(names) != len(place):
        raise ParameterError(f"labels must have {len(place)} entries as points, got {len(names)}")
    strong = np.ones(len(place), dtype=bool) if held_out is None else np.asarray(held_out)
    if strong.shape != names.shape or strong.dtype != bool:
        raise ParameterError(
            f"held_out must be bool of shape ({len(place)},), got {strong.dtype} of shape {strong.shape}"
        )
    classes = sorted(set(names.tolist()))
    with styled(theme) as look:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.8, 5.2), layout="constrained")
        axes = figure.subplots()
        for k, (name, colour) in enumerate(zip(classes, class_colours(classes), strict=True)):
            of_class, marker = names == name, _MARKERS[k % len(_MARKERS)]
            if not strong.all():
                faint = of_class & ~strong
                axes.scatter(
                    place[faint, 0],
                    place[faint, 1],
                    s=10,
                    color=colour,
                    marker=marker,
                    alpha=0.22,
                    linewidth=0,
                )
            shown = of_class & strong
            axes.scatter(
                place[shown, 0], place[shown, 1], s=30, color=colour, marker=marker, edgecolor=look.paper,
                linewidth=0.5, label=f"{name} ({int(shown.sum())})", zorder=3,
            )  # fmt: skip
            if shown.any():
                axes.annotate(
                    name, np.median(place[shown, :2], axis=0), ha="center", va="center", fontsize=9,
                    color=look.ink, fontweight="bold", path_effects=halo(look), zorder=4,
                )  # fmt: skip
        axes.set_xlabel("first fused direction")
        axes.set_ylabel("second fused direction")
        axes.tick_params(labelbottom=False, labelleft=False, length=0)
        set_title(axes, title)
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.0, 1.0),
            title="clips" if strong.all() else "held-out clips\n(faint: training)", title_fontsize=8,
        )  # fmt: skip
        return figure


def plot_learning(history: Mapping[str, Sequence[float]], *, theme: str = "light") -> Figure:
    """Draw loss and accuracy by epoch, and mark the epoch whose weights were kept.

    Parameters
    ----------
    history : mapping of str to sequence of float
        As ``FERCNNClassifier.history_``: ``loss`` and, where there are, ``accuracy``, ``val_loss``,
        ``val_accuracy``.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        If there is no ``loss``, or the curves have different lengths.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> figure = plot_learning({"loss": [2.0, 1.0], "val_loss": [2.1, 2.4]})
    >>> [line.get_ydata().tolist() for line in figure.axes[0].lines[:2]]
    [[2.0, 1.0], [2.1, 2.4]]
    """
    curves = {name: np.asarray(history[name], dtype=float) for name in _CURVES if name in history}
    if "loss" not in curves or curves["loss"].ndim != 1 or not len(curves["loss"]):
        raise ParameterError(f"history must hold the loss of each epoch, got {sorted(history)}")
    lengths = {name: len(values) for name, values in curves.items()}
    if len(set(lengths.values())) > 1:
        raise ParameterError(f"history must have curves of one length, got {lengths}")
    # Of equal validation losses the later one is kept; without validation rows the last epoch counts.
    last = len(curves["loss"]) - 1
    best = last - int(np.argmin(curves["val_loss"][::-1])) if "val_loss" in curves else last
    panels = [("loss", "loss, nats")] + ([("accuracy", "right, %")] if "accuracy" in curves else [])
    with styled(theme) as look:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.8 * len(panels), 3.4), layout="constrained")
        for axes, (key, label) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw_curves(axes, curves, key)
            axes.axvline(best + 1, color=look.other, linestyle="--", linewidth=1)
            axes.annotate(
                f"kept: epoch {best + 1}", (best + 1, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
                textcoords="offset points", ha="right" if best > last / 2 else "left",
                fontsize=8, color=look.quiet,
            )  # fmt: skip
            axes.set_ylabel(label)
        return figure


_CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")


def _draw_curves(axes: Axes, curves: Mapping[str, np.ndarray], key: str) -> None:
    from matplotlib.ticker import MaxNLocator

    factor = 100.0 if key == "accuracy" else 1.0
    ends = {}
    for name, label, colour in ((key, "training", PALETTE[0]), (f"val_{key}", "validation", PALETTE[5])):
        if name in curves:
            epochs = np.arange(1, 1 + len(curves[name]))
            axes.plot(epochs, factor * curves[name], color=colour, marker="o" if len(epochs) == 1 else "")
            ends[label] = (factor * float(curves[name][-1]), colour)
    axes.set_ylim(0, 102 if key == "accuracy" else None)
    axes.set_xlim(1, max(2, len(curves[key])))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.grid(axis="y")
    label_at_end(axes, ends)
