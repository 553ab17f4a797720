"""Finding the tweets of a list in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from storage.errors import UserError
from storage.query.tweets import Found, find
from storage.store import Store, open_store


@dataclass(frozen=True)
class Question:
    """Which tweets, in which order, with whose predictions."""

    filter: str = ""
    sort: str = "id"
    run: int | None = None


class Superseded(Exception):
    """A newer question was asked before this one was answered."""


class Finder:
    """Answers one question at a time; a new one interrupts the one before it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._running: Store | None = None
        self._newest = 0

    def begin(self) -> int:
        """Announce a question: whatever is being looked for is given up."""
        with self._lock:
            self._newest += 1
            if self._running is not None:
                self._running.db.interrupt()
            return self._newest

    def find(self, ticket: int, question: Question) -> Iterator[Found]:
        """The ids of the first page and then all, in a thread; raises Superseded or UserError."""
        store = open_store(self._folder)
        try:
            with self._lock:
                if ticket != self._newest:
                    raise Superseded
                self._running = store
            for found in find(store, question.filter, question.sort, question.run):
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
