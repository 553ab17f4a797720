"""The pieces that the full-text index consists of: a search looks into each of them.

SQLite merges them while it writes, in steps that a label would have to wait for; so that is
switched off, and they are merged here in short transactions of their own (FTS5, 4.11 and 6.9).
"""

from __future__ import annotations

from storage.bulk import Bulk

MOST = 48
PAGES = 256
"""Pages that are merged before the pieces are counted again."""
ROWS = 20_000
"""So many rows can be indexed before it is worth looking."""


def merge(bulk: Bulk) -> None:
    """Merge pieces of the index until there are few, or none that are worth it."""
    while _number(bulk) > MOST:
        before = bulk.db.total_changes
        bulk.over("merge", 1, PAGES, lambda a, b: _step(bulk, b - a + 1), least=4)
        if bulk.db.total_changes - before < 2 * PAGES // 10:
            return


def _step(bulk: Bulk, pages: int) -> None:
    bulk.db.execute("INSERT INTO tweets_fts (tweets_fts, rank) VALUES ('merge', ?)", [pages])


def _number(bulk: Bulk) -> int:
    sql = "SELECT count(DISTINCT segid) FROM tweets_fts_idx"
    return int(bulk.db.execute(sql).fetchone()[0])
