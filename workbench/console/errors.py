"""The end of a command that cannot do what was asked."""

from __future__ import annotations

import sys
import traceback

from workbench import escaping

MAX_CHARACTERS = 900
"""Characters of an error message."""


def fail(message: str, status: int, detail: str | None = None) -> None:
    """Print one sentence on stderr, after a traceback if that is asked for, and exit."""
    if "--debug" in sys.argv and sys.exc_info()[0] is not None:
        print(escaping.lines(traceback.format_exc()), file=sys.stderr)
    if len(message) > MAX_CHARACTERS:  # it repeats something endless
        message = f"{message[: MAX_CHARACTERS // 2]} … {message[-MAX_CHARACTERS // 2 :]}"
    print(f"workbench: {escaping.line(message)}", file=sys.stderr)
    if detail is not None:
        print(detail, file=sys.stderr)
    sys.exit(status)
