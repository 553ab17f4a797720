"""A question with two answers, in the last lines of the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench import escaping
from workbench.tui.acting_keys import key_for
from workbench.tui.dialogs.answering import answer
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key


class ConfirmDialog(ModalScreen[bool]):
    """A question that y or enter answers with yes; returns whether the answer was yes."""

    BINDINGS: ClassVar = [
        key("y,enter", "answer(True)", "yes", key_display="y enter"),
        key("n,escape", "answer(False)", "no", key_display="n esc q"),
    ]

    def __init__(self, question: str, yes: str, no: str = "leave it as it is") -> None:
        super().__init__()
        self._question = question
        self._yes, self._no = yes, no

    def compose(self) -> ComposeResult:
        """The question over its answers."""
        with Vertical(id="ask"):
            yield Static(escaping.lines(self._question), id="question", markup=False)
            yield KeyLine(
                escaping.line(
                    f"{key_for('yes')}/enter {self._yes}   {key_for('no')}/esc {self._no}"
                )
            )

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    def action_back(self) -> None:
        """Leave the question, which is a no."""
        self.action_answer(False)

    def action_answer(self, yes: bool) -> None:
        """Go back with the answer."""
        answer(self, yes)
