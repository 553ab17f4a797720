"""A menu of one choice a line."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import OptionList

from workbench.tui.widgets.keys import key

CURSOR = "▌"
"""The sign of the row under the cursor."""


class Menu(OptionList, inherit_bindings=False):
    """The choice under the cursor has a mark beside its colour."""

    BINDINGS: ClassVar = [
        key("enter", "select", "choose"),
        key("j,down", "cursor_down", "next choice", key_display="j"),
        key("k,up", "cursor_up", "previous choice", key_display="k"),
        key("pagedown", "page_down", "a page down", show=False),
        key("pageup", "page_up", "a page up", show=False),
        key("g,home", "first", "first choice", key_display="g"),
        key("G,end", "last", "last choice", key_display="G"),
    ]

    def render_line(self, y: int) -> Strip:
        """A choice, with the mark in the cell that is kept free before it."""
        strip = super().render_line(y)
        if self.scroll_offset.y + y != self.highlighted:
            return strip
        first, *_ = strip.crop(0, 1)
        return Strip([Segment(CURSOR, first.style), *strip.crop(1)], strip.cell_length)
