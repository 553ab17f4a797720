"""What is found out of all new tweets of an import, for many of them on a second core."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from storage import connections

MANY = 100_000
"""Tweets from which a second connection pays."""


@dataclass(frozen=True)
class Survey:
    """What is found out."""

    lengths: str
    """The table of the new tweets by their lengths, the longest first, with its schema."""
    shared_ids: int
    """How many of the new tweets have an id that an earlier tweet has."""


@contextmanager
def surveyed(
    db: sqlite3.Connection, before: int, added: int, counts_ids: bool
) -> Iterator[Callable[[], Survey]]:
    """Look through the tweets above an id while something else is done; a call waits for the end.

    The other connection only reads, and what it has sorted lies in a file that is deleted. Where
    readers keep a writer waiting, as on network file systems, all is done at once.
    """
    logs = db.execute("PRAGMA main.journal_mode").fetchone()[0] == "wal"
    if added < MANY or not logs:
        found = Survey("temp.lengths", _look_through(db, "temp", before, counts_ids))
        yield lambda: found
        return
    database = connections.path_of(db)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as second:
        target = Path(folder) / "lengths.db"
        coming = second.submit(_look_through_beside, database, target, before, counts_ids)

        def survey() -> Survey:
            shared_ids = coming.result()
            db.execute("ATTACH ? AS beside", [str(target)])
            return Survey("beside.lengths", shared_ids)

        yield survey
        db.execute("DETACH beside")


def _look_through_beside(database: Path, target: Path, before: int, counts_ids: bool) -> int:
    with closing(connections.connect(database, "mode=ro")) as db:
        db.execute("ATTACH ? AS beside", [f"{target.as_uri()}?mode=rwc"])
        db.execute("PRAGMA beside.journal_mode = OFF")
        db.execute("PRAGMA beside.synchronous = OFF")
        db.execute("PRAGMA cache_size = -16000")
        return _look_through(db, "beside", before, counts_ids)


def _look_through(db: sqlite3.Connection, schema: str, before: int, counts_ids: bool) -> int:
    db.execute(
        f"CREATE TABLE {schema}.lengths AS SELECT -length AS value, tweet FROM main.current "
        "WHERE tweet > ? ORDER BY 1, 2",
        [before],
    )
    if not counts_ids:
        return 0
    sql = (
        "SELECT sum(min(fresh, tweets - 1)) FROM (SELECT count(*) AS tweets, "
        "count(*) FILTER (WHERE id > ?) AS fresh FROM main.tweets WHERE external_id IS NOT NULL "
        "GROUP BY external_id HAVING count(*) > 1)"
    )
    return db.execute(sql, [before]).fetchone()[0] or 0
