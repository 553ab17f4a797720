"""Finding the rows that a file holds twice."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeVar

R = TypeVar("R", bound=tuple[Any, ...])
"""A row that begins with its text and its id."""
LABEL = 5
"""The place of the label in it."""


class Repeats:
    """The rows of one file that have come so far, by their text and id.

    They are kept in a database that SQLite moves to the disk as it grows and deletes with the
    connection, so that no file is too large. Rows without an id never repeat one another.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -32000"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, label)")
        self.contradicting = 0
        """Rows that repeat one with another label."""

    def without(self, rows: list[R]) -> list[R]:
        """Those of the rows that have not come before."""
        keyed = [(hash(row[:2]), row[LABEL]) for row in rows if row[1] is not None]
        if not keyed:
            return rows
        db, sql, labels = self._db, "INSERT OR IGNORE INTO seen VALUES (?, ?)", dict(keyed)
        keys = sorted(labels)
        db.execute("BEGIN")
        written = db.executemany(sql, zip(keys, map(labels.get, keys), strict=True)).rowcount
        if written == len(keyed):
            db.execute("COMMIT")
            return rows
        db.execute("ROLLBACK")  # seldom: find out one by one which they are
        db.execute("BEGIN")
        fresh = []
        for row in rows:
            if row[1] is None or db.execute(sql, (hash(row[:2]), row[LABEL])).rowcount:
                fresh.append(row)
            elif row[LABEL] is not None:
                found = db.execute("SELECT label FROM seen WHERE key = ?", (hash(row[:2]),))
                self.contradicting += found.fetchone()[0] != row[LABEL]
        db.execute("COMMIT")
        return fresh
