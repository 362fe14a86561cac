"""Write the tables of README.md, docs/benchmarks.md and docs/results.md from bench/results/*.json.

``python bench/readme_tables.py`` rewrites what stands between the marks ``<!-- results:scores -->`` or
``<!-- results:speed -->`` and ``<!-- results:end -->``; with ``--check`` it only says whether they are up to
date. Nobody writes there by hand, so that every printed number has a command behind it.
``results:summary`` takes the scores of science_*.json only, ``results:file NAME`` everything in one file.
A file with a ``page`` is shown there alone: its rows need the words around them.

Scores are dictionaries with ``uar``, ``war`` and ``interval`` anywhere in a file; their keys name the row.
Measurements are lists of dictionaries (one row each) or nested dictionaries of numbers.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "results.md")
MARK = re.compile(
    r"(<!-- results:(summary|scores|speed|file \w+) -->\n)(.*?)(<!-- results:end -->)", re.DOTALL
)
PROVENANCE = (
    "what",
    "clips",
    "actors",
    "processor",
    "cores",
    "load",
    "load_average",
    "isa",
    "stcorner",
    "command",
)
SURROUNDINGS = ("versions", "machine", "packages")


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        # A shape, an interval, or a course of which the ends tell whether it is flat.
        whole = all(isinstance(each, int) for each in value)
        return (" x " if whole else " … ").join(
            map(cell, value if whole or len(value) < 4 else value[:: len(value) - 1])
        )
    return str(value).replace("|", "\\|")


def table(columns: list[str], rows: list[list[Any]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *([cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def scores(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the scores below `node` with the keys that lead to them."""
    if isinstance(node, dict):
        if {"uar", "war", "interval"} <= node.keys():
            yield path, node
            return
        for key, value in node.items():
            yield from scores(value, (*path, str(key)))
    elif isinstance(node, list):
        for value in node:
            words = (
                [each for each in value.values() if isinstance(each, str)] if isinstance(value, dict) else []
            )
            yield from scores(value, (*path, *words))


def score_table(document: dict[str, Any]) -> str:
    """Return a table of all scores of a results file, or nothing."""
    found = list(scores(document))
    # A first key that all share ("systems") says nothing.
    shared = len({path[0] for path, _ in found if path}) == 1 and all(len(path) > 1 for path, _ in found)
    rows = []
    for path, values in found:
        low, high = values["interval"]
        f1 = values.get("macro_f1", values.get("f1"))
        figures = [f"{values['uar']:.1f}", f"{low:.1f} … {high:.1f}", f"{values['war']:.1f}"]
        figures.append(f"{f1:.1f}" if f1 is not None else "")
        figures += [f"{values['leaked']:.0f}", values["folds"]] if "leaked" in values else []
        rows.append([" / ".join(path[shared:]), *figures])
    columns = ["System", "UAR %", "95 % over actors", "WAR %", "macro F1 %", "tested rows leaked %", "folds"]
    return table(columns[: len(rows[0])], rows) if rows else ""


def leaves(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the numbers of nested dictionaries with their keys joined."""
    for key, value in node.items():
        if isinstance(value, dict):
            if key not in SURROUNDINGS:
                yield from leaves(value, (*path, str(key)))
        elif isinstance(value, list):
            if value and all(isinstance(each, int | float) for each in value):
                yield " / ".join((*path, str(key))), value
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            yield " / ".join((*path, str(key))), value


def speed_table(document: dict[str, Any], *, nested: bool = True) -> str:
    """Return the measurements of a results file as tables, lists alone or nested ones too, or nothing."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            flat = [{**row, **row.get("ratios", {})} for row in value]
            names = [name for row in flat for name, each in row.items() if not isinstance(each, dict)]
            columns = list(dict.fromkeys(names))
            title = f"*{key}*\n\n" if " " in key else ""
            parts.append(title + table(columns, [[row.get(name, "") for name in columns] for row in flat]))
        elif nested and isinstance(value, dict) and key not in SURROUNDINGS:
            rows = [list(pair) for pair in leaves(value)]
            parts += [table([key, "value"], rows)] if rows else []
    return "\n".join(parts)


def section(kind: str, results: Path) -> str:
    """Return everything that belongs between two marks."""
    parts = []
    alone = kind.removeprefix("file ") if kind.startswith("file ") else None
    pattern = f"{alone}.json" if alone else "science_*.json" if kind == "summary" else "*.json"
    for path in sorted(results.glob(pattern)):
        document = json.loads(path.read_text())
        if not isinstance(document, dict) or (document.get("page") and not alone):
            continue
        scored = score_table(document)
        if alone:
            body = "\n".join(filter(None, [scored, speed_table(document, nested=not scored)]))
        else:
            body = scored if kind != "speed" else "" if scored else speed_table(document)
        if body:
            known = {**document.get("machine", {}), **document}
            facts = ", ".join(f"{name} {cell(known[name])}" for name in PROVENANCE if known.get(name))
            parts.append(f"**{path.stem.replace('science_', '').replace('_', ' ')}** ({facts})\n\n{body}")
    return "\n" + "\n".join(parts) + "\n" if parts else "\nNot measured yet.\n\n"


def main() -> int:
    """Rewrite or check the pages; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if a page is out of date"
    )
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("results"))
    options = parser.parse_args()
    stale = []
    for page in PAGES:
        old = page.read_text()
        new = MARK.sub(lambda found: found[1] + section(found[2], options.results) + found[4], old)
        if new != old:
            stale.append(page.name)
            if not options.check:
                page.write_text(new)
    if stale:
        print(f"{'out of date' if options.check else 'written'}: {', '.join(stale)}")
    return int(bool(stale) and options.check)


if __name__ == "__main__":
    sys.exit(main())
