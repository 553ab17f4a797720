"""What a run said of labels that were merged since counts for the label that they are now."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable

from storage import file_locks
from storage.bulk_writes import BulkWriter, bulk_writer
from storage.label_changes import DONE, IN_SETTINGS
from storage.runs import runs
from storage.runs.predictions import certainty, keep_orders
from storage.runs.runs import Run
from storage.store import Store, last_visible_id
from storage.transactions import transaction

LOCK = "fold.lock"
Progress = Callable[[int, int], None]
"""Called with how many of how many predictions are done."""


def fold_pending(store: Store, progress: Progress | None = None) -> None:
    """Rewrite the predictions of runs that know labels which were merged, or are apart again.

    Each tweet keeps the probabilities that the run gave; which label is the most probable one, by
    how much and how surely follows from their sums. Begun again after a crash, it does the same.
    """
    waiting = store.db.execute(
        "SELECT max(c.id), json_group_array(l.name) FROM label_changes c "
        "JOIN labels l ON l.id = c.label WHERE c.state = ?",
        [IN_SETTINGS],
    ).fetchone()
    if waiting[0] is None or store.read_only:
        return
    path = store.folder / LOCK
    with file_locks.open_file(path) as file:
        if not file_locks.acquire(file, path, file_locks.EXCLUSIVE):
            return  # another process is at it
        names = frozenset(json.loads(waiting[1]))
        found = [r for r in runs.every(store, metrics=False) if names & {*r.answers}]
        done, total = 0, len(found) * last_visible_id(store.db)
        with bulk_writer(store) as writer:
            numbers = {name: number for number, name in _names(writer).items()}
            for run in found:
                _fold(writer, run, numbers, lambda at, done=done: _tell(progress, done + at, total))  # type: ignore[misc]
                done += last_visible_id(store.db)
        with transaction(store.db):
            store.db.execute(
                "UPDATE label_changes SET state = ? WHERE state = ? AND id <= ?",
                [DONE, IN_SETTINGS, waiting[0]],
            )


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress:
        progress(done, total)


def _names(writer: BulkWriter) -> dict[int, str]:
    return dict(writer.db.execute("SELECT id, name FROM labels ORDER BY id").fetchall())


def _fold(
    writer: BulkWriter, run: Run, numbers: dict[str, int], folded: Callable[[int], None]
) -> None:
    db = writer.db
    labels = [numbers[name] for name in run.labels]

    def write(first: int, last: int) -> None:
        rows = db.execute(
            "SELECT tweet, probabilities FROM predictions WHERE run = ? AND tweet BETWEEN ? AND ?",
            [run.id, first, last],
        ).fetchall()
        db.executemany(
            "UPDATE predictions SET label = ?, confidence = ?, margin = ?, entropy = ? "
            "WHERE run = ? AND tweet = ?",
            [
                (labels[place], *figures, run.id, tweet)
                for tweet, values in rows
                for place, *figures in [certainty(run.fold(tuple(array("f", values))))]
            ],
        )
        folded(last)

    writer.in_slices("folding", 1, last_visible_id(db), write)
    keep_orders(writer, run.id)
