"""The line that names the keys of a screen."""

from __future__ import annotations

from textual.timer import Timer
from textual.widgets import Static

from workbench import escaping
from workbench.tui.widgets.key_names import keys_in_force

SHOWN_S = 4.0
"""Seconds that a message stands in the place of the keys."""


class KeyLine(Static):
    """The keys, or for a moment a message in their place."""

    def __init__(self, keys: str, **more: str) -> None:
        super().__init__(keys, classes="hint", markup=False, **more)  # type: ignore[arg-type]
        self._keys = keys
        self._back: Timer | None = None
        self._said = ""

    def on_mount(self) -> None:
        """The keys are those that the settings give."""
        if self._back is None:
            self.show_keys()

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message, and the keys again when it has been read."""
        if self._back is not None:
            self._back.stop()
        self._back, self._said = self.set_timer(SHOWN_S, self.show_keys), text
        self.update(escaping.line(f"! {text}" if problem else text), layout=False)

    def name_keys(self, keys: str) -> None:
        """Name other keys, unless a message stands there: then when that has been read."""
        if keys != self._keys:
            self._keys = keys
            if self._back is None:
                self.show_keys()

    def retract(self, text: str) -> None:
        """Show the keys again if this message is in their place."""
        if self._said == text:
            self.show_keys()

    def show_keys(self) -> None:
        """Show the keys again at once."""
        if self._back is not None:
            self._back.stop()
            self._back = None
        self._said = ""
        if (text := keys_in_force(self._keys, self)) != self.content:
            self.update(text, layout=False)
