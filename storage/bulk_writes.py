"""Writing many rows in short transactions that give way to people who label."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from storage import file_locks
from storage.locks import open_elsewhere
from storage.safety.filesystem import network_type
from storage.store import DATABASE, Store, open_database, require_writable
from storage.transactions import transaction

IMPORT_LOCK = "import.lock"
ASKED_S = 0.2
"""Seconds between two looks whether another import has ended."""
ALONE_S = 0.250
"""How long a transaction may take while nobody else has the workspace open."""
QUIET_S = 0.030
"""How long one may take while others have it open and nobody labels: a first label may wait so."""
BESIDE_S = 0.004
"""How long one may take while somebody labels."""
ATTENTIVE_S = 2.0
"""For so long after a label of somebody else the next one is expected."""
CHECKPOINT_ROWS = 100_000
"""Rows between two moves of the log into the database."""
CHECKPOINT_ROWS_BESIDE = 2_000
"""Rows between two such moves while somebody labels, lest a label has to make one for the job."""

LEAST_ROWS = 50
"""Rows of a slice, however long they take; the first one has ten times as many."""


class BulkWriter:
    """A connection of its own for a long job that writes many rows.

    What `in_slices` and `executemany` do is done in slices, one short transaction each, whose size
    follows from how long the last ones took; between them there is room for other writers.
    """

    def __init__(self, db: sqlite3.Connection, held: IO[bytes] | None = None) -> None:
        self.db = db
        self._held = held
        self._sizes: dict[str, int] = {}
        self._version = self._data_version()
        self._disturbed = float("-inf")
        self._unchecked = 0
        self.somebody_labels = False
        """Whether somebody labels at present."""

    def in_slices(
        self,
        what: str,
        first: int,
        last: int,
        write: Callable[[int, int], object],
        least: int = LEAST_ROWS,
    ) -> None:
        """Call `write(a, b)` for slices a..b of the numbers from first to last, both included.

        A slice has at least `least` of them, however long it takes.
        """
        while first <= last:
            size = self._sizes.setdefault(what, 10 * least)
            end = min(last, first + size - 1)
            self._slice(what, end - first + 1, least, lambda a=first, b=end: write(a, b))  # type: ignore[misc]
            first = end + 1

    def slice_size(self, what: str) -> int:
        """How many rows of a kind a slice has at present."""
        return self._sizes.get(what, 10 * LEAST_ROWS)

    def executemany(self, what: str, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute a statement for each of the rows, in slices."""
        self.in_slices(what, 1, len(rows), lambda a, b: self.db.executemany(sql, rows[a - 1 : b]))

    def _slice(self, what: str, size: int, least: int, write: Callable[[], object]) -> None:
        with transaction(self.db):
            locked = time.monotonic()
            write()
        now = time.monotonic()
        version = self._data_version()
        if version != self._version:
            self._version, self._disturbed = version, now
        self.somebody_labels = labelling = now - self._disturbed < ATTENTIVE_S
        patience = BESIDE_S if labelling else QUIET_S if open_elsewhere(self._held) else ALONE_S
        wanted = size * patience / max(now - locked, 1e-4)
        known = self._sizes[what]
        if size >= known or wanted < known:  # a short rest at the end tells little
            self._sizes[what] = max(least, min(int(wanted), 2 * known, 50_000))
        self._unchecked += size
        if self._unchecked >= (CHECKPOINT_ROWS_BESIDE if labelling else CHECKPOINT_ROWS):
            self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._unchecked = 0
        time.sleep(0.004 if labelling else 0.0005)

    def _data_version(self) -> int:
        """SQLite's number that changes when another connection commits."""
        return int(self.db.execute("PRAGMA data_version").fetchone()[0])


@contextmanager
def bulk_writer(store: Store) -> Iterator[BulkWriter]:
    """Open a connection for a long job on a workspace, usable in one thread at a time.

    Its commits are not synced one by one: what it writes is worth nothing before the job's last
    step, which is committed through the store.
    """
    db, _ = open_database(store.folder / DATABASE, network_type(store.folder))
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("PRAGMA secure_delete = FAST")  # no texts of refused files in gaps of pages
        db.execute("PRAGMA foreign_keys = OFF")  # the jobs write rows that they have looked up
        db.execute("PRAGMA cache_size = -64000")
        db.execute("PRAGMA temp_store = FILE")
        db.execute("PRAGMA temp.cache_size = -16000")
        db.execute("PRAGMA temp.journal_mode = MEMORY")
        yield BulkWriter(db, store.held)
    finally:
        db.close()


@contextmanager
def lock_imports(store: Store, waiting: Callable[[], None]) -> Iterator[None]:
    """Import while nobody else does in this workspace; calls `waiting` if somebody does now."""
    require_writable(store)
    path = store.folder / IMPORT_LOCK
    with file_locks.open_file(path) as file:
        if not file_locks.acquire(file, path, file_locks.EXCLUSIVE):
            waiting()
            # asked again and again: an interrupt just before a lock that waits would wait with it
            while not file_locks.acquire(file, path, file_locks.EXCLUSIVE):
                time.sleep(ASKED_S)
        yield
