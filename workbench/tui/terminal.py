"""Whether the screen can be used in this terminal, and the end of both."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable

from workbench.standard_streams import is_terminal

COLUMNS, ROWS = 60, 15
"""The smallest terminal in which the screens can be used."""
ERASE = "\x1b[0m\x1b[2J\x1b[H"
"""Leaves nothing of the picture where a terminal, such as GNU screen, has no second screen."""
LOOK_S = 2.0
"""Seconds between two looks at whether the terminal is there."""


def terminal_problem() -> str | None:
    """Why the screen cannot be used here, in one sentence that says what to do instead."""
    instead = "use `workbench --plain`, which prints lines, the other commands, or another terminal"
    if in_browser():
        return None
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
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


def in_browser() -> bool:
    """Whether a browser shows the screen, through textual-serve, and there is no terminal."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def erases_in_colour() -> bool:
    """Whether what the terminal erases gets the background colour, as its description says."""
    if in_browser():
        return True
    try:
        import curses
    except ImportError:  # not every build of Python has it
        return False
    try:
        curses.setupterm(fd=1)
    except curses.error:
        return False
    return curses.tigetflag("bce") > 0


def end_with_terminal(exit: Callable[[None, int], None]) -> None:
    """End the process on SIGTERM, on SIGHUP, and when the line is gone.

    Also where its event loop waits for the line: Textual's writer ends with the first write that
    fails, and what is written then waits for ever. `exit` takes a result and an exit status.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, exit, None, 128 + number)
    if in_browser():
        return
    threading.Thread(target=_watch, name="line", daemon=True).start()


def _watch() -> None:
    try:
        while True:
            time.sleep(LOOK_S)
            termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]
    except (termios.error, ValueError):
        os._exit(128 + signal.SIGHUP)
