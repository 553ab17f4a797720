"""Who has a workspace open, by locks that the kernel drops when their process ends."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from storage import connections, file_locks
from storage.errors import UserError

OPEN_LOCK = "open.lock"
UPGRADE_LOCK = "upgrade.lock"
"""Held by who changes the schema, or the kind of journal on a network disk."""
SQLITE_SHARED = (0x40000002, 510)
"""The bytes of a database file that SQLite locks while somebody has it open in WAL mode."""


def lock_shared(folder: Path) -> IO[bytes] | None:
    """Mark a workspace as open until the file is closed; None where that cannot be written down.

    Raises UserError while its database is being replaced, and where it could be changed but files
    cannot be locked.
    """
    path, writable = folder / OPEN_LOCK, os.access(folder, os.W_OK)
    try:
        held = file_locks.open_file(path) if writable else path.open("rb")
    except OSError:
        return None  # read-only, or no space for an empty file: then nobody can replace it either
    with ExitStack() as failed:
        failed.enter_context(held)
        try:
            ours = file_locks.acquire(held, path, file_locks.SHARED)
        except UserError:
            if writable:
                raise
            return None
        if not ours:
            raise UserError(
                f"{folder} is being restored from a backup; try again when that has finished."
            )
        failed.pop_all()
    with suppress(OSError, AttributeError):  # macOS and some network disks have no such locks
        fcntl.fcntl(held, fcntl.F_OFD_SETLK, _first_byte(fcntl.F_RDLCK))
    return held


def open_elsewhere(held: IO[bytes] | None) -> bool:
    """Whether anybody else may have the workspace open that was marked as open with `held`."""
    if held is None:
        return True
    try:
        found = fcntl.fcntl(held, fcntl.F_OFD_GETLK, _first_byte(fcntl.F_WRLCK))
    except (OSError, AttributeError):
        return True
    return bool(struct.unpack_from("h", found)[0] != fcntl.F_UNLCK)


def _first_byte(kind: int) -> bytes:
    """A lock of the first byte of a file, of an open file and not of a process (fcntl(2))."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 1, 0)


@contextmanager
def lock_exclusively(folder: Path, database: Path) -> Iterator[None]:
    """Keep everybody else out of a workspace; raises UserError if somebody is in it.

    Somebody is in it as well while this process has a connection to the database.
    """
    busy = UserError(f"{folder} is open in another program; close it everywhere and repeat.")
    with ExitStack() as stack:
        if not stack.enter_context(connections.lock_out_connections(database)):
            raise busy
        held = stack.enter_context(file_locks.open_file(folder / OPEN_LOCK))
        if not file_locks.acquire(held, folder / OPEN_LOCK, file_locks.EXCLUSIVE):
            raise busy
        try:
            if database.exists():
                file = stack.enter_context(database.open("r+b"))
                start, length = SQLITE_SHARED
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
        except (BlockingIOError, PermissionError):
            raise busy from None
        except OSError as error:
            raise UserError(file_locks.no_locks_message(folder, error.strerror)) from error
        yield
