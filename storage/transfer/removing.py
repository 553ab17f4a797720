"""Taking tweets out for good: texts, histories, predictions, and what is kept beside them.

The numbers of tweets are never used again: `counts.tweets` stays the highest, `counts.removed` is
how many are gone. What stays is an action that says who took out how many, and when.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from storage.bulk_writes import BulkWriter, bulk_writer, lock_imports
from storage.errors import UserError
from storage.fts_tokens import tokenized
from storage.indexes import fts_segments
from storage.predicates import COUNTED, COUNTS
from storage.store import Store, last_visible_id, now, transaction
from storage.transfer.staging import sweep

DELETE, UNIMPORT = "delete", "unimport"
"""The kinds of actions."""
BATCH = 5_000
THESE = "IN (SELECT tweet FROM temp.removing)"
PREDICTED = (
    "FROM runs r CROSS JOIN temp.removing m "
    "CROSS JOIN predictions p ON p.run = r.id AND p.tweet = m.tweet"
)
SINCE = (
    "FROM temp.removing m CROSS JOIN label_events e ON e.tweet = m.tweet "
    "CROSS JOIN actions a ON a.id = e.action WHERE e.action > ? "
    "AND a.kind NOT IN ('undo', 'redo') AND a.id NOT IN (SELECT action FROM undone)"
)
"""Events after an action that nobody has undone."""
NUMBERED = ("snapshots", "runs", "rankings", "relabelled", "evaluations")
"""Tables that say what was the newest event once."""


@dataclass(frozen=True)
class Removed:
    """What was taken out."""

    tweets: int
    events: int
    predictions: int


@dataclass(frozen=True)
class Import:
    """A file that was taken in."""

    id: int
    file: str
    at: int
    annotator: str
    added: int
    """Tweets that came with it and are still there."""


def imports(store: Store) -> list[Import]:
    """All imports that came to their end, the oldest first."""
    rows = store.db.execute(
        "SELECT i.id, i.path, i.at, a.annotator, coalesce(t.added, 0) FROM imports i "
        "JOIN actions a ON a.id = i.action LEFT JOIN (SELECT import, count(*) AS added "
        "FROM tweets WHERE id <= ? GROUP BY import) t ON t.import = i.id ORDER BY i.id",
        [last_visible_id(store.db)],
    )
    return [Import(*row) for row in rows]


def delete(store: Store, ids: Iterable[int], waiting: Callable[[], None] = lambda: None) -> Removed:
    """Take out the tweets with these ids, whatever was done with them."""
    with lock_imports(store, waiting), bulk_writer(store) as writer:
        db = _prepared(writer)
        sweep(writer)  # of an import that was killed nothing counts
        with transaction(db):
            db.executemany(
                "INSERT OR IGNORE INTO temp.removing SELECT id FROM tweets WHERE id = ? "
                "AND id <= (SELECT value FROM counts WHERE name = 'tweets')",
                ((number,) for number in ids),
            )
            removed = _remove(db, store.annotator, DELETE)
        _leave_no_trace(writer)
    return removed


def unimport(store: Store, number: int, waiting: Callable[[], None] = lambda: None) -> Removed:
    """Take back an import; raises UserError if its tweets have been worked on since."""
    with lock_imports(store, waiting), bulk_writer(store) as writer:
        db = _prepared(writer)
        sweep(writer)  # of an import that was killed nothing counts
        with transaction(db):
            found = db.execute("SELECT action FROM imports WHERE id = ?", [number]).fetchone()
            if found is None:
                raise UserError(f"There is no import {number}; `workbench imports` lists them.")
            db.execute("INSERT INTO temp.removing SELECT id FROM tweets WHERE import = ?", [number])
            _require_untouched(db, number, found[0])
            removed = _remove(db, store.annotator, UNIMPORT)
            db.execute("DELETE FROM imports WHERE id = ?", [number])
        _leave_no_trace(writer)
    return removed


def _require_untouched(db: sqlite3.Connection, number: int, action: int) -> None:
    tweets, events = db.execute(
        f"SELECT count(DISTINCT e.tweet), count(*) {SINCE}", [action]
    ).fetchone()
    if not events:
        return
    names = db.execute(f"SELECT DISTINCT a.annotator {SINCE} ORDER BY 1 LIMIT 5", [action])
    people = ", ".join(name for (name,) in names)
    raise UserError(
        f"Import {number} stays, as {tweets:,} of its tweets have been worked on since "
        f"({events:,} event{'' if events == 1 else 's'} by {people}); undo that first, or take the "
        "tweets out with `workbench delete-tweets`."
    )


def _prepared(writer: BulkWriter) -> sqlite3.Connection:
    db = writer.db
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    db.execute("CREATE TEMP TABLE removing (tweet INTEGER PRIMARY KEY)")
    return db


def _remove(db: sqlite3.Connection, annotator: str, kind: str) -> Removed:
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
    _remove_events(db)
    db.execute(f"DELETE FROM current WHERE tweet {THESE}")
    db.execute(f"DELETE FROM tweets WHERE id {THESE}")
    db.execute("UPDATE evaluations SET event = -1")  # they are about other tweets now
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
            "ORDER BY rank) AS rank, tweet, score, source FROM queues"
        )
        db.execute("DELETE FROM queues")
        db.execute("INSERT INTO queues SELECT * FROM temp.ranked ORDER BY name, rank")


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


def _remove_events(db: sqlite3.Connection) -> None:
    """Delete the events, for which the trigger that keeps all events steps aside."""
    trigger = db.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'label_events_keep_delete'"
    ).fetchone()[0]
    db.execute(
        "CREATE TEMP TABLE acted AS SELECT DISTINCT e.action FROM temp.removing m "
        "CROSS JOIN label_events e ON e.tweet = m.tweet"
    )
    db.execute("DROP TRIGGER label_events_keep_delete")
    db.execute(f"DELETE FROM label_events WHERE tweet {THESE}")
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


def _leave_no_trace(writer: BulkWriter) -> None:
    """Write the text index anew without the words of what is gone, and empty the log."""
    fts_segments.merge_all_segments(writer)
    writer.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _count(db: sqlite3.Connection, sql: str) -> int:
    return int(db.execute(sql).fetchone()[0])
