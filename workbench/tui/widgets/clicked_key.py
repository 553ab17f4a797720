"""The key that is named where somebody has clicked on a line of keys."""

from __future__ import annotations

import re

from rich.cells import cell_len
from textual.keys import _character_to_key

NAMES = {
    "enter": "enter",
    "↵": "enter",
    "esc": "escape",
    "tab": "tab",
    "space": "space",
    "↑": "up",
    "↓": "down",
    "←": "left",
    "→": "right",
}
"""Keys that are written otherwise than their events are called."""


def clicked_key(line: str, column: int) -> str | None:
    """The key of an entry such as `u undo` or `] [ disagreement` at a column; None where none is.

    Entries are two spaces apart. One that begins with several keys has that under the mouse, and
    the first of them behind them.
    """
    for entry in re.finditer(r"\S+(?: \S+)*", line):
        start = cell_len(line[: entry.start()])
        if not start <= column < start + cell_len(entry.group()):
            continue
        found, at = None, start
        for word in entry.group().split(" "):
            if (key := _key(word)) is None:
                break
            found = found or key
            if at <= column < at + cell_len(word):
                return key
            at += cell_len(word) + 1
        return found
    return None


def _key(word: str) -> str | None:
    """The key that a word such as `1/p`, `esc` or `ctrl+l` names."""
    first = word if len(word) == 1 else word.split("/")[0]
    if first in NAMES:
        return NAMES[first]
    if len(first) == 1:
        return _character_to_key(first)
    return first.lower() if re.fullmatch(r"F\d+|ctrl\+\S", first) else None
