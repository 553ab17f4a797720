"""What the rows of a list show, written anew only where that is something else than before."""

from __future__ import annotations

from collections.abc import Callable

from textual.cache import LRUCache
from textual.strip import Strip

from workbench.tui.widgets.rows import Row

KEPT = 600


class RowStrips:
    """Keeps what was written last for each row, and for what."""

    def __init__(self) -> None:
        self._strips: LRUCache[int, Strip] = LRUCache(KEPT)
        self._states: LRUCache[int, Row] = LRUCache(KEPT)

    def clear(self) -> None:
        """Have all rows written anew, as in other columns or colours."""
        self._strips.clear()

    def state(self, row: int) -> Row | None:
        """What was written last for a row, so that it is told whether it has to be painted."""
        return self._states.get(row)

    def forget(self, row: int) -> None:
        """Nothing is on a row."""
        self._states.discard(row)
        self._strips.discard(row)

    def strip(self, row: int, state: Row, write: Callable[[], Strip]) -> Strip:
        """What a row shows, as it was written before if it was for the same."""
        known = self._strips.get(row)
        if known is None or state != self._states.get(row):
            known = self.once(row, state, write)
            self._strips[row] = known
        return known

    def once(self, row: int, state: Row, write: Callable[[], Strip]) -> Strip:
        """What a row shows now, as under the cursor, and not again."""
        self.forget(row)  # or the old values stayed
        self._states[row] = state
        return write()
