"""The history of labels: every change is an event, undo and redo are events too.

An action is what one key press, one bulk edit or one import did. The columns of `current`
follow from the events and are written in the same transaction; nothing is ever taken out of
the history (the database refuses it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage import judgements, label_changes
from storage.errors import UserError
from storage.history import event_order, group_splits
from storage.history.edit_conflicts import EditConflict, LatestChange, changed_since, latest_change
from storage.history.event_records import GOLD, LABEL_FIELDS, gold_events
from storage.history.events import (
    CURRENT_VALUE,
    FIELDS,
    Edit,
    EditContext,
    Progress,
    Value,
    batch_size,
    begin_action,
    begin_undoable,
    edit_batches,
    write_edits,
)
from storage.label_changes import LabelChange
from storage.query.tweets import tweet as find_tweet
from storage.runs.class_folding import fold_pending
from storage.store import Store, settle_labels, transaction

NO_TWEET = dict.fromkeys(("event", "tweet", "queue", "run"))
"""What an entry of the history has not that is about no tweet."""
SIDES = {"undo": ("new", "old"), "redo": ("old", "new")}
"""The value that an event has to have left or found, and the one that it is to get."""
LAST_UNDONE = (
    "SELECT s.action FROM steps s WHERE s.annotator = :who AND s.undone = 1 ORDER BY (SELECT "
    "max(a.id) FROM actions a WHERE a.reverts = s.action AND a.kind = 'undo') DESC, s.action "
    "LIMIT 1"
)
"""What an annotator `:who` can do again."""


@dataclass(frozen=True)
class Change:
    """What an action did, for the line that tells the user."""

    action: int
    kind: str
    tweets: tuple[int, ...]
    skipped: int = 0
    """Tweets that undo or redo left alone because somebody else changed them since."""
    conflict: LatestChange | None = None
    """The newest of those changes by somebody else."""
    unchanged: int = 0
    """Tweets that already had the value they were given."""
    labels: tuple[str, ...] = ()
    """What became of the label set, such as `'a' is called 'b'`."""


@dataclass(frozen=True)
class UndoPreview:
    """What the next undo or redo would do."""

    step: int
    """The action that would be undone or redone."""
    changes: Mapping[tuple[str, Value, Value], int]
    """How many tweets would get which value of a field instead of which one; labels by name."""
    left: int
    """Events that it would leave alone because somebody else changed the tweet since."""


def assign(
    store: Store,
    ids: Iterable[int],
    label: str | None,
    context: EditContext | None = None,
    progress: Progress | None = None,
    seen: Mapping[int, str | None] | None = None,
) -> Change:
    """Give tweets a label, or none (clear); the label must be one of the workspace's.

    `seen` holds the labels that were on the screen: if one of them is no longer the tweet's,
    nothing is written. Raises EditConflict then.
    """
    return assign_each(store, dict.fromkeys(ids, label), context, progress, seen)


def assign_each(
    store: Store,
    wanted: Mapping[int, str | None],
    context: EditContext | None = None,
    progress: Progress | None = None,
    seen: Mapping[int, str | None] | None = None,
) -> Change:
    """Give each tweet a label of its own, as one step; see `assign`."""
    values: dict[str | None, int | None] = {None: None}
    for label in set(wanted.values()) - {None}:
        values[label] = store.label_ids[store.config.require_label(str(label))]
    kind = "clear" if set(wanted.values()) == {None} else "set"
    numbered = {number: values[label] for number, label in wanted.items()}
    before = None
    if seen is not None:  # a label that is called otherwise by now is not the one that was seen
        before = {n: old and store.label_ids.get(old, -1) for n, old in seen.items()}
    return _act(store, kind, numbered, "label", context, progress, before)


def mark(
    store: Store,
    ids: Iterable[int],
    field: str,
    on: bool,
    context: EditContext | None = None,
    progress: Progress | None = None,
    seen: Mapping[int, bool] | None = None,
) -> Change:
    """Set or remove a mark: `excluded` (never trained on), `review` or `ambiguous`.

    Raises EditConflict where a mark is not what was `seen`.
    """
    kind = {"excluded": "exclude", "review": "flag", "ambiguous": "flag"}[field]
    return _act(store, kind, dict.fromkeys(ids, int(on)), field, context, progress, seen)


def annotate(
    store: Store,
    number: int,
    note: str,
    context: EditContext | None = None,
    seen: Mapping[int, str | None] | None = None,
) -> Change:
    """Write a note on a tweet; an empty one removes it.

    Raises EditConflict where the note is not the one that was `seen`.
    """
    return _act(store, "note", {number: note or None}, "note", context, seen=seen)


def annotate_each(
    store: Store,
    ids: Iterable[int],
    note: str,
    context: EditContext | None = None,
    progress: Progress | None = None,
) -> Change:
    """Write the same note on several tweets as one step."""
    return _act(store, "note", dict.fromkeys(ids, note or None), "note", context, progress)


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


def history(
    store: Store, number: int | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """The events of one tweet, oldest first, or the newest of all."""
    if number is not None:
        find_tweet(store, number)
    which = "WHERE e.tweet = ?1 ORDER BY e.id" if number is not None else "ORDER BY e.id DESC"
    rows = store.db.execute(
        "SELECT e.id, e.tweet, a.annotator, a.at, a.kind, e.field, e.old, e.new, "
        "a.queue, a.run, a.id FROM label_events e JOIN actions a ON a.id = e.action "
        f"{which} LIMIT ?2",
        [number, -1 if limit is None else limit],
    )
    names = ("event", "tweet", "annotator", "at", "kind", "field", "old", "new", "queue", "run")
    called, events, actions = label_changes.names_at(store.db), [], []
    for *values, action in rows.fetchall():
        event = dict(zip(names, values, strict=True))
        if event["field"] in LABEL_FIELDS:
            event |= {side: called.of(event[side], action) for side in ("old", "new")}
        events.append(event)
        actions.append(action)
    if number is None:
        return _with_removals(store, _with_label_changes(store, events))[:limit]
    if any(event["kind"] == GOLD for event in events):
        return events
    missing = {"tweet": number, "queue": None, "run": None}
    given = [
        {**missing, **gold, "new": called.of(store.label_ids[gold["new"]], gold["action"])}
        for gold in gold_events(store, [number]).values()
    ]
    return _with_renames(store, [{name: gold[name] for name in names} for gold in given] + events)


def _with_label_changes(store: Store, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, newest first, and what became of the label set when and by whom."""
    for change in label_changes.entries(store.db):
        place = next((n for n, e in enumerate(events) if e["at"] <= change["at"]), len(events))
        events.insert(place, NO_TWEET | change)
    return events


def _with_renames(store: Store, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a tweet, oldest first, and the renames of the label that it had then."""
    for change in label_changes.entries(store.db, renames=True):
        place = next((n for n, e in enumerate(events) if e["at"] > change["at"]), len(events))
        labels = [e["new"] for e in events[:place] if e["field"] in ("label", "labels")]
        if labels and labels[-1] == change["old"]:
            events.insert(place, NO_TWEET | change | {"tweet": events[0]["tweet"]})
    return events


def _with_removals(store: Store, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, newest first, and how many tweets were taken out when and by whom."""
    rows = store.db.execute(
        "SELECT a.annotator, a.at, a.kind, r.tweets FROM removals r "
        "JOIN actions a ON a.id = r.action ORDER BY a.id"
    )
    for annotator, at, kind, tweets in rows.fetchall():
        place = next((n for n, event in enumerate(events) if event["at"] <= at), len(events))
        removal = {"annotator": annotator, "at": at, "kind": kind, "field": "tweets"}
        events.insert(place, NO_TWEET | removal | {"old": tweets, "new": 0})
    return events


def _act(
    store: Store,
    kind: str,
    wanted: Mapping[int, Value],
    field: str,
    context: EditContext | None,
    progress: Progress | None = None,
    seen: Mapping[int, Value] | None = None,
) -> Change:
    numbers = sorted(wanted)  # in the order of the table, which halves the time
    if not numbers:
        return Change(0, kind, ())
    touched: list[int] = []
    overtaken: list[int] = []
    unchanged = 0
    with transaction(store.db):
        if field == "label" and (merged := label_changes.targets(store.db)):
            wanted = {number: _present(merged, field, value) for number, value in wanted.items()}
        if len(numbers) == 1:
            find_tweet(store, numbers[0])
        action = begin_undoable(store, kind if len(numbers) == 1 else "bulk", context)
        for batch in edit_batches(numbers):
            edits = _edits(store, batch, field, wanted)
            overtaken += changed_since(edits, seen) if seen is not None else []
            if not overtaken:
                write_edits(store, action, edits)
            touched += [edit.tweet for edit in edits]
            unchanged += sum(edit.old == edit.new for edit in edits)
            if progress:
                progress(len(touched), len(numbers))
        if overtaken:
            raise EditConflict(len(overtaken), latest_change(store, overtaken, field))
    return Change(action, kind, tuple(touched), unchanged=unchanged)


def _edits(
    store: Store, numbers: Sequence[int], field: str, wanted: Mapping[int, Value]
) -> list[Edit]:
    """What giving a field its wanted value means for those of these tweets that there are."""
    if field not in FIELDS:
        raise ValueError(f"no field {field}")
    marks = ",".join("?" * len(numbers))
    rows = store.db.execute(
        f"SELECT tweet, {field}, gold FROM current WHERE tweet IN ({marks}) "
        "AND tweet <= (SELECT value FROM counts WHERE name = 'tweets')",
        numbers,
    )
    return [Edit(tweet, field, old, wanted[tweet], gold) for tweet, old, gold in rows]


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
            Edit(r.tweet, r.field, r.old, _present(merged, r.field, r.new), r.gold)
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


def _present(merged: Mapping[int, int], field: str, value: Value) -> Value:
    """The label that a label means now; other values as they are."""
    return merged.get(int(value), value) if field == "label" and value is not None else value


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
