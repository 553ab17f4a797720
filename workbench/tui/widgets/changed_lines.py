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
        width, height = self.size
        before, known = self._strips, self._shown if self._width == width else ()
        self._strips = [
            before[row]
            if row < len(known) and _same(known[row], line)
            else self._drawn(line, width)
            for row, line in enumerate(lines)
        ]
        self._shown, self._width = lines, width
        for row in range(height):
            if _line(before, row, width) != _line(self._strips, row, width):
                self.refresh(Region(0, row, width, 1))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        self._ground = self._ground or self.rich_style
        return _line(self._strips, y, self.size.width).apply_style(self._ground)

    def notify_style_update(self) -> None:
        """Take on the colours of another theme."""
        super().notify_style_update()
        self._ground = None

    def _drawn(self, line: Text, width: int) -> Strip:
        shown = Text.assemble(line)
        shown.rstrip_end(width)
        shown.truncate(max(1, width), overflow="ellipsis")
        return Strip(list(shown.render(self.app.console)))


def _line(strips: Sequence[Strip], row: int, width: int) -> Strip:
    return strips[row].adjust_cell_length(width) if row < len(strips) else Strip.blank(width)


def _same(line: Text, other: Text) -> bool:
    return line == other and line.style == other.style
