"""A line for a path, and the paths that begin with what was typed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from textual import events

from workbench.tui.widgets.line_input import LineInput

MOST_ENTRIES = 5_000
"""Entries of a folder that are looked at, so that a large one keeps nobody waiting."""


class PathInput(LineInput):
    """A line for a path, which tab completes as far as there is one way to."""

    async def on_key(self, event: events.Key) -> None:
        """Complete in the order of the keys, whatever was typed just before."""
        if event.key == "tab":
            event.stop().prevent_default()
            self.value = common_beginning(self.value, completions(self.value))
            self.cursor_position = len(self.value)


def completed_folder(typed: str) -> tuple[str, list[str]]:
    """A path completed as far as there is one way to, and the folders that it could go on to."""
    folders = [path for path in completions(typed) if path.endswith("/")]
    return common_beginning(typed, folders), folders


def completions(typed: str) -> list[str]:
    """The files and folders that a path could go on to, folders with a / at their end."""
    folder, beginning = os.path.split(typed)
    place = Path(folder).expanduser() if folder else Path()
    found = []
    try:
        with os.scandir(place) as entries:
            for _, entry in zip(range(MOST_ENTRIES), entries, strict=False):
                hidden = entry.name.startswith(".") and not beginning.startswith(".")
                if entry.name.startswith(beginning) and not hidden:
                    end = "/" if entry.is_dir() else ""
                    found.append(os.path.join(folder, entry.name) + end)  # noqa: PTH118 - as typed
    except OSError:
        return []
    return sorted(found)


def common_beginning(typed: str, found: Sequence[str]) -> str:
    """What all that was found begins with, the text as it was typed if nothing was."""
    if not found:
        return typed
    first, last = min(found), max(found)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same) or typed
