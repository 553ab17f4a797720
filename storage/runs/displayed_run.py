"""Whose predictions are shown beside the labels, and which run is promoted over all others."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from storage.errors import MissingPrerequisite, UserError
from storage.runs.comparable import comparable
from storage.store import Store, require_writable
from storage.transactions import transaction

SHOWN, PROMOTED = "shown", "promoted"
PROMOTED_RUN = (
    "SELECT k.run FROM chosen k JOIN runs r ON r.id = k.run "
    f"WHERE k.role = '{PROMOTED}' AND r.state != 'deleted'"
)
SHOWN_RUN = (
    "SELECT k.run FROM chosen k JOIN runs r ON r.id = k.run "
    f"WHERE r.state != 'deleted' AND r.predictions > 0 AND (k.role = '{SHOWN}' OR EXISTS ("
    "SELECT 1 FROM chosen c JOIN runs d ON d.id = c.run "
    f"WHERE c.role = '{SHOWN}' AND d.state = 'deleted')) ORDER BY k.role = '{SHOWN}' DESC LIMIT 1"
)
"""The promoted run stands in for one that was chosen and is deleted, until that is back."""
MAKES_PREDICTIONS = "`workbench train --recipe baseline --wait` makes some"


def shown_run(store: Store) -> int | None:
    """The run whose predictions are shown unless another is asked for; it outlives a restart."""
    return _one(store, SHOWN_RUN)


def promoted_run(store: Store) -> int | None:
    """The run that others are compared with, and that commands take unless another is named."""
    return _one(store, PROMOTED_RUN)


def measured_against(store: Store, run: int) -> tuple[int | None, int | None]:
    """The promoted run and the newest baseline with predictions, where they are other runs."""
    promoted = promoted_run(store)
    newest = store.db.execute(
        "SELECT max(id) FROM runs WHERE kind = 'baseline' AND predictions > 0 "
        "AND state != 'deleted' AND NOT EXISTS "
        "(SELECT 1 FROM runs r WHERE r.id = ? AND r.kind = 'baseline')",
        [run],
    ).fetchone()[0]
    return None if promoted == run else promoted, newest


def show(store: Store, run: int) -> None:
    """Show the predictions of a run; raises UserError if it has none.

    Whoever chooses has answered the offer of every run that there is.
    """
    require_predictions(store, run, "nothing of it can be shown")
    with transaction(store.db):
        _choose(store.db, SHOWN, run)
        dismiss(store)


def promote(store: Store, run: int | None) -> None:
    """Promote a run that has come to its end, or none; raises UserError for another."""
    require_writable(store)
    if run is not None:
        require_run(store, run)
        state = _state(store, run)
        if state != "done":
            raise UserError(f"Run {run} is {state}; only a run that is done can be promoted.")
    with transaction(store.db):
        _choose(store.db, SHOWN, shown_run(store))  # which does not follow what is promoted
        _choose(store.db, PROMOTED, run)


def offered(store: Store) -> int | None:
    """The newest run that could be shown instead, and that nobody has taken or dismissed yet.

    One that has scored a few tweets only is none where another has scored many.
    """
    return _newest_comparable(store, f"answered = 0 AND id NOT IN ({SHOWN_RUN})")


def dismiss(store: Store) -> None:
    """Answer the offer of every run that has predictions."""
    with transaction(store.db):
        store.db.execute("UPDATE runs SET answered = 1 WHERE predictions > 0 AND answered = 0")


def show_first(db: sqlite3.Connection, run: int) -> None:
    """Show a run that has just got predictions if none is shown; within a transaction."""
    if db.execute(SHOWN_RUN).fetchone() is None:
        _choose(db, SHOWN, run)
        db.execute("UPDATE runs SET answered = 1 WHERE id = ?", [run])


def show_comparable(store: Store, collected: Sequence[int]) -> None:
    """Of runs that came in together while none was shown, show the newest that scored as many.

    The first of them is shown by then; nothing changes if somebody has chosen meanwhile.
    """
    ids = json.dumps(list(collected))
    with transaction(store.db):
        shown = shown_run(store)
        best = _newest_comparable(store, f"id IN (SELECT value FROM json_each('{ids}'))")
        if shown in collected and best is not None and best == offered(store):
            _choose(store.db, SHOWN, best)
            store.db.execute("UPDATE runs SET answered = 1 WHERE id = ?", [best])


def _newest_comparable(store: Store, condition: str) -> int | None:
    """The newest run with predictions of about as many tweets as any that meet a condition."""
    sql = f"SELECT id, predictions FROM runs WHERE predictions > 0 AND {condition}"
    return max(comparable(dict(store.db.execute(sql).fetchall())), default=None)


def _one(store: Store, sql: str) -> int | None:
    row = store.db.execute(sql).fetchone()
    return None if row is None else int(row[0])


def _choose(db: sqlite3.Connection, role: str, run: int | None) -> None:
    db.execute("DELETE FROM chosen WHERE role = ?", [role])
    if run is not None:
        db.execute("INSERT INTO chosen (role, run) VALUES (?, ?)", [role, run])


def _state(store: Store, run: int) -> str:
    return str(store.db.execute("SELECT state FROM runs WHERE id = ?", [run]).fetchone()[0])


def require_run(store: Store, run: int) -> None:
    """Raise UserError unless there is a run with this number."""
    there = "SELECT id FROM runs WHERE state != 'deleted'"
    known = [row[0] for row in store.db.execute(f"{there} ORDER BY id DESC LIMIT 20")]
    if run in known or not 0 < run < 2**63:
        found = "there" if run in known else None
    else:
        state = store.db.execute("SELECT state FROM runs WHERE id = ?", [run]).fetchone()
        found = None if state is None else state[0]
    if found == "deleted":
        raise UserError(f"Run {run} is deleted; `workbench undelete {run}` brings it back.")
    if found is None:
        hint = f"newest: {', '.join(map(str, known[:5]))}" if known else "there are none yet"
        raise UserError(f"There is no run {run}; see `workbench runs` ({hint}).")


def require_predictions(store: Store, run: int | None, wanted: str) -> None:
    """Raise MissingPrerequisite unless a run, or the one that is shown, has predictions.

    `wanted` says what cannot be had without them.
    """
    if run is not None:
        require_run(store, run)
        sql = "SELECT predictions FROM runs WHERE id = ?"
        if not store.db.execute(sql, [run]).fetchone()[0]:
            what = f"Run {run} ({_state(store, run)}) has no predictions, so {wanted}"
            raise MissingPrerequisite(what, "shown", "`workbench runs` lists the others")
        return
    newest = _newest_comparable(store, "1")
    if newest is None:
        what = f"There are no predictions yet, so {wanted}"
        raise MissingPrerequisite(what, "predictions", MAKES_PREDICTIONS)
    what = f"No run is shown, so {wanted}"
    raise MissingPrerequisite(what, "shown", f"`workbench shown {newest}` shows run {newest}")
