"""The history of labels: every change is an event, undo and redo are events too.

An action is what one key press, one bulk edit or one import did. The columns of `current`
follow from the events and are written in the same transaction; nothing is ever taken out of
the history (the database refuses it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from storage import label_changes
from storage.history.changes import Change, present
from storage.history.edit_conflicts import EditConflict, changed_since, latest_change
from storage.history.event_list import history
from storage.history.events import (
    FIELDS,
    Edit,
    EditContext,
    Progress,
    Value,
    begin_undoable,
    edit_batches,
    write_edits,
)
from storage.history.undoing import (
    UndoPreview,
    count_undone,
    events_to_undo,
    redo,
    undo,
    undo_preview,
)
from storage.query.tweets import tweet as find_tweet
from storage.store import Store
from storage.transactions import transaction

__all__ = (
    "Change",
    "UndoPreview",
    "annotate",
    "annotate_each",
    "assign",
    "assign_each",
    "count_undone",
    "events_to_undo",
    "history",
    "mark",
    "redo",
    "undo",
    "undo_preview",
)


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
            wanted = {number: present(merged, field, value) for number, value in wanted.items()}
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
