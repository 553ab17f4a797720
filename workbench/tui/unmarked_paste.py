"""Texts that a terminal pastes without marking them, as GNU screen does: they come as keys.

A list would take each letter for a key, and label tweets. So what comes in one read, long and of
many different characters, is taken for a paste, and so is what follows close behind: nobody types
so much between two reads. Keys that are held down, or typed ahead over a slow line, are few or
alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.message import Message

LONG, DIFFERENT = 64, 10
"""Characters of a read, and how many of them differ, from which on it was pasted."""
QUIET_S = 0.5
"""Seconds without input, after which a key is a key again."""
ESCAPE, BEGINS, ENDS = "\x1b", "\x1b[200~", "\x1b[201~"


class PasteParser(XTermParser):
    """Reads keys as Textual does, and pastes that are not marked as if they were."""

    _marked = False
    """Whether the text of a paste that the terminal marks comes just now."""
    _pasted_at = float("-inf")
    _end = ""
    """The end of the last read, in which a mark may begin."""

    def feed(self, data: str) -> Iterable[Message]:
        """The events of a read."""
        if self._is_pasted(data):
            self._pasted_at = monotonic()
            yield events.Paste(data.replace("\r", "\n").replace("\x00", ""))
        else:
            yield from super().feed(data)

    def _is_pasted(self, data: str) -> bool:
        known = self._end + data
        begins, ends = known.rfind(BEGINS), known.rfind(ENDS)
        self._end = known[1 - len(BEGINS) :]
        was_marked = self._marked
        if max(begins, ends) >= 0:
            self._marked = begins > ends
        if ESCAPE in data:
            self._pasted_at = float("-inf")  # a key that is no letter ends it
        if was_marked or not data or ESCAPE in data:
            return False
        follows = monotonic() - self._pasted_at < QUIET_S
        return follows or (len(data) >= LONG and len(set(data)) >= DIFFERENT)


def know_pastes() -> None:
    """Have keys from a terminal read so, from when the next screen opens."""
    linux_driver.XTermParser = PasteParser  # type: ignore[attr-defined]
