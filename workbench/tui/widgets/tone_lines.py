"""Lines of pieces with tones, of which only the cells that have changed are painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.strip import Strip

from workbench.tui.charts.chart import Line
from workbench.tui.widgets.changed_lines import ChangedLines


class ToneLines(ChangedLines):
    """Gives each tone the colour that the theme has for it."""

    COMPONENT_CLASSES: ClassVar = {
        "tone--dim",
        "tone--bold",
        "tone--good",
        "tone--differs",
        "tone--own",
    }
    _lines: Sequence[Line] = ()
    _restyled = False
    """Whether the theme is another one since the lines were made."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines."""
        self._lines = lines
        self.show_lines([self._text(line) for line in lines])

    def notify_style_update(self) -> None:
        """Take on the colours of another theme when the lines are painted next."""
        super().notify_style_update()
        self._restyled = True

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        if self._restyled:
            self._restyled = False
            width = self.size.width
            self._strips = [self._drawn(self._text(line), width) for line in self._lines]
        return super().render_line(y)

    def _text(self, line: Line) -> Text:
        styled = (
            (text, self.get_component_rich_style(f"tone--{tone}") if tone else "")
            for text, tone in line
        )
        return Text.assemble(*styled)
