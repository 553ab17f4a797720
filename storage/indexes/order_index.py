"""The rows of the table `orders`: tweets by a value of theirs, or by one of their predictions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from storage.bulk_writes import BulkWriter
from storage.predicates import DISAGREES
from storage.store import removed_count


def update_disagreements(db: sqlite3.Connection, tweets: Sequence[int]) -> None:
    """Bring the orders of disagreements, of all runs, in line with labels that have just changed.

    What stays as it was is not written. The rows are visited in the order of the key, so that each
    page of the table is visited once.
    """
    numbers = json.dumps(list(tweets))
    places = (
        "SELECT p.run, {name} -p.confidence, p.tweet FROM runs r CROSS JOIN json_each(?) j "
        "CROSS JOIN predictions p ON p.run = r.id AND p.tweet = j.value "
        "JOIN current c ON c.tweet = p.tweet WHERE r.predictions > 0 AND {condition}"
    )
    agreeing = places.format(name="", condition=f"NOT ({DISAGREES})")
    db.execute(
        f"DELETE FROM orders WHERE name = 'disagreement' AND (run, value, tweet) IN ({agreeing})",
        [numbers],
    )
    differing = places.format(name="'disagreement',", condition=DISAGREES)
    db.execute(f"INSERT OR IGNORE INTO orders {differing} ORDER BY 1, 3, 4", [numbers])


def rebuild(writer: BulkWriter, run: int, name: str, values: str) -> None:
    """Write an order of a run anew; tweets that are taken out meanwhile are left out of it."""
    db = writer.db
    given = {"run": run, "name": name, "removed": removed_count(db)}
    db.execute("DROP TABLE IF EXISTS temp.old")
    db.execute("DROP TABLE IF EXISTS temp.sorted")
    db.execute(
        "CREATE TEMP TABLE old AS SELECT value, tweet FROM orders WHERE run = ? AND name = ? "
        "ORDER BY value, tweet",
        [run, name],
    )
    db.execute(f"CREATE TEMP TABLE sorted AS {values} ORDER BY 1, 2", [run])
    for table, sql in (
        (
            "old",
            "DELETE FROM orders WHERE run = :run AND name = :name AND (value, tweet) IN "
            "(SELECT value, tweet FROM old WHERE rowid BETWEEN :first AND :last)",
        ),
        (
            "sorted",
            "INSERT OR IGNORE INTO orders SELECT :run, :name, value, tweet FROM sorted "
            "WHERE rowid BETWEEN :first AND :last AND (:removed = "
            "(SELECT value FROM counts WHERE name = 'removed') "
            "OR EXISTS (SELECT 1 FROM current c WHERE c.tweet = sorted.tweet))",
        ),
    ):
        size = db.execute(f"SELECT count(*) FROM temp.{table}").fetchone()[0]
        writer.in_slices(
            table,
            1,
            size,
            lambda a, b, sql=sql: db.execute(sql, given | {"first": a, "last": b}),  # type: ignore[misc]
        )
