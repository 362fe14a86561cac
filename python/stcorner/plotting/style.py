"""How all figures look, in light and dark, and how they get into files."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner._base.files import write_bytes
from stcorner._base.validation import check_choice, check_real
from stcorner.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = [
    "THEMES",
    "Look",
    "check_figure_path",
    "halo",
    "label_at_end",
    "save_figure",
    "set_title",
    "styled",
]

ENDINGS = (".png", ".svg", ".pdf")


@dataclass(frozen=True, kw_only=True)
class Look:
    """Colours of one theme; those of data come from the palette."""

    paper: str
    ink: str
    quiet: str
    line: str
    strong: str  # the one thing that matters: a curve, the bars of the winner
    other: str  # what stands beside it

    def shades(self) -> Colormap:
        """Return a map from the paper to the strong colour, for shares and counts."""
        from matplotlib.colors import LinearSegmentedColormap

        return LinearSegmentedColormap.from_list("stcorner", [self.paper, self.strong])


THEMES = {
    "light": Look(
        paper="#ffffff", ink="#1b1f24", quiet="#5b6470", line="#d5dae1", strong="#0072b2", other="#8d99a8"
    ),
    "dark": Look(
        paper="#14171b", ink="#e8ebef", quiet="#a3adb9", line="#343b44", strong="#56b4e9", other="#6b7684"
    ),
}


@contextmanager
def styled(theme: str) -> Iterator[Look]:
    """Give a theme's colours; whatever matplotlib makes meanwhile has its style.

    Raises
    ------
    ParameterError
        If there is no such theme.
    MissingExtraError
        If matplotlib is not installed.
    """
    look = THEMES[check_choice("theme", theme, tuple(THEMES))]
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError("a figure", "matplotlib", "plot") from None
    settings: Any = {
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.labelsize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.facecolor": look.paper,
        "legend.edgecolor": look.paper,
        "legend.framealpha": 0.85,
        "legend.fontsize": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.6,
        "figure.facecolor": look.paper,
        "axes.facecolor": look.paper,
        "savefig.facecolor": look.paper,
        "text.color": look.ink,
        "axes.titlecolor": look.ink,
        "axes.labelcolor": look.quiet,
        "xtick.color": look.quiet,
        "ytick.color": look.quiet,
        "axes.edgecolor": look.line,
        "grid.color": look.line,
    }
    with matplotlib.rc_context(settings):
        yield look


def halo(look: Look, width: float = 2.5) -> list[Any]:
    """Return the effect that keeps text and lines legible over anything: an edge of paper."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground=look.paper), Normal()]


def set_title(axes: Axes, text: str) -> None:
    """Write a title above axes, on as many lines as their width needs."""
    import textwrap

    figure = axes.get_figure(root=True)
    assert figure is not None
    inches = axes.get_position().width * figure.get_size_inches()[0]
    letters = max(12, int(inches * 72 / 5.5))  # a letter of the title is 5.5 points wide at most
    axes.set_title("\n".join(textwrap.wrap(text, letters)))


def label_at_end(axes: Axes, labels: dict[str, tuple[float, str]], *, gap: float = 0.055) -> None:
    """Write names at the ends of curves, each with its colour beside it, apart from each other.

    Parameters
    ----------
    axes : Axes
        With limits that are final.
    labels : dict of str to (float, str)
        Where each curve ends (on the y axis, in data) and its colour.
    gap : float
        Least distance of two names, as a share of the axes' height.
    """
    to_share = axes.transData + axes.transAxes.inverted()
    ends = sorted(
        (float(to_share.transform((0, y))[1]), name, colour) for name, (y, colour) in labels.items()
    )
    place = -1.0
    for share, name, colour in ends:
        place = max(share, place + gap)
        axes.scatter(1.025, place, s=22, marker="s", color=colour, transform=axes.transAxes, clip_on=False)
        # Text in ink: an orange that is good for a line is too pale for letters.
        axes.annotate(name, (1.045, place), xycoords="axes fraction", va="center", fontsize=8)


def save_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: float = 150.0) -> Path:
    """Write a figure; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : path
        Ends in .png, .svg or .pdf.
    dpi : float, default=150
        Pixels per inch of a .png, 20 to 1200.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ParameterError
        If the ending is another one or `dpi` is out of range.
    OutputError
        If the file cannot be written.
    """
    import matplotlib

    target = check_figure_path("path", Path(path))
    ending = target.suffix.lower()
    dots = check_real("dpi", dpi, low=20, high=1200)
    # Neither dates nor random ids: a figure under version control changes when its data do.
    metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[ending]
    data = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "stcorner"}):
        figure.savefig(data, format=ending[1:], dpi=dots, metadata=metadata)
    write_bytes(target, data.getvalue())
    return target


def check_figure_path(name: str, path: Path) -> Path:
    """Refuse an ending that cannot be written before any work is done."""
    if path.suffix.lower() not in ENDINGS:
        raise ParameterError(f"{name} must end in {', '.join(ENDINGS)}, got {str(path)!r}")
    return path
