"""Extension of griffe: formulas and references of docstrings as the docs' Markdown writes them."""

from __future__ import annotations

import re

import griffe

_INLINE = re.compile(r":math:`([^`]+)`")
_REFERENCE = re.compile(r"^( *)\.\. (\[\d+\]) ", re.M)
_DISPLAY = re.compile(r"^( *)\.\. math:: (.+)$", re.M)


class PlainMarkdown(griffe.Extension):
    """Turn ``:math:`x``` into ``$x$``, the directive into a formula of its own, ``.. [1]`` into ``[1]``."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: object) -> None:
        """Rewrite the docstring of whatever has one."""
        if obj.docstring is not None:
            text = _DISPLAY.sub(r"\1$$\2$$", obj.docstring.value)
            obj.docstring.value = _REFERENCE.sub(r"\1\2 ", _INLINE.sub(r"$\1$", text))
