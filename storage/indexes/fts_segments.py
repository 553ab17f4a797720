"""The segments of the full-text index: a search looks into each of them.

SQLite merges them while it writes, in steps that a label would have to wait for; so that is
switched off, and they are merged here in short transactions of their own (FTS5, 4.11 and 6.9).
"""

from __future__ import annotations

import sqlite3

from storage.bulk_writes import BulkWriter
from storage.transactions import transaction

MERGED_AT_ONCE = 16
"""Segments that are merged into one: the `usermerge` of the index."""
MOST_SEGMENTS = 96
"""How many segments an import may leave that nobody labels beside: a search takes 20 microseconds
more for each, and merging them takes a tenth of the import."""
COLLECTED = 4_000_000
"""Bytes of the index that are collected in memory before they become a segment."""
PAGES = 32
"""Pages that are merged between two looks at whether there is still something to merge."""


def collect(db: sqlite3.Connection) -> None:
    """Have each transaction of an import leave one segment, where SQLite would make several."""
    sql = "SELECT v FROM tweets_fts_config WHERE k = 'hashsize'"
    if db.execute(sql).fetchone() != (COLLECTED,):
        sql = "INSERT INTO tweets_fts (tweets_fts, rank) VALUES ('hashsize', ?)"
        db.execute(sql, [COLLECTED])


def merge_segments(writer: BulkWriter, most: int = MERGED_AT_ONCE) -> None:
    """Merge segments of one size, at least MERGED_AT_ONCE, if there are more than `most` in all."""
    if _number(writer) <= most:
        return
    changes = PAGES
    while changes >= PAGES // 10:
        before = writer.db.total_changes
        writer.in_slices("merge", 1, PAGES, lambda a, b: _step(writer, b - a + 1), least=2)
        changes = writer.db.total_changes - before


def merge_all_segments(writer: BulkWriter) -> None:
    """Merge all pieces into one, in which there is nothing left of texts that were deleted."""
    with transaction(writer.db):
        _step(writer, -PAGES)
    changes = PAGES
    while changes > 1:
        before = writer.db.total_changes
        writer.in_slices("merge", 1, PAGES, lambda a, b: _step(writer, b - a + 1), least=2)
        changes = writer.db.total_changes - before


def _step(writer: BulkWriter, pages: int) -> None:
    writer.db.execute("INSERT INTO tweets_fts (tweets_fts, rank) VALUES ('merge', ?)", [pages])


def _number(writer: BulkWriter) -> int:
    sql = "SELECT count(DISTINCT segid) FROM tweets_fts_idx"
    return int(writer.db.execute(sql).fetchone()[0])
