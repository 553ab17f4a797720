"""A text that scrolls with the keys of the pager `less`."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import VerticalScroll
from textual.message import Message

from workbench.tui.widgets.key_line import KeyLine, Keys
from workbench.tui.widgets.keys import key

SCROLLING = (("space", "page"), ("j k g G", "scroll"))


class Page(VerticalScroll, inherit_bindings=False):
    """Scrolls without animation; posts `Stuck` when there is nothing more that way."""

    BINDINGS: ClassVar = [
        key("j,down", "lines(1)", "a line down", key_display="j"),
        key("k,up", "lines(-1)", "a line up", key_display="k"),
        key("ctrl+d", "pages(0.5)", "half a page down"),
        key("ctrl+u", "pages(-0.5)", "half a page up"),
        key("space", "further", "a page down, as in less"),
        key("pagedown", "pages(1)", "a page down"),
        key("pageup", "pages(-1)", "a page up"),
        key("g,home", "end(-1)", "top", key_display="g"),
        key("G,end", "end(1)", "bottom", key_display="G"),
    ]

    class Stuck(Message):
        """A key that scrolls had nowhere to go."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def action_lines(self, count: int) -> None:
        """Scroll by lines."""
        at, last = self.scroll_offset.y, int(self.max_scroll_y)
        if count > 0 and at >= last:
            self.post_message(self.Stuck("This is the bottom."))
        elif count < 0 and at <= 0:
            self.post_message(self.Stuck("This is the top."))
        else:
            self.scroll_to(y=max(0, min(at + count, last)), animate=False, immediate=True)

    def action_further(self) -> None:
        """Scroll a page down."""
        self.action_pages(1)

    def action_pages(self, pages: float) -> None:
        """Scroll by a share of a page."""
        self.action_lines(round(pages * max(1, self.size.height)))

    def name_keys(self, *others: tuple[str, str]) -> None:
        """Name the keys that scroll, where there is more than fits, and others in the last line."""
        self.call_after_refresh(self._name_keys, others)

    def _name_keys(self, others: Keys) -> None:
        if not self.is_attached:  # it was left before it was laid out
            return
        scrolling = SCROLLING if self.max_scroll_y > 0 else ()
        self.screen.query_one(KeyLine).name_keys([*scrolling, *others])

    def action_end(self, way: int) -> None:
        """Scroll to the top or the bottom."""
        self.action_lines(way * max(1, self.virtual_size.height))
