"""All keys of a screen, read from its bindings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from workbench import inert
from workbench.widgets.rows import LEGEND

KEY_WIDTH = 14


@dataclass(frozen=True)
class Key:
    """A key, or several that do the same, and what it does."""

    keys: str
    does: str


def keys_of(node: DOMNode) -> list[Key]:
    """The bindings of a widget, screen or app that have something to say."""
    bindings = [binding for binding in type(node).BINDINGS if isinstance(binding, Binding)]
    for base in type(node).__mro__[1:]:
        if base.__module__.startswith("workbench.") and issubclass(base, DOMNode):
            inherited = [b for b in vars(base).get("BINDINGS", ()) if isinstance(b, Binding)]
            bindings = inherited + bindings
    return [
        Key(binding.key_display or binding.key.replace(",", " "), binding.description)
        for binding in bindings
        if binding.show and binding.description
    ]


class HelpScreen(Screen[None]):
    """Scrollable; the same key closes it."""

    BINDINGS: ClassVar = [
        Binding("escape,question_mark,f1", "dismiss", "back", key_display="esc ?"),
        Binding("j,down", "line(1)", "down", show=False),
        Binding("k,up", "line(-1)", "up", show=False),
        Binding("g,home", "end(-1)", "top", show=False),
        Binding("G,end", "end(1)", "bottom", show=False),
    ]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._about = about

    def compose(self) -> ComposeResult:
        """Keys in groups: labels, the screen, its focused widget, everywhere."""
        labels: list[Key] = getattr(self._about, "help_keys", list)()
        groups = [("Labels", labels), ("This screen", keys_of(self._about))]
        if self._about.focused is not None:
            groups.append(("Moving", keys_of(self._about.focused)))
        groups.append(("Everywhere", keys_of(self.app)))
        if labels:
            groups.append(("Marks in the list", [Key(*entry) for entry in LEGEND]))
        text = Text("Keys (j and k scroll, esc or ? goes back)\n")
        for title, keys in groups:
            if keys:
                text.append(f"\n{title}\n", "bold")
                text.append_text(
                    Text("\n").join(
                        Text(inert.line(f"  {_padded(key.keys)} {key.does}")) for key in keys
                    )
                )
                text.append("\n")
        with VerticalScroll(id="help"):
            yield Static(text)

    def action_end(self, way: int) -> None:
        """Scroll to the top or the bottom."""
        view = self.query_one(VerticalScroll)
        view.scroll_to(y=0 if way < 0 else view.max_scroll_y, animate=False)

    def action_line(self, lines: int) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _padded(keys: str) -> str:
    return keys + " " * (KEY_WIDTH - cell_len(keys))
