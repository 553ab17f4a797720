"""What is asked of the terminal that the user sits at, also over SSH: its clipboard, a call."""

from __future__ import annotations

import base64
import os

from storage.config import BELL, OSC9
from workbench import escaping

MAX_BYTES = 75_000
"""What terminals and multiplexers accept in one sequence."""
TMUX, SCREEN = "tmux", "screen"
MOST_OF_SCREEN = 240
"""Bytes that GNU screen hands on at a time."""
MOST_CALLED = 200
"""Characters of what is shown on a desktop."""


def multiplexer() -> str:
    """What stands between the program and the terminal outside: tmux, GNU screen or nothing."""
    return TMUX if "TMUX" in os.environ else SCREEN if "STY" in os.environ else ""


def clipboard_sequence(text: str, inside: str) -> str:
    """The OSC 52 sequence that copies text, as what it is inside of takes it.

    tmux takes it for its own where `set-clipboard` is on, and hands a wrapped one on where
    `allow-passthrough` is.
    """
    kept = text.encode("utf-8", "replace")[:MAX_BYTES].decode(errors="ignore")
    sequence = f"\x1b]52;c;{base64.b64encode(kept.encode()).decode()}\a"
    return (sequence if inside == TMUX else "") + _handed_on(sequence, inside)


def call_sequence(how: str, text: str, inside: str) -> str:
    """What has a terminal call somebody: a bell, or OSC 9, which shows the text on the desktop."""
    if how == OSC9:
        return _handed_on(f"\x1b]9;{escaping.line(text)[:MOST_CALLED]}\a", inside)
    return "\a" if how == BELL else ""


def _handed_on(sequence: str, inside: str) -> str:
    """A sequence that goes on to the terminal outside."""
    if inside == TMUX:
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if inside == SCREEN:
        starts = range(0, len(sequence), MOST_OF_SCREEN)
        return "".join(f"\x1bP{sequence[at : at + MOST_OF_SCREEN]}\x1b\\" for at in starts)
    return sequence
