"""A menu in the last lines of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.tui.dialogs.answering import answer
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.menu import Menu

RULE = "─"
KEYS = (("enter", "chooses"), ("esc q", "leaves"))
MOVING = ("j k", "move")


class ChoiceDialog(ModalScreen[str | None]):
    """A menu of names with their meanings; returns the chosen name, or None."""

    BINDINGS: ClassVar = [
        key("escape", "back", "back", key_display="esc q"),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], current: str) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current

    def compose(self) -> ComposeResult:
        """The title over the choices, each with what it means."""
        width = max(len(name) for name, _ in self._choices)
        menu = Menu(
            *(
                Option(Content(f"{name:<{width}}  {meaning}"), id=name)
                for name, meaning in self._choices
            ),
            id="menu",
        )
        names = [name for name, _ in self._choices]
        menu.highlighted = names.index(self._current) if self._current in names else 0
        with Vertical(id="choices"):
            rule = RULE * max(0, self.app.size.width - cell_len(self._title) - 4)
            title = Content.assemble(
                (f"{RULE * 2} ", "dim"), (self._title, "bold"), (f" {rule}", "dim")
            )
            yield Static(title, id="menu-title")
            yield menu
            keys = KEYS if len(names) == 1 else (KEYS[0], MOVING, *KEYS[1:])
            yield KeyLine(keys, id="menu-keys")

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    def action_back(self) -> None:
        """Choose nothing."""
        answer(self, None)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        answer(self, event.option.id)
