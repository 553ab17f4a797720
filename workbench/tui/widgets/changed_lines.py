"""Lines of text of which only those that have changed are painted."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class ChangedLines(Widget, can_focus=False):
    """Shows as many lines as there is room for."""

    _strips: Sequence[Strip] = ()
    _ground: Style | None = None
    """The style of the widget, until the theme is another one."""
    _shown: Sequence[Text] = ()
    _width = 0
    """Of the widget when they were shown."""

    def show_lines(self, lines: Sequence[Text]) -> None:
        """Show these lines, each on one row, cut with a sign where it is too long."""
        before, known = self._strips, self._shown if self._width == self.size.width else ()
        self._strips = [
            before[row] if row < len(known) and _same(known[row], line) else self._rendered(line)
            for row, line in enumerate(lines)
        ]
        self._shown, self._width = lines, self.size.width
        for row in range(self.size.height):
            if self._line(row, before) != self._line(row, self._strips):
                self.refresh(Region(0, row, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        self._ground = self._ground or self.rich_style
        return self._line(y, self._strips).apply_style(self._ground)

    def notify_style_update(self) -> None:
        """Take on the colours of another theme."""
        super().notify_style_update()
        self._ground = None

    def _line(self, row: int, strips: Sequence[Strip]) -> Strip:
        if row >= len(strips):
            return Strip.blank(self.size.width)
        return strips[row].adjust_cell_length(self.size.width)

    def _rendered(self, line: Text) -> Strip:
        line = line.copy()
        line.rstrip_end(self.size.width)
        line.no_wrap, line.end, line.overflow = True, "", "ellipsis"
        options = self.app.console.options.update(width=max(1, self.size.width), no_wrap=True)
        return Strip(list(self.app.console.render(line, options)))


def _same(line: Text, other: Text) -> bool:
    return line == other and line.style == other.style
