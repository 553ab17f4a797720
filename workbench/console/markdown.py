"""Writing Markdown in which names and settings from outside stay plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from workbench import escaping

SPECIAL = re.compile(r"([\\`*_<>|~&]|(?<=\])\()")
"""What would be markup; a bracket alone is none, but a link needs a parenthesis after it."""


def plain(value: object) -> str:
    """A value as it reads, on one line; None is a dash."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return SPECIAL.sub(r"\\\1", escaping.line(str(value)))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; a heading with > is right-aligned. Empty without rows."""
    cells = [[plain(value) for value in row] for row in rows]
    if not cells:
        return []
    names = [plain(heading.lstrip(">")) for heading in headings]
    sides = ["---:" if heading.startswith(">") else "---" for heading in headings]
    return [f"| {' | '.join(row)} |" for row in (names, sides, *cells)] + [""]
