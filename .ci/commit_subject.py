"""Check the subject of a commit: ``python .ci/commit_subject.py FILE``, as git's hook commit-msg calls it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

LONGEST = 72
# Endings of what is no imperative: "Added", "Fixes", "Adding".
NOT_IMPERATIVE = re.compile(
    r"(?i)(added|adds|adding|fixed|fixes|fixing|changed|changes|updated|updates|updating)\b"
)
EMPTY = re.compile(
    r"(?i)(fix|update|change|improve|wip|misc)( (it|things?|stuff|code|bugs?|tests?|docs?|more))?$"
)


def problems(subject: str) -> list[str]:
    """Return what is wrong with a subject.

    Examples
    --------
    >>> problems("Read RIFX files")
    []
    >>> problems("fixed stuff.")
    ['begin with a capital', 'end without a full stop', 'use the imperative: Add, Read, Fix']
    """
    if subject.startswith(("Merge ", "Revert ", "fixup! ", "squash! ")):
        return []
    wrong = []
    if len(subject) > LONGEST:
        wrong.append(f"use at most {LONGEST} characters, this has {len(subject)}")
    if not subject[:1].isupper():
        wrong.append("begin with a capital")
    if subject.endswith("."):
        wrong.append("end without a full stop")
    if NOT_IMPERATIVE.match(subject):
        wrong.append("use the imperative: Add, Read, Fix")
    if EMPTY.match(subject):
        wrong.append("name what changed")
    return wrong


def main() -> int:
    """Print what is wrong; return the exit code."""
    subject = Path(sys.argv[1]).read_text(encoding="utf-8").partition("\n")[0].strip()
    wrong = problems(subject)
    if wrong:
        print(f"commit subject {subject!r}:", *wrong, sep="\n  ", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
