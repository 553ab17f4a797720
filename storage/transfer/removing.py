"""Taking tweets out for good: texts, histories, predictions, and what is kept beside them.

The numbers of tweets are never used again: `counts.tweets` stays the highest, `counts.removed` is
how many are gone. What stays is an action that says who took out how many, and when.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from storage.bulk_writes import bulk_writer, lock_imports
from storage.fts_tokens import tokenized
from storage.predicates import COUNTED, COUNTS
from storage.store import Store, now
from storage.transactions import transaction
from storage.transfer import traces
from storage.transfer.staging import sweep

KIND = "delete"
"""The kind of the action of deleting; others that take tweets out have their own."""
BATCH = 5_000
THESE = "IN (SELECT tweet FROM temp.removing)"
PREDICTED = (
    "FROM runs r CROSS JOIN temp.removing m "
    "CROSS JOIN predictions p ON p.run = r.id AND p.tweet = m.tweet"
)
NUMBERED = ("snapshots", "runs", "analyses", "relabelled", "evaluations")
"""Tables that say what was the newest event once."""


@dataclass(frozen=True)
class Removed:
    """What was taken out."""

    tweets: int
    events: int
    predictions: int


def delete(store: Store, ids: Iterable[int], waiting: Callable[[], None] = lambda: None) -> Removed:
    """Take out the tweets with these ids, whatever was done with them."""
    with removing(store, waiting) as db:
        db.executemany(
            "INSERT OR IGNORE INTO temp.removing SELECT id FROM tweets WHERE id = ? "
            "AND id <= (SELECT value FROM counts WHERE name = 'tweets')",
            ((number,) for number in ids),
        )
        return remove(db, store.annotator, KIND)


@contextmanager
def removing(store: Store, waiting: Callable[[], None]) -> Iterator[sqlite3.Connection]:
    """A transaction that takes out tweets, and leaves nothing of them in the files.

    The ids of the tweets belong into the table `temp.removing`; see `remove`. Begins when no import
    goes on any more, and tells `waiting` if it has to wait for that.
    """
    with lock_imports(store, waiting), bulk_writer(store) as writer:
        db = writer.db
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        db.execute("CREATE TEMP TABLE removing (tweet INTEGER PRIMARY KEY)")
        sweep(writer)  # of an import that was killed nothing counts
        with transaction(db):
            yield db
            traces.note(db)
        traces.wipe(writer)


def remove(db: sqlite3.Connection, annotator: str, kind: str) -> Removed:
    """Take out the tweets in `temp.removing`, and record that by an action of a kind."""
    tweets = _count(db, "SELECT count(*) FROM temp.removing")
    removed = Removed(
        tweets,
        _count(db, f"SELECT count(*) FROM label_events WHERE tweet {THESE}"),
        _count(db, f"SELECT count(*) {PREDICTED}"),
    )
    _record(db, annotator, kind, tweets)
    _uncount(db)
    _remove_predictions(db)
    _remove_from_indexes(db)
    _hand_on_groups(db)
    remove_events(db, f"tweet {THESE}")
    db.execute(f"DELETE FROM current WHERE tweet {THESE}")
    db.execute(f"DELETE FROM tweets WHERE id {THESE}")
    db.execute("UPDATE evaluations SET event = -1")  # they are about other tweets now
    db.execute("DELETE FROM analyses WHERE result IS NOT NULL")  # they may quote what has to go
    return removed


def _record(db: sqlite3.Connection, annotator: str, kind: str, tweets: int) -> None:
    action = db.execute(
        "INSERT INTO actions (annotator, at, kind) VALUES (?, ?, ?)", [annotator, now(), kind]
    ).lastrowid
    db.execute("INSERT INTO removals (action, tweets) VALUES (?, ?)", [action, tweets])
    db.execute("UPDATE counts SET value = value + ? WHERE name = 'removed'", [tweets])


def _uncount(db: sqlite3.Connection) -> None:
    row = db.execute(
        f"SELECT {COUNTS} FROM temp.removing m CROSS JOIN current c ON c.tweet = m.tweet"
    ).fetchone()
    db.executemany(
        "UPDATE counts SET value = value - ? WHERE name = ?", zip(row, COUNTED, strict=True)
    )


def _remove_predictions(db: sqlite3.Connection) -> None:
    for name, value in (
        ("confidence", "p.confidence"),
        ("margin", "p.margin"),
        ("entropy", "p.entropy"),
        ("disagreement", "-p.confidence"),
    ):
        db.execute(
            "DELETE FROM orders WHERE (run, name, value, tweet) IN "
            f"(SELECT p.run, '{name}', {value}, p.tweet {PREDICTED})"
        )
    db.execute(
        "UPDATE runs SET predictions = max(0, predictions - "
        "(SELECT count(*) FROM temp.removing m CROSS JOIN predictions p "
        "ON p.run = runs.id AND p.tweet = m.tweet)) WHERE predictions > 0"
    )
    db.execute(f"DELETE FROM predictions WHERE (run, tweet) IN (SELECT p.run, p.tweet {PREDICTED})")
    if db.execute(f"DELETE FROM queues WHERE tweet {THESE}").rowcount:
        # without gaps: a list knows by the last rank whether all tweets have one
        db.execute(
            "CREATE TEMP TABLE ranked AS SELECT name, row_number() OVER (PARTITION BY name "
            "ORDER BY rank) AS rank, tweet, score, source, blind FROM queues"
        )
        db.execute("DELETE FROM queues")
        db.execute(
            "INSERT INTO queues (name, rank, tweet, score, source, blind) "
            "SELECT name, rank, tweet, score, source, blind FROM temp.ranked ORDER BY name, rank"
        )


def _remove_from_indexes(db: sqlite3.Connection) -> None:
    last, indexed = 0, _count(db, "SELECT value FROM counts WHERE name = 'indexed'")
    while rows := db.execute(
        "SELECT t.id, t.text FROM temp.removing m CROSS JOIN tweets t ON t.id = m.tweet "
        "WHERE m.tweet > ? AND m.tweet <= ? ORDER BY m.tweet LIMIT ?",
        [last, indexed, BATCH],
    ).fetchall():
        db.executemany(
            "INSERT INTO tweets_fts (tweets_fts, rowid, text) VALUES ('delete', ?, ?)",
            [(number, tokenized(text)) for number, text in rows],
        )
        last = rows[-1][0]
    for statement in (
        "DELETE FROM contents WHERE (content, tweet) IN (SELECT t.content, t.id "
        "FROM temp.removing m CROSS JOIN tweets t ON t.id = m.tweet)",
        "DELETE FROM orders WHERE (run, name, value, tweet) IN (SELECT 0, 'length', -c.length, "
        "c.tweet FROM temp.removing m CROSS JOIN current c ON c.tweet = m.tweet)",
        "DELETE FROM orders WHERE (run, name, value, tweet) IN (SELECT 0, 'adjudicate', v.value, "
        "m.tweet FROM temp.removing m CROSS JOIN json_each('[0, 1, 2]') v)",
        f"DELETE FROM sketches WHERE tweet {THESE}",
    ):
        db.execute(statement)


def _hand_on_groups(db: sqlite3.Connection) -> None:
    """Where the first tweet of a group goes, the next one is the first."""
    followers = f"current.group_id != current.tweet AND current.tweet NOT {THESE}"
    db.execute(
        "CREATE TEMP TABLE heirs AS SELECT current.group_id AS old, min(current.tweet) AS new "
        "FROM temp.removing m CROSS JOIN current ON current.group_id = m.tweet "
        f"WHERE {followers} GROUP BY 1"
    )
    db.execute(
        "UPDATE current SET group_id = h.new FROM temp.heirs h "
        f"WHERE current.group_id = h.old AND {followers}"
    )


def remove_events(db: sqlite3.Connection, condition: str) -> None:
    """Delete the events of which a condition holds; the trigger that keeps all steps aside."""
    trigger = db.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'label_events_keep_delete'"
    ).fetchone()[0]
    db.execute("DROP TABLE IF EXISTS temp.acted")
    db.execute(
        f"CREATE TEMP TABLE acted AS SELECT DISTINCT action FROM label_events WHERE {condition}"
    )
    db.execute("DROP TRIGGER label_events_keep_delete")
    db.execute(f"DELETE FROM label_events WHERE {condition}")
    db.execute(trigger)
    emptied = (
        "IN (SELECT t.action FROM temp.acted t "
        "WHERE NOT EXISTS (SELECT 1 FROM label_events e WHERE e.action = t.action))"
    )
    for table in ("steps", "undone"):
        db.execute(f"DELETE FROM {table} WHERE action {emptied}")
    newest = _count(db, "SELECT coalesce(max(id), 0) FROM label_events")
    for table in NUMBERED:  # numbers of the newest events may be given once more
        db.execute(f"UPDATE {table} SET event = ?1 WHERE event > ?1", [newest])


def _count(db: sqlite3.Connection, sql: str) -> int:
    return int(db.execute(sql).fetchone()[0])
