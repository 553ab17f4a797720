"""The clipboard of the terminal that the user sits at, also over SSH."""

from __future__ import annotations

import base64

MAX_BYTES = 75_000
"""What terminals and multiplexers accept in one sequence."""


def clipboard_sequence(text: str, in_tmux: bool) -> str:
    """The OSC 52 sequence that copies text, wrapped so that tmux hands it on."""
    kept = text.encode("utf-8", "replace")[:MAX_BYTES].decode(errors="ignore")
    sequence = f"\x1b]52;c;{base64.b64encode(kept.encode()).decode()}\a"
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if in_tmux else sequence
