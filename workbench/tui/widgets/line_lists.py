"""Several lists of lines, one of which is active: keys act on that one."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.containers import Grid
from textual.message import Message

from workbench.tui.widgets.keys import key
from workbench.tui.widgets.line_list import LineList


class LineLists(Grid, can_focus=True, inherit_bindings=False):
    """Has the focus all the time, since passing it on would repaint the screen."""

    BINDINGS: ClassVar = [
        key("tab", "next_box(1)", "next box"),
        key("shift+tab", "next_box(-1)", "the box before"),
        key("j,down", "step(1)", "down", key_display="j"),
        key("k,up", "step(-1)", "up", key_display="k"),
        key("left", "sideways(-1)", "to the left and right", key_display="← →"),
        key("right", "sideways(1)", "to the right", show=False),
        key("ctrl+d,pagedown", "page(1)", "a page down", key_display="ctrl+d"),
        key("ctrl+u,pageup", "page(-1)", "a page up", key_display="ctrl+u"),
        key("g,home", "first", "first one", key_display="g"),
        key("G,end", "last", "last one", key_display="G"),
    ]

    before_next: Callable[[], None] = staticmethod(lambda: None)
    """What has to be shown before somebody goes to another list."""

    class Idle(Message):
        """A key found nothing to act on; `again` does what it would do."""

        def __init__(self, again: Callable[[], None]) -> None:
            super().__init__()
            self.again = again

    @property
    def lists(self) -> list[LineList]:
        """Those in which the cursor can stand."""
        return [each for each in self.query(LineList) if each.display and each.content.stops]

    @property
    def active(self) -> LineList | None:
        """The list on which keys act."""
        return next((each for each in self.query(LineList) if each.active), None)

    def activate(self, chosen: LineList | None) -> None:
        """Have keys act on this list."""
        for each in self.query(LineList):
            each.active = each is chosen

    def keep_active(self) -> None:
        """Have the cursor in a list in which it can stand, the first one if it cannot stay."""
        if self.active not in self.lists:
            self.activate(next(iter(self.lists), None))

    @on(LineList.Pressed)
    def _pressed(self, event: LineList.Pressed) -> None:
        self.activate(event.of)

    def action_next_box(self, way: int) -> None:
        """Go to the next list."""
        self.before_next()
        lists, active = self.lists, self.active
        if active in lists:
            self.activate(lists[(lists.index(active) + way) % len(lists)])
        else:
            self.post_message(self.Idle(lambda: None))

    def action_step(self, rows: int) -> None:
        """Move by rows."""
        self._act(lambda active: active.step(rows))

    def action_sideways(self, way: int) -> None:
        """Move within a row."""
        self._act(lambda active: active.sideways(way))

    def action_page(self, way: int) -> None:
        """Move by a page."""
        self._act(lambda active: active.page(way))

    def action_first(self) -> None:
        """Go to the first stop."""
        self._act(LineList.first)

    def action_last(self) -> None:
        """Go to the last stop."""
        self._act(LineList.last)

    def _act(self, move: Callable[[LineList], None]) -> None:
        if (active := self.active) is not None:
            move(active)
        else:
            self.post_message(self.Idle(lambda: self._act(move) if self.lists else None))
