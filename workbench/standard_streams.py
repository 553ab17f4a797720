"""Standard input and output, also where whoever starts the program has closed them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO, TextIO

from storage.errors import UsageError, UserError


def fill_gaps() -> None:
    """Put nothing in the place of closed standard streams, lest a database gets their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal; one that is closed is None, and no terminal."""
    return stream is not None and stream.isatty()


def standard_input() -> BinaryIO:
    """The bytes that come in; raises UserError where standard input is closed."""
    if sys.stdin is None:
        raise UserError("Standard input is closed; name a file, or send one in with a pipe or <.")
    return sys.stdin.buffer


def standard_output() -> BinaryIO:
    """Where bytes go out; raises UserError where standard output is closed."""
    if sys.stdout is None:
        raise UserError("Standard output is closed; name a file, or a pipe or > for the content.")
    return sys.stdout.buffer


def require_file(path: Path) -> None:
    """Raise UsageError for -, which means standard output, where only a file can be written."""
    if path == Path("-"):
        raise UsageError("- is standard output, and this cannot go there; name a file.")
