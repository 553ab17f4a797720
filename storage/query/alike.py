"""Labelled tweets that share the rarest words with a text, found through the full-text index."""

from __future__ import annotations

from storage.store import Store, last_visible_id
from storage.text import URL
from storage.word_search import folded

MOST_WORDS = 12


def alike_labelled(store: Store, text: str, group: int, limit: int) -> list[int]:
    """The labelled tweets nearest to a text, without those of a group, the nearest first.

    Near by BM25 (Robertson and Zaragoza 2009, Found. Trends Inf. Retr. 3:333) over the longest
    words, as SQLite computes it; fewer, or none, where no words are shared.
    """
    words = sorted(set(folded(URL.sub(" ", text)).split()), key=lambda word: (-len(word), word))
    if not words:
        return []
    asked = " OR ".join('"' + word.replace('"', "") + '"' for word in words[:MOST_WORDS])
    rows = store.db.execute(
        "SELECT f.rowid FROM tweets_fts f JOIN current c ON c.tweet = f.rowid "
        "WHERE f.tweets_fts MATCH ? AND f.rowid <= ? AND c.label IS NOT NULL "
        "AND c.excluded = 0 AND c.group_id != ? ORDER BY bm25(tweets_fts), f.rowid LIMIT ?",
        [asked, last_visible_id(store.db), group, limit],
    )
    return [tweet for (tweet,) in rows]
