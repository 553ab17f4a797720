"""Paths that begin with what was typed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

MOST_ENTRIES = 5_000
"""Entries of a folder that are looked at, so that a large one keeps nobody waiting."""


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
