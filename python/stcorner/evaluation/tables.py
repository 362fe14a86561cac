"""Evaluations as text, by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from stcorner.evaluation.result import Evaluation

__all__ = ["as_text", "class_table", "evaluation_tables", "score_table"]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(columns):
        table.add_column(name, justify="left" if at == 0 else "right", no_wrap=True)
    for row in rows:
        # Text, not str: a label in brackets is a label, not markup.
        table.add_row(*map(Text, row))
    return table


def _percent(value: float) -> str:
    return "-" if value != value else f"{100 * value:.1f}"


def _signed(value: float) -> str:
    return "-" if value != value else f"{100 * value:+.1f}"


def score_table(evaluations: Sequence[Evaluation]) -> Any:
    """Return a table with one row of scores, in percent, per model.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Models to compare.

    Returns
    -------
    rich.table.Table
        One row per model.
    """
    columns = (
        "model",
        "protocol",
        "clips",
        "failed",
        "UAR (UA)",
        "95 %",
        "WAR (WA)",
        "macro-F1",
        "actors",
        "ECE",
    )
    rows = []
    for e in evaluations:
        low, high = e.interval("uar")
        spread = e.spread
        ece = e.calibration if e.predicted.any() else {}
        errors = [_percent(ece[key]) for key in ("ece", "ece_calibrated") if key in ece]
        rows.append(
            (
                e.model,
                e.protocol,
                str(len(e.y_true)),
                str(e.n_failed),
                _percent(e.uar),
                f"{_percent(low)}..{_percent(high)}",
                _percent(e.war),
                _percent(e.macro_f1),
                f"{_percent(spread['min'])}..{_percent(spread['max'])}",
                " -> ".join(errors) or "-",
            )
        )
    return _table("scores in percent; 95 % by bootstrap over actors", columns, rows)


def class_table(evaluation: Evaluation) -> Any:
    """Return the confusion matrix in counts, with precision, recall and F1 in percent.

    Parameters
    ----------
    evaluation : Evaluation
        What to show.

    Returns
    -------
    rich.table.Table
        One row per class.
    """
    columns = ("true \\ said", *evaluation.classes, "n", "recall", "precision", "F1")
    rows = [
        (
            score.label,
            *map(str, evaluation.confusion[at].tolist()),
            str(score.n),
            _percent(score.recall),
            _percent(score.precision),
            _percent(score.f1),
        )
        for at, score in enumerate(evaluation.per_class)
    ]
    return _table("confusion", columns, rows)


def evaluation_tables(evaluation: Evaluation) -> list[RenderableType]:
    """Return what a person should see of one evaluation, a red notice first where it leaks.

    Parameters
    ----------
    evaluation : Evaluation
        What to show.

    Returns
    -------
    list of rich renderables
        Notices and tables in the order in which to print them.
    """
    from rich.text import Text

    parts: list[RenderableType] = [
        Text(f"WARNING: {notice}", style="bold red") for notice in evaluation.details.get("warnings", ())
    ]
    actors = [(a.actor, str(a.n), _percent(a.uar), _percent(a.war)) for a in evaluation.per_actor]
    parts += [
        score_table([evaluation]),
        class_table(evaluation),
        _table("actors", ("actor", "clips", "UAR", "WAR"), actors),
    ]
    return parts


def as_text(evaluation: Evaluation) -> str:
    """Return the tables of an evaluation as plain text."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    console = Console(file=out, width=200, color_system=None)
    for part in evaluation_tables(evaluation):
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
