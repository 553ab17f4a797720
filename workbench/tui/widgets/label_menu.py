"""The labels by name, fewer with each letter that is typed, over the last lines of the list."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Static

from storage.plurals import counted
from workbench import escaping
from workbench.tui.acting_keys import key_for
from workbench.tui.widgets.menu import CURSOR

ROWS = 10
"""Labels that are shown at a time."""


def matching(labels: Sequence[str], typed: str) -> list[str]:
    """The labels that a text means, the likeliest first; all of them for an empty text.

    Whatever begins with it comes first, then what has a word that does, then what contains it, then
    what contains each of its words, then what has its letters in this order. Case and accents do
    not count.
    """
    wanted = _folded(typed)
    ranked = [(rank, label) for label in labels if (rank := _rank(_folded(label), wanted)) < _NONE]
    return [label for _, label in sorted(ranked, key=lambda entry: entry[0])]


_NONE = 6


def _rank(label: str, wanted: str) -> int:
    if label == wanted:
        return 0
    if label.startswith(wanted):
        return 1
    if any(word.startswith(wanted) for word in label.replace("_", " ").replace("-", " ").split()):
        return 2
    if wanted in label:
        return 3
    if all(word in label for word in wanted.split()):
        return 4
    letters = iter(label)
    return 5 if all(letter in letters for letter in wanted) else _NONE


def _folded(text: str) -> str:
    """A text without case, accents and spaces at its ends."""
    parts = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


class LabelMenu(Static):
    """Keeps its height while it is filtered, so that only lines that differ are painted."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._labels: Sequence[str] = ()
        self._meanings: Mapping[str, str] = {}
        self._found: list[str] = []
        self._at = 0
        self._typed = ""

    @property
    def chosen(self) -> str | None:
        """The label under the cursor; None where none matches."""
        return self._found[self._at] if self._found else None

    def open(self, labels: Sequence[str], meanings: Mapping[str, str]) -> None:
        """Show all labels, the first one chosen."""
        self._labels, self._meanings = labels, meanings
        self._found, self._at, self._typed = list(labels), 0, ""
        self.styles.height = height = min(ROWS, len(labels)) + 1
        self.styles.offset = (0, -height)  # over the list, which keeps its place
        self.display = True
        self._draw()

    def close(self) -> None:
        """Uncover the list."""
        self.display = False

    def filter(self, typed: str) -> None:
        """Show the labels that match, the first one chosen; the same text again changes nothing."""
        if typed != self._typed:
            self._found, self._at, self._typed = matching(self._labels, typed), 0, typed
            self._draw()

    def move(self, rows: int) -> None:
        """Choose another of the labels that match."""
        if self._found:
            self._at = max(0, min(self._at + rows, len(self._found) - 1))
            self._draw()

    def on_mount(self) -> None:
        """Not there before it is opened."""
        self.display = False

    def _draw(self) -> None:
        first = max(0, min(self._at - ROWS // 2, len(self._found) - ROWS))
        shown = self._found[first : first + ROWS]
        numbers = {label: number for number, label in enumerate(self._labels, start=1)}
        lines = [self._line(label, numbers[label], label == self.chosen) for label in shown]
        lines += [Text("")] * (min(ROWS, len(self._labels)) - len(lines))
        many = f"{len(self._found):,} of {counted(len(self._labels), 'label')}"
        self.update(Text("\n").join([Text(f"  {many}", "bold"), *lines]), layout=False)

    def _line(self, label: str, number: int, chosen: bool) -> Text:
        key = key_for(f"label_{number}") if number <= 9 else ""
        line = Text(f"{CURSOR if chosen else ' '} {key:>1} {escaping.line(label)}")
        if meaning := self._meanings.get(label):
            line.append(f"  {escaping.line(meaning)}", "dim")
        if cell_len(line.plain) > self.app.size.width - 2:
            line.truncate(self.app.size.width - 2, overflow="ellipsis")
        if chosen:
            line.stylize("reverse")
        return line
