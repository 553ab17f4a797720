"""Imports, and taking one back: what it added goes, and what it gave to older tweets.

What it changed of tweets that were there is undone by events, as a person would undo it. Decisions
and judgements of others that it brought for such tweets are deleted: they can come again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from storage.errors import UserError
from storage.history import group_splits
from storage.history.event_order import MERGE, SETTLE
from storage.history.events import CURRENT_VALUE, Edit, begin_action, edit_batches, write_edits
from storage.judgements import FIELD
from storage.plurals import counted
from storage.store import Store, last_visible_id
from storage.transfer import judgements
from storage.transfer.removing import THESE, Removed, remove, remove_events, removing

KIND = "unimport"
CHANGES = f"a.import = :number AND a.kind IN ('{MERGE}', '{SETTLE}')"
"""An action is the import's own change of tweets that were there."""
UNDONE = "(SELECT action FROM undone)"
GIVEN = (
    # of tweets that it added: whatever has an event
    "CREATE TEMP TABLE given AS SELECT e.tweet, e.field, "
    "max(CASE WHEN e.action <= :action THEN e.id END) AS event "
    "FROM temp.removing m CROSS JOIN label_events e ON e.tweet = m.tweet GROUP BY 1, 2 "
    # of older ones: what it changed
    "UNION ALL SELECT e.tweet, e.field, max(e.id) FROM actions a CROSS JOIN label_events e "
    f"ON e.action = a.id WHERE {CHANGES} AND e.tweet NOT {THESE} AND a.id NOT IN {UNDONE} "
    "GROUP BY 1, 2"
)
"""The newest event of an import about each field of each tweet, NULL where it has none."""
GIVEN_VALUE = (
    "CASE WHEN g.event IS NOT NULL THEN (SELECT new FROM label_events WHERE id = g.event) "
    "WHEN g.field = 'label' THEN c.gold WHEN g.field = 'split' THEN (SELECT s.old "
    "FROM label_events s WHERE s.tweet = g.tweet AND s.field = 'split' ORDER BY s.id LIMIT 1) "
    f"WHEN g.field NOT IN ('note', '{FIELD}') THEN 0 END"
)
SINCE = (
    "FROM temp.given g CROSS JOIN current c ON c.tweet = g.tweet CROSS JOIN label_events e "
    "ON e.tweet = g.tweet AND e.field = g.field AND e.id > coalesce(g.event, 0) "
    "CROSS JOIN actions a ON a.id = e.action WHERE a.import IS NOT :number "
    f"AND (a.reverts IS NULL AND a.id NOT IN {UNDONE} "
    f"OR {CURRENT_VALUE} IS NOT {GIVEN_VALUE})"
)
"""Events after an import that nobody has undone, and those of tweets that are not as it left."""


@dataclass(frozen=True)
class Import:
    """A file that was taken in."""

    id: int
    file: str
    at: int
    annotator: str
    added: int
    """Tweets that came with it and are still there."""


def imports(store: Store) -> list[Import]:
    """All imports that came to their end, the oldest first."""
    rows = store.db.execute(
        "SELECT i.id, i.path, i.at, a.annotator, coalesce(t.added, 0) FROM imports i "
        "JOIN actions a ON a.id = i.action LEFT JOIN (SELECT import, count(*) AS added "
        "FROM tweets WHERE id <= ? GROUP BY import) t ON t.import = i.id ORDER BY i.id",
        [last_visible_id(store.db)],
    )
    return [Import(*row) for row in rows]


def newest_columns(store: Store) -> dict[str, Any]:
    """What the columns of the file that came last were taken for, by what they are."""
    row = store.db.execute("SELECT columns FROM imports ORDER BY id DESC LIMIT 1").fetchone()
    return {} if row is None else dict(json.loads(row[0]))


def unimport(store: Store, number: int, waiting: Callable[[], None] = lambda: None) -> Removed:
    """Take back an import; raises UserError if what it brought has been worked on since."""
    with removing(store, waiting) as db:
        found = db.execute("SELECT action FROM imports WHERE id = ?", [number]).fetchone()
        if found is None:
            raise UserError(f"There is no import {number}; `workbench imports` lists them.")
        db.execute("INSERT INTO temp.removing SELECT id FROM tweets WHERE import = ?", [number])
        db.execute(GIVEN, {"number": number, "action": found[0]})
        _require_untouched(db, number)
        _undo_changes(replace(store, db=db), number)
        removed = remove(db, store.annotator, KIND)
        events = _take_from_others(db, number)
        db.execute("DELETE FROM source_columns WHERE import = ?", [number])
        db.execute("DELETE FROM imports WHERE id = ?", [number])
    return replace(removed, events=removed.events + events)


def _require_untouched(db: sqlite3.Connection, number: int) -> None:
    asked = {"number": number}
    tweets, events = db.execute(
        f"SELECT count(DISTINCT e.tweet), count(*) {SINCE}", asked
    ).fetchone()
    if not events:
        return
    names = db.execute(f"SELECT DISTINCT a.annotator {SINCE} ORDER BY 1 LIMIT 5", asked)
    later = db.execute(
        f"SELECT DISTINCT a.import {SINCE} AND a.import IN (SELECT id FROM imports) ORDER BY 1",
        asked,
    )
    first = [f"`workbench unimport {source}`" for (source,) in later][::-1]
    people = ", ".join(name for (name,) in names)
    have = "has" if tweets == 1 else "have"
    raise UserError(
        f"Import {number} stays, as {tweets:,} of its tweets {have} been worked on since "
        f"({counted(events, 'event')} by {people}); "
        + (f"take back what came later with {' and '.join(first)}, " if first else "")
        + "undo what can be undone, or take the tweets out with `workbench delete-tweets`."
    )


def _undo_changes(store: Store, number: int) -> None:
    """Undo what an import changed of tweets that were there, and nobody has undone."""
    db = store.db
    actions = db.execute(
        f"SELECT a.id, a.kind FROM actions a WHERE {CHANGES} AND a.id NOT IN {UNDONE} "
        "ORDER BY a.id DESC",
        {"number": number},
    ).fetchall()
    for action, kind in actions:
        rows = db.execute(
            "SELECT e.tweet, e.field, e.new, e.old, c.gold FROM label_events e "
            "CROSS JOIN current c ON c.tweet = e.tweet "
            f"WHERE e.action = ? AND e.tweet NOT {THESE} ORDER BY e.id",
            [action],
        )
        edits = [Edit(*row) for row in rows]
        moved = "SELECT tweet, old AS split FROM label_events WHERE action = ? AND field = 'split'"
        edits += group_splits.going_along(db, action, moved, [action])
        # what says which decision counts is none, as that was, and does not outlive the others
        undo = begin_action(store, SETTLE if kind == SETTLE else "undo", reverts=action)
        for batch in edit_batches(edits):
            write_edits(store, undo, batch)
        db.execute("INSERT INTO undone (action) VALUES (?)", [action])
    db.execute(
        f"DELETE FROM steps WHERE action IN (SELECT a.id FROM actions a WHERE {CHANGES})",
        {"number": number},
    )


def _take_from_others(db: sqlite3.Connection, number: int) -> int:
    """Delete the decisions and judgements that came for older tweets; returns how many."""
    own = f"SELECT id FROM actions a WHERE a.import = :number AND NOT ({CHANGES})"
    db.execute(
        "CREATE TEMP TABLE taking AS SELECT e.id, e.tweet, e.field FROM label_events e "
        f"WHERE e.action IN ({own})",
        {"number": number},
    )
    taken = int(db.execute("SELECT count(*) FROM temp.taking").fetchone()[0])
    if not taken:
        return 0
    remove_events(db, "id IN (SELECT id FROM temp.taking)")
    judgements.count_again(db, f"(SELECT DISTINCT tweet FROM temp.taking WHERE field = '{FIELD}')")
    _turn_back(db, number)
    return taken


def _turn_back(db: sqlite3.Connection, number: int) -> None:
    """Where an import brought undos and redos of what was there, that stands as before."""
    for action, annotator, last in db.execute(
        "SELECT r.id, r.annotator, (SELECT kind FROM actions k WHERE k.reverts = r.id "
        "AND k.import IS NOT :number ORDER BY k.id DESC LIMIT 1) FROM actions r WHERE r.id IN "
        "(SELECT reverts FROM actions WHERE import = :number AND kind IN ('undo', 'redo')) "
        "AND r.import IS NOT :number",
        {"number": number},
    ).fetchall():
        db.execute("DELETE FROM undone WHERE action = ?", [action])
        db.execute("DELETE FROM steps WHERE action = ?", [action])
        if last == "undo":
            db.execute("INSERT INTO undone (action) VALUES (?)", [action])
        else:
            sql = "INSERT INTO steps (annotator, undone, action) VALUES (?, 0, ?)"
            db.execute(sql, [annotator, action])
