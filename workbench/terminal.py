"""Whether the screen can be used in this terminal."""

from __future__ import annotations

import os
import shutil
import sys

COLUMNS, ROWS = 60, 15
"""The smallest terminal in which the screens can be used."""


def terminal_problem() -> str | None:
    """Why the screen cannot be used here, in one sentence that says what to do instead."""
    instead = "use `workbench list`, `workbench label` and the other commands, or another terminal"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return f"The screen needs a terminal for input and output; {instead}."
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return f"TERM={os.environ.get('TERM', '')} cannot show the screen; {instead}."
    columns, rows = shutil.get_terminal_size()
    if columns < COLUMNS or rows < ROWS:
        return (
            f"The terminal has {columns} by {rows} cells and the screen needs {COLUMNS} by {ROWS}; "
            f"enlarge it, or {instead}."
        )
    return None
