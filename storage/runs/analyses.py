"""What was computed from runs and labels, kept with what it was computed from.

One table for all of it, and one place that says whether it still stands. An analysis is known by
its kind and its parameters, its result is JSON. A queue is an analysis whose result is the rows of
the table `queues`; `storage.runs.runs` keeps it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage import label_changes
from storage.newest_events import newest_event, newest_relabelling
from storage.store import Store, last_visible_id, now
from storage.text import to_json
from storage.transactions import transaction

QUEUE = "queue"
"""The kind of what is kept as rows of the table `queues`, known by the name of the queue."""
Parameters = Mapping[str, object]


class LabelState(NamedTuple):
    """How far labels, their set and the imports have come: noted before an analysis begins."""

    event: int
    label_change: int
    tweets: int


@dataclass(frozen=True)
class Analysis:
    """A result as it was kept last."""

    kind: str
    parameters: Parameters
    runs: tuple[int, ...]
    """The runs that it was computed from, the one that it is about first."""
    at: int
    """When, in milliseconds since 1970, UTC."""
    result: Any
    stale: str
    """Why it no longer stands, such as `labels have changed since`; nothing if it does."""


def label_state(store: Store) -> LabelState:
    """The state of the labels now; read it before the labels, so that no change is missed."""
    return LabelState(
        newest_event(store), label_changes.newest(store.db), last_visible_id(store.db)
    )


def save_analysis(
    store: Store,
    kind: str,
    parameters: Parameters,
    result: object,
    state: LabelState,
    runs: Sequence[int] = (),
    split: str | None = None,
    reads_tweets: bool = False,
) -> None:
    """Keep the result of an analysis, in the place of an earlier one with the same parameters.

    `state` is the state of the labels before it began; `runs` are those that it was computed from,
    the one that it is about first; `split` is the only split whose labels matter, if one is.
    `reads_tweets` says that tweets that are imported later would change it, which those change
    nothing about that is computed from the predictions of runs. Does nothing in a workspace that
    can only be read.
    """
    if not store.read_only:
        with transaction(store.db):
            _write(
                store, kind, _about(parameters), to_json(result), state, runs, split, reads_tweets
            )


def note_queue(store: Store, name: str, runs: Sequence[int], event: int | None) -> None:
    """Note what a queue was made from; within the transaction that writes its rows."""
    state = label_state(store)
    if event is not None:
        state = state._replace(event=event)
    _write(store, QUEUE, name, None, state, runs, None, False)


class QueueBasis(NamedTuple):
    """What a queue was made from."""

    run: int | None
    event: int
    runs: tuple[int, ...]


def queue_basis(store: Store, name: str) -> QueueBasis | None:
    """By which run and labels a queue was made, and which runs had a part; None if it never was."""
    row = store.db.execute(
        "SELECT run, event, runs FROM analyses WHERE kind = ? AND about = ?", [QUEUE, name]
    ).fetchone()
    return None if row is None else QueueBasis(row[0], row[1], tuple(json.loads(row[2])))


def read_analysis(
    store: Store, kind: str, parameters: Parameters, runs: Sequence[int] | None = None
) -> Analysis | None:
    """The result that was kept last, with the reason why it is stale; None if there is none.

    With `runs` it is stale too if it was computed from others, as when a newer run would take part.
    """
    row = store.db.execute(
        "SELECT runs, split, event, label_change, tweets, outdated, at, result FROM analyses "
        "WHERE kind = ? AND about = ?",
        [kind, _about(parameters)],
    ).fetchone()
    if row is None:
        return None
    numbers, split, event, change, tweets, outdated, at, result = row
    used = tuple(json.loads(numbers))
    why = _other_runs(used, runs) or outdated or _changed(store, split, event, change, tweets)
    return Analysis(kind, parameters, used, at, json.loads(result), why)


def note_predictions(db: sqlite3.Connection, number: int) -> None:
    """Note, within a transaction, that a run has predicted more than analyses of it have seen."""
    db.execute(
        "UPDATE analyses SET outdated = ? "
        "WHERE EXISTS (SELECT 1 FROM json_each(runs) WHERE value = ?)",
        [f"run {number} has predicted more since", number],
    )


def forget_run(store: Store, number: int) -> None:
    """Drop everything that was computed from a run that goes, and the queues that it ranked."""
    uses = "EXISTS (SELECT 1 FROM json_each(runs) WHERE value = :run)"
    with transaction(store.db):
        store.db.execute(
            "DELETE FROM queues WHERE name IN "
            "(SELECT about FROM analyses WHERE kind = :queue AND run = :run)",
            {"queue": QUEUE, "run": number},
        )
        store.db.execute(
            f"DELETE FROM analyses WHERE run = :run OR (kind != :queue AND {uses})",
            {"queue": QUEUE, "run": number},
        )


def _write(
    store: Store,
    kind: str,
    about: str,
    result: str | None,
    state: LabelState,
    runs: Sequence[int],
    split: str | None,
    reads_tweets: bool,
) -> None:
    store.db.execute(
        "INSERT OR REPLACE INTO analyses (kind, about, run, runs, split, event, label_change, "
        "tweets, at, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            kind,
            about,
            runs[0] if runs else None,
            json.dumps(list(runs)),
            split,
            state.event,
            state.label_change,
            state.tweets if reads_tweets else None,
            now(),
            result,
        ],
    )


def _about(parameters: Parameters) -> str:
    return json.dumps(parameters, sort_keys=True, ensure_ascii=True, allow_nan=False)


def _other_runs(used: Sequence[int], wanted: Sequence[int] | None) -> str:
    """Which run is missing from those that were used, or is no longer wanted."""
    if wanted is None or set(wanted) == set(used):
        return ""
    if missing := sorted(set(wanted) - set(used)):
        return f"run {missing[-1]} had no part in it"
    gone = sorted(set(used) - set(wanted))
    return f"run {gone[-1]} takes no part any more"


def _changed(store: Store, split: str | None, event: int, change: int, tweets: int | None) -> str:
    """What has happened to the labels since."""
    if label_changes.newest(store.db) > change:
        return "the labels were renamed, merged or added to since"
    if newest_relabelling(store, split) > event:
        return "labels have changed since"
    if tweets is not None and last_visible_id(store.db) > tweets:
        return "tweets were imported since"
    return ""
