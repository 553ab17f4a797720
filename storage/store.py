"""Finding, making and opening a workspace, and the transactions everything else runs in."""

from __future__ import annotations

import getpass
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage import config as config_file
from storage.access import writing
from storage.config import Config
from storage.errors import UserError

DATABASE = "workbench.db"
RUNS = "runs"
SCHEMA_VERSION = 3
SQLiteError = sqlite3.Error
"""What any access to the store may raise; `explain` says it in one sentence."""
BUSY_MS = 30_000
"""How long a writer waits for another process before the user hears of it."""
SHORTEST_NAP, LONGEST_NAP = 0.000_5, 0.005
"""Seconds between two looks at whether the other process has finished writing."""


@dataclass(frozen=True)
class Store:
    """An open workspace; one per thread, since it holds a connection."""

    folder: Path
    db: sqlite3.Connection
    config: Config
    annotator: str
    label_ids: Mapping[str, int]
    label_names: Mapping[int, str]
    read_only: bool = False

    @property
    def runs_folder(self) -> Path:
        """Where the run folders are."""
        return self.folder / RUNS

    def run_folder(self, run: int) -> Path:
        """The folder of one run."""
        return self.runs_folder / str(run)

    def close(self) -> None:
        """Close the connection; the store cannot be used afterwards."""
        self.db.close()


def find_workspace(named: Path | None = None, start: Path | None = None) -> Path:
    """The workspace that a command means: the one named, $WORKBENCH_HOME, or the nearest above."""
    if named is None and (home := os.environ.get("WORKBENCH_HOME")):
        named = Path(home)
    if named is not None:
        if not (named / DATABASE).is_file():
            raise UserError(
                f"{named} is not a workspace; make one with "
                f"`workbench init {named} --labels positive,negative`."
            )
        return named.resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / DATABASE).is_file():
            return folder
    raise UserError(
        "There is no workspace here or above; make one with "
        "`workbench init DIR --labels positive,negative`, or name one with --workspace DIR."
    )


def create_store(folder: Path, config: Config, annotator: str | None = None) -> Store:
    """Make a workspace for its owner only and open it; raises UserError if there is one already."""
    if (folder / DATABASE).exists() and config_file.path_in(folder).exists():
        raise UserError(f"{folder} is a workspace already; open it with `workbench -w {folder}`.")
    config_file.check_labels(config.labels)
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / RUNS).mkdir(mode=0o700, exist_ok=True)
        config_file.save(folder, config)
        (folder / DATABASE).touch(0o600)
    return open_store(folder, annotator)


def open_store(folder: Path, annotator: str | None = None) -> Store:
    """Open a workspace, bringing its schema up to date.

    Raises UserError if the database is damaged, or newer than this program.
    """
    folder = folder.resolve()
    config = config_file.load(folder)
    path = folder / DATABASE
    try:
        db, read_only = connect(path)
        _check_version(db, path, read_only)
    except sqlite3.DatabaseError as error:
        raise explain(error, path) from error
    if not read_only:
        config_file.rename_old(folder)
        _take_over_labels(db, config.labels)
    names: dict[int, str] = dict(db.execute("SELECT id, name FROM labels"))
    ids = {name: number for number, name in names.items()}
    return Store(folder, db, config, annotator or login_name(), ids, names, read_only)


def _take_over_labels(db: sqlite3.Connection, labels: tuple[str, ...]) -> None:
    """Bring the labels of the database, in their spelling, in line with workbench.toml."""
    known = {name.casefold(): name for (name,) in db.execute("SELECT name FROM labels")}
    if all(known.get(label.casefold()) == label for label in labels):
        return
    with transaction(db):
        known = {name.casefold(): name for (name,) in db.execute("SELECT name FROM labels")}
        for label in labels:
            if (old := known.get(label.casefold())) is None:
                db.execute("INSERT INTO labels (name) VALUES (?)", [label])
            elif old != label:
                db.execute("UPDATE labels SET name = ? WHERE name = ?", [label, old])


def set_labels(store: Store, labels: tuple[str, ...]) -> Store:
    """Give a workspace its label set and return it reopened."""
    config_file.save(store.folder, config_file.with_labels(store.config, labels))
    store.close()
    return open_store(store.folder, store.annotator)


def login_name() -> str:
    """Who labels: $WORKBENCH_ANNOTATOR or the login name."""
    try:
        return os.environ.get("WORKBENCH_ANNOTATOR") or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"uid-{os.getuid()}"


def now() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def visible(db: sqlite3.Connection) -> int:
    """The number of tweets, which is also the highest id that is not of an unfinished import."""
    return int(db.execute("SELECT value FROM counts WHERE name = 'tweets'").fetchone()[0])


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what the block wrote, all or nothing; inside another transaction it joins that one.

    Raises UserError when the database is locked, read-only or out of space.
    """
    if db.in_transaction:
        yield db
        return
    try:
        if db.execute("PRAGMA query_only").fetchone()[0]:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        _begin(db)
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise explain(error, _path_of(db)) from error


def _begin(db: sqlite3.Connection) -> None:
    """Begin to write, waiting as long as busy_timeout says while somebody else does.

    SQLite's own waiting sleeps up to 100 ms at a time and comes too late again and again while
    others write often; this one looks every half millisecond, after a while every 5 ms.
    """
    limit_ms: int = db.execute("PRAGMA busy_timeout").fetchone()[0]
    started = time.monotonic()
    db.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - started
                if not _is_busy(error) or waited * 1000 >= limit_ms:
                    raise
            time.sleep(min(LONGEST_NAP, max(SHORTEST_NAP, waited / 100)))
    finally:
        db.execute(f"PRAGMA busy_timeout = {limit_ms}")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # without what made it busy


def require_writable(store: Store) -> None:
    """Raise UserError for a workspace that this user can only read."""
    if store.read_only:
        raise explain(sqlite3.OperationalError("readonly"), store.folder / DATABASE)


def explain(error: sqlite3.Error, path: Path) -> UserError:
    """Say in one sentence what SQLite met and what the user can do."""
    text = str(error)
    if "readonly" in text or "read-only" in text:
        advice = "is read-only for you; ask its owner for write permission, or copy the workspace"
    elif "locked" in text or "busy" in text:
        advice = "is being written by another program; try again when it has finished"
    elif "full" in text:
        advice = "cannot grow because the disk is full; nothing was changed, make space and repeat"
    elif "malformed" in text or "not a database" in text:
        advice = "is damaged; put the newest file of its backups folder in its place"
    elif "unable to open" in text:
        advice = "cannot be opened; check that you may read and write its folder"
    else:
        advice = f"could not be used ({text})"
    return UserError(f"{path} {advice}.")


def connect(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open a database file: the connection, and whether it can only be read.

    Each connection is used by one thread at a time, which need not be the one that opened it.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing.")
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    mode = "rw" if writable else "ro"
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    if not writable and not path.with_name(f"{path.name}-wal").exists():
        uri += "&immutable=1"  # no writer can exist, and none of the side files can be made
    db = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_MS / 1000,
        check_same_thread=False,
    )
    db.execute("PRAGMA foreign_keys = ON")
    if writable:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a label shown as saved survives power loss
        db.execute("PRAGMA wal_autocheckpoint = 4000")  # seldom in a label's way
    else:
        db.execute("PRAGMA query_only = ON")
    db.execute("PRAGMA cache_size = -16000")
    return db, not writable


def _check_version(db: sqlite3.Connection, path: Path, read_only: bool) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        db.close()
        raise UserError(
            f"{path} was made by a newer workbench (schema {version}; this one knows "
            f"{SCHEMA_VERSION}); upgrade this program to open it."
        )
    if version < SCHEMA_VERSION:
        if read_only:
            raise UserError(f"{path} has an older schema and is read-only; have its owner open it.")
        from storage.migrations import migrate

        migrate(db)


def _path_of(db: sqlite3.Connection) -> Path:
    return Path(db.execute("PRAGMA database_list").fetchone()[2])
