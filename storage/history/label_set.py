"""Renaming, merging, adding and removing labels: one step each, which undo takes back whole.

A rename changes the name of a label and nothing else: gold labels, judgements and the answers of
runs are of the same class as before. A merge gives each tweet of some labels another one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage import judgements, label_changes, label_names, label_settings
from storage.bulk_writes import lock_imports
from storage.config import Config, check_new_labels
from storage.errors import UsageError, UserError
from storage.history.events import Edit, Progress, begin_undoable, edit_batches, write_edits
from storage.history.labels import Change
from storage.label_changes import ADDED, MERGED, REMOVED, RENAMED, LabelChange
from storage.query import tweets
from storage.runs.class_folding import fold_pending
from storage.store import Store, last_visible_id, refresh_settings, settle_labels
from storage.transactions import transaction


@dataclass(frozen=True)
class LabelEntry:
    """A label with what is known of it."""

    label: str
    tweets: int
    """How many carry it now."""
    gold: int
    """How many were imported with it."""
    key: str | None
    word: str
    definition: str | None
    examples: tuple[str, ...]


def label_entries(store: Store) -> list[LabelEntry]:
    """The labels of a workspace in their order."""
    now, gold = tweets.label_counts(store), tweets.label_counts(store, "gold")
    letters, config = store.config.key_of(), store.config
    return [
        LabelEntry(
            label,
            now.get(label, 0),
            gold.get(label, 0),
            letters.get(label),
            config.word(label),
            config.definitions.get(label),
            config.examples.get(label, ()),
        )
        for label in config.labels
    ]


def rename(store: Store, old: str, new: str, progress: Progress | None = None) -> Change:
    """Call a label otherwise; raises UsageError for a name that another label has or looks like.

    A name that a label had once and lost is taken over with what it stood for.
    """
    with lock_imports(store, _ignore), transaction(store.db):
        refresh_settings(store)
        config = store.config
        label = _require(config, old)
        name = label_names.clean(new)
        if name == label:
            raise UsageError(f"{label!r} is called so already.")
        check_new_labels(tuple(name if one == label else one for one in config.labels))
        number = store.label_ids[label]
        if _row(store, name) in (None, number):
            action = begin_undoable(store, RENAMED)
            renamed = LabelChange(number, label, name)
            label_changes.apply(store.db, action, [renamed])
            change = _change(store, action, RENAMED, [renamed])
        else:
            change = _merge(store, [label], name, progress)
    settle(store, progress)
    return change


def merge(
    store: Store, labels: Sequence[str], into: str, progress: Progress | None = None
) -> Change:
    """Give all tweets of some labels another one, and take those labels out of the set.

    The label that they get may be a new one. What judges and runs said of the old ones counts for
    it. Raises UsageError for labels that there are not.
    """
    with lock_imports(store, _ignore), transaction(store.db):
        refresh_settings(store)
        config = store.config
        sources = list(dict.fromkeys(_require(config, label) for label in labels))
        target = _meant(config, into) or label_names.clean(into)
        sources = [label for label in sources if label != target]
        if not sources:
            raise UsageError(f"{target!r} is one label already; name those that become it as well.")
        check_new_labels((*(one for one in config.labels if one not in (*sources, target)), target))
        change = _merge(store, sources, target, progress)
    settle(store, progress)
    return change


def add(store: Store, *names: str) -> Change:
    """Put new labels into the set; raises UsageError for a name that looks like another's."""
    with transaction(store.db):
        refresh_settings(store)
        labels = tuple(map(label_names.clean, names))
        check_new_labels((*store.config.labels, *labels))
        action = begin_undoable(store, ADDED)
        added = [_joining(store, label) for label in labels]
        label_changes.apply(store.db, action, added)
    settle(store)
    return _change(store, action, ADDED, added)


def remove(store: Store, name: str) -> Change:
    """Take a label out of the set; raises UserError where tweets carry it."""
    with transaction(store.db):
        refresh_settings(store)
        label = _require(store.config, name)
        number = store.label_ids[label]
        if count := label_changes.tweets_with(store.db, number):
            carry = "1 tweet carries" if count == 1 else f"{count:,} tweets carry"
            raise UserError(
                f"{carry} {label!r}, so it stays; give them another label with `workbench label "
                f"--where 'label:{_in_filter(label)}' OTHER`, or all at once with `workbench "
                "labels merge`."
            )
        action = begin_undoable(store, REMOVED)
        removed = _leaving(store, label)
        label_changes.apply(store.db, action, [removed])
    settle(store)
    return _change(store, action, REMOVED, [removed])


def settle(store: Store, progress: Progress | None = None) -> None:
    """Bring workbench.toml and the predictions in line with what has become of the labels."""
    settle_labels(store)
    fold_pending(store, progress)


def _merge(store: Store, sources: list[str], into: str, progress: Progress | None) -> Change:
    db, known = store.db, into in store.config.labels
    changes = [] if known else [_joining(store, into, sources[0])]
    target = store.label_ids[into] if known else changes[0].label
    changes += [replace(_leaving(store, label), new_target=target) for label in sources]
    action = begin_undoable(store, MERGED)
    numbers = [store.label_ids[label] for label in sources]
    tied = judgements.conflicts(db)
    label_changes.apply(db, action, changes)
    edits = [
        Edit(tweet, "label", label, target, gold)
        for tweet, label, gold in db.execute(
            "SELECT tweet, label, gold FROM current WHERE label IN (SELECT value FROM json_each(?))"
            " AND tweet <= ? ORDER BY tweet",
            [json.dumps(numbers), last_visible_id(db)],
        )
    ]
    edits += [
        Edit(tweet, "label", None, label, gold)
        for tweet, label, gold in judgements.count_again(db, [*numbers, target])
        if tweet in tied
    ]
    done = 0
    for batch in edit_batches(edits):
        write_edits(store, action, batch)
        done += len(batch)
        if progress:
            progress(done, len(edits))
    return _change(store, action, MERGED, changes, tuple(edit.tweet for edit in edits))


def _change(
    store: Store,
    action: int,
    kind: str,
    changes: Sequence[LabelChange],
    touched: tuple[int, ...] = (),
) -> Change:
    return Change(action, kind, touched, labels=label_changes.sentences(store.db, changes))


def _joining(store: Store, name: str, instead_of: str | None = None) -> LabelChange:
    """A label that comes into the set, in the row that one of this name had before."""
    said = {}
    if instead_of is not None:
        position = label_settings.POSITION
        said = {position: store.config.labels.index(instead_of)}
    number = _row(store, name)
    if number is None:
        cursor = store.db.execute("INSERT INTO labels (name) VALUES (?)", [name])
        return LabelChange(int(cursor.lastrowid or 0), None, name, said=said)
    store.db.execute("UPDATE labels SET name = ? WHERE id = ?", [name, number])
    before = label_changes.targets(store.db).get(number)
    return LabelChange(number, None, name, old_target=before, said=said)


def _leaving(store: Store, label: str) -> LabelChange:
    said = label_settings.of_label(store.config, label)
    return LabelChange(store.label_ids[label], label, None, said=said)


def _row(store: Store, name: str) -> int | None:
    """The number of the label that has or had this name, in any case."""
    found = store.db.execute("SELECT id FROM labels WHERE name = ?", [name]).fetchone()
    return None if found is None else int(found[0])


def _require(config: Config, name: str) -> str:
    if (label := _meant(config, name)) is None:
        config.require_label(name)
        raise UsageError(f"{name!r} is not a label any more; it became {config.label(name)!r}.")
    return label


def _meant(config: Config, name: str) -> str | None:
    """The label with this name, in any spelling; what it was called once, or its word, is none."""
    if name in config.labels:
        return name
    wanted = label_names.key(name)
    return next((one for one in config.labels if label_names.key(one) == wanted), None)


def _in_filter(label: str) -> str:
    return label if label.isalnum() else f'"{label}"'


def _ignore() -> None:
    """An import that goes on is waited for."""
