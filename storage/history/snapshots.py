"""Names for states of the labels: what differs between two of them, and the way back to one.

A snapshot is the numbers of the newest event and of the newest change of the label set. As each
event keeps the value before it, the state at any event follows from the events after it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any

from storage import label_changes
from storage.errors import UsageError, UserError
from storage.history.events import Edit, Progress, Value, begin_undoable, edit_batches, write_edits
from storage.history.labels import Change
from storage.newest_events import newest_event
from storage.store import Store, last_visible_id, now
from storage.transactions import transaction

NOW, GOLD = "now", "gold"
"""Stand for the labels as they are and as they were imported, wherever a snapshot can be named."""
LONGEST_NAME = 100
IMPORTED_VALUE = "CASE s.field WHEN 'label' THEN c.gold WHEN 'note' THEN NULL ELSE 0 END"
"""What a field was when its tweet was imported."""
VALUE_AT = (
    f"(SELECT CASE WHEN p.id IS NULL THEN {IMPORTED_VALUE} ELSE p.new END FROM (SELECT max(x.id) "
    "AS id FROM label_events x WHERE x.tweet = s.tweet AND x.field = s.field AND x.id <= ?1) m "
    "LEFT JOIN label_events p ON p.id = m.id)"
)
"""What a field was at an event; the next one may come from elsewhere and have another `old`."""
COLUMNS = "name, event, tweets, label_change, annotator, at, note"
"""Of the table, in the order of the fields of `Snapshot`."""


@dataclass(frozen=True)
class Snapshot:
    """A named state of the labels."""

    name: str
    event: int
    """The newest event that belongs to it; -1 for the labels as imported."""
    tweets: int
    """The highest id."""
    label_change: int
    """The newest change of the label set that belongs to it; 0 before the first."""
    annotator: str = ""
    at: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a tweet that one state has otherwise than another; labels are numbers."""

    tweet: int
    field: str
    old: Value
    new: Value
    gold: int | None


def take(store: Store, name: str, note: str | None = None) -> Snapshot:
    """Give the labels as they are a name; raises UsageError or UserError for one that is taken."""
    if name.casefold() in (NOW, GOLD):
        raise UsageError(f"{name!r} means the labels as they are or were imported; choose another.")
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(
            f"{name!r} cannot be a name: use up to {LONGEST_NAME} printable characters."
        )
    with transaction(store.db):
        taken = Snapshot(
            name,
            newest_event(store),
            last_visible_id(store.db),
            label_changes.newest(store.db),
            store.annotator,
            now(),
            note or None,
        )
        try:
            store.db.execute(
                f"INSERT INTO snapshots ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                astuple(taken),
            )
        except sqlite3.IntegrityError:
            raise UserError(
                f"There is a snapshot {name!r} already; choose another name (`workbench snapshots` "
                "lists them)."
            ) from None
    return taken


def every(store: Store) -> list[Snapshot]:
    """All snapshots, oldest first."""
    rows = store.db.execute(f"SELECT {COLUMNS} FROM snapshots ORDER BY event, label_change, rowid")
    return [Snapshot(*row) for row in rows]


def find(store: Store, name: str) -> Snapshot:
    """The snapshot with this name, or what `now` and `gold` stand for; raises UserError."""
    if name.casefold() == NOW:
        newest = label_changes.newest(store.db)
        return Snapshot(NOW, newest_event(store), last_visible_id(store.db), newest)
    if name.casefold() == GOLD:
        return Snapshot(GOLD, -1, last_visible_id(store.db), 0)
    row = store.db.execute(f"SELECT {COLUMNS} FROM snapshots WHERE name = ?", [name]).fetchone()
    if row is None:
        known = ", ".join(repr(snapshot.name) for snapshot in every(store)[-5:])
        hint = f"the newest are {known}" if known else "make one with `workbench snapshot NAME`"
        raise UserError(f"There is no snapshot {name!r}; {hint}.")
    return Snapshot(*row)


def differences(store: Store, a: Snapshot, b: Snapshot) -> Iterator[Difference]:
    """What `b` has otherwise than `a`, by tweet, for the tweets that both have.

    Reads the events between the two and nothing else; tweets that were imported since differ
    in nothing.
    """
    if a.event > b.event:
        for found in differences(store, b, a):
            yield Difference(found.tweet, found.field, found.new, found.old, found.gold)
        return
    before = IMPORTED_VALUE if a.event < 0 else VALUE_AT
    rows = store.db.execute(
        f"SELECT s.tweet, s.field, {before}, l.new, c.gold FROM ("
        "SELECT tweet, field, max(id) AS last FROM label_events NOT INDEXED "
        "WHERE id > ?1 AND id <= ?2 AND tweet <= ?3 "
        "AND field NOT IN ('split', 'judgement') GROUP BY tweet, field) s "
        "CROSS JOIN label_events l ON l.id = s.last "
        f"CROSS JOIN current c ON c.tweet = s.tweet WHERE {before} IS NOT l.new "
        "ORDER BY s.tweet, s.field",
        [a.event, b.event, min(a.tweets, b.tweets)],
    )
    for row in rows:
        yield Difference(*row)


def restore_snapshot(store: Store, name: str, progress: Progress | None = None) -> Change:
    """Give every tweet the labels and marks of a snapshot, whoever changed them, as one step.

    Tweets that were imported since stay as they are. Raises UserError when there is nothing
    to change.
    """
    if name.casefold() in (NOW, GOLD):
        raise UsageError(f"{name!r} is not a snapshot; name one that `workbench snapshots` lists.")
    touched: dict[int, None] = {}
    with transaction(store.db):
        wanted, current = find(store, name), find(store, NOW)
        edits = list(_edits_back(store, differences(store, current, wanted)))
        if not edits:
            raise UserError(
                f"Nothing differs from the snapshot {wanted.name!r}; nothing was changed."
            )
        action = begin_undoable(store, "restore")
        done = 0
        for batch in edit_batches(edits):
            write_edits(store, action, batch)
            touched.update((edit.tweet, None) for edit in batch)
            done += len(batch)
            if progress:
                progress(done, len(edits))
    return Change(action, "restore", tuple(touched))


def _edits_back(store: Store, found: Iterable[Difference]) -> Iterator[Edit]:
    """What brings differences about; a label that was merged since comes back as what it became."""
    merged = label_changes.targets(store.db)
    for one in found:
        new = one.new
        if one.field == "label" and one.new is not None:
            new = merged.get(int(one.new), one.new)
        if new != one.old:
            yield Edit(one.tweet, one.field, one.old, new, one.gold)


def label_changes_between(store: Store, a: Snapshot, b: Snapshot) -> list[str]:
    """What became of the label set between two states, in sentences, the older one first."""
    first, last = sorted((a.label_change, b.label_change))
    between = label_changes.entries(store.db, after=first, until=last)
    return [label_changes.told(entry) for entry in between]


def displayed_value(store: Store, field: str, value: Value) -> Any:
    """A label as its name, a mark as true or false, a note as it is."""
    if field == "label":
        return None if value is None else store.label_names[int(value)]
    return value if field == "note" else bool(value)
