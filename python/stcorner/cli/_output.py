"""How commands speak: tables for people, JSON for machines, progress on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from stcorner._base.files import printable
from stcorner._base.text import json_safe, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import Console, ConsoleOptions
    from rich.table import Table

__all__ = ["complain", "console", "note", "print_json", "print_table", "progress", "say", "verbosity"]

# Where there is no terminal, nothing may be cut to its width.
_WIDE = 10_000
# Up to so many rows are turned where a terminal is too narrow.
_TURNED = 3
# Without a terminal a line of progress at most this often, so that logs stay readable.
_LOG_SECONDS = 10.0

_verbosity = 0


def console(width: int | None = None) -> Console:
    """Return the console of stdout: colours and the terminal's width only where it is one."""
    from rich.console import Console
    from rich.segment import Segment

    class Screen(Console):
        def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
            for segment in super().render(*args, **kwargs):
                # What rich itself sends to the terminal comes apart from text, and later.
                text = segment.text if segment.control else "\n".join(map(shown, segment.text.split("\n")))
                yield Segment(text, segment.style, segment.control)

    return Screen(highlight=False, soft_wrap=True, width=width if sys.stdout.isatty() else _WIDE)


def complain(message: str) -> None:
    """Write one line to stderr."""
    print(f"stcorner: {shown(message)}", file=sys.stderr)


def note(message: str) -> None:
    """Write one line to stderr that nobody misses with ``-q``: what was written where, a warning."""
    if _verbosity >= 0:
        complain(message)


@contextlib.contextmanager
def verbosity(level: int) -> Iterator[None]:
    """Say more or less inside the block: -1 errors alone, 1 and 2 what `stcorner.*` loggers tell too."""
    global _verbosity
    import logging

    logger, handler = logging.getLogger("stcorner"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    _verbosity, before = level, logger.level
    if level > 0:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if level > 1 else logging.INFO)
    try:
        yield
    finally:
        _verbosity = 0
        logger.removeHandler(handler)
        logger.setLevel(before)


def say(text: str = "") -> None:
    """Write text of ours to stdout, lines as they are; names of others in it go through `shown` before."""
    print("\n".join(map(shown, text.split("\n"))), flush=True)


def print_json(value: Any) -> None:
    """Write `value` as JSON to stdout; NaN and infinity become null, paths become text."""
    import msgspec

    try:
        data = msgspec.json.encode(value, enc_hook=_json_hook)
    except UnicodeEncodeError:  # a file's name in another encoding
        data = msgspec.json.encode(_all_printable(value), enc_hook=_json_hook)
    sys.stdout.write(json_safe(msgspec.json.format(data, indent=2).decode()) + "\n")


def _json_hook(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def _all_printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_printable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_all_printable(one) for one in value]
    return printable(str(value)) if isinstance(value, str | os.PathLike) else value


def cell(value: Any) -> str:
    """Return a value as a person reads it: three decimals, nothing for what is missing."""
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return shown(value)


def print_table(
    rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None, title: str | None = None
) -> None:
    """Print rows as a table; numbers stand right.

    On a terminal that is too narrow, few rows are turned: names down, rows across. Of many rows the
    lines run over the edge. Nothing is cut either way.
    """
    names = list(columns if columns is not None else rows[0] if rows else ())
    screen = console()
    table = _table(rows, names, title)
    if sys.stdout.isatty() and screen.measure(table, options=_endless(screen)).maximum > screen.width:
        if 0 < len(rows) <= _TURNED:
            turned = [
                {"": name, **{str(i): cell(row.get(name)) for i, row in enumerate(rows)}} for name in names
            ]
            table = _table(turned, list(turned[0]), title)
            table.show_header = False
        else:
            screen = console(_WIDE)
    screen.print(table)


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], title: str | None) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # Text, not str: a file named "[red]" is a file, not markup.
        table.add_row(*(Text(cell(row.get(name))) for name in names))
    return table


def _endless(screen: Console) -> ConsoleOptions:
    return screen.options.update(width=_WIDE)


@contextlib.contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show how far a long work is, with the time left, on stderr.

    Yields
    ------
    callable
        To be called as ``report(done, total)``.
    """
    if quiet or _verbosity < 0:
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
