"""Transactions: all of what is written or nothing, and how long one waits for other processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from storage import config as config_file
from storage import connections
from storage.connections import DATABASE
from storage.errors import UserError
from storage.safety.damage import explain

SHORTEST_NAP, LONGEST_NAP = 0.000_5, 0.005
"""Seconds between two looks at whether the other process has finished writing."""

READ_ONLY = "attempt to write a readonly database"
"""What SQLite says of one."""
_READING: set[int] = set()
"""The connections of which what is read belongs to one moment."""


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what the block wrote, all or nothing; inside another transaction it joins that one.

    Raises UserError when the database is locked, read-only or out of space.
    """
    if db.in_transaction:
        if id(db) in _READING:
            raise sqlite3.OperationalError(READ_ONLY)
        yield db
        return
    try:
        if db.execute("PRAGMA query_only").fetchone()[0]:
            raise sqlite3.OperationalError(READ_ONLY)
        execute_when_free(db, "BEGIN IMMEDIATE")
        _require_in_place(db)
        yield db
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise explain(error, connections.path_of(db)) from error
    finally:
        # Left open whatever went wrong, also in COMMIT, it would swallow all that comes after.
        if db.in_transaction:
            db.execute("ROLLBACK")


def gone_sentence(db: sqlite3.Connection) -> str:
    """That a workspace which is open is not there any more; empty where it is."""
    path = connections.path_of(db)
    if connections.is_in_place(db):
        return ""
    sentence = config_file.REPLACED if path.exists() else config_file.GONE
    return sentence.format(folder=path.parent)


def _require_in_place(db: sqlite3.Connection) -> None:
    """Raise UserError where what is written now would go into a file that nobody finds again."""
    if connections.path_of(db).name == DATABASE and (gone := gone_sentence(db)):
        raise UserError(gone)


@contextmanager
def read_transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Read the store as it is now, whoever writes meanwhile; the block itself cannot write.

    Inside another transaction it joins that one. The pragma `query_only` would have SQLite prepare
    all statements anew, before and after.
    """
    if db.in_transaction:
        yield
        return
    changes = db.total_changes
    db.execute("BEGIN")
    _READING.add(id(db))
    try:
        yield
    finally:
        _READING.remove(id(db))
        if db.in_transaction:
            db.execute("ROLLBACK")
        if db.total_changes != changes:  # which is lost with the transaction
            raise sqlite3.OperationalError(READ_ONLY)


def execute_when_free(db: sqlite3.Connection, statement: str) -> None:
    """Execute a statement, waiting as long as busy_timeout says while somebody else is in its way.

    SQLite's own waiting sleeps up to 100 ms at a time and comes too late again and again while
    others write often; this one looks every half millisecond, after a while every 5 ms. And for a
    change of the journal SQLite does not wait at all.
    """
    limit_ms: int = db.execute("PRAGMA busy_timeout").fetchone()[0]
    started = time.monotonic()
    db.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                db.execute(statement)
                return
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - started
                if not _is_busy(error) or waited * 1000 >= limit_ms:
                    raise
            time.sleep(min(LONGEST_NAP, max(SHORTEST_NAP, waited / 100)))
    finally:
        db.execute(f"PRAGMA busy_timeout = {limit_ms}")


@contextmanager
def busy_timeout(db: sqlite3.Connection, milliseconds: int) -> Iterator[None]:
    """Wait no longer than this for other processes within the block, then raise Busy."""
    usual: int = db.execute("PRAGMA busy_timeout").fetchone()[0]
    db.execute(f"PRAGMA busy_timeout = {min(milliseconds, usual)}")
    try:
        yield
    finally:
        db.execute(f"PRAGMA busy_timeout = {usual}")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # without what made it busy
