"""All actions by name in the last lines of the screen, fewer with each letter that is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from workbench import escaping
from workbench.tui.dialogs.answering import answer
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.label_menu import matching
from workbench.tui.widgets.menu import CURSOR
from workbench.tui.widgets.prompt import PromptInput

ROWS = 9
"""Actions that are shown at a time, where there is room for them."""
OTHER_LINES = 4
"""Lines of the palette beside them, and one of what lies below."""
KEY_CELLS = 8


@dataclass(frozen=True)
class PaletteEntry:
    """Something that can be done by its name."""

    name: str
    do: Callable[[], object]
    key: str = ""
    about: str = ""
    """What it is for, or where it is done."""
    action: str = ""
    """The action of the key, where there is one."""


class PaletteDialog(ModalScreen[PaletteEntry | None]):
    """Returns the entry that was chosen, or None."""

    BINDINGS: ClassVar = [key("escape,ctrl+g,ctrl+p", "back", "back", key_display="esc")]

    def __init__(self, entries: Sequence[PaletteEntry]) -> None:
        super().__init__(name="palette")
        self.entries = {entry.name: entry for entry in reversed(entries)}  # the first of a name
        self._names = list(dict.fromkeys(entry.name for entry in entries))
        self._found = self._names
        self._at = 0

    def compose(self) -> ComposeResult:
        """The actions over the line on which their name is typed."""
        with Vertical(id="palette"):
            yield Static(id="palette-found", markup=False)
            with Horizontal(id="palette-line"):
                yield Static(f"{CURSOR} ", id="palette-sign", markup=False)
                yield PromptInput(id="palette-input", placeholder="what to do")
            yield KeyLine("enter does it  ↑ ↓ choose  esc leaves")

    def on_mount(self) -> None:
        """A name can be typed at once."""
        entry = self.query_one(PromptInput)
        entry.moves = True
        entry.focus()
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Show as many as there is room for."""
        self._draw()

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    def action_back(self) -> None:
        """Choose nothing."""
        answer(self, None)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._found, self._at = matching(self._names, event.value), 0
        self._draw()

    @on(PromptInput.Moved)
    def _moved(self, event: PromptInput.Moved) -> None:
        self._at = max(0, min(self._at + event.rows, len(self._found) - 1))
        self._draw()

    @on(Input.Submitted)
    def _chosen(self, event: Input.Submitted) -> None:
        self._found = matching(self._names, event.value)  # whatever was painted until now
        if self._found:
            answer(self, self.entries[self._found[min(self._at, len(self._found) - 1)]])
        else:
            self.say("Nothing has that name; fewer letters find more.")

    def on_click(self, event: events.Click) -> None:
        """Choose the action under the mouse; a click on what lies below leaves."""
        found = self.query_one("#palette-found")
        row = event.screen_y - found.region.y - 1
        shown = self._shown
        if 0 <= row < len(shown):
            answer(self, self.entries[shown[row]])
        elif event.screen_y < found.region.y:
            answer(self, None)

    @property
    def _rows(self) -> int:
        return max(1, min(ROWS, self.size.height - OTHER_LINES))

    @property
    def _shown(self) -> list[str]:
        rows = self._rows
        first = max(0, min(self._at - rows // 2, len(self._found) - rows))
        return self._found[first : first + rows]

    def _draw(self) -> None:
        width, rows = self.size.width, self._rows
        count = f" {len(self._found):,} of {len(self._names):,} actions "
        lines = [Text(count.rjust(width, "─"), "dim")]
        lines += [self._line(self.entries[name], width) for name in self._shown]
        lines += [Text("")] * (rows + 1 - len(lines))
        self.query_one("#palette-found", Static).update(Text("\n").join(lines))

    def _line(self, entry: PaletteEntry, width: int) -> Text:
        chosen = entry.name == self._found[self._at]
        line = Text(f"{CURSOR if chosen else ' '} {set_cell_size(entry.key, KEY_CELLS)} ")
        line.append(escaping.line(entry.name), "bold" if chosen else "")
        if entry.about:
            line.append(f"  {escaping.line(entry.about)}", "dim")
        if cell_len(line.plain) > width:
            line.truncate(width, overflow="ellipsis")
        return line
