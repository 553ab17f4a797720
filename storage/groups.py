"""Groups of equal and nearly equal texts: what shares a split, and where gold labels conflict."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storage.bulk_writes import BulkWriter, bulk_writer, lock_imports
from storage.judgements import CONFLICTS
from storage.store import Store, last_visible_id

TEXTS_AT_ONCE = 2_000
SKETCH = 128
"""Bytes of a sketch."""


@dataclass(frozen=True)
class Conflict:
    """A group whose tweets were imported with different gold labels."""

    group: int
    tweets: tuple[int, ...]
    golds: tuple[str | None, ...]
    """The gold label of each of the tweets."""
    judgements: Sequence[tuple[str, str]] = ()
    """The annotators of a single tweet with their labels, where those are tied."""

    def as_json(self) -> dict[str, object]:
        """The fields that the command line prints."""
        shown = {"group": self.group, "tweets": list(self.tweets), "golds": list(self.golds)}
        return shown | ({"judgements": dict(self.judgements)} if self.judgements else {})


def conflicts(store: Store) -> list[Conflict]:
    """The groups with more than one gold label."""
    rows = store.db.execute(
        "WITH followers AS (SELECT tweet, group_id FROM current WHERE group_id != tweet "
        "AND tweet <= :visible), members AS (SELECT group_id, tweet FROM followers "
        "UNION SELECT group_id, group_id FROM followers), "
        "labelled AS (SELECT m.group_id, m.tweet, c.gold FROM members m "
        "JOIN current c ON c.tweet = m.tweet) "
        "SELECT group_id, tweet, gold FROM labelled WHERE group_id IN (SELECT group_id "
        "FROM labelled GROUP BY group_id HAVING count(DISTINCT gold) > 1) "
        "ORDER BY group_id, tweet",
        {"visible": last_visible_id(store.db)},
    )
    members: dict[int, list[tuple[int, str | None]]] = {}
    for group, tweet, gold in rows:
        members.setdefault(group, []).append((tweet, store.label_names.of(gold)))
    return [
        Conflict(group, tuple(t for t, _ in pairs), tuple(g for _, g in pairs))
        for group, pairs in members.items()
    ]


def ties(store: Store) -> list[Conflict]:
    """The tweets whose judgements are tied and about which nobody here has decided."""
    names = store.label_names
    judged: dict[int, dict[str, str]] = {}
    golds: dict[int, str | None] = {}
    for tweet, gold, annotator, label in store.db.execute(
        f"SELECT c.tweet, c.gold, a.annotator, e.new FROM ({CONFLICTS}) j "
        "CROSS JOIN current c ON c.tweet = j.tweet "
        "CROSS JOIN label_events e ON e.tweet = j.tweet AND e.field = 'judgement' "
        "CROSS JOIN actions a ON a.id = e.action WHERE j.tweet <= ? ORDER BY 1, a.at, e.id",
        [last_visible_id(store.db)],
    ):
        judged.setdefault(tweet, {})[annotator] = names[label]
        golds[tweet] = names.of(gold)
    return [
        Conflict(tweet, (tweet,), (golds[tweet],), tuple(given.items()))
        for tweet, given in judged.items()
    ]


def leaks(store: Store) -> int:
    """How many tweets outside the test split are in a group with a test tweet.

    There are some only where files say which split their tweets are in; none is trained on.
    """
    sql = (
        "SELECT count(*) FROM current WHERE split != 'test' AND tweet <= ? AND group_id IN "
        "(SELECT group_id FROM current WHERE split = 'test') AND (group_id != tweet OR tweet IN "
        "(SELECT group_id FROM current WHERE group_id != tweet))"
    )
    return int(store.db.execute(sql, [last_visible_id(store.db)]).fetchone()[0])


def count_uncompared(store: Store) -> int:
    """How many tweets have not been compared for nearly equal texts yet."""
    compared = store.db.execute("SELECT value FROM counts WHERE name = 'compared'").fetchone()[0]
    return last_visible_id(store.db) - int(compared)


def without_sketch(store: Store) -> Iterator[list[tuple[int, str]]]:
    """(id, text) of the tweets without a sketch, in batches."""
    while rows := store.db.execute(
        "SELECT id, text FROM tweets WHERE id > (SELECT coalesce(max(tweet), 0) FROM sketches) "
        "AND id <= ? ORDER BY id LIMIT ?",
        [last_visible_id(store.db), TEXTS_AT_ONCE],
    ).fetchall():
        yield rows


def save_sketches(store: Store, rows: Sequence[tuple[int, bytes]]) -> None:
    """Save sketches, by which nearly equal texts are found, as (tweet, sketch) rows."""
    with bulk_writer(store) as writer:
        writer.executemany(
            "sketches", "INSERT OR REPLACE INTO sketches (tweet, bands) VALUES (?, ?)", rows
        )


def sketches(store: Store) -> Iterator[bytes]:
    """A sketch for each id from 1 on, as far as tweets have one.

    For the id of a tweet that was taken out it is one that no text is near to.
    """
    last = 0
    for tweet, bands in store.db.execute("SELECT tweet, bands FROM sketches ORDER BY tweet"):
        yield from map(_unlike_any, range(last + 1, tweet))
        yield bands
        last = tweet
    sql = "SELECT coalesce(min(id) - 1, ?2) FROM tweets WHERE id > ?1 AND id <= ?2"
    (end,) = store.db.execute(sql, [last, last_visible_id(store.db)]).fetchone()
    yield from map(_unlike_any, range(last + 1, end + 1))


def _unlike_any(number: int) -> bytes:
    return hashlib.shake_128(number.to_bytes(8, "big")).digest(SKETCH)


def followers(store: Store, last: int) -> list[tuple[int, int]]:
    """(tweet, first tweet of its group) of those up to an id that are not first themselves."""
    sql = "SELECT tweet, group_id FROM current WHERE group_id != tweet AND tweet <= ?"
    return store.db.execute(sql, [last]).fetchall()


def merge_groups(store: Store, groups: Sequence[Sequence[int]], compared: int) -> int:
    """Merge the groups of the tweets that belong together; returns how many changed their group.

    A group lies in the split of its first tweet; but if one of its tweets that were compared
    before, and may have been evaluated, is a test tweet, all of them are. Tweets whose file says
    which split they are in stay there.
    """
    with lock_imports(store, lambda: None), bulk_writer(store) as writer:
        joined = _join(writer, groups)
        writer.in_slices(
            "compared",
            1,
            1,
            lambda a, b: writer.db.execute(
                "UPDATE counts SET value = max(value, ?) WHERE name = 'compared'", [compared]
            ),
        )
    return joined


def _join(writer: BulkWriter, groups: Sequence[Sequence[int]]) -> int:
    db = writer.db
    db.execute("CREATE TEMP TABLE near (tweet INTEGER PRIMARY KEY, number INTEGER)")
    db.executemany(
        "INSERT INTO near VALUES (?, ?)",
        ((tweet, number) for number, tweets in enumerate(groups) for tweet in tweets),
    )
    # Whoever shares a group with a member already comes along.
    db.execute(
        "INSERT OR IGNORE INTO near SELECT c.tweet, n.number FROM near n "
        "JOIN current m ON m.tweet = n.tweet "
        "JOIN current c ON c.group_id = m.group_id AND c.group_id != c.tweet"
    )
    db.execute(
        "INSERT OR IGNORE INTO near SELECT m.group_id, n.number FROM near n "
        "JOIN current m ON m.tweet = n.tweet"
    )
    # Beside min(), c.split is that of the row with the smallest tweet (SQLite's bare columns).
    db.execute(
        "CREATE TEMP TABLE moves AS SELECT n.tweet, g.first, "
        "CASE WHEN i.columns LIKE '%\"split\"%' THEN c.split ELSE g.split END AS split "
        "FROM near n JOIN current c ON c.tweet = n.tweet JOIN tweets t ON t.id = n.tweet "
        "JOIN imports i ON i.id = t.import JOIN (SELECT n.number, min(n.tweet) AS first, "
        "CASE WHEN sum(c.split = 'test' AND c.tweet <= (SELECT value FROM counts "
        "WHERE name = 'compared')) THEN 'test' ELSE c.split END AS split FROM near n "
        "JOIN current c ON c.tweet = n.tweet GROUP BY n.number) g ON g.number = n.number "
        "ORDER BY n.tweet"
    )
    size, joining = db.execute(
        "SELECT count(*), coalesce(sum(c.group_id != m.first), 0) FROM moves m "
        "JOIN current c ON c.tweet = m.tweet"
    ).fetchone()
    if db.execute(
        "SELECT EXISTS (SELECT 1 FROM moves m JOIN current c ON c.tweet = m.tweet "
        "WHERE c.split != m.split)"
    ).fetchone()[0]:  # what was found out about a split is about other tweets than it has now
        writer.in_slices(
            "evaluations", 1, 1, lambda a, b: db.execute("UPDATE evaluations SET event = -1")
        )
    writer.in_slices(
        "moves",
        1,
        size,
        lambda a, b: db.execute(
            "UPDATE current SET group_id = m.first, split = m.split FROM moves m "
            "WHERE m.tweet = current.tweet AND m.rowid BETWEEN ? AND ? "
            "AND (current.group_id != m.first OR current.split != m.split)",
            [a, b],
        ),
    )
    return int(joining)
