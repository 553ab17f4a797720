"""What can be seen of a damaged database without reading it through, and the way back."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

from storage import connections, file_locks, locks
from storage.errors import Busy, UserError
from storage.safety import backups, files

LOCKLESS = (
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
    sqlite3.SQLITE_IOERR_SHMLOCK,
)
"""The errors of SQLite about locks that are not those of somebody else."""


def require_intact(path: Path) -> None:
    """Raise UserError for a database that is missing or empty, or whose log is missing."""
    if not path.is_file():
        raise UserError(f"{path} is missing; {restore_advice(path)}.")
    log, memory = side_file(path, "-wal"), side_file(path, "-shm")
    if files.size(log):
        return
    index = _index_header(path, memory)
    logged = files.size(log)
    if not logged and not files.size(path):
        _refuse_while_made(path)
        raise UserError(f"{path} is damaged (it is empty); {restore_advice(path)}.")
    # Somebody may begin or end a log at this moment: then the index is another one by now.
    if not logged and _frames_not_copied(index) and index == _index_header(path, memory):
        raise UserError(
            f"{log} is missing, and with it the last changes; put it back, or "
            f"{restore_advice(path)}, or go on without them by deleting {memory.name}."
        )


def _refuse_while_made(path: Path) -> None:
    """Raise Busy for a database that is empty since another process is making it."""
    if (held := locks.lock_shared(path.parent)) is not None:
        with held:
            if locks.open_elsewhere(held):
                raise Busy(f"{path} is being made by another program; try again.")


def explain(error: sqlite3.Error, path: Path) -> UserError:
    """Say in one sentence what SQLite met and what the user can do."""
    text, code = str(error), getattr(error, "sqlite_errorcode", None)
    if code in LOCKLESS:
        return UserError(file_locks.no_locks_message(path.parent, text))
    if "readonly" in text or "read-only" in text:
        advice = "is read-only for you; ask its owner for write permission, or copy the workspace"
    elif "locked" in text or "busy" in text or "locking protocol" in text:
        advice = "is being written by another program; try again when it has finished"
    elif "full" in text:
        advice = "cannot grow because the disk is full; nothing was changed, make space and repeat"
    elif "I/O error" in text:
        advice = (
            f"could not be written or read ({text}); nothing was changed, see that the disk has "
            "space, that no quota or limit on file sizes is reached, and repeat"
        )
    elif "malformed" in text or "not a database" in text:
        advice = f"is damaged ({text}); {restore_advice(path)}"
    elif "unable to open" in text:
        advice = "cannot be opened; check that you may read and write its folder"
    else:
        advice = f"could not be used ({text})"
    kind = Busy if "locked" in text or "busy" in text else UserError
    return kind(f"{path} {advice}.")


def restore_advice(path: Path) -> str:
    """The part of a sentence that names the newest backup and the command that restores it."""
    known = backups.list_backups(path.parent)
    if not known:
        return f"there is no backup in {path.parent / backups.FOLDER}, so use a copy of your own"
    return (
        f"restore the newest backup, {known[-1].path.name}, with "
        f"`workbench restore-backup --latest -w {path.parent}`"
    )


def side_file(path: Path, ending: str) -> Path:
    """A file that SQLite keeps beside a database: `-wal`, `-shm` or `-journal`."""
    return path.with_name(path.name + ending)


def _index_header(path: Path, memory: Path) -> bytes:
    """The first 100 bytes of the index of a log; fewer where there is none."""
    try:
        return connections.first_bytes(path, memory, 100)
    except OSError:
        return b""


def _frames_not_copied(header: bytes) -> bool:
    """Whether the index of a log says that the database does not have all of it yet.

    SQLite deletes the index before the log, so an index without its log means a lost file.
    https://sqlite.org/walformat.html#the_wal_index_file_format
    """
    if len(header) < 100 or header[:48] != header[48:96]:
        return False
    (initialised,), (last,) = (
        struct.unpack_from("=B", header, 12),
        struct.unpack_from("=I", header, 16),
    )
    (copied,) = struct.unpack_from("=I", header, 96)
    return bool(initialised) and int(last) > int(copied)
