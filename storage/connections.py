"""Connections to databases, and looks into their files that leave SQLite its locks.

Closing any descriptor of a file drops all locks that this process holds on it, those of SQLite as
well, and from then on others write into the same place (https://sqlite.org/howtocorrupt.html, 2.2).
So a database, its log and its index are opened here only, and what was opened beside a connection
stays open until the last connection of this process is closed, as SQLite itself does it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

DATABASE = "workbench.db"
"""What the database of a workspace is called in its folder."""
Inode = tuple[int, int]


@dataclass
class _Use:
    """The connections and file descriptors that this process has open of a database."""

    connections: int = 0
    descriptors: dict[Inode, int] = field(default_factory=dict)
    """Those of files whose first bytes were read since the first connection."""


_USES: dict[Inode, _Use] = {}
_LOCK = threading.RLock()
"""Held while files are opened and closed, lest another thread takes its locks in between."""


class _Connection(sqlite3.Connection):
    """A connection that is counted until it is closed."""

    inode: Inode | None = None
    path: Path

    def close(self) -> None:
        super().close()
        with _LOCK:
            inode, self.inode = self.inode, None
            if inode is None:
                return
            use = _USES[inode]
            use.connections -= 1
            if not use.connections:
                for descriptor in _USES.pop(inode).descriptors.values():
                    os.close(descriptor)


def connect(path: Path, parameters: str, timeout_s: float = 5.0) -> sqlite3.Connection:
    """Open a database that there is; `parameters` are those of its URI, such as `mode=ro`.

    Nothing begins a transaction by itself. The connection is used by one thread at a time, which
    need not be the one that opened it.
    """
    with _LOCK:
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?{parameters}",
            uri=True,
            factory=_Connection,
            timeout=timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        db.inode, db.path = _inode(path), path
        _USES.setdefault(db.inode, _Use()).connections += 1
    return db


def path_of(db: sqlite3.Connection) -> Path:
    """The file that a connection was opened on, whose name need not be text for SQLite."""
    if not isinstance(db, _Connection):
        raise TypeError("The connection was not opened here.")
    return db.path


def is_in_place(db: sqlite3.Connection) -> bool:
    """Whether the file that a connection is open on is still the one of its name, if any is.

    By its inode, as SQLite itself tells that a database was moved.
    """
    if not isinstance(db, _Connection) or db.inode is None:
        return True
    try:
        return _inode(db.path)[1] == db.inode[1]
    except OSError:
        return False


def first_bytes(database: Path, file: Path, size: int) -> bytes:
    """The first bytes of a database or of a file beside it; raises OSError."""
    with _LOCK:
        use = _USES.get(_inode(database))
        if use is None:
            with file.open("rb") as opened:
                return opened.read(size)
        inode = _inode(file)
        if inode not in use.descriptors:
            use.descriptors[inode] = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(use.descriptors[inode], size, 0)


@contextmanager
def lock_out_connections(database: Path) -> Iterator[bool]:
    """Yield whether this process has no connection to a database; within the block it gets none."""
    with _LOCK:
        yield not database.exists() or _inode(database) not in _USES


def _inode(path: Path) -> Inode:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
