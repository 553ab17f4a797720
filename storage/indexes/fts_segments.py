"""The pieces that the full-text index consists of: a search looks into each of them.

SQLite merges them while it writes, in steps that a label would have to wait for; so that is
switched off, and they are merged here in short transactions of their own (FTS5, 4.11 and 6.9).
"""

from __future__ import annotations

from storage.bulk_writes import Bulk

AT_ONCE = 16
"""Pieces that are merged into one: the `usermerge` of the index."""
MOST = 48
"""How many an import may leave that nobody labels beside: a search takes 20 microseconds more for
each, and merging them a tenth of the import."""
PAGES = 32
"""Pages that are merged between two looks at whether there is still something to merge."""


def merge(bulk: Bulk, most: int = AT_ONCE) -> None:
    """Merge pieces of one size, AT_ONCE of them or more, if there are more than `most` in all."""
    if _number(bulk) <= most:
        return
    changes = PAGES
    while changes >= PAGES // 10:
        before = bulk.db.total_changes
        bulk.over("merge", 1, PAGES, lambda a, b: _step(bulk, b - a + 1), least=2)
        changes = bulk.db.total_changes - before


def _step(bulk: Bulk, pages: int) -> None:
    bulk.db.execute("INSERT INTO tweets_fts (tweets_fts, rank) VALUES ('merge', ?)", [pages])


def _number(bulk: Bulk) -> int:
    sql = "SELECT count(DISTINCT segid) FROM tweets_fts_idx"
    return int(bulk.db.execute(sql).fetchone()[0])
