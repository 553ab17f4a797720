"""Finding the rows that a file holds twice, and what they say of the tweet that came before.

Where they say different splits, test wins over dev and dev over train, whichever comes first.
"""

from __future__ import annotations

import sqlite3
from operator import itemgetter

from storage.transfer.rows import Judgement, OtherSplit, ParsedRow, Said

RANKS = {"train": 1, "dev": 2, "test": 3}
"""Which split of a tweet wins; 0 stands for none that the file names."""
MOST_NAMED = 3
"""Tweets in several splits that are named one by one."""
NAME = 40
"""Characters of a name."""


class DuplicateFilter:
    """The rows of one file that have come so far, by their text and id.

    They are kept in a database that SQLite moves to the disk as it grows and deletes with the
    connection, so that no file is too large. Rows without an id repeat one another only where they
    are judgements: the n-th of each annotator about a text is about the n-th tweet with that text.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -32000"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, label, place, told, split)")
        self._db.execute("CREATE TABLE turns (key INTEGER PRIMARY KEY, turn)")
        self._places = 0
        self._judgements: list[Judgement] = []
        self.judging = 0
        """Rows that repeat one and judge it."""
        self._other_splits: list[OtherSplit] = []
        self.in_several_splits = 0
        """Rows that repeat one and name another split than it has so far."""
        self.names: list[str] = []
        """The ids of some of those, or else their texts."""

    def new_rows(self, rows: list[ParsedRow]) -> list[ParsedRow]:
        """Those of the rows that have not come before."""
        if any(row.said for row in rows) or not self._take_all(rows):
            self._db.execute("BEGIN")
            rows = [row for row in rows if self._is_new(row)]
            self._db.execute("COMMIT")
        return rows

    def take_judgements(self) -> list[Judgement]:
        """What was said in the rows since this was asked last."""
        found, self._judgements = self._judgements, []
        return found

    def take_other_splits(self) -> list[OtherSplit]:
        """The splits that win over those of rows that were given out before."""
        found, self._other_splits = self._other_splits, []
        return found

    def _take_all(self, rows: list[ParsedRow]) -> bool:
        """Take in rows that say nothing of annotators, unless one of them repeats another."""
        keyed = [
            (hash((row.text, row.external_id)), row.gold, place, _rank(row))
            for place, row in enumerate(rows, self._places)
            if row.external_id is not None
        ]
        if keyed:
            keyed.sort(key=itemgetter(0))
            self._db.execute("BEGIN")
            written = self._db.executemany(
                "INSERT OR IGNORE INTO seen VALUES (?, ?, ?, FALSE, ?)", keyed
            ).rowcount
            if written != len(keyed):
                self._db.execute("ROLLBACK")
                return False
            self._db.execute("COMMIT")
        self._places += len(rows)
        return True

    def _is_new(self, row: ParsedRow) -> bool:
        """Whether a row has not come before; what it says of its tweet is put by."""
        key, place, said = self._key(row), self._places, row.said
        sql = "INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?, ?)"
        new = key is None or bool(
            self._db.execute(sql, (key, row.gold, place, bool(said), _rank(row))).rowcount
        )
        if new:
            self._places += 1
        else:
            sql = "SELECT place, label, told, split FROM seen WHERE key = ?"
            place, first, told, split = self._db.execute(sql, (key,)).fetchone()
            if row.names_split and split != _rank(row):
                self._compare_splits(row, key, place, split)
            said = said or (Said(None, None, row.gold),)
            if not told:  # the label of a row without annotators is a judgement beside others only
                if first is not None:
                    self._judgements.append(Judgement(place, None, None, first, False))
                self._db.execute("UPDATE seen SET told = 1 WHERE key = ?", (key,))
            differs = row.gold is not None and row.gold != first
            self.judging += differs or any(one.label is not None for one in row.said)
        for one in said:
            if one.label is not None:
                self._judgements.append(
                    Judgement(place, one.annotator, one.at, one.label, one.truth)
                )
        return new

    def _compare_splits(self, row: ParsedRow, key: int | None, place: int, split: int) -> None:
        """Count that a row says another split, and take it if it wins."""
        if split:
            self.in_several_splits += 1
            if len(self.names) < MOST_NAMED:
                self.names.append(row.external_id or row.text[:NAME])
        if _rank(row) > split:
            self._other_splits.append(OtherSplit(place, row.split))
            self._db.execute("UPDATE seen SET split = ? WHERE key = ?", (_rank(row), key))

    def _key(self, row: ParsedRow) -> int | None:
        if row.external_id is not None:
            return hash((row.text, row.external_id))
        if not row.said:
            return None
        keys = {hash((row.text, one.annotator)) for one in row.said}
        turn = max(self._next_turn(key) for key in keys)
        if len(keys) > 1:  # all of them are about this one now
            sql = "UPDATE turns SET turn = ? WHERE key = ?"
            self._db.executemany(sql, [(turn, key) for key in keys])
        return hash((row.text, None, turn))

    def _next_turn(self, key: int) -> int:
        sql = (
            "INSERT INTO turns VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET turn = turn + 1 "
            "RETURNING turn"
        )
        return int(self._db.execute(sql, (key,)).fetchone()[0])


def _rank(row: ParsedRow) -> int:
    return RANKS[row.split] if row.names_split else 0
