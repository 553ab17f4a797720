"""A line of text with a few values that the arrow keys put there."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from workbench.tui.widgets.line_input import LineInput

ARROWS = {"down": 1, "up": -1}


class ChoiceInput(LineInput):
    """Takes any text; up and down go through what is likely."""

    choices: Sequence[str] = ()

    async def on_key(self, event: events.Key) -> None:
        """Put the next of the choices there; an empty line is one of them."""
        if event.key in ARROWS:
            event.stop().prevent_default()
            if self.choices:
                self.value = self._next(ARROWS[event.key])
                self.cursor_position = len(self.value)

    def _next(self, way: int) -> str:
        if self.value in self.choices:
            at = (self.choices.index(self.value) + way) % len(self.choices)
            return self.choices[at]
        return self.choices[0 if way > 0 else -1]
