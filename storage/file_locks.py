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


def take(file: IO[bytes], path: Path, kind: int, wait: bool = False) -> bool:
    """Lock an open file until it is closed; whether that was possible, always so when waiting.

    Raises UserError where the file system has no locks.
    """
    try:
        fcntl.flock(file, kind | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        raise UserError(none_there(path.parent, error.strerror)) from error
    return True


def none_there(folder: Path, reason: str | None) -> str:
    """What to do about a folder where files cannot be locked."""
    return (
        f"{folder} is on a file system without file locks ({reason}), where two programs would "
        "overwrite each other's work; copy it to a local disk, or have it mounted with locks."
    )


@contextmanager
def turn(lock: Path, wait: bool = True) -> Iterator[bool]:
    """Let one process at a time do something; whether it is ours, always so when waiting."""
    with open_file(lock) as held:
        yield take(held, lock, EXCLUSIVE, wait)
