"""Check the prose of the pages and of the docstrings against .ci/prose.toml.

Pages: phrases, long sentences, long guides, wide code. Docstrings of the package: phrases alone.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
RULES = tomllib.loads(Path(__file__).with_name("prose.toml").read_text())
PHRASES = {re.compile(pattern): advice for pattern, advice in RULES["phrases"].items()}
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.M | re.S)
# Code, tables, links' targets, formulas, comments and markup are no sentences.
NOT_PROSE = re.compile(r"`[^`]*`|\$[^$]*\$|^\|.*$|\]\([^)]*\)|^#.*$|<!--.*?-->|<[^>]+>", re.M | re.S)
SENTENCE = re.compile(r"(?<=[.:;!?])[\s*_)\]\"]+|\n\n|\n[*-] |\n\d+\. ")


def blank(match: re.Match[str]) -> str:
    """Return as many lines as were matched."""
    return "\n" * match[0].count("\n")


def phrases(text: str, first_line: int = 1) -> Iterator[tuple[int, str]]:
    """Yield the lines with phrases that the rules name."""
    for pattern, advice in PHRASES.items():
        for found in pattern.finditer(text):
            yield first_line + text.count("\n", 0, found.start()), f"{found[0].strip()!r}: {advice}"


def wide(page: Path, code: str) -> bool:
    """Say whether a page cuts the line; GitHub shows the pages at the root, which are wider."""
    return page.parent != ROOT and len(code) > RULES["widest_code"]


def page_problems(page: Path) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with a page, by line."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start(2)) + 1
        for number, code in enumerate(found[2].splitlines(), start=line):
            if found[1] in {"python", "sh"} and wide(page, code):
                yield number, f"{len(code)} columns of code, at most {RULES['widest_code']}"
    prose = FENCE.sub(blank, text)
    # Tables of the style page show what not to write.
    yield from phrases(re.sub(r"^\|.*$", "", prose, flags=re.M) if page.name == "CONTRIBUTING.md" else prose)
    plain = NOT_PROSE.sub(blank, prose)
    at = 0
    for sentence in SENTENCE.split(plain):
        at = plain.index(sentence, at)
        words = len(re.findall(r"[\w'-]+", sentence))
        if words > RULES["longest_sentence"]:
            start = at + len(sentence) - len(sentence.lstrip())
            yield plain.count("\n", 0, start) + 1, f"a sentence of {words} words"
    words = len(prose.split())
    if page.parent.name == "guides" and words > RULES["longest_guide"]:
        yield 1, f"{words} words, at most {RULES['longest_guide']}: cut, or make a second page"


def docstring_problems(module: Path) -> Iterator[tuple[int, str]]:
    """Yield phrases in the docstrings of a module, by line."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield from phrases(str(first.value.value), first.lineno)


def main() -> int:
    """Print what is wrong; return the exit code."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    pages = [page for page in pages if page.name not in {"numbers.md"}]
    modules = sorted((ROOT / "python").rglob("*.py"))
    found = [(page, *each) for page in pages for each in page_problems(page)]
    found += [(module, *each) for module in modules for each in docstring_problems(module)]
    for path, line, message in found:
        print(f"{path.relative_to(ROOT)}:{line}: {message}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
