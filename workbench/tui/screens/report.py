"""Figures and sentences to read, on a screen of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.console import Group
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.page import Page
from workbench.tui.widgets.top_line import TopLine


class ReportScreen(Screen[None]):
    """A text that scrolls above a line of keys."""

    BINDINGS: ClassVar = [key("escape", "back", "back", key_display="esc q")]

    def __init__(
        self,
        lines: Iterable[Text],
        place: str = "runs",
        at_end: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self._lines = list(lines)
        self._place, self._at_end = place, at_end

    def compose(self) -> ComposeResult:
        """The places, one text and a line of keys."""
        yield TopLine(self._place)
        with Page(id="report"):
            yield Static(Group(*self._lines), markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """The keys scroll at once."""
        page = self.query_one(Page)
        page.focus()
        if self._at_end:
            self.call_after_refresh(page.scroll_end, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Name the keys that scroll where there is more than fits."""
        self.query_one(Page).name_keys(("esc q", "back"), ("?", "help"))

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    @on(Page.Stuck)
    def _stuck(self, event: Page.Stuck) -> None:
        self.say(event.text)

    def action_back(self) -> None:
        """Back to where the user came from."""
        self.app.pop_screen()
