"""What a run said of labels that were merged since counts for the label that they are now."""

from __future__ import annotations

from array import array

from storage import file_locks
from storage.bulk_writes import BulkWriter, bulk_writer
from storage.label_changes import DONE, IN_SETTINGS
from storage.runs import runs
from storage.runs.predictions import certainty, keep_orders
from storage.runs.runs import Run
from storage.store import Store, last_visible_id, transaction

LOCK = "fold.lock"


def fold_pending(store: Store) -> None:
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
        with bulk_writer(store) as writer:
            for run in runs.every(store, metrics=False):
                if run.predictions and any(name in waiting[1] for name in run.answers):
                    _fold(writer, run, {n: i for i, n in _numbers(writer).items()})
        with transaction(store.db):
            store.db.execute(
                "UPDATE label_changes SET state = ? WHERE state = ? AND id <= ?",
                [DONE, IN_SETTINGS, waiting[0]],
            )


def _numbers(writer: BulkWriter) -> dict[int, str]:
    return dict(writer.db.execute("SELECT id, name FROM labels ORDER BY id").fetchall())


def _fold(writer: BulkWriter, run: Run, numbers: dict[str, int]) -> None:
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

    writer.in_slices("folding", 1, last_visible_id(db), write)
    keep_orders(writer, run.id)
