"""Undo and redo: an annotator's last action taken back, or done again, as an event of its own.

Tweets that somebody else has changed since are left alone, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from storage import judgements, label_changes
from storage.errors import UserError
from storage.history import event_order, group_splits
from storage.history.changes import Change, present
from storage.history.edit_conflicts import latest_change
from storage.history.events import (
    CURRENT_VALUE,
    Edit,
    Progress,
    Value,
    batch_size,
    begin_action,
    edit_batches,
    write_edits,
)
from storage.label_changes import LabelChange
from storage.runs.class_folding import fold_pending
from storage.store import Store, settle_labels
from storage.transactions import transaction

SIDES = {"undo": ("new", "old"), "redo": ("old", "new")}
"""The value that an event has to have left or found, and the one that it is to get."""
LAST_UNDONE = (
    "SELECT s.action FROM steps s WHERE s.annotator = :who AND s.undone = 1 ORDER BY (SELECT "
    "max(a.id) FROM actions a WHERE a.reverts = s.action AND a.kind = 'undo') DESC, s.action "
    "LIMIT 1"
)
"""What an annotator `:who` can do again."""


@dataclass(frozen=True)
class UndoPreview:
    """What the next undo or redo would do."""

    step: int
    """The action that would be undone or redone."""
    changes: Mapping[tuple[str, Value, Value], int]
    """How many tweets would get which value of a field instead of which one; labels by name."""
    left: int
    """Events that it would leave alone because somebody else changed the tweet since."""


def undo(store: Store, progress: Progress | None = None, step: int | None = None) -> Change:
    """Take back this annotator's newest action; raises UserError when there is none left.

    Also when that is another one than the `step` of a preview.
    """
    with transaction(store.db):
        target = _require_next(store, "undo", step)
        change = _replay(store, "undo", target, progress)
        store.db.execute("INSERT INTO undone (action) VALUES (?)", [target])
        _move(store, target, undone=True)
    _settle(store, change, progress)
    return change


def redo(store: Store, progress: Progress | None = None, step: int | None = None) -> Change:
    """Do again what this annotator undid last; raises UserError as `undo` does."""
    with transaction(store.db):
        target = _require_next(store, "redo", step)
        change = _replay(store, "redo", target, progress)
        store.db.execute("DELETE FROM undone WHERE action = ?", [target])
        _move(store, target, undone=False)
    _settle(store, change, progress)
    return change


def _settle(store: Store, change: Change, progress: Progress | None) -> None:
    """Have workbench.toml and the predictions follow where the label set has changed."""
    if change.labels:
        settle_labels(store)
        fold_pending(store, progress)


def can_undo(store: Store) -> bool:
    """Whether there is a step to undo."""
    return _next(store, "undo") is not None


def events_to_undo(store: Store, kind: str) -> int:
    """How many events the next undo or redo is about; 0 when there is none."""
    target = _next(store, kind)
    return 0 if target is None else _size(store, target)


def undo_preview(store: Store, kind: str) -> UndoPreview:
    """What the next undo or redo would do; raises UserError when there is none."""
    target = _require_next(store, kind)
    sql, asked = _events(store, target, SIDES[kind])
    names, left = store.label_names, 0
    changes: dict[tuple[str, Value, Value], int] = {}
    for field, old, new, possible, count in store.db.execute(
        f"SELECT field, expected, wanted, possible, count(*) FROM ({sql}) GROUP BY 1, 2, 3, 4",
        asked,
    ):
        if not possible:
            left += count
        elif field == "label":
            changes[field, names.of(old), names.of(new)] = count
        else:
            changes[field, old, new] = count
    for edit in _going_along(store, kind, target):
        change = (edit.field, edit.old, edit.new)
        changes[change] = changes.get(change, 0) + 1
    return UndoPreview(target, changes, left)


def count_undone(store: Store) -> int:
    """How many actions of all annotators are undone at present."""
    return int(store.db.execute("SELECT count(*) FROM undone").fetchone()[0])


def _events(store: Store, target: int, sides: tuple[str, str]) -> tuple[str, list[object]]:
    """The SQL of an action's events, each with whether it can be led from one side to the other.

    It is not where somebody else has been since.
    """
    expected, wanted = sides
    others = "s.undone = 0 AND s.annotator != ?2"
    # what was brought by an import may be older than what was there
    alone = not store.db.execute(
        f"SELECT EXISTS (SELECT 1 FROM steps s WHERE s.action > ?1 AND {others}) "
        "OR (SELECT import IS NOT NULL FROM actions WHERE id = ?1)",
        [target, store.annotator],
    ).fetchone()[0]
    newer = event_order.is_newer("l", "b", "e", "a")
    sql = (
        f"SELECT e.id, e.tweet, e.field, e.{expected} AS expected, e.{wanted} AS wanted, c.gold, "
        # a CASE tries one after another, where AND and OR would try all
        f"CASE WHEN {CURRENT_VALUE} IS NOT e.{expected} THEN 0 WHEN ?3 THEN 1 "
        "ELSE NOT EXISTS (SELECT 1 FROM label_events l "
        f"CROSS JOIN steps s ON s.action = l.action AND {others} "
        f"CROSS JOIN actions b ON b.id = l.action AND b.kind != '{event_order.SETTLE}' "
        f"WHERE l.tweet = e.tweet AND l.field = e.field AND l.id != e.id AND {newer}) END "
        "AS possible FROM label_events e CROSS JOIN actions a ON a.id = e.action "
        "CROSS JOIN current c ON c.tweet = e.tweet WHERE e.action = ?1"
    )
    return sql, [target, store.annotator, alone]


class _Replay(NamedTuple):
    """An event of an action that is undone or redone, as the edit that it would be."""

    event: int
    tweet: int
    field: str
    old: Value
    new: Value
    gold: int | None
    possible: int
    """0 where somebody else has changed the field since."""


def _replay(store: Store, kind: str, target: int, progress: Progress | None) -> Change:
    """Lead from one side of an action's events to the other, where nobody else has been since."""
    along = _going_along(store, kind, target)
    sql, asked = _events(store, target, SIDES[kind])
    sql += " AND e.id > ?4 ORDER BY e.id LIMIT ?5"
    action = begin_action(store, kind, reverts=target)
    changes = _change_labels(store, kind, target, action)
    merged = label_changes.targets(store.db)
    total, seen, last = _size(store, target), 0, 0
    touched: dict[int, None] = {}
    left: dict[str, set[int]] = {}
    while rows := store.db.execute(sql, [*asked, last, batch_size(total)]).fetchall():
        replays = list(map(_Replay._make, rows))
        edits = [
            Edit(r.tweet, r.field, r.old, present(merged, r.field, r.new), r.gold)
            for r in replays
            if r.possible
        ]
        write_edits(store, action, edits)
        touched.update((edit.tweet, None) for edit in edits)
        for replay in replays:
            if not replay.possible:
                left.setdefault(replay.field, set()).add(replay.tweet)
        last = replays[-1].event
        seen += len(rows)
        if progress:
            progress(seen, total)
    for batch in edit_batches(along):
        write_edits(store, action, batch)
    touched.update((edit.tweet, None) for edit in along)
    by = [latest_change(store, tweets, field) for field, tweets in left.items()]
    newest_by = max(filter(None, by), key=lambda event: event.action, default=None)
    skipped = len(set().union(*left.values()))
    label_changes.require_unused(store.db, changes)
    said = label_changes.sentences(store.db, changes)
    return Change(action, kind, tuple(touched), skipped, newest_by, labels=said)


def _change_labels(store: Store, kind: str, target: int, action: int) -> list[LabelChange]:
    """Take back or do again what an action did to the label set, as part of another one."""
    changes = label_changes.of_action(store.db, target)
    if kind == "undo":
        changes = [change.reverse for change in reversed(changes)]
    if changes:
        label_changes.require_distinct(store.db, store.folder, changes)
        label_changes.apply(store.db, action, changes)
        judgements.count_again(store.db, [change.label for change in changes])
    return changes


def _going_along(store: Store, kind: str, target: int) -> list[Edit]:
    """The edits of tweets that go along where an undo or redo moves their group."""
    sql = "SELECT 1 FROM actions WHERE id = ? AND kind = ?"
    if not store.db.execute(sql, [target, event_order.MERGE]).fetchone():
        return []  # splits are changed by a merge only
    sql, asked = _events(store, target, SIDES[kind])
    moved = f"SELECT tweet, wanted AS split FROM ({sql} AND e.field = 'split') WHERE possible"
    return group_splits.going_along(store.db, target, moved, asked)


def _size(store: Store, action: int) -> int:
    sql = "SELECT count(*) FROM label_events WHERE action = ?"
    return int(store.db.execute(sql, [action]).fetchone()[0])


def _next(store: Store, kind: str) -> int | None:
    """The action that undo or redo is about: the newest done, or the one that was undone last."""
    sql = {"undo": event_order.NEWEST_STEP, "redo": LAST_UNDONE}[kind]
    row = store.db.execute(sql, {"who": store.annotator}).fetchone()
    return None if row is None else int(row[0])


def _require_next(store: Store, kind: str, step: int | None = None) -> int:
    if (target := _next(store, kind)) is None:
        raise UserError(f"There is nothing to {kind}.")
    if step not in (None, target):
        raise UserError(f"Something else was done meanwhile; {kind} again to see what that was.")
    return target


def _move(store: Store, action: int, undone: bool) -> None:
    store.db.execute(
        "UPDATE steps SET undone = ? WHERE annotator = ? AND undone = ? AND action = ?",
        [undone, store.annotator, not undone, action],
    )
