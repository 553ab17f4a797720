"""Text that is cut where there is no room for it, with a sign that it goes on."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

CUT = "…"


def padded(text: str, width: int) -> str:
    """The text in so many cells, filled up or cut with a sign."""
    return set_cell_size(fitted(text, width), width)


def fitted(text: str, width: int) -> str:
    """The text, cut with a sign where there is no room for it."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + CUT
