"""Write the tables of README.md and of the docs from bench/results/*.json.

``python bench/readme_tables.py`` rewrites what stands between a mark and ``<!-- results:end -->``; with
``--check`` it only says whether the pages are up to date. Nobody writes there by hand, so that every printed
number has a command behind it. The marks:

``results:people``                          voice, face, and both, on people whom the model never saw
``results:rows FILE | ROW = TITLE | ...``   scores of some systems of a file; a row that is gone is an error
``results:pick FILE | COLUMNS | FILTERS``   ``column = title; ...`` of the rows where ``key = value; ...``
``results:numbers``                         everything in every file, each folded

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
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
MARK = re.compile(r"(<!-- results:(?!end)([^\n]+?) -->\n)(.*?)(<!-- results:end -->)", re.DOTALL)
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


def short(value: float) -> str:
    """Return three digits of a value, or all of a large one's before the point."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


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


def named(text: str) -> list[tuple[str, str]]:
    """Return pairs of name and title of ``name = title; ...``; a name without a title is its own."""
    pairs = [part.partition(" = ") for part in text.split("; ")]
    return [(name.strip(), title.strip() or name.strip()) for name, _, title in pairs]


def rows_table(document: dict[str, Any], wanted: list[str]) -> str:
    """Return the scores of the named systems."""
    found = {" / ".join(path): values for path, values in scores(document)}
    found |= {" / ".join(path[1:]): values for path, values in scores(document) if len(path) > 1}
    rows = []
    for each in wanted:
        name, _, title = each.partition(" = ")
        values = found[name.strip()]
        low, high = values["interval"]
        rows.append([title.strip() or name.strip(), f"{values['uar']:.1f}", f"{low:.1f} to {high:.1f}"])
    return table(["System", "UAR %", "95 % interval"], rows)


def pick_table(document: dict[str, Any], columns: str, filters: str = "") -> str:
    """Return some columns of the rows that pass the filters."""
    results = document.get("results")
    parts = [*document.values(), *(results.values() if isinstance(results, dict) else ())]
    lists = [value for value in parts if isinstance(value, list) and value]
    measured = [row for value in lists for row in value if isinstance(row, dict)]
    pairs = named(columns)
    conditions = [part.partition(" = ") for part in filters.split("; ") if part]
    kept = [
        {**row, **row.get("ratios", {})}
        for row in measured
        if pairs[0][0] in row
        and pairs[1][0] in {**row, **row.get("ratios", {})}
        and all(str(row.get(key.strip(), "")) in value.strip().split(" or ") for key, _, value in conditions)
    ]
    if not kept:
        raise SystemExit(f"no row of {filters!r}")
    rows = [[row.get(name, "") for name, _ in pairs] for row in kept]
    rounded = [[short(each) if isinstance(each, float) else each for each in row] for row in rows]
    return table([title for _, title in pairs], rounded)


def people_table(results: Path) -> str:
    """Return the table of the README: voice, face, and both, on new people."""
    fused = json.loads((results / "science_fusion.json").read_text())
    alone = json.loads((results / "science_av.json").read_text())["table"]
    shipped = json.loads((results / "science_train_shipped.json").read_text())["table"]
    systems = {" / ".join(path[1:]): values for path, values in scores(fused)} | shipped
    lines = (("voice", "voice", "voice alone"), ("face", "openface", "face alone"))
    lines += (("voice and face", "voice and action units", "both"),)
    rows = []
    for title, of_twenty, of_one in lines:
        both = (systems[of_twenty], alone[f"{of_one}, 8 classes"])
        cells = [
            f"{each['uar']:.0f} % ({' to '.join(f'{x:.0f}' for x in each['interval'])})" for each in both
        ]
        rows.append([title, *cells])
    columns = ["", "20 people, action units of OpenFace", "1 person (60 clips), the package alone"]
    return table(columns, rows)


def described(document: dict[str, Any]) -> str:
    """Return where a file's numbers come from."""
    known = {**document.get("machine", {}), **document}
    return ", ".join(f"{name} {cell(known[name])}" for name in PROVENANCE if known.get(name))


def numbers(results: Path) -> str:
    """Return every file of results, each folded."""
    parts = []
    for path in sorted(results.glob("*.json")):
        document = json.loads(path.read_text())
        if isinstance(document, dict):
            scored = score_table(document)
            body = "\n".join(filter(None, [scored, speed_table(document, nested=not scored)]))
            head = f'<details markdown="1">\n<summary>{path.name}</summary>\n\n'
            parts.append(f"{head}{described(document)}\n\n{body}\n</details>\n")
    return "\n".join(parts)


def section(kind: str, results: Path) -> str:
    """Return everything that belongs between two marks."""
    word, _, rest = kind.partition(" ")
    if word == "people":
        return "\n" + people_table(results) + "\n"
    if word == "numbers":
        return "\n" + numbers(results) + "\n"
    name, *parts = [part.strip() for part in rest.split(" | ")]
    document = json.loads((results / f"{name}.json").read_text())
    body = rows_table(document, parts) if word == "rows" else pick_table(document, *parts)
    return f"\n{body}\n"


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
