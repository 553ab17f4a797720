"""A question for a line of text in the last lines of the screen; tab completes paths."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from workbench.tui.dialogs.answering import answer
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.line_input import LineInput
from workbench.tui.widgets.path_completion import PathInput, completions

MOST = 6
"""Files that are named at a time."""


class AskDialog(ModalScreen[str | None]):
    """Returns the text without spaces at its ends, or None."""

    BINDINGS: ClassVar = [key("escape,ctrl+g", "back", "back", key_display="esc")]

    def __init__(
        self, title: str, hint: str, is_path: bool, if_empty: bool = False, typed: str = ""
    ) -> None:
        super().__init__(name="ask")
        self._typed_before = typed
        """What stands in the line at first, such as an answer that was refused."""
        self._title, self._hint = title, hint
        self._is_path = is_path
        self._if_empty = if_empty
        """Whether no text is an answer too."""

    def compose(self) -> ComposeResult:
        """The files that it could be, the line for the text, and what keys do."""
        how = "tab completes  " if self._is_path else ""
        with Vertical(id="ask-path"):
            yield Static(id="ask-found", markup=False)
            with Horizontal(id="ask-line"):
                yield Static(f"{self._title} ", id="ask-title", markup=False)
                line = PathInput if self._is_path else LineInput
                yield line(self._typed_before, id="ask-input")
            yield KeyLine(f"enter does it  {how}esc leaves; {self._hint}")

    def on_mount(self) -> None:
        """A text can be typed at once."""
        self.query_one("#ask-input", Input).focus()
        self._list("")

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    def action_back(self) -> None:
        """Answer nothing."""
        answer(self, None)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._list(event.value)

    def _list(self, typed: str) -> None:
        found = completions(typed).in_lines(MOST) if self._is_path else []
        lines = [f"  {name}" for name in found]
        lines = ["─" * self.size.width, *lines, *[""] * (MOST - len(lines))]
        self.query_one("#ask-found", Static).update(
            "\n".join(lines if self._is_path else lines[:1])
        )

    def on_resize(self, event: events.Resize) -> None:
        """Draw the line over it anew."""
        self._list(self.query_one("#ask-input", Input).value)

    @on(Input.Submitted)
    def _answered(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text or self._if_empty:
            answer(self, text)
        else:
            self.say("Nothing is typed yet; esc leaves.")
