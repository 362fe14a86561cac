"""How commands speak: tables for people, JSON for machines, progress on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console

__all__ = ["complain", "console", "print_json", "print_table", "progress"]

# Where there is no terminal, nothing may be cut to its width.
_WIDE = 10_000
# Without a terminal a line of progress at most this often, so that logs stay readable.
_LOG_SECONDS = 10.0


def console() -> Console:
    """Return the console of stdout: colours and width only where it is a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)


def complain(message: str) -> None:
    """Write one line to stderr."""
    print(f"stcorner: {message}", file=sys.stderr)


def print_json(value: Any) -> None:
    """Write `value` as JSON to stdout; NaN and infinity become null, paths become text."""
    import msgspec

    data = msgspec.json.encode(value, enc_hook=_json_hook)
    sys.stdout.write(msgspec.json.format(data, indent=2).decode() + "\n")


def _json_hook(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def cell(value: Any) -> str:
    """Return a value as a person reads it: three decimals, nothing for what is missing."""
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


def print_table(
    rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None, title: str | None = None
) -> None:
    """Print rows as a table; numbers stand right."""
    from rich.table import Table
    from rich.text import Text

    names = list(columns if columns is not None else rows[0] if rows else ())
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=not sys.stdout.isatty())
    for row in rows:
        # Text, not str: a file named "[red]" is a file, not markup.
        table.add_row(*(Text(cell(row.get(name))) for name in names))
    console().print(table)


@contextlib.contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show how far a long work is, with the time left, on stderr.

    Yields
    ------
    callable
        To be called as ``report(done, total)``.
    """
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar(what) as report:
            yield report
    else:
        yield _log(what)


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True), console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _log(what: str) -> Callable[[int, int], None]:
    start = last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if 0 < done < total and now - last >= _LOG_SECONDS:
            last = now
            left = (now - start) / done * (total - done)
            rate = done / (now - start)
            print(f"{what}: {done}/{total}, {rate:.1f}/s, {left:.0f} s left", file=sys.stderr, flush=True)

    return report
