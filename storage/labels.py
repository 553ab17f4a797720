"""The history of labels: every change is an event, undo and redo are events too.

An action is what one key press, one bulk edit or one import did. The columns of `current`
follow from the events and are written in the same transaction; nothing is ever taken out of
the history (the database refuses it).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from storage.conditions import CORRECTED
from storage.errors import UserError
from storage.histories import GOLD, golds
from storage.orders import follow_labels
from storage.store import Store, now, transaction
from storage.tweets import tweet as find_tweet

FIELDS = ("label", "excluded", "review", "ambiguous", "note")
Value = str | int | bool | None


@dataclass(frozen=True)
class Shown:
    """What was on the screen when a person decided: kept with the event."""

    queue: str | None = None
    run: int | None = None


@dataclass(frozen=True)
class Change:
    """What an action did, for the line that tells the user."""

    action: int
    kind: str
    tweets: tuple[int, ...]
    skipped: int = 0
    """Tweets that undo or redo left alone because somebody else changed them since."""


def assign(
    store: Store, ids: Iterable[int], label: str | None, shown: Shown | None = None
) -> Change:
    """Give tweets a label, or none (clear); the label must be one of the workspace's."""
    value = None if label is None else store.label_ids[store.config.require_label(label)]
    return _act(store, "clear" if label is None else "set", ids, "label", value, shown)


def mark(
    store: Store, ids: Iterable[int], field: str, on: bool, shown: Shown | None = None
) -> Change:
    """Set or remove a mark: `excluded` (never trained on), `review` or `ambiguous`."""
    kind = {"excluded": "exclude", "review": "flag", "ambiguous": "flag"}[field]
    return _act(store, kind, ids, field, int(on), shown)


def annotate(store: Store, number: int, note: str, shown: Shown | None = None) -> Change:
    """Write a note on a tweet; an empty one removes it."""
    return _act(store, "note", [number], "note", note or None, shown)


def undo(store: Store) -> Change:
    """Take back this annotator's last action; raises UserError when there is none left."""
    with transaction(store.db):
        target = _last_done(store)
        if target is None:
            raise UserError("There is nothing to undo.")
        change = _replay(store, "undo", target, "new", "old")
        store.db.execute("INSERT INTO undone (action) VALUES (?)", [target])
    return change


def redo(store: Store) -> Change:
    """Do again what this annotator undid last; raises UserError when there is nothing."""
    with transaction(store.db):
        target = _last_undone(store)
        if target is None:
            raise UserError("There is nothing to redo.")
        change = _replay(store, "redo", target, "old", "new")
        store.db.execute("DELETE FROM undone WHERE action = ?", [target])
    return change


def undone(store: Store) -> int:
    """How many actions of all annotators are undone at present."""
    return int(store.db.execute("SELECT count(*) FROM undone").fetchone()[0])


def history(
    store: Store, number: int | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """The events of one tweet, oldest first, or the newest of all."""
    if number is not None:
        find_tweet(store, number)
    which = "WHERE e.tweet = ?1 ORDER BY e.id" if number is not None else "ORDER BY e.id DESC"
    rows = store.db.execute(
        "SELECT e.id, e.tweet, a.annotator, a.at, a.kind, e.field, e.old, e.new, "
        f"a.queue, a.run FROM label_events e JOIN actions a ON a.id = e.action {which} LIMIT ?2",
        [number, -1 if limit is None else limit],
    )
    names = ("event", "tweet", "annotator", "at", "kind", "field", "old", "new", "queue", "run")
    events = [dict(zip(names, row, strict=True)) for row in rows]
    for event in events:
        if event["field"] == "label":
            event["old"] = store.label_names.get(event["old"])
            event["new"] = store.label_names.get(event["new"])
    if number is None or any(event["kind"] == GOLD for event in events):
        return events
    given = golds(store, [number]).values()
    missing = {"tweet": number, "queue": None, "run": None}
    return [{name: (missing | gold)[name] for name in names} for gold in given] + events


def begin(store: Store, kind: str, shown: Shown | None = None, reverts: int | None = None) -> int:
    """Record that something happens and return the number of the action."""
    shown = shown or Shown()
    cursor = store.db.execute(
        "INSERT INTO actions (annotator, at, kind, reverts, queue, run) VALUES (?, ?, ?, ?, ?, ?)",
        [store.annotator, now(), kind, reverts, shown.queue, shown.run],
    )
    return int(cursor.lastrowid or 0)


def _act(
    store: Store, kind: str, ids: Iterable[int], field: str, value: Value, shown: Shown | None
) -> Change:
    numbers = list(dict.fromkeys(ids))
    if not numbers:
        return Change(0, kind, ())
    with transaction(store.db):
        for number in numbers[:1] if len(numbers) == 1 else []:
            find_tweet(store, number)
        action = begin(store, kind if len(numbers) == 1 else "bulk", shown)
        column = _column(field)
        store.db.executemany(
            "INSERT INTO label_events (action, tweet, field, old, new) "
            f"SELECT ?, tweet, '{column}', {column}, ? FROM current WHERE tweet = ?",
            ((action, value, number) for number in numbers),
        )
        _apply(store, action)
    return Change(action, kind, tuple(numbers))


def _replay(store: Store, kind: str, target: int, expected: str, wanted: str) -> Change:
    """Write the events that lead from one side of an action to the other, and apply them."""
    action = begin(store, kind, reverts=target)
    touched: list[int] = []
    total = 0
    for field in FIELDS:
        total += store.db.execute(
            "SELECT count(*) FROM label_events WHERE action = ? AND field = ?", [target, field]
        ).fetchone()[0]
        rows = store.db.execute(
            f"INSERT INTO label_events (action, tweet, field, old, new) "
            f"SELECT ?, e.tweet, e.field, e.{expected}, e.{wanted} FROM label_events e "
            f"JOIN current c ON c.tweet = e.tweet WHERE e.action = ? AND e.field = '{field}' "
            f"AND c.{field} IS e.{expected} AND NOT EXISTS ("
            "SELECT 1 FROM label_events l JOIN actions a ON a.id = l.action "
            "WHERE l.tweet = e.tweet AND l.field = e.field AND l.id > e.id AND a.annotator != ? "
            "AND a.kind NOT IN ('undo', 'redo') "
            "AND NOT EXISTS (SELECT 1 FROM undone u WHERE u.action = a.id)) RETURNING tweet",
            [action, target, store.annotator],
        )
        touched += [row[0] for row in rows]
    _apply(store, action)
    return Change(action, kind, tuple(touched), skipped=total - len(touched))


def _apply(store: Store, action: int) -> None:
    """Bring `current` and the counts in line with the events of an action."""
    before = _tally(store, action)
    for field in FIELDS:
        store.db.execute(
            f"UPDATE current SET {field} = e.new, changed = e.id FROM label_events e "
            f"WHERE e.action = ? AND e.field = '{field}' AND current.tweet = e.tweet",
            [action],
        )
    after = _tally(store, action)
    touched = store.db.execute("SELECT tweet FROM label_events WHERE action = ?", [action])
    follow_labels(store.db, [tweet for (tweet,) in touched])
    store.db.executemany(
        "UPDATE counts SET value = value + ? WHERE name = ?",
        [(after[name] - before[name], name) for name in after if after[name] != before[name]],
    )


def _tally(store: Store, action: int) -> dict[str, int]:
    row = store.db.execute(
        f"SELECT count(c.label), coalesce(sum({CORRECTED}), 0), coalesce(sum(c.excluded), 0), "
        "coalesce(sum(c.review), 0), coalesce(sum(c.ambiguous), 0) FROM current c "
        "WHERE c.tweet IN (SELECT tweet FROM label_events WHERE action = ?)",
        [action],
    ).fetchone()
    names: Sequence[str] = ("labelled", "corrected", "excluded", "review", "ambiguous")
    return dict(zip(names, row, strict=True))


def _last_done(store: Store) -> int | None:
    """The newest action of this annotator that can be undone."""
    row = store.db.execute(
        "SELECT a.id FROM actions a WHERE a.annotator = ? "
        "AND a.kind NOT IN ('gold import', 'undo', 'redo') "
        "AND NOT EXISTS (SELECT 1 FROM undone u WHERE u.action = a.id) ORDER BY a.id DESC LIMIT 1",
        [store.annotator],
    ).fetchone()
    return None if row is None else int(row[0])


def _last_undone(store: Store) -> int | None:
    """The action that this annotator undid last; a change made since then ends redoing."""
    row = store.db.execute(
        "SELECT a.reverts FROM actions a JOIN undone u ON u.action = a.reverts "
        "WHERE a.annotator = ?1 AND a.kind = 'undo' AND a.id > coalesce((SELECT max(e.id) "
        "FROM actions e WHERE e.annotator = ?1 "
        "AND e.kind NOT IN ('gold import', 'undo', 'redo')), 0) ORDER BY a.id DESC LIMIT 1",
        [store.annotator],
    ).fetchone()
    return None if row is None else int(row[0])


def _column(field: str) -> str:
    """The field itself, after making sure that it may stand in SQL."""
    if field not in FIELDS:
        raise ValueError(f"no field {field}")
    return field
