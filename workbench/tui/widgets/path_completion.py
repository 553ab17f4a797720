"""A line for a path, and the paths that begin with what was typed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path

from rich.cells import cell_len
from textual import events

from workbench import escaping
from workbench.tui.widgets.line_input import LineInput

MOST_ENTRIES = 50_000
"""Entries of a folder that are looked at, so that a large one keeps nobody waiting."""
GAP = "  "


@dataclass(frozen=True)
class Completions:
    """The paths that one could go on to, folders with a / at their end, in order."""

    paths: Sequence[str] = ()
    whole: bool = True
    """Whether all entries of the folder were looked at."""

    @property
    def folders(self) -> Completions:
        """Those that are folders."""
        return Completions([path for path in self.paths if path.endswith("/")], self.whole)

    def completed(self, typed: str) -> str:
        """What was typed, completed as far as there is one way to."""
        return common_beginning(typed, self.paths) if self.whole else typed

    def in_lines(self, most: int) -> list[str]:
        """The paths in so many lines at most; the last one says how many more there are."""
        if len(self.paths) <= most and self.whole:
            return [escaping.line(path) for path in self.paths]
        shown = self.paths[: max(0, most - 1)]
        return [*map(escaping.line, shown), self._more(len(shown))]

    def in_one_line(self, width: int) -> str:
        """The names without their folder that fit, and how many more there are."""
        most = width // (1 + len(GAP)) + 1  # no more names fit than those of one letter
        shown = self.paths[:most]
        names = [f"{Path(path).name}{'/' * path.endswith('/')}" for path in shown]
        for count in range(len(names), -1, -1):
            rest = count < len(self.paths) or not self.whole
            line = GAP.join([*map(escaping.line, names[:count]), *[self._more(count)] * rest])
            if cell_len(line) <= width:
                return line
        return self._more(0)

    def _more(self, shown: int) -> str:
        if not self.whole:
            return f"and more: {MOST_ENTRIES:,} entries of the folder were looked at"
        return f"and {len(self.paths) - shown:,} more"


class PathInput(LineInput):
    """A line for a path, which tab completes as far as there is one way to."""

    async def on_key(self, event: events.Key) -> None:
        """Complete in the order of the keys, whatever was typed just before."""
        if event.key == "tab":
            event.stop().prevent_default()
            self.value = completions(self.value).completed(self.value)
            self.cursor_position = len(self.value)


def completions(typed: str) -> Completions:
    """The files and folders that a path could go on to."""
    folder, beginning = os.path.split(typed)
    place = Path(folder).expanduser() if folder else Path()
    found, looked_at = [], 0
    try:
        with os.scandir(place) as entries:
            for entry in islice(entries, MOST_ENTRIES):
                looked_at += 1
                hidden = entry.name.startswith(".") and not beginning.startswith(".")
                if entry.name.startswith(beginning) and not hidden:
                    end = "/" if entry.is_dir() else ""
                    found.append(os.path.join(folder, entry.name) + end)  # noqa: PTH118 - as typed
    except OSError:
        return Completions()
    return Completions(sorted(found), whole=looked_at < MOST_ENTRIES)


def common_beginning(typed: str, found: Sequence[str]) -> str:
    """What all that was found begins with, the text as it was typed if nothing was."""
    if not found:
        return typed
    first, last = min(found), max(found)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same) or typed
