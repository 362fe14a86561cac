"""Extension of griffe: formulas, references and links of docstrings as the docs' Markdown writes them."""

from __future__ import annotations

import re
from pathlib import Path

import griffe

_INLINE = re.compile(r":math:`([^`]+)`")
_REFERENCE = re.compile(r"^( *)\.\. (\[\d+\]) ", re.M)
_DISPLAY = re.compile(r"^( *)\.\. math:: (.+)$", re.M)
_SEE_ALSO = re.compile(r"^( *)See Also\n *-+\n((?: *\S.*\n?)+)", re.M)
_ENTRY = re.compile(r"^( *)([\w.]+(?:, [\w.]+)*) : ", re.M)
_NAME = re.compile(r"(?<![`\[\w])`(\w+)`(?!`)")
_PAGES = (Path(__file__).parents[1] / "docs" / "api").glob("*.md")
# Full names of what the pages of the API show, by their last part.
_SHOWN = {
    full.rpartition(".")[2]: full
    for page in _PAGES
    for full in re.findall(r"^::: (\S+)", page.read_text(), re.M)
}


def linked(name: str) -> str:
    """Return a name as code, with a link where a page shows it."""
    return f"[`{name}`][{_SHOWN[name]}]" if name in _SHOWN else f"`{name}`"


def listed(section: re.Match[str]) -> str:
    """Return a See Also section as a list."""
    entries = _ENTRY.sub(
        lambda entry: f"{entry[1]}- {', '.join(map(linked, entry[2].split(', ')))}: ", section[2]
    )
    return f"{section[1]}See Also\n{section[1]}--------\n{entries}"


class PlainMarkdown(griffe.Extension):
    """Turn ``:math:`x``` into ``$x$``, ``.. [1]`` into ``[1]``, and names into links."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: object) -> None:
        """Rewrite the docstring of whatever has one."""
        if obj.docstring is not None:
            text = _DISPLAY.sub(r"\1$$\2$$", obj.docstring.value)
            text = _REFERENCE.sub(r"\1\2 ", _INLINE.sub(r"$\1$", text))
            text = _SEE_ALSO.sub(listed, text)
            own = obj.name
            obj.docstring.value = _NAME.sub(
                lambda found: found[0] if found[1] == own else linked(found[1]), text
            )
