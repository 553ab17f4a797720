"""Copies of the database in the `backups` folder: daily, before upgrades, by hand."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from storage import connections, file_locks
from storage.errors import UserError
from storage.safety.files import fsync
from storage.safety.os_errors import translate_os_errors

FOLDER = "backups"
BACKUP_LOCK = "backup.lock"
DAILY, UPGRADE, MANUAL = "daily", "upgrade", "manual"
KEPT = {DAILY: 7, UPGRADE: 7}
"""How many of a kind are kept; those made by hand stay until somebody deletes them."""
NAME = re.compile(r"workbench-(\d{4}-\d\d-\d\d)-(\d{6})-schema-(\d+)-(daily|upgrade|manual)\.db")
SKEW = timedelta(hours=1)
"""How far the clocks of two machines that share a workspace may be apart."""
PAGES_AT_ONCE = 256
"""Pages copied at a time."""
MOST_RESTARTS = 20


@dataclass(frozen=True, order=True)
class Backup:
    """One backup, as its name tells; times are UTC, and later ones are greater."""

    day: str
    time: str
    path: Path
    schema: int
    kind: str

    @property
    def made(self) -> str:
        """When it was made, such as 2026-11-24 19:33:01."""
        return f"{self.day} {self.time[:2]}:{self.time[2:4]}:{self.time[4:]}"


def list_backups(folder: Path, at: int | None = None) -> list[Backup]:
    """The backups of a workspace, oldest first.

    Those from later than now, or than `at` (milliseconds since 1970), come before all others: they
    were made while a clock was wrong, and must not count as the newest ever after.
    """
    found = []
    for path in (folder / FOLDER).glob("workbench-*.db"):
        if match := NAME.fullmatch(path.name):
            day, time, schema, kind = match.groups()
            found.append(Backup(day, time, path, int(schema), kind))
    latest = (datetime.now(UTC) if at is None else _moment(at)) + SKEW
    bound = (f"{latest:%Y-%m-%d}", f"{latest:%H%M%S}")
    return sorted(found, key=lambda backup: ((backup.day, backup.time) <= bound, backup))


def due(folder: Path, at: int) -> bool:
    """Whether the day of a time (milliseconds since 1970, UTC) has no daily backup yet."""
    today = f"{_moment(at):%Y-%m-%d}"
    return not any(
        backup.day == today for backup in list_backups(folder, at) if backup.kind == DAILY
    )


def make(database: Path, kind: str, at: int) -> Path | None:
    """Make a backup of a kind and take the oldest of that kind away; returns its path.

    None for a daily backup that is not due, that another process is making, or of an empty
    store. Raises UserError if it cannot be written.
    """
    folder = database.parent
    try:
        (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
        with _one_at_a_time(folder / FOLDER, wait=kind != DAILY) as my_turn:
            if not my_turn or (kind == DAILY and not due(folder, at)):
                return None
            with closing(connections.connect(database, "mode=rw")) as db:
                if kind == DAILY and not _has_history(db):
                    return None
                schema = db.execute("PRAGMA user_version").fetchone()[0]
                path = _free_path(folder / FOLDER, kind, schema, at)
                copy(db, path)
            _thin_out(folder, path, kind, at)
    except OSError as error:
        raise UserError(
            f"No backup could be made in {folder / FOLDER}: {error.strerror or error}."
        ) from error
    return path


def _free_path(folder: Path, kind: str, schema: int, at: int) -> Path:
    """A name for a backup; one of the same second has taken its own, so the next second's."""
    while True:
        path = folder / f"workbench-{_moment(at):%Y-%m-%d-%H%M%S}-schema-{schema}-{kind}.db"
        if not path.exists():
            return path
        at += 1000


def copy(db: sqlite3.Connection, path: Path) -> None:
    """Write a consistent copy of a database in one step, while others write to it.

    Raises UserError if there is such a file already, or no space for it.
    """
    if path.exists():
        raise UserError(f"{path} exists already; name another file.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with translate_os_errors(path):
            os.close(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        require_space(path.parent, pages * db.execute("PRAGMA page_size").fetchone()[0])
        with closing(sqlite3.connect(temporary)) as target:
            # Nobody reads the copy before it has its name, so it needs no journal of its own.
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("PRAGMA synchronous = OFF")
            _copy_pages(db, target)
        fsync(temporary)
        temporary.rename(path)
        fsync(path.parent)
    except sqlite3.OperationalError as error:
        raise UserError(
            f"The backup {path} could not be written ({error}); see that the disk has space for "
            "it and that you may write there."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _copy_pages(db: sqlite3.Connection, target: sqlite3.Connection) -> None:
    if db.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        # Inside a read transaction the source stands still for us, and writers never wait.
        db.execute("BEGIN")
        try:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
            db.backup(target, pages=PAGES_AT_ONCE)
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
        return
    try:
        db.backup(target, pages=PAGES_AT_ONCE, progress=_give_up_after_restarts())
    except _Restarted:
        db.backup(target)  # with everybody waiting, since they write faster than we copy


class _Restarted(Exception):
    """Others wrote so often that the copy began anew many times."""


def _give_up_after_restarts() -> Callable[[int, int, int], None]:
    seen: list[int] = []

    def watch(status: int, remaining: int, total: int) -> None:
        seen.append(remaining)
        if sum(after >= before for before, after in pairwise(seen)) > MOST_RESTARTS:
            raise _Restarted

    return watch


def require_space(folder: Path, size: int) -> None:
    """Raise UserError unless the disk of a folder has room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"The disk has no space for a backup in {folder}: it takes {size / 2**20:,.1f} MiB and "
            f"{free / 2**20:,.1f} MiB are free."
        )


def _has_history(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM actions LIMIT 1").fetchone() is not None


def _thin_out(folder: Path, newest: Path, kind: str, at: int) -> None:
    """Delete the oldest of a kind, never the one just made, whatever the clock says."""
    others = [b for b in list_backups(folder, at) if b.kind == kind and b.path != newest]
    for backup in others[: max(0, len(others) + 1 - KEPT.get(kind, len(others) + 1))]:
        backup.path.unlink()


@contextmanager
def _one_at_a_time(folder: Path, wait: bool) -> Iterator[bool]:
    """Whether it is this process's turn; what a killed one left half done is taken away."""
    with file_locks.exclusive(folder / BACKUP_LOCK, wait) as ours:
        for left in folder.glob(".workbench-*") if ours else ():
            left.unlink()
        yield ours


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
