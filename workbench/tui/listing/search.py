"""The search for the tweets of a list, in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from rich.cells import cell_len, set_cell_size

from storage.errors import UserError
from storage.query import paging
from storage.query.filters import filter_for
from storage.query.tweets import TweetList, find
from storage.store import Store, open_store
from workbench import escaping
from workbench.tui.list_screen import ListSettings

MOST_PARTS = 8
"""Parts of a filter that are counted."""


def count_parts(folder: Path, settings: ListSettings) -> str:
    """What each part of a filter finds alone, a line each; nothing where it has one part."""
    store = open_store(folder)
    try:
        parts = filter_for(store, settings.filter).parts[:MOST_PARTS]
        if len(parts) < 2:
            return ""
        width = max(cell_len(escaping.line(part)) for part in parts)
        lines = []
        for part in parts:
            query = paging.list_query(store, part, "id", settings.run)
            shown = set_cell_size(escaping.line(part), width)
            lines.append(f"  {shown}  {paging.count(store, query):>9,} alone")
        return "\n".join(lines)
    except UserError:
        return ""
    finally:
        store.close()


class Superseded(Exception):
    """Another search was begun before this one had found everything."""


class ListSearch:
    """Does one search at a time; a new one interrupts the one before it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._running: Store | None = None
        self._newest = 0

    def begin(self) -> int:
        """Begin a search and return its ticket; the search that goes on is given up."""
        with self._lock:
            self._newest += 1
            if self._running is not None:
                self._running.db.interrupt()
            return self._newest

    def find(self, ticket: int, settings: ListSettings) -> Iterator[TweetList]:
        """The ids of the first page and then all, in a thread; raises Superseded or UserError."""
        store = open_store(self._folder)
        try:
            with self._lock:
                if ticket != self._newest:
                    raise Superseded
                self._running = store
            for found in find(store, settings.filter, settings.sort, settings.run):
                if ticket != self._newest:
                    raise Superseded
                yield found
        except UserError:
            if ticket != self._newest:
                raise Superseded from None
            raise
        finally:
            with self._lock:
                if self._running is store:
                    self._running = None
            store.close()
