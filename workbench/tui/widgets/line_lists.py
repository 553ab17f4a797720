"""Several lists of lines, one of which is active: keys act on that one."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.containers import Grid

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
        lists, active = self.lists, self.active
        if active in lists:
            self.activate(lists[(lists.index(active) + way) % len(lists)])

    def action_step(self, rows: int) -> None:
        """Move by rows."""
        if (active := self.active) is not None:
            active.step(rows)

    def action_sideways(self, way: int) -> None:
        """Move within a row."""
        if (active := self.active) is not None:
            active.sideways(way)

    def action_page(self, way: int) -> None:
        """Move by a page."""
        if (active := self.active) is not None:
            active.page(way)

    def action_first(self) -> None:
        """Go to the first stop."""
        if (active := self.active) is not None:
            active.first()

    def action_last(self) -> None:
        """Go to the last stop."""
        if (active := self.active) is not None:
            active.last()
