"""The line that names the keys of a screen."""

from __future__ import annotations

from textual.timer import Timer
from textual.widgets import Static

from workbench import escaping

SHOWN_S = 4.0
"""Seconds that a message stands in the place of the keys."""


class KeyLine(Static):
    """The keys, or for a moment a message in their place."""

    def __init__(self, keys: str, **more: str) -> None:
        super().__init__(keys, classes="hint", markup=False, **more)  # type: ignore[arg-type]
        self._keys = keys
        self._back: Timer | None = None

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message, and the keys again when it has been read."""
        if self._back is not None:
            self._back.stop()
        self._back = self.set_timer(SHOWN_S, self.show_keys)
        self.update(escaping.line(f"! {text}" if problem else text), layout=False)

    def show_keys(self) -> None:
        """Show the keys again at once."""
        if self._back is not None:
            self._back.stop()
        self.update(self._keys, layout=False)
