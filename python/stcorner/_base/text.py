r"""Text that strangers chose, such as names of files, where a terminal or a spreadsheet reads it.

Some characters are not seen and still do something: they end a line, move the cursor, colour the screen,
fill the clipboard, or turn the order of what follows. These are the control characters (U+0000 to U+001F,
U+007F to U+009F), the ends of lines and paragraphs (U+2028, U+2029), the marks of direction (U+061C, U+200E,
U+200F, U+202A to U+202E, U+2066 to U+2069) and halves of characters (U+D800 to U+DFFF, which stand for bytes
of a name in another encoding). They are written as ``\xHH`` or ``\uHHHH``:

* on a terminal (`shown`), just that;
* in CSV (`to_cell`), moreover a backslash that begins such a sequence by chance is written ``\x5c``, and text
  that a spreadsheet would compute gets an apostrophe in front: what begins, blanks and apostrophes aside,
  with ``=``, ``+``, ``-``, ``@`` or the wide forms of these. A semicolon before such text, which begins a
  cell where the comma is that of decimals, is written ``\x3b``. `from_cell` undoes all of it;
* JSON and Parquet hold the text itself.
"""

from __future__ import annotations

import re

__all__ = ["delimiter_of", "from_cell", "json_safe", "shown", "to_cell"]

_UNSEEN = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_HIDDEN = re.compile(f"[{_UNSEEN}]")
_SEQUENCE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4}))")
_START = "[\\s\u200b\u2060\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_COMPUTED = re.compile(f"'*{_START}")
_SEPARATED = re.compile(f""";(?=["']*{_START})""")
_JSON_HIDDEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _code(hidden: re.Match[str]) -> str:
    number = ord(hidden[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def shown(text: object) -> str:
    r"""Return text in which everything is seen.

    Examples
    --------
    >>> print(shown("a\x1b[31m\nb\u202egnp.exe"))
    a\x1b[31m\x0ab\u202egnp.exe
    """
    return _HIDDEN.sub(_code, str(text))


def to_cell(text: str) -> str:
    r"""Return text as a cell of a CSV file that spreadsheets only show.

    Examples
    --------
    >>> [to_cell(text) for text in ("=1+1", "-", "'=", "a=b", "'tis", "a\rb")]
    ["'=1+1", "'-", "''=", 'a=b', "'tis", 'a\\x0db']
    """
    plain = _SEQUENCE.sub(lambda found: f"\\x5c{found[0][1:]}" if _is_ours(found) else found[0], text)
    plain = _SEPARATED.sub(r"\\x3b", shown(plain))
    return f"'{plain}" if _COMPUTED.match(plain) else plain


def delimiter_of(header: str) -> str:
    """Return what separates the columns of a CSV file by its first line: comma, semicolon or tab.

    Examples
    --------
    >>> delimiter_of('path;"label, as rated";subject')
    ';'
    """
    bare = re.sub('"[^"]*"', "", header)
    return max(",;\t", key=bare.count)


def from_cell(cell: str) -> str:
    r"""Return the text that `to_cell` was given.

    Examples
    --------
    >>> [from_cell(to_cell(text)) for text in ("''=1", "C:\\x41\\x1b", "\\x5c", "\t@\n")]
    ["''=1", 'C:\\x41\\x1b', '\\x5c', '\t@\n']
    """
    if cell.startswith("'") and _COMPUTED.match(cell[1:]):
        cell = cell[1:]
    return _SEQUENCE.sub(lambda found: _character(found) if _is_ours(found) else found[0], cell)


def json_safe(text: str) -> str:
    r"""Return JSON in which what is not seen is escaped; it says the same.

    Examples
    --------
    >>> json_safe('["\u202e"]')
    '["\\u202e"]'
    """
    return _JSON_HIDDEN.sub(lambda hidden: f"\\u{ord(hidden[0]):04x}", text)


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1] or found[2], 16))


def _is_ours(found: re.Match[str]) -> bool:
    """Tell whether `to_cell` writes such a sequence: any other is a part of a path on Windows."""
    character = _character(found)
    return character in "\\;" or (_HIDDEN.match(character) is not None and shown(character) == found[0])
