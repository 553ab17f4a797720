"""Edits saved in the order of their keys: at once, or in a thread where that takes long."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Event
from typing import Any, Generic, TypeVar

from storage import store as stores
from storage.errors import Busy, UserError
from storage.history.events import Progress
from storage.history.labels import Change
from storage.plurals import counted
from storage.store import DATABASE, SQLiteError, Store, explain, open_again
from storage.transactions import busy_timeout
from workbench.tui.acting_keys import key_for
from workbench.tui.editing.edits import SavedEdit
from workbench.tui.host import host
from workbench.tui.list_screen import ListScreen

MAX_IMMEDIATE = 2_000
"""Tweets that a key changes while the screen waits, a tenth of a second's work."""
IMMEDIATE_WAIT_MS = 50
"""How long the screen itself waits for another process that writes."""
THREAD_WAIT_MS = 100
"""How long a thread waits for it before it looks whether it shall go on waiting."""
REPORT_EVERY_S = 0.5
"""Seconds between two looks at whether edits wait, which is said then."""
PROGRESS_EVERY_S = 0.1
"""Seconds between two messages about how far a larger edit is."""


T = TypeVar("T")


@dataclass(frozen=True)
class QueuedEdit(Generic[T]):
    """An edit of so many tweets, or a look at them, and what the screen does about it."""

    verb: str
    size: int
    tweets: Collection[int]
    """Those that are shown as waiting until it is saved."""
    act: Callable[[Store, Collection[int], Progress | None], T]
    """Writes it, knowing the actions of the edits that it waited for."""
    go_on: Callable[[], None]
    """Makes the screen ready for the next key, as soon as this one is taken."""
    finish: Callable[[T], None]
    """Shows what was saved."""
    refuse: Callable[[UserError, int], None]
    """Says why it was not saved, and how many edits after it were given up with it."""
    writes: bool = True


class SaveQueue:
    """Saves the edits of a screen; nothing is shown as saved before it is."""

    def __init__(self, screen: ListScreen, store: Store) -> None:
        self._screen = screen
        self._store = store
        self._thread_store: Store | None = None
        self._queue: deque[QueuedEdit[Any]] = deque()
        self._own_actions: set[int] = set()
        """Those of the edits that others wait for."""
        self.made_here: set[int] = set()
        """The actions of all edits that were made on this screen, which tells them from others'."""
        self._saving = self._blocked = self._leaving = False
        self._attempt: asyncio.Future[Any] | None = None
        self._stopped = Event()

    def save(self, edit: QueuedEdit[T]) -> bool:
        """Save an edit now, or else after those before it; False if it was refused now."""
        if not self._saving and edit.size <= MAX_IMMEDIATE:
            try:
                with busy_timeout(self._store.db, IMMEDIATE_WAIT_MS):
                    saved = _act(edit, self._store, (), None)
            except Busy:
                pass
            except UserError as error:
                edit.refuse(error, 0)
                return False
            else:
                self._remember(saved)
                edit.go_on()
                edit.finish(saved)
                return True
        self._queue.append(edit)
        edit.go_on()
        self._screen.tweets.repaint()
        if not self._saving:
            self._saving = True
            if edit.size > MAX_IMMEDIATE:
                host(self._screen).say(f"{edit.verb} {edit.size:,} …")
            self._screen.run_worker(self._save_waiting(), group="save")
        return True

    def waits(self, tweet: int) -> bool:
        """Whether an edit of a tweet is still to be saved."""
        return any(tweet in edit.tweets for edit in self._queue)

    def delays_leaving(self) -> bool:
        """Whether the program stays open until all is saved, which is said; not if asked again."""
        if not self._unsaved or self._leaving:
            return False
        self._leaving = True
        self._report_waiting()
        return True

    async def close(self) -> int:
        """Give up what is not saved yet, and return how many edits that are."""
        self._stopped.set()
        if self._attempt is not None:
            await asyncio.wait([self._attempt])
            if self._attempt.exception() is None:
                self._queue.popleft()
        if self._thread_store is not None:
            self._thread_store.close()
        return self._unsaved

    @property
    def _unsaved(self) -> int:
        return sum(edit.writes for edit in self._queue)

    async def _save_waiting(self) -> None:
        timer = self._screen.set_interval(REPORT_EVERY_S, self._report_waiting)
        while self._queue:
            edit = self._queue[0]
            self._attempt = asyncio.ensure_future(asyncio.to_thread(self._save_in_thread, edit))
            try:
                saved = await asyncio.shield(self._attempt)
            except UserError as error:
                self._attempt = None
                self._give_up(error)
            else:
                self._attempt = None
                self._queue.popleft()
                self._own_actions |= self._remember(saved)
                edit.finish(saved)
        timer.stop()
        self._saving = False
        self._own_actions.clear()
        if self._thread_store is not None:
            self._thread_store.close()
            self._thread_store = None
        if self._leaving:
            self._screen.app.exit()

    def _remember(self, saved: object) -> set[int]:
        """Keep the action of an edit, of which a look at tweets has none."""
        actions = {saved.action} if isinstance(saved, SavedEdit | Change) else set()
        self.made_here |= actions
        return actions

    def _save_in_thread(self, edit: QueuedEdit[T]) -> T:
        """Save an edit in a thread, waiting for other processes as long as a command would."""
        self._blocked = False
        if self._thread_store is None:
            self._thread_store = open_again(self._store)
        reported, began = 0.0, time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal reported
            if self._stopped.is_set():
                raise UserError("The program was closed.")
            self._blocked = False
            if time.monotonic() - reported > PROGRESS_EVERY_S:
                reported = time.monotonic()
                text = f"{edit.verb} {done:,} of {total:,} …"
                self._screen.call_later(host(self._screen).say, text)

        while True:
            try:
                with busy_timeout(self._thread_store.db, THREAD_WAIT_MS):
                    return _act(edit, self._thread_store, self._own_actions, progress)
            except Busy:
                self._blocked = True
                waited_ms = 1000 * (time.monotonic() - began)
                if self._stopped.is_set() or waited_ms > stores.BUSY_MS:
                    raise

    def _give_up(self, error: UserError) -> None:
        """Give up an edit and those after it, which rest on it."""
        edit, *after = self._queue
        self._queue.clear()
        self._leaving = False
        self._screen.tweets.repaint()
        edit.refuse(error, sum(later.writes for later in after))

    def _report_waiting(self) -> None:
        """Say how many edits wait, and for what."""
        count = self._unsaved
        if not count or not (self._blocked or self._leaving):
            return
        edits = counted(count, "edit waits", "edits wait")
        why = ", as another process is writing" if self._blocked else ""
        then = f"; this closes when that is done, {key_for('leave')} again closes without"
        host(self._screen).say(f"{edits} to be saved{why}{then * self._leaving}.")


def _act(edit: QueuedEdit[T], store: Store, own: Collection[int], progress: Progress | None) -> T:
    try:
        return edit.act(store, own, progress)
    except SQLiteError as error:
        raise explain(error, store.folder / DATABASE) from error
