"""Finding, making and opening a workspace, and its settings."""

from __future__ import annotations

import getpass
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from storage import config as config_file
from storage import (
    connections,
    file_locks,
    label_changes,
    label_settings,
    locks,
    sql_functions,
)
from storage.config import Config
from storage.connections import DATABASE as DATABASE
from storage.errors import UserError
from storage.safety import backups, damage, filesystem
from storage.safety.damage import explain as explain
from storage.safety.os_errors import translate_os_errors
from storage.safety.restoring import inspect
from storage.transactions import execute_when_free, transaction

RUNS = "runs"
SCHEMA_VERSION = 11
SQLiteError = sqlite3.Error
"""What any access to the store may raise; `explain` says it in one sentence."""
BUSY_MS = 30_000
"""How long a writer waits for another process before the user hears of it."""


@dataclass(frozen=True)
class Notice:
    """What a user should know about the way a workspace was opened."""

    word: str
    """For a status line."""
    sentence: str


class LabelNames(dict[int, str]):
    """The names of the labels by number; one that others have added since is looked up."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__(db.execute("SELECT id, name FROM labels ORDER BY id").fetchall())
        self._db = db

    def __missing__(self, number: int) -> str:
        sql = "SELECT name FROM labels WHERE id = ?"
        if (found := self._db.execute(sql, [number]).fetchone()) is None:
            raise KeyError(number)
        self[number] = str(found[0])
        return self[number]

    def of(self, number: int | None) -> str | None:
        """The name of a label; None for no label."""
        return None if number is None else self[number]


@dataclass
class CurrentSettings:
    """The settings that all connections of a process to a workspace go by."""

    config: Config
    change: int
    """The newest change of the label set that they know of."""


@dataclass(frozen=True)
class Store:
    """An open workspace; one per thread, since it holds a connection."""

    folder: Path
    db: sqlite3.Connection
    settings: CurrentSettings
    annotator: str
    label_ids: dict[str, int]
    label_names: LabelNames
    read_only: bool = False
    notices: tuple[Notice, ...] = ()
    held: IO[bytes] | None = None
    """Open as long as the store is, so that no backup is restored over it."""

    @property
    def config(self) -> Config:
        """The settings as they were last read."""
        return self.settings.config

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
        if self.held is not None:
            self.held.close()


def find_workspace(named: Path | None = None, start: Path | None = None) -> Path:
    """The workspace that a command means: the one named, $WORKBENCH_HOME, or the nearest above."""
    if named is None and (home := os.environ.get("WORKBENCH_HOME")):
        named = Path(home)
    if named is not None:
        if not _is_workspace(named):
            raise UserError(
                f"{named} is not a workspace; make one with "
                f"`workbench init {named} --labels positive,negative`."
            )
        return named.resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if _is_workspace(folder):
            return folder
    raise UserError(
        "There is no workspace here or above; make one with `workbench open FILE` or "
        "`workbench init DIR --labels positive,negative`, or name one with --workspace DIR."
    )


def _is_workspace(folder: Path) -> bool:
    """Whether there is a database, or at least a backup of one that is gone."""
    return (folder / DATABASE).is_file() or bool(backups.list_backups(folder))


def create_store(folder: Path, config: Config, annotator: str | None = None) -> Store:
    """Make a workspace for its owner only and open it; raises UserError if there is one already."""
    path = folder / DATABASE
    fresh = not path.exists() or _unfinished(path)
    if not fresh and config_file.path_in(folder).exists():
        raise UserError(f"{folder} is a workspace already; open it with `workbench -w {folder}`.")
    config_file.check_new_labels(config.labels)
    with translate_os_errors(folder):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.chmod(0o700)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / RUNS).mkdir(mode=0o700, exist_ok=True)
        making = locks.lock_shared(folder)  # where that is refused, nothing is begun
    with making or nullcontext():
        with translate_os_errors(folder):
            config_file.save(folder, config)
            with connections.lock_out_connections(path):
                path.touch(0o600)
        try:
            return _opened(path.resolve(), config, annotator or login_name())
        except BaseException:
            if making is not None:
                making.close()
            if fresh:
                _discard(path)
            raise


def _discard(path: Path) -> None:
    """Delete a database that could not be made, unless others are making it or have made it."""
    with suppress(UserError), locks.lock_exclusively(path.parent, path):
        if inspect(path).problem is not None:
            for ending in ("", "-wal", "-shm", "-journal"):
                damage.side_file(path, ending).unlink(missing_ok=True)


def _unfinished(path: Path) -> bool:
    """Whether a workspace was being made when its process was killed."""
    return not path.stat().st_size and not backups.list_backups(path.parent)


def open_store(folder: Path, annotator: str | None = None) -> Store:
    """Open a workspace, bringing its schema up to date.

    Raises UserError if the database is damaged, or newer than this program.
    """
    folder = folder.resolve()
    config = config_file.load(folder)
    path = folder / DATABASE
    damage.require_intact(path)
    return _opened(path, config, annotator or login_name())


def open_again(store: Store) -> Store:
    """Open a workspace once more, for another thread, with the settings that the store has."""
    path = store.folder / DATABASE
    with ExitStack() as failed:
        if (held := locks.lock_shared(store.folder)) is not None:
            failed.enter_context(held)
        try:
            db, read_only = open_database(path, filesystem.network_type(store.folder))
        except sqlite3.DatabaseError as error:
            raise explain(error, path) from error
        failed.pop_all()
    return replace(store, db=db, label_names=LabelNames(db), read_only=read_only, held=held)


def _opened(path: Path, config: Config, annotator: str) -> Store:
    network = filesystem.network_type(path.parent)
    with ExitStack() as failed:
        if (held := locks.lock_shared(path.parent)) is not None:
            failed.enter_context(held)
        try:
            db, read_only = open_database(path, network)
            failed.callback(db.close)
            _check_version(db, path, read_only)
            if not read_only:
                config_file.rename_old(path.parent)
            settings = _settled(db, path.parent, config, read_only)
            names = LabelNames(db)
        except sqlite3.DatabaseError as error:
            raise explain(error, path) from error
        failed.pop_all()
    ids = {name: number for number, name in names.items()}
    notices = _notices(path.parent, read_only, network)
    return Store(path.parent, db, settings, annotator, ids, names, read_only, notices, held)


def _notices(folder: Path, read_only: bool, network: str | None) -> tuple[Notice, ...]:
    notices = []
    if read_only:
        sentence = f"{folder} is read-only for you: everything can be read and nothing changed."
        notices.append(Notice("read-only", sentence))
    elif network:
        sentence = (
            f"{folder} is on a network file system ({network}), so labels are saved with a "
            "rollback journal: slower, and writers wait for readers; a local disk is better."
        )
        notices.append(Notice("network disk", sentence))
    return tuple(notices)


def _settled(
    db: sqlite3.Connection, folder: Path, config: Config, read_only: bool
) -> CurrentSettings:
    """The settings with the labels of the database, which are brought in line with each other.

    What was begun when a process was killed is finished.
    """
    change = label_changes.newest(db)
    if change:
        config = label_changes.read_settings(db, folder)
    if not read_only and (label_changes.settings_behind(db) or _spelled_otherwise(db, config)):
        with transaction(db):  # nobody else changes the labels meanwhile
            label_changes.write_settings(db, folder)
            change = label_changes.newest(db)
            config = label_changes.read_settings(db, folder) if change else config
            _take_over_labels(db, config.labels)
    return CurrentSettings(config, change)


def _spelled_otherwise(db: sqlite3.Connection, config: Config) -> bool:
    known = {name.casefold(): name for (name,) in db.execute("SELECT name FROM labels")}
    return any(known.get(label.casefold()) != label for label in config.labels)


def _take_over_labels(db: sqlite3.Connection, labels: tuple[str, ...]) -> None:
    """Bring the labels of the database, in their spelling, in line with workbench.toml."""
    known = {name.casefold(): name for (name,) in db.execute("SELECT name FROM labels")}
    for label in labels:
        if (old := known.get(label.casefold())) is None:
            db.execute("INSERT INTO labels (name) VALUES (?)", [label])
        elif old != label:
            db.execute("UPDATE labels SET name = ? WHERE name = ?", [label, old])


def settle_labels(store: Store) -> None:
    """Write what has become of the labels into workbench.toml, and go by it from now on."""
    with transaction(store.db):
        label_changes.write_settings(store.db, store.folder)
    refresh_settings(store)


def refresh_settings(store: Store) -> None:
    """Read the settings and the names of the labels again."""
    change = label_changes.newest(store.db)
    store.settings.config = label_changes.read_settings(store.db, store.folder)
    store.settings.change = change  # known once the file could be read
    found = dict(store.db.execute("SELECT id, name FROM labels ORDER BY id").fetchall())
    store.label_names.clear()
    store.label_names.update(found)
    store.label_ids.clear()
    store.label_ids.update({name: number for number, name in found.items()})


def set_labels(store: Store, labels: tuple[str, ...]) -> Store:
    """Give a workspace its label set and return it reopened."""
    config_file.check_new_labels(labels)
    with transaction(store.db):  # nobody else changes the labels meanwhile
        label_settings.replace_labels(store.folder, store.config.labels, labels)
    store.close()
    return open_store(store.folder, store.annotator)


def take_over_meanings(store: Store, given: Mapping[str, object]) -> int:
    """Take what a file says of what labels mean where workbench.toml says nothing of that.

    Returns of how many labels.
    """
    with transaction(store.db):
        taken = label_settings.take_over(store.folder, given)
    if taken:
        refresh_settings(store)
    return taken


def login_name() -> str:
    """Who labels: $WORKBENCH_ANNOTATOR or the login name."""
    try:
        return os.environ.get("WORKBENCH_ANNOTATOR") or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"uid-{os.getuid()}"


def now() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def last_visible_id(db: sqlite3.Connection) -> int:
    """The highest id that is not of an unfinished import."""
    return int(db.execute("SELECT value FROM counts WHERE name = 'tweets'").fetchone()[0])


def removed_count(db: sqlite3.Connection) -> int:
    """How many of the ids up to the highest belong to tweets that were taken out for good."""
    return int(db.execute("SELECT value FROM counts WHERE name = 'removed'").fetchone()[0])


def require_writable(store: Store) -> None:
    """Raise UserError for a workspace that this user can only read."""
    if store.read_only:
        raise explain(sqlite3.OperationalError("readonly"), store.folder / DATABASE)


def open_database(path: Path, network: str | None) -> tuple[sqlite3.Connection, bool]:
    """Open a database file: the connection, and whether it can only be read.

    `network` is the kind of network file system that it is on, if it is on one. Each connection
    is used by one thread at a time, which need not be the one that opened it.
    """
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    mode = "rw" if writable else "ro"
    if not writable and not damage.side_file(path, "-wal").exists() and _logs(path):
        mode = "ro&immutable=1"  # nobody writes, and none of the side files can be made
    db = connections.connect(path, f"mode={mode}", BUSY_MS / 1000)
    try:
        db.execute("PRAGMA foreign_keys = ON")
        if writable:
            # one at a time leaves the log, as each that has looked at it keeps the others from that
            lock = path.with_name(locks.UPGRADE_LOCK)
            with file_locks.exclusive(lock) if network and _logs(path) else nullcontext():
                execute_when_free(db, f"PRAGMA journal_mode = {'DELETE' if network else 'WAL'}")
            # a label that was shown as saved survives power loss
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 4000")  # seldom in a label's way
        else:
            db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA cache_size = -32000")
        sql_functions.register(db)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db, not writable


def _logs(path: Path) -> bool:
    """Whether a database is in WAL mode, as its header says."""
    return connections.first_bytes(path, path, 20)[18:19] == b"\x02"


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
        with file_locks.exclusive(path.with_name(locks.UPGRADE_LOCK)):
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if 0 < version < SCHEMA_VERSION:
                backups.make(path, backups.UPGRADE, now())
            if version < SCHEMA_VERSION:
                from storage.migrations import migrate

                migrate(db)
