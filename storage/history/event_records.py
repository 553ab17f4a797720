"""The history of tweets on its way from one workspace to another, inside an exported file.

An import gives the tweets their gold labels, and then `import_events` writes the events under the
names and times that they had. Actions keep their extent, so that undo takes back a bulk edit whole.
Two
things stay behind: which run's suggestion was on the screen or hidden, since runs are not exported,
and an undo that changed nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storage import judgements, label_changes
from storage.bulk_writes import BulkWriter
from storage.label_names import key
from storage.store import Store, now

Event = dict[str, Any]
GOLD = "gold import"
NO_STEPS = f"'{GOLD}', '{judgements.KIND}', '{judgements.TRUTH}'"
"""The kinds of actions that come with a file and are nobody's step to undo."""
LABEL_FIELDS = ("label", judgements.FIELD)
"""What events are about whose values are labels."""
MARKS = ("excluded", "review", "ambiguous")


def export_events(store: Store, ids: Sequence[int]) -> dict[int, list[Event]]:
    """The events of each of these tweets as they stand in an exported file, oldest first."""
    marks = ",".join("?" * len(ids))
    rows = store.db.execute(
        "SELECT e.tweet, e.id, e.action, a.annotator, a.at, a.kind, e.field, e.old, e.new, "
        "a.queue, a.reverts, EXISTS (SELECT 1 FROM undone u WHERE u.action = a.id) "
        f"FROM label_events e JOIN actions a ON a.id = e.action WHERE e.tweet IN ({marks}) "
        "ORDER BY e.id",
        ids,
    )
    found: dict[int, list[Event]] = {number: [] for number in ids}
    for tweet, event, action, annotator, at, kind, field, old, new, queue, reverts, undone in rows:
        if field in LABEL_FIELDS:
            old, new = store.label_names.of(old), store.label_names.of(new)
        entry = {
            "event": event,
            "action": action,
            "annotator": annotator,
            "at": at,
            "kind": kind,
            "field": field,
            "old": old,
            "new": new,
        }
        rarely = {"queue": queue, "reverts": reverts, "undone": bool(undone) or None}
        found[tweet].append(entry | {k: v for k, v in rarely.items() if v is not None})
    for tweet, gold in gold_events(store, ids).items():
        if all(event["kind"] != GOLD for event in found[tweet]):
            found[tweet].insert(0, gold)
    return found


def gold_events(store: Store, ids: Sequence[int]) -> dict[int, Event]:
    """How tweets got their gold labels, as events with the number 0.

    An import writes no event for each gold label. Those that came with an exported history are
    among its events instead.
    """
    marks = ",".join("?" * len(ids))
    rows = store.db.execute(
        "SELECT t.id, i.action, a.annotator, a.at, l.name FROM tweets t "
        "JOIN current c ON c.tweet = t.id JOIN labels l ON l.id = c.gold "
        "JOIN imports i ON i.id = t.import JOIN actions a ON a.id = i.action "
        f"WHERE t.id IN ({marks})",
        ids,
    )
    return {
        tweet: {
            "event": 0,
            "action": action,
            "annotator": annotator,
            "at": at,
            "kind": GOLD,
            "field": "label",
            "old": None,
            "new": label,
        }
        for tweet, action, annotator, at, label in rows
    }


def create_staging_tables(db: sqlite3.Connection) -> None:
    """Create the temporary tables in which the events of one import are put in order."""
    db.execute(f"CREATE TEMP TABLE staged ({', '.join(STAGED_COLUMNS)})")
    db.execute("CREATE TEMP TABLE restored (action PRIMARY KEY, new, undone)")


def stage_events(db: sqlite3.Connection, tweet: int, events: Iterable[Event]) -> None:
    """Stage the events of a tweet until those of all tweets are there."""
    db.executemany(
        f"INSERT INTO temp.staged VALUES ({', '.join('?' * len(STAGED_COLUMNS))})",
        [(tweet, *(event[name] for name in STAGED_COLUMNS[1:])) for event in events],
    )


def import_events(writer: BulkWriter, annotator: str, source: int) -> int:
    """Write the staged events of an import and return how many.

    They are written in the order that they had where they come from. The tweets are there with
    their gold labels, but not yet visible; counts and steps to undo follow with `publish_events`.
    """
    db = writer.db
    db.execute(
        "CREATE TEMP TABLE restoring AS SELECT * FROM staged ORDER BY event IS NULL, event, rowid"
    )
    total: int = db.execute("SELECT count(*) FROM restoring").fetchone()[0]
    ids = label_changes.numbers(db)
    last: Event = {}

    def write(first: int, until: int) -> None:
        nonlocal last
        rows = db.execute("SELECT * FROM restoring WHERE rowid BETWEEN ? AND ?", [first, until])
        batch = [dict(zip(STAGED_COLUMNS, row, strict=True)) for row in rows]
        last = _write(db, batch, last, ids, annotator, source)

    writer.in_slices("events", 1, total, write)
    return total


def publish_events(db: sqlite3.Connection) -> None:
    """Make the restored actions count for undo and redo, in the transaction that shows them."""
    for statement in (
        "INSERT OR IGNORE INTO undone (action) SELECT new FROM restored WHERE undone",
        "INSERT OR IGNORE INTO steps (annotator, undone, action) "
        "SELECT annotator, 0, id FROM actions "
        "WHERE id IN (SELECT new FROM restored) AND reverts IS NULL "
        f"AND kind NOT IN ('undo', 'redo', {NO_STEPS}) "
        "AND id NOT IN (SELECT action FROM undone)",
        "INSERT OR IGNORE INTO steps (annotator, undone, action) "
        "SELECT DISTINCT a.annotator, 1, a.reverts "
        "FROM actions a JOIN undone u ON u.action = a.reverts WHERE a.kind = 'undo' "
        "AND a.id IN (SELECT new FROM restored) AND a.id > coalesce((SELECT max(d.id) "
        "FROM actions d WHERE d.annotator = a.annotator "
        f"AND d.kind NOT IN ('undo', 'redo', {NO_STEPS})), 0)",
    ):
        db.execute(statement)


STAGED_COLUMNS = (
    "tweet",
    "event",
    "action",
    "annotator",
    "at",
    "kind",
    "reverts",
    "queue",
    "field",
    "old",
    "new",
    "undone",
)
"""The columns of the temporary table that puts the events in order, on the disk if need be."""
ACTION = ("action", "annotator", "at", "kind")
"""What the events of one action have in common."""


def _write(
    db: sqlite3.Connection,
    batch: Sequence[Event],
    last: Event,
    ids: Mapping[str, int],
    annotator: str,
    source: int,
) -> Event:
    """Write some events and what follows from them; returns the last with its new action."""
    for event in batch:
        same = event["action"] is not None and all(event[k] == last.get(k) for k in ACTION)
        event["new action"] = last["new action"] if same else _begin(db, event, annotator, source)
        if event["field"] in LABEL_FIELDS:
            for side in ("old", "new"):
                event[side] = None if event[side] is None else ids[key(event[side])]
        number = db.execute(
            "INSERT INTO label_events (action, tweet, field, old, new) VALUES (?, ?, ?, ?, ?)",
            [event[name] for name in ("new action", "tweet", "field", "old", "new")],
        ).lastrowid
        if event["field"] == "split":  # the column of the row says which it is in now
            db.execute("UPDATE current SET changed = ? WHERE tweet = ?", [number, event["tweet"]])
        elif event["kind"] != GOLD and event["field"] != judgements.FIELD:
            db.execute(
                f"UPDATE current SET {event['field']} = ?, changed = ? WHERE tweet = ?",
                [event["new"], number, event["tweet"]],
            )
        last = event
    return last


def _begin(db: sqlite3.Connection, event: Event, annotator: str, source: int) -> int:
    """Record the action of an event as it was; one that the file has no name for is the user's."""
    reverts = db.execute(
        "SELECT new FROM temp.restored WHERE action = ?", [event["reverts"]]
    ).fetchone()
    mine = event["annotator"] is None
    number = db.execute(
        "INSERT INTO actions (annotator, at, kind, reverts, queue, import) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [
            annotator if mine else event["annotator"],
            now() if mine else event["at"],
            event["kind"],
            reverts and reverts[0],
            event["queue"],
            source,
        ],
    ).lastrowid
    db.execute(
        "INSERT OR REPLACE INTO temp.restored VALUES (?, ?, ?)",
        [event["action"], number, event["undone"]],
    )
    return int(number or 0)
