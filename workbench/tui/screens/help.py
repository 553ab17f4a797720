"""All keys of a screen, read from its bindings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from workbench import escaping
from workbench.tui.acting_keys import key_for, keys_of_binding
from workbench.tui.key_names import bindings_of
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import SECOND_ESCAPE, KeyHelp, key
from workbench.tui.widgets.page import Page
from workbench.tui.widgets.rows import LEGEND

KEY_WIDTH = 14
ESCAPE = KeyHelp(SECOND_ESCAPE, "what esc does, also while something is typed")


def keys_of(node: DOMNode) -> list[KeyHelp]:
    """The bindings of a widget, screen or app that have something to say."""
    return [
        KeyHelp(keys_of_binding(binding), binding.description)
        for binding in bindings_of(type(node))
        if binding.show and binding.description
    ]


class HelpScreen(Screen[None]):
    """The keys of a screen in groups; the key that opened it closes it."""

    BINDINGS: ClassVar = [
        key("escape,question_mark,f1", "back", "back", key_display="esc q ?"),
    ]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__(name="help")
        self._about = about

    def compose(self) -> ComposeResult:
        """Keys in groups: labels, the screen, its focused widget, everywhere; then filters."""
        labels: list[KeyHelp] = getattr(self._about, "help_keys", list)()
        groups = [("Labels", labels), ("This screen", keys_of(self._about))]
        if self._about.focused is not None:
            groups.append(("Moving", keys_of(self._about.focused)))
        groups.append(("Everywhere", [*keys_of(self.app), ESCAPE]))
        groups.append(
            (f"Filter ({key_for('filter')})", getattr(self._about, "help_filters", list)())
        )
        if labels:
            groups.append(("Marks in the list", [KeyHelp(*entry) for entry in LEGEND]))
        parts: list[Text | Table] = [Text("Keys")]
        for title, keys in groups:
            if keys:
                parts += [Text(f"\n{title}", "bold"), _table(keys)]
        with Page(id="help"):
            yield Static(Group(*parts))
        yield KeyLine()

    def on_mount(self) -> None:
        """The keys scroll at once."""
        self.query_one(Page).focus()

    def on_resize(self) -> None:
        """Name the keys that scroll where there is more than fits."""
        self.query_one(Page).name_keys(("esc q ?", "back"))

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    @on(Page.Stuck)
    def _stuck(self, event: Page.Stuck) -> None:
        self.say(event.text)

    def action_back(self) -> None:
        """Back to where the user came from."""
        self.dismiss()


def _table(keys: Sequence[KeyHelp]) -> Table:
    """Keys beside what they do, which goes on below itself where the line has no room for it."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(min_width=KEY_WIDTH + 2, no_wrap=True)
    table.add_column()
    for each in keys:
        table.add_row(Text(f"  {escaping.line(each.keys)}"), Text(escaping.line(each.does)))
    return table
