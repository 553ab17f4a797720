"""Text that is cut where there is no room for it, with a sign that it goes on."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from storage.plurals import counted

CUT = "…"


def padded(text: str, width: int) -> str:
    """The text in so many cells, filled up or cut with a sign."""
    return set_cell_size(fitted(text, width), width)


def fitted(text: str, width: int) -> str:
    """The text, cut with a sign where there is no room for it."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + CUT


def rest(hidden: int, top: int, down: str, up: str) -> str:
    """How many lines follow of a text that is scrolled to `top`, or stand above its end.

    `hidden` lines have no room; `down` and `up` are the keys that scroll.
    """
    below = hidden - top
    if below > 0:
        return f"{counted(below, 'line')} more: {down} {up}"
    return f"{counted(hidden, 'line')} above: {up}"
