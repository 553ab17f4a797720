"""Writing label events; `current` and the counts follow in the same transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple, TypeVar

from storage.indexes.order_index import update_disagreements
from storage.newest_events import newest_event
from storage.store import Store, now

T = TypeVar("T")
FIELDS = ("label", "excluded", "review", "ambiguous", "note")
"""What people edit, and snapshots hold."""
EVENT_FIELDS = (*FIELDS, "split")
"""What events are about; only an import that is told to changes a split so."""
Value = str | int | bool | None
Progress = Callable[[int, int], None]
"""Called with how many of how many tweets are done, every `batch_size` of them."""
_CASES = " ".join(f"WHEN {name!r} THEN c.{name}" for name in EVENT_FIELDS)
CURRENT_VALUE = f"CASE e.field {_CASES} END"
"""What the current row `c` holds in the field that an event `e` is about."""


@dataclass(frozen=True)
class EditContext:
    """What was on the screen when a person decided: kept with the event."""

    queue: str | None = None
    run: int | None = None
    source: str | None = None
    """What the queue had the tweet from, such as `random` in a mix."""
    blind: bool | None = None
    """Whether the prediction of the run was hidden until the decision; None if not known."""


class Edit(NamedTuple):
    """One field of one tweet before and after; `gold` is its label as imported."""

    tweet: int
    field: str
    old: Value
    new: Value
    gold: int | None


def begin_action(
    store: Store,
    kind: str,
    context: EditContext | None = None,
    reverts: int | None = None,
    brought_by: int | None = None,
) -> int:
    """Record that an action of a kind begins and return its number.

    `brought_by` is the import that it is part of.
    """
    context = context or EditContext()
    cursor = store.db.execute(
        "INSERT INTO actions (annotator, at, kind, reverts, import, queue, run, source, blind) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [store.annotator, now(), kind, reverts, brought_by, *astuple(context)],
    )
    return int(cursor.lastrowid or 0)


def begin_undoable(
    store: Store, kind: str, context: EditContext | None = None, brought_by: int | None = None
) -> int:
    """Begin an action that can be undone; what was undone before cannot be redone any more."""
    action = begin_action(store, kind, context, brought_by=brought_by)
    mine = [store.annotator]
    store.db.execute("DELETE FROM steps WHERE annotator = ? AND undone = 1", mine)
    store.db.execute(
        "INSERT INTO steps (annotator, undone, action) VALUES (?, 0, ?)", [*mine, action]
    )
    return action


def write_edits(store: Store, action: int, edits: Sequence[Edit]) -> None:
    """Add events to an action, and bring `current` and the counts in line with them."""
    numbered = list(enumerate(edits, newest_event(store) + 1))
    store.db.executemany(
        "INSERT INTO label_events (id, action, tweet, field, old, new) VALUES (?, ?, ?, ?, ?, ?)",
        ((number, action, edit.tweet, edit.field, edit.old, edit.new) for number, edit in numbered),
    )
    for field in EVENT_FIELDS:
        store.db.executemany(
            f"UPDATE current SET {field} = ?, changed = ? WHERE tweet = ?",
            ((e.new, number, e.tweet) for number, e in numbered if e.field == field),
        )
    update_disagreements(store.db, [edit.tweet for edit in edits if edit.field == "label"])
    if relabelling := [edit.tweet for edit in edits if _relabels(edit)]:
        _note_relabelled(store, relabelling, numbered[-1][0])
    if any(edit.field == "split" and edit.old != edit.new for edit in edits):
        store.db.execute("UPDATE evaluations SET event = -1")  # they are about other tweets now
        store.db.execute(
            "UPDATE analyses SET outdated = 'tweets were moved to another split since' "
            "WHERE split IS NOT NULL"
        )
    moved: Counter[str] = Counter()
    for edit in edits:
        for name in _counted(edit.field, edit.new, edit.gold):
            moved[name] += 1
        for name in _counted(edit.field, edit.old, edit.gold):
            moved[name] -= 1
    store.db.executemany(
        "UPDATE counts SET value = value + ? WHERE name = ?",
        [(change, name) for name, change in moved.items() if change],
    )


def _relabels(edit: Edit) -> bool:
    return edit.field in ("label", "excluded", "split") and edit.old != edit.new


def _note_relabelled(store: Store, tweets: Sequence[int], event: int) -> None:
    store.db.execute(
        "INSERT OR REPLACE INTO relabelled (split, event) SELECT DISTINCT c.split, ?2 "
        "FROM json_each(?1) j CROSS JOIN current c ON c.tweet = j.value",
        [json.dumps(tweets), event],
    )


def _counted(field: str, value: Value, gold: int | None) -> Iterator[str]:
    """The counts that a tweet is part of by the value of one field."""
    if field == "label":
        if value is not None:
            yield "labelled"
        if gold is not None and value != gold:
            yield "corrected"
    elif field not in ("note", "split") and value:
        yield field


def batch_size(total: int) -> int:
    """How many of a total of edits are written at once.

    Many, so that few pages of the database are visited twice; but people see it getting on.
    """
    return max(2_000, min(total // 10, 20_000))


def edit_batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in parts of `batch_size` of their number."""
    size = batch_size(len(values))
    for first in range(0, len(values), size):
        yield values[first : first + size]
