"""Adding what an exported history knows of tweets that are there to what is known here.

An event is the same if annotator, time, field and both values are. New ones are appended in the
order of their times, under the names and times that they had; what is there is never changed.
The newest decision then counts, wherever it was made (`storage.history.event_order`): where it is
not what the tweet has, or not the last event, an event of the importer says so (an action of kind
`settle`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from storage.history import event_order
from storage.history.event_order import SETTLE
from storage.history.event_records import ACTION, GOLD, STAGED_COLUMNS, Event
from storage.history.events import (
    CURRENT_VALUE,
    FIELDS,
    Edit,
    Value,
    batch_size,
    begin_undoable,
    write_edits,
)
from storage.store import Store

MEANT = (
    "CASE {field} WHEN 'label' THEN coalesce((SELECT merged_into FROM labels WHERE id = {value}), "
    "{value}) ELSE {value} END"
)
"""A value, or the label that a merged label means now."""
SAME = (
    "a.annotator = s.annotator AND a.at = s.at AND e.field = s.field "
    f"AND {MEANT.format(field='e.field', value='e.old')} IS s.old "
    f"AND {MEANT.format(field='e.field', value='e.new')} IS s.new"
)
EACH = "tweet, field"
HERE = "label_events e CROSS JOIN actions a ON a.id = e.action"


@dataclass(frozen=True)
class AppendedEvents:
    """What came of merging histories."""

    events: int = 0
    """New ones."""
    changed: int = 0
    """Tweets with another newest decision than before."""


def create_staging_table(db: sqlite3.Connection) -> None:
    """Make a place for the events of tweets that are there."""
    db.execute(f"CREATE TEMP TABLE arriving ({', '.join(STAGED_COLUMNS)})")


def stage_events(
    db: sqlite3.Connection,
    rows: Iterable[tuple[int, Event]],
    value: Callable[[Event, str], Value],
) -> None:
    """Put by events of (tweet, event) that may be new; `value` gives what is stored of a side.

    Imports and settlements are no decisions, and splits are taken with an update only.
    """
    db.executemany(
        f"INSERT INTO temp.arriving VALUES ({', '.join('?' * len(STAGED_COLUMNS))})",
        (
            (
                tweet,
                *(
                    value(event, name) if name in ("old", "new") else event[name]
                    for name in STAGED_COLUMNS[1:]
                ),
            )
            for tweet, event in rows
            if event["field"] in FIELDS
            and event["at"] is not None
            and event["kind"] not in (GOLD, SETTLE)
        ),
    )


def append_new_events(store: Store, source: int) -> AppendedEvents:
    """Append the events of an import that are new, and settle what counts; in a transaction.

    The steps of their annotators to undo follow with `event_records.publish_events`.
    """
    db = store.db
    db.execute("CREATE INDEX temp.arriving_action ON arriving (action)")
    db.execute(
        "CREATE TEMP TABLE joining AS SELECT * FROM temp.arriving s WHERE NOT EXISTS "
        f"(SELECT 1 FROM {HERE} WHERE e.tweet = s.tweet AND {SAME}) "
        "GROUP BY tweet, annotator, at, field, old, new ORDER BY at, action, event, rowid"
    )
    total = int(db.execute("SELECT count(*) FROM temp.joining").fetchone()[0])
    if not total:
        return AppendedEvents()
    _append(db, total, source)
    return AppendedEvents(total, _settle(store, source))


def _append(db: sqlite3.Connection, total: int, source: int) -> None:
    last: Event = {}
    size = batch_size(total)
    for first in range(1, total + 1, size):
        rows = db.execute(
            "SELECT * FROM temp.joining WHERE rowid BETWEEN ? AND ?", [first, first + size - 1]
        ).fetchall()
        for row in rows:
            event = dict(zip(STAGED_COLUMNS, row, strict=True))
            same = event["action"] is not None and all(event[k] == last.get(k) for k in ACTION)
            event["here"] = last["here"] if same else _action(db, event, source)
            db.execute(
                "INSERT INTO label_events (action, tweet, field, old, new) VALUES (?, ?, ?, ?, ?)",
                [event[name] for name in ("here", "tweet", "field", "old", "new")],
            )
            last = event


def _action(db: sqlite3.Connection, event: Event, source: int) -> int:
    """The action of an event here: that of new tweets of the same file, or one of its own."""
    if event["action"] is not None:
        found = db.execute(
            "SELECT r.new FROM temp.restored r JOIN actions a ON a.id = r.new "
            "WHERE r.action = ? AND a.annotator = ? AND a.at = ? AND a.kind = ?",
            [event[name] for name in ACTION],
        ).fetchone()
        if found is not None:
            return int(found[0])
    reverts = _known(db, event["reverts"])
    number = db.execute(
        "INSERT INTO actions (annotator, at, kind, reverts, queue, import) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [*(event[name] for name in ("annotator", "at", "kind")), reverts, event["queue"], source],
    ).lastrowid
    db.execute(
        "INSERT OR REPLACE INTO temp.restored VALUES (?, ?, ?)",
        [event["action"], number, event["undone"]],
    )
    if reverts is not None:
        _turn(db, event["kind"], reverts)
    return int(number or 0)


def _known(db: sqlite3.Connection, action: int | None) -> int | None:
    """The action here that an action of the file is, by any event that both have."""
    row = db.execute("SELECT new FROM temp.restored WHERE action = ?", [action]).fetchone()
    row = (
        row
        or db.execute(
            f"SELECT a.id FROM temp.arriving s CROSS JOIN {HERE} "
            f"WHERE s.action = ? AND e.tweet = s.tweet AND {SAME} AND a.kind = s.kind LIMIT 1",
            [action],
        ).fetchone()
    )
    return None if row is None else int(row[0])


def _turn(db: sqlite3.Connection, kind: str, action: int) -> None:
    """Take an action of here as undone, or done again, as it has been elsewhere."""
    if db.execute("SELECT 1 FROM temp.restored WHERE new = ?", [action]).fetchone():
        return  # `publish_events` knows it from the file
    if kind == "undo":
        db.execute("INSERT OR IGNORE INTO undone (action) VALUES (?)", [action])
        db.execute("DELETE FROM steps WHERE action = ? AND undone = 0", [action])
    elif kind == "redo":
        db.execute("DELETE FROM undone WHERE action = ?", [action])
        db.execute("DELETE FROM steps WHERE action = ? AND undone = 1", [action])
        db.execute(
            "INSERT OR IGNORE INTO steps (annotator, undone, action) "
            "SELECT annotator, 0, id FROM actions WHERE id = ?",
            [action],
        )


def _settle(store: Store, source: int) -> int:
    """Give each tweet that has new events its newest decision; returns how many change."""
    db = store.db
    meant = MEANT.format(field="l.field", value="l.new")
    decisions = (
        f"SELECT l.id, l.tweet, l.field, {meant} AS new, a.at, a.annotator, "
        f"{event_order.came('a', 'l.tweet')} AS came "
        "FROM (SELECT DISTINCT tweet, field FROM temp.joining) j CROSS JOIN label_events l "
        "ON l.tweet = j.tweet AND l.field = j.field CROSS JOIN actions a ON a.id = l.action "
        f"WHERE a.kind NOT IN ('{GOLD}', '{SETTLE}')"
    )
    db.execute(
        f"CREATE TEMP TABLE settling AS SELECT e.tweet, e.field, {CURRENT_VALUE} AS old, e.new, "
        f"c.gold, (SELECT {meant} FROM label_events l WHERE l.tweet = e.tweet "
        "AND l.field = e.field "
        f"ORDER BY l.id DESC LIMIT 1) AS last FROM ({event_order.newest(decisions, EACH)}) e "
        "CROSS JOIN current c ON c.tweet = e.tweet"
    )
    db.execute("DELETE FROM temp.settling WHERE new IS old AND new IS last")
    rows = db.execute("SELECT tweet, field, old, new, gold FROM temp.settling ORDER BY tweet")
    action = None
    while batch := rows.fetchmany(10_000):
        action = action or begin_undoable(store, SETTLE, brought_by=source)
        write_edits(store, action, [Edit(*row) for row in batch])
    sql = "SELECT count(DISTINCT tweet) FROM temp.settling WHERE new IS NOT old"
    return int(db.execute(sql).fetchone()[0])
