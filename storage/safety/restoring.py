"""Putting a backup in the place of the database, which is kept aside."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage import connections, locks
from storage.errors import UserError
from storage.safety import backups
from storage.safety.damage import side_file
from storage.safety.files import fsync

RESTORING = ".workbench.db.restoring"


@dataclass(frozen=True)
class DatabaseContent:
    """What a database holds, or what is wrong with it."""

    problem: str | None = None
    schema: int | None = None
    counts: dict[str, int] | None = None
    actions: int = 0
    last: int | None = None
    """When the last label was changed, as the clock said: milliseconds since 1970, UTC."""


def inspect(path: Path, thorough: bool = False) -> DatabaseContent:
    """Look into a database without writing beside it; `thorough` reads every page of it."""
    if not path.is_file() or not path.stat().st_size:
        return DatabaseContent("it is missing or empty")
    try:
        with closing(_reading(path)) as db:
            if (
                thorough
                and (found := db.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok"
            ):
                return DatabaseContent(f"SQLite finds: {found}")
            schema = db.execute("PRAGMA user_version").fetchone()[0]
            counts = dict(db.execute("SELECT name, value FROM counts"))
            actions, last = db.execute(
                "SELECT count(*), (SELECT at FROM actions ORDER BY id DESC LIMIT 1) FROM actions"
            ).fetchone()
    except sqlite3.Error as error:
        return DatabaseContent(f"SQLite says: {error}")
    return DatabaseContent(None, schema, counts, actions, last)


def problems(folder: Path) -> list[str]:
    """Which backups of a workspace could not be restored; the newest is read through."""
    known = backups.list_backups(folder)
    found = []
    for backup in known:
        problem = inspect(backup.path, thorough=backup == known[-1]).problem
        if problem is None and (missing := _missing_bytes(backup.path)):
            problem = f"{missing:,} bytes are missing at its end"
        if problem is not None:
            found.append(f"The backup {backup.path} cannot be restored ({problem}); delete it.")
    return found


def restore_backup(
    database: Path,
    backup: Path,
    newest_schema: int,
    at: int,
    follow: Callable[[Path, sqlite3.Connection, sqlite3.Connection], None] | None = None,
) -> Path | None:
    """Replace a database by a backup and return where the replaced one is, None if there was none.

    `at` is the time in milliseconds since 1970; `follow` is given the folder and both databases, to
    bring the settings in line. Raises UserError for a backup that is damaged or
    made by a newer program, while the workspace is open anywhere, and where there is no space.
    """
    found = inspect(backup, thorough=True)
    if found.problem is not None:
        raise UserError(f"{backup} cannot be restored ({found.problem}); choose another backup.")
    if found.schema is not None and found.schema > newest_schema:
        raise UserError(
            f"{backup} was made by a newer workbench (schema {found.schema}; this one knows "
            f"{newest_schema}); upgrade this program to restore it."
        )
    folder = database.parent
    try:
        with locks.lock_exclusively(folder, database):
            _copy(backup, folder / RESTORING)
            replaced = _put_aside(
                database, f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d-%H%M%S}"
            )
            (folder / RESTORING).rename(database)
            fsync(folder)
            if replaced is not None and follow is not None:
                _follow(follow, replaced, database)
    finally:
        (folder / RESTORING).unlink(missing_ok=True)
    return replaced


def _follow(
    follow: Callable[[Path, sqlite3.Connection, sqlite3.Connection], None],
    replaced: Path,
    restored: Path,
) -> None:
    """Bring workbench.toml in line with the labels of the database that was restored.

    A database that is too damaged to say what became of its labels, and settings that cannot be
    read, stay as they are.
    """
    with (
        suppress(sqlite3.Error, UserError),
        closing(_reading(replaced)) as before,
        closing(_reading(restored)) as after,
    ):
        follow(restored.parent, before, after)


def _copy(backup: Path, to: Path) -> None:
    """Copy a database with what only its log has, such as one that was replaced before."""
    for left in to.parent.glob(f"*{RESTORING}*"):
        left.unlink()  # of a process that was killed
    with closing(_reading(backup)) as db:
        backups.copy(db, to)


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that makes no files beside a database without a log."""
    frozen = "&immutable=1" if not side_file(path, "-wal").exists() else ""
    return connections.connect(path, f"mode=ro{frozen}")


def _put_aside(database: Path, stamp: str) -> Path | None:
    """Rename a database together with its log, so that nothing of it is lost or mixed up."""
    replaced = database.with_name(f"{database.name}.replaced-{stamp}")
    number = 1
    while replaced.exists():
        number += 1
        replaced = database.with_name(f"{database.name}.replaced-{stamp}-{number}")
    there = database.exists()
    if there:
        database.rename(replaced)
    for ending in ("-wal", "-journal"):
        if (log := side_file(database, ending)).exists():
            log.rename(side_file(replaced, ending))
    side_file(database, "-shm").unlink(missing_ok=True)
    return replaced if there else None


def _missing_bytes(path: Path) -> int:
    """How much shorter a file is than its first page says."""
    with path.open("rb") as file:
        head = file.read(100)
    size = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    return max(0, pages * (65536 if size == 1 else size) - path.stat().st_size)
