"""Whose predictions are shown beside the labels."""

from __future__ import annotations

from storage.errors import UserError
from storage.store import Store


def shown_run(store: Store) -> int | None:
    """The run whose predictions are shown unless another is asked for: the newest that has any."""
    row = store.db.execute("SELECT max(id) FROM runs WHERE predictions > 0").fetchone()
    return None if row is None else row[0]


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
