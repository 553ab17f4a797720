"""Finding the rows that a file holds twice."""

from __future__ import annotations

import sqlite3

from storage.transfer.rows import ParsedRow


class DuplicateFilter:
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

    def new_rows(self, rows: list[ParsedRow]) -> list[ParsedRow]:
        """Those of the rows that have not come before."""
        keyed = [(_key(row), row.gold) for row in rows if row.external_id is not None]
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
            if row.external_id is None or db.execute(sql, (_key(row), row.gold)).rowcount:
                fresh.append(row)
            elif row.gold is not None:
                found = db.execute("SELECT label FROM seen WHERE key = ?", (_key(row),))
                self.contradicting += found.fetchone()[0] != row.gold
        db.execute("COMMIT")
        return fresh


def _key(row: ParsedRow) -> int:
    return hash((row.text, row.external_id))
