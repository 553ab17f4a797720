"""Wiping the words of tweets that were taken out from the files of a workspace.

The text index holds words of what was deleted until its segments are merged, an import frees pages
with words on them, pages have gaps with what stood there once, and the log has older pages. So the
database is written anew and its log emptied. How far that has come is kept in `counts.traces`, so
that what a kill, a reader or a full disk has prevented is done when the workspace is next opened.
"""

from __future__ import annotations

import shutil
import sqlite3

from storage import connections
from storage.bulk_writes import BulkWriter, bulk_writer, lock_imports
from storage.indexes import fts_segments
from storage.store import Store
from storage.transactions import transaction

NONE, IN_LOG, EVERYWHERE = 0, 1, 2
"""Where words may be that should be gone."""


class _InUse(Exception):
    """An import goes on, or somebody takes tweets out."""


def left(store: Store) -> bool:
    """Whether words of tweets that were taken out may still be in the files."""
    return _state(store.db) != NONE


def note(db: sqlite3.Connection) -> None:
    """Note that there are such words now, in the transaction that takes the tweets out."""
    _set(db, EVERYWHERE)


def wipe(writer: BulkWriter) -> None:
    """Wipe all such words, as far as that can be done now."""
    db = writer.db
    if _state(db) == EVERYWHERE:
        fts_segments.merge_all_segments(writer)
        if not _has_space(db):
            return
        db.execute("PRAGMA synchronous = FULL")
        try:
            db.execute("VACUUM")
        except sqlite3.OperationalError:  # locked by others for too long, or no space for a copy
            return
        with transaction(db):
            _set(db, IN_LOG)
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if not busy:
        with transaction(db):
            _set(db, NONE)


def wipe_rest(store: Store) -> None:
    """Wipe what was left, unless an import goes on, whose end is not waited for."""

    def refuse() -> None:
        raise _InUse

    try:
        with lock_imports(store, refuse), bulk_writer(store) as writer:
            wipe(writer)
    except _InUse:
        return


def _state(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT value FROM counts WHERE name = 'traces'").fetchone()[0])


def _set(db: sqlite3.Connection, state: int) -> None:
    db.execute("UPDATE counts SET value = ? WHERE name = 'traces'", [state])


def _has_space(db: sqlite3.Connection) -> bool:
    """Whether there is space for a copy of the database and for one in its log."""
    path = connections.path_of(db)
    pages, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
    )
    return bool(shutil.disk_usage(path).free > 2 * pages * size)
