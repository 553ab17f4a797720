"""The history of tweets on its way from one workspace to another, inside an exported file.

A file that was exported here has the columns of `OWN`; `history` holds a list of events. Importing
it gives the tweets their gold labels, and then `restore` writes the events under the names
and times that they had. Actions keep their extent, so that undo takes back a bulk edit whole. Two
things stay behind: which run's suggestion was on the screen, since runs are not exported, and
events of undo that changed nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any

from storage.errors import UserError
from storage.filters import CORRECTED
from storage.labels import FIELDS
from storage.store import Store, now, transaction
from storage.text import SURROGATE

Event = dict[str, Any]
OWN = ("text", "changed", "flags", "source", "history")
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


def is_own(columns: Collection[str]) -> bool:
    """Whether a file with these columns was exported here."""
    return all(name in columns for name in OWN)


def read(row: Mapping[str, Any], codes: Mapping[str, str]) -> list[Event]:
    """The events of a row of an exported file, then what its other columns say beyond them.

    Whoever changes a label or a note in the file itself wants it to count, so the difference
    becomes an event of the importer. Raises UserError for a history that is not one.
    """
    events = [_checked(event, codes) for event in _listed(row)]
    gold = label_named(row.get("gold"), codes)
    known = [event for event in events if event["kind"] == GOLD]
    if [_folded(event["new"]) for event in known] != ([_folded(gold)] if gold else []):
        events = [event for event in events if event["kind"] != GOLD]
    numbers = [event["event"] for event in events]
    if None in numbers or any(a >= b for a, b in pairwise(numbers)):
        events = [event | {"event": None} for event in events]
    return events + _beyond(row, gold, events, codes)


def source(row: Mapping[str, Any]) -> dict[str, Any]:
    """The other columns of the file that the tweet came from at first."""
    value = _unpacked(row.get("source") or {}, "source")
    if not isinstance(value, dict):
        raise UserError("the source is not an object")
    return value


def labels_in(row: Mapping[str, Any]) -> set[str | None]:
    """The labels that the history and the label column of a row name."""
    events = [event for event in _listed(row) if event.get("field") == "label"]
    found = {event.get(side) for event in events for side in ("old", "new")} | {row.get("label")}
    return {str(value).strip() or None for value in found if value is not None}


def _listed(row: Mapping[str, Any]) -> list[Event]:
    given = _unpacked(row.get("history") or [], "history")
    if not isinstance(given, list) or not all(isinstance(event, dict) for event in given):
        raise UserError("the history is not a list of events")
    return given


def _unpacked(value: Any, name: str) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise UserError(f"the {name} is not valid JSON") from None


def gives_gold(events: Iterable[Event]) -> bool:
    """Whether the events tell when the gold label came in, so that the import need not."""
    return any(event["kind"] == GOLD for event in events)


def label_named(value: Any, codes: Mapping[str, str]) -> str | None:
    """The label that a cell means; `codes` has names for some in lower case."""
    name = "" if value is None else str(value).strip()
    return codes.get(name.casefold(), name) or None


def _checked(event: Event, codes: Mapping[str, str]) -> Event:
    field, kind, annotator = (event.get(name) for name in ("field", "kind", "annotator"))
    if field not in FIELDS or not (isinstance(kind, str) and isinstance(annotator, str)):
        raise UserError("an event of the history has no annotator, kind or known field")
    if kind == GOLD and field != "label":
        raise UserError("the history has an import of something else than a label")
    whole = {name: event.get(name) for name in ("event", "action", "at", "reverts")}
    if whole["at"] is None or not all(
        value is None or (type(value) is int and abs(value) < 2**63) for value in whole.values()
    ):
        raise UserError("an event of the history has no time, or a number that is none")
    queue = event.get("queue")
    texts = {"annotator": annotator, "kind": kind, "queue": None if queue is None else str(queue)}
    values = {side: _value(field, event.get(side), codes) for side in ("old", "new")}
    if any(isinstance(v, str) and SURROGATE.search(v) for v in (texts | values).values()):
        raise UserError("an event of the history is no valid Unicode")
    return {**whole, **texts, **values, "field": field, "undone": event.get("undone") is True}


def _value(field: str, value: Any, codes: Mapping[str, str]) -> Any:
    if field == "label":
        return label_named(value, codes)
    if field == "note":
        return None if value is None else str(value)
    return int(bool(value))


def _beyond(
    row: Mapping[str, Any], gold: str | None, events: Sequence[Event], codes: Mapping[str, str]
) -> list[Event]:
    """Events for what the columns label, flags and note say otherwise than the history."""
    state: dict[str, Any] = {"label": gold, "note": None} | dict.fromkeys(MARKS, 0)
    for event in events:
        state[event["field"]] = event["new"]
    said: dict[str, Any] = {}
    if "label" in row:
        said["label"] = label_named(row["label"], codes)
    if "note" in row:
        said["note"] = None if row["note"] is None else str(row["note"])
    if "flags" in row:
        flags = row["flags"] or ()
        names = flags.split() if isinstance(flags, str) else [str(flag) for flag in flags]
        said |= {mark: int(mark in names) for mark in MARKS}
    return [
        {
            "event": None, "action": None, "annotator": None, "at": None, "reverts": None,
            "queue": None, "kind": _kind(field, value), "field": field,
            "old": state[field], "new": value, "undone": False,
        }
        for field, value in said.items()
        if _folded(value) != _folded(state[field])
    ]  # fmt: skip


def _kind(field: str, value: Any) -> str:
    if field == "label":
        return "clear" if value is None else "set"
    return {"excluded": "exclude", "note": "note"}.get(field, "flag")


def _folded(value: Any) -> Any:
    """A label in any case, a note or none, a mark."""
    return value.casefold() or None if isinstance(value, str) else value


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
    if event["action"] is not None:
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
