"""The rows of a list, read from the store in windows as they come into view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.cache import LRUCache

from storage.tweet import Tweet
from workbench.tui.widgets.rows import Row

WINDOW = 200
MOST_WINDOWS = 16


class RowWindows:
    """Reads as many rows at a time as a window has, and keeps the windows that were asked last."""

    def __init__(self, fetch: Callable[[Sequence[int]], list[Tweet]]) -> None:
        self.size = WINDOW
        """Rows that are read from the store at a time."""
        self.values: Callable[[Sequence[int]], Mapping[int, float]] = lambda ids: {}
        """The values by which tweets are ordered, as far as they are shown."""
        self._fetch = fetch
        self._windows: LRUCache[int, dict[int, Row]] = LRUCache(MOST_WINDOWS)

    def clear(self) -> None:
        """Read rows again when they are asked for, as they or the list are others now."""
        self._windows.clear()

    def row(self, ids: Sequence[int], row: int) -> Row | None:
        """A row of the list of these ids, None where there is no such row or no such tweet."""
        if not 0 <= row < len(ids):
            return None
        number = row // self.size
        window = self._windows.get(number)
        if window is None:
            part = ids[number * self.size : (number + 1) * self.size]
            values = self.values(part)
            window = {t.id: Row(t, value=values.get(t.id)) for t in self._fetch(part)}
            self._windows[number] = window
        return window.get(ids[row])
