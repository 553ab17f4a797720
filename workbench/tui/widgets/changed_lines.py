"""Lines of text of which only the cells that have changed are painted."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.painted_cells import cells_of


class ChangedLines(Widget, can_focus=False):
    """Shows as many lines as there is room for."""

    _strips: Sequence[Strip] = ()

    def show_lines(self, lines: Sequence[Text]) -> None:
        """Show these lines, each on one row, cut with a sign where it is too long."""
        before = [self._line(row) for row in range(self.size.height)]
        self._strips = [self._rendered(line) for line in lines]
        for row, old in enumerate(before):
            if old != (new := self._line(row)):
                first, last = _changed(old, new)
                if last > first:
                    self.refresh(Region(first, row, last - first, 1))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        return self._line(y).apply_style(self.rich_style)

    def _line(self, row: int) -> Strip:
        width = self.size.width
        if row >= len(self._strips):
            return Strip.blank(width)
        return self._strips[row].adjust_cell_length(width)

    def _rendered(self, line: Text) -> Strip:
        line.rstrip_end(self.size.width)
        line.no_wrap, line.end, line.overflow = True, "", "ellipsis"
        options = self.app.console.options.update(width=max(1, self.size.width), no_wrap=True)
        return Strip(list(self.app.console.render(line, options)))


def _changed(old: Strip, new: Strip) -> tuple[int, int]:
    """The first cell that differs, and the one after the last."""
    before, now = cells_of(old), cells_of(new)
    differing = [at for at, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]]
    if len(before) != len(now):
        return 0, max(len(before), len(now))
    return (differing[0], differing[-1] + 1) if differing else (0, 0)
