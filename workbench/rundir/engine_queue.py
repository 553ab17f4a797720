"""The queue of the warm engine: where runs wait for a process that keeps the base between them.

One engine a user and machine, for all workspaces. The folder is open to its owner only, so nobody
else can hand the engine a run. No torch here: commands and the screen talk to the engine with it.
"""

from __future__ import annotations

import os
import socket
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from storage.errors import UserError
from storage.file_locks import turn
from workbench import __version__
from workbench.rundir import folder as run_folder
from workbench.rundir import processes, schema

ENGINE_MODULE = "workbench.worker.engine"
"""What is started with `python -m` to serve the queue."""
STATE, LOG, DOOR, WAITING = "state.json", "engine.log", "door.lock", "waiting"


@dataclass(frozen=True)
class Engine:
    """state.json of the spool: what the engine does."""

    pid: int
    version: str
    idle_minutes: float
    run: str | None = None
    """The run folder that it works on."""
    base: str | None = None
    """The base that it keeps."""
    since: float = 0.0
    """When that began, in seconds since 1970."""
    pid_started: float | None = None
    """Since numbers are used again; see `processes.Identity`."""
    boot: str | None = None

    @property
    def there(self) -> bool:
        """Whether its process is still the one that wrote this."""
        return processes.same(self.pid, self.pid_started, self.boot)


def this_engine(idle_minutes: float) -> Engine:
    """What this process, an engine without work, says of itself."""
    me = processes.identity()
    return Engine(
        os.getpid(),
        __version__,
        idle_minutes,
        since=time.time(),
        pid_started=None if me is None else me.started,
        boot=None if me is None else me.boot,
    )


def home() -> Path:
    """The folder of the engine on this machine, made for its owner only.

    Raises UserError if it is somebody else's, or open to others.
    """
    folder = location()
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place in (folder, folder / WAITING):
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise UserError(f"{place} is not a folder of yours; remove it to use the engine.")
        if found.st_mode & 0o077:
            raise UserError(f"{place} is open to others; close it with `chmod 700 {place}`.")
    return folder


def location() -> Path:
    """Where the folder of the engine is, made or not: $WORKBENCH_ENGINE_DIR, or in the cache."""
    if named := os.environ.get("WORKBENCH_ENGINE_DIR"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "workbench" / f"engine-{socket.gethostname()}"


def running() -> Engine | None:
    """The engine of this user on this machine; None if there is none."""
    if not location().is_dir():
        return None
    folder = home()
    if not processes.locked(folder):
        return None
    try:
        engine = schema.build(Engine, schema.read_object(folder / STATE))
    except (ValueError, UserError):
        return None  # it has only just started
    return engine if engine.there else None  # or that is the last word of one before it


def usable() -> bool:
    """Whether runs can be handed to an engine of the same version of the program."""
    try:
        engine = running()
    except (UserError, OSError):
        return False
    return engine is not None and engine.version == __version__


def submit(folder: Path) -> None:
    """Hand a run folder to the engine; raises UserError if it has just ended."""
    spool = home()
    with turn(spool / DOOR):  # the engine closes this door before it leaves
        if not processes.locked(spool):
            raise UserError("The engine has ended; start it with `workbench engine start`.")
        name = f"{time.time_ns():020}-{os.getpid()}.json"
        run_folder.write_json(spool / WAITING / name, {"folder": str(folder.resolve())})


def waiting() -> list[tuple[Path, Path]]:
    """(entry, run folder) of the runs that wait, the first one first."""
    found = []
    for entry in sorted((home() / WAITING).glob("[0-9]*.json")):
        try:
            folder = schema.read_object(entry).get("folder")
        except UserError:
            folder = None
        if isinstance(folder, str) and Path(folder).is_absolute():
            found.append((entry, Path(folder)))
        else:
            entry.unlink(missing_ok=True)  # nobody but us writes here, and this is no entry
    return found


def withdraw(folder: Path) -> bool:
    """Take a run out of the spool; whether it was there."""
    entries = [entry for entry, waits in waiting() if waits == folder.resolve()]
    for entry in entries:
        entry.unlink(missing_ok=True)
    return bool(entries)


def write(folder: Path, engine: Engine) -> None:
    """Say what the engine does."""
    run_folder.write_json(folder / STATE, asdict(engine))
