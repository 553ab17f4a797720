"""Finding the rows that a file holds twice."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeVar

R = TypeVar("R", bound=tuple[Any, ...])
"""A row that begins with its text and its id."""


class Repeats:
    """The rows of one file that have come so far, by their text and id.

    They are kept in a database that SQLite moves to the disk as it grows and deletes with the
    connection, so that no file is too large. Rows without an id never repeat one another.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -32000"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY)")

    def without(self, rows: list[R]) -> list[R]:
        """Those of the rows that have not come before."""
        keys = [hash(row[:2]) for row in rows if row[1] is not None]
        if not keys:
            return rows
        db, sql = self._db, "INSERT OR IGNORE INTO seen VALUES (?)"
        db.execute("BEGIN")
        if db.executemany(sql, [(key,) for key in sorted(keys)]).rowcount == len(keys):
            db.execute("COMMIT")
            return rows
        db.execute("ROLLBACK")  # seldom: find out one by one which they are
        db.execute("BEGIN")
        fresh = [
            row for row in rows if row[1] is None or db.execute(sql, (hash(row[:2]),)).rowcount
        ]
        db.execute("COMMIT")
        return fresh
