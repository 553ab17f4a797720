"""Locks of whole files, which the kernel drops when their process ends (flock(2))."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from storage.errors import UserError

SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX


def open_file(path: Path) -> IO[bytes]:
    """Open a file that is there to be locked, making it if need be."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")


def acquire(file: IO[bytes], path: Path, kind: int, wait: bool = False) -> bool:
    """Lock an open file until it is closed; whether that was possible, always so when waiting.

    Raises UserError where the file system has no locks.
    """
    try:
        fcntl.flock(file, kind | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        raise UserError(no_locks_message(path.parent, error.strerror)) from error
    return True


def no_locks_message(folder: Path, reason: str | None) -> str:
    """The message for a folder where files cannot be locked: what is wrong and what to do."""
    return (
        f"{folder} is on a file system without file locks ({reason}), where two programs would "
        "overwrite each other's work; copy it to a local disk, or have it mounted with locks."
    )


@contextmanager
def exclusive(lock: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file exclusively; yields whether that was possible, which it is when waiting."""
    with open_file(lock) as held:
        yield acquire(held, lock, EXCLUSIVE, wait)
