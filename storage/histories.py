"""The history of tweets on its way from one workspace to another, inside an exported file.

An import gives the tweets their gold labels, and then `restore` writes the events under the names
and times that they had. Actions keep their extent, so that undo takes back a bulk edit whole. Two
things stay behind: which run's suggestion was on the screen, since runs are not exported, and an
undo that changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from storage.filters import CORRECTED
from storage.store import Store, now, transaction

Event = dict[str, Any]
GOLD = "gold import"
MARKS = ("excluded", "review", "ambiguous")
BATCH = 500
"""Events in one transaction: a label that somebody gives meanwhile waits for one of these."""


def of(store: Store, ids: Sequence[int]) -> dict[int, list[Event]]:
    """The events of each of these tweets as they stand in an exported file, oldest first."""
    marks = ",".join("?" * len(ids))
    rows = store.db.execute(
        "SELECT e.tweet, e.id, e.action, a.annotator, a.at, a.kind, e.field, e.old, e.new, "  # noqa: S608
        "a.queue, a.reverts, EXISTS (SELECT 1 FROM undone u WHERE u.action = a.id) "
        f"FROM label_events e JOIN actions a ON a.id = e.action WHERE e.tweet IN ({marks}) "
        "ORDER BY e.id",
        ids,
    )
    found: dict[int, list[Event]] = {number: [] for number in ids}
    for tweet, event, action, annotator, at, kind, field, old, new, queue, reverts, undone in rows:
        if field == "label":
            old, new = store.label_names.get(old), store.label_names.get(new)
        entry = {
            "event": event, "action": action, "annotator": annotator, "at": at, "kind": kind,
            "field": field, "old": old, "new": new,
        }  # fmt: skip
        rarely = {"queue": queue, "reverts": reverts, "undone": bool(undone) or None}
        found[tweet].append(entry | {k: v for k, v in rarely.items() if v is not None})
    return found


def gives_gold(events: Iterable[Event]) -> bool:
    """Whether the events tell when the gold label came in, so that the import need not."""
    return any(event["kind"] == GOLD for event in events)


def prepare(store: Store) -> None:
    """Make an empty place for the events of one import, in a temporary table of this connection."""
    store.db.execute(f"CREATE TEMP TABLE IF NOT EXISTS restoring ({', '.join(STAGED)})")
    store.db.execute("CREATE TEMP TABLE IF NOT EXISTS restored (action PRIMARY KEY, new)")
    for table in ("restoring", "restored"):
        store.db.execute(f"DELETE FROM temp.{table}")  # noqa: S608


def stage(store: Store, pairs: Iterable[tuple[int, Sequence[Event]]]) -> None:
    """Put by what `read` gave for the tweets with these ids, until all of them are there."""
    store.db.executemany(
        f"INSERT INTO temp.restoring VALUES ({', '.join('?' * len(STAGED))})",  # noqa: S608
        ((tweet, *(event[name] for name in STAGED[1:])) for tweet, events in pairs
         for event in events),
    )  # fmt: skip


def restore(store: Store) -> int:
    """Write the events that were put by and return how many.

    The tweets are there with their gold labels, and without an event of it where `gives_gold`.
    Events are written in the order that they had where they come from, in short transactions, or
    as a part of the one that is open.
    """
    db = store.db
    ids = {name.casefold(): number for number, name in db.execute("SELECT id, name FROM labels")}
    rows = db.execute("SELECT * FROM temp.restoring ORDER BY event IS NULL, event, rowid")
    last: Event = {}
    total = 0
    while batch := [dict(zip(STAGED, row, strict=True)) for row in islice(rows, BATCH)]:
        with transaction(db):
            last = _write(store, batch, last, ids)
        total += len(batch)
    return total


STAGED = (
    "tweet", "event", "action", "annotator", "at", "kind", "reverts", "queue", "field", "old",
    "new", "undone",
)  # fmt: skip
"""The columns of the temporary table that puts the events in order, on the disk if need be."""
ACTION = ("action", "annotator", "at", "kind")
"""What the events of one action have in common."""


def _write(store: Store, batch: Sequence[Event], last: Event, ids: Mapping[str, int]) -> Event:
    """Write some events and what follows from them; returns the last with its new action."""
    db = store.db
    tweets = list({event["tweet"] for event in batch})
    before = _tally(store, tweets)
    for event in batch:
        same = event["action"] is not None and all(event[k] == last.get(k) for k in ACTION)
        event["new action"] = last["new action"] if same else _begin(store, event)
        if event["field"] == "label":
            for side in ("old", "new"):
                event[side] = None if event[side] is None else ids[event[side].casefold()]
        number = db.execute(
            "INSERT INTO label_events (action, tweet, field, old, new) VALUES (?, ?, ?, ?, ?)",
            [event[name] for name in ("new action", "tweet", "field", "old", "new")],
        ).lastrowid
        if event["kind"] != GOLD:
            db.execute(
                f"UPDATE current SET {event['field']} = ?, changed = ? WHERE tweet = ?",  # noqa: S608
                [event["new"], number, event["tweet"]],
            )
        last = event
    after = _tally(store, tweets)
    db.executemany(
        "UPDATE counts SET value = value + ? WHERE name = ?",
        [(after[name] - before[name], name) for name in after if after[name] != before[name]],
    )
    return last


def _begin(store: Store, event: Event) -> int:
    """Record the action of an event as it was; one that the file has no name for is the user's."""
    reverts = store.db.execute(
        "SELECT new FROM temp.restored WHERE action = ?", [event["reverts"]]
    ).fetchone()
    mine = event["annotator"] is None
    number = store.db.execute(
        "INSERT INTO actions (annotator, at, kind, reverts, queue) VALUES (?, ?, ?, ?, ?)",
        [
            store.annotator if mine else event["annotator"], now() if mine else event["at"],
            event["kind"], reverts and reverts[0], event["queue"],
        ],
    ).lastrowid  # fmt: skip
    store.db.execute(
        "INSERT OR REPLACE INTO temp.restored VALUES (?, ?)", [event["action"], number]
    )
    if event["undone"]:
        store.db.execute("INSERT INTO undone (action) VALUES (?)", [number])
    return int(number or 0)


def _tally(store: Store, tweets: Sequence[int]) -> dict[str, int]:
    row = store.db.execute(
        f"SELECT count(c.label), coalesce(sum({CORRECTED}), 0), coalesce(sum(c.excluded), 0), "  # noqa: S608
        "coalesce(sum(c.review), 0), coalesce(sum(c.ambiguous), 0) FROM current c "
        f"WHERE c.tweet IN ({','.join('?' * len(tweets))})",
        tweets,
    ).fetchone()
    return dict(zip(("labelled", "corrected", *MARKS), row, strict=True))
