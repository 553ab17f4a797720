"""What is asked of the terminal that the user sits at, also over SSH: its clipboard, a call."""

from __future__ import annotations

import base64

from storage.config import BELL, OSC9
from workbench import escaping

MAX_BYTES = 75_000
"""What terminals and multiplexers accept in one sequence."""
MOST_CALLED = 200
"""Characters of what is shown on a desktop."""


def clipboard_sequence(text: str, in_tmux: bool) -> str:
    """The OSC 52 sequence that copies text, wrapped so that tmux hands it on."""
    kept = text.encode("utf-8", "replace")[:MAX_BYTES].decode(errors="ignore")
    return _handed_on(f"\x1b]52;c;{base64.b64encode(kept.encode()).decode()}\a", in_tmux)


def call_sequence(how: str, text: str, in_tmux: bool) -> str:
    """What has a terminal call somebody: a bell, or OSC 9, which shows the text on the desktop."""
    if how == OSC9:
        return _handed_on(f"\x1b]9;{escaping.line(text)[:MOST_CALLED]}\a", in_tmux)
    return "\a" if how == BELL else ""


def _handed_on(sequence: str, in_tmux: bool) -> str:
    """A sequence that tmux hands on to the terminal outside."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if in_tmux else sequence
