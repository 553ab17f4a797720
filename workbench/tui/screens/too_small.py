"""What is shown while the terminal is too small for anything else."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui.acting_keys import key_for


class TooSmallScreen(ModalScreen[None]):
    """One sentence, which names the one key there is; it goes away when the terminal grows."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__(name="too small")
        self._sentence = (
            f"This terminal is too small: it takes {columns} by {rows} cells. "
            f"{key_for('quit')} quits."
        )

    def compose(self) -> ComposeResult:
        """The sentence."""
        yield Static(self._sentence)
