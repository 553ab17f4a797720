"""The queue of the engine: where runs wait for the process that keeps the base model in between.

One engine a user and machine, for all workspaces. The folder is open to its owner only, so nobody
else can hand the engine a run. No torch here: commands and the screen talk to the engine with it.
"""

from __future__ import annotations

import os
import socket
import stat
import string
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from storage import interpreter
from storage.errors import UserError
from storage.file_locks import exclusive
from workbench import __version__
from workbench.rundir import folder as run_folder
from workbench.rundir import processes, schema

ENGINE_MODULE = "workbench.worker.engine"
"""What is started with `python -m` to serve the queue."""
STATE_FILE, LOG_FILE, SUBMIT_LOCK, QUEUE_FOLDER = "state.json", "engine.log", "door.lock", "waiting"
QUESTION_FOLDER, ANSWER_FOLDER = "questions", "answers"
"""What is written into them is a matter of `workbench.rundir.engine_questions`."""


@dataclass(frozen=True)
class EngineState:
    """state.json of the engine's folder: what the engine does."""

    pid: int
    version: str
    idle_minutes: float
    run: str | None = None
    """The run folder that it works on."""
    base: str | None = None
    """The base model that it holds."""
    since: float = 0.0
    """When it began to do what it does, or to wait, in seconds since 1970."""
    pid_started: float | None = None
    """Process numbers are used again; see `processes.ProcessIdentity`."""
    boot: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the process that wrote this is still running."""
        return processes.is_running(self.pid, self.pid_started, self.boot)


class QueueEntry(NamedTuple):
    """A run that waits for the engine."""

    file: Path
    """The file in the queue."""
    run: Path
    """The run folder."""


def engine_program(folder: Path, idle_minutes: float, base: str | None) -> list[str]:
    """The program that serves the queue in a folder, and gets ready for a run on `base`."""
    words = [str(folder), str(idle_minutes), *([] if base is None else [base])]
    return interpreter.command(ENGINE_MODULE, *words)


def own_state(idle_minutes: float) -> EngineState:
    """The state of this process as an engine without work."""
    me = processes.identity()
    return EngineState(
        os.getpid(),
        __version__,
        idle_minutes,
        since=time.time(),
        pid_started=None if me is None else me.started,
        boot=None if me is None else me.boot,
    )


def make_private_folder() -> Path:
    """The folder of the engine on this machine, made for its owner only.

    Raises UserError if it is somebody else's, or open to others.
    """
    folder = folder_path()
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (folder, *(folder / n for n in (QUEUE_FOLDER, QUESTION_FOLDER, ANSWER_FOLDER))):
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise UserError(f"{path} is not a folder of yours; remove it to use the engine.")
        if found.st_mode & 0o077:
            raise UserError(f"{path} is open to others; close it with `chmod 700 {path}`.")
    return folder


def folder_path() -> Path:
    """Where the folder of the engine is, made or not: $WORKBENCH_ENGINE_DIR, or in the cache."""
    if named := os.environ.get("WORKBENCH_ENGINE_DIR"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "workbench" / f"engine-{socket.gethostname()}"


def running_engine() -> EngineState | None:
    """The engine of this user on this machine; None if there is none."""
    if not folder_path().is_dir():
        return None
    folder = make_private_folder()
    if not processes.is_locked(folder):
        return None
    try:
        engine = schema.build_checked(EngineState, schema.read_object(folder / STATE_FILE))
    except (ValueError, UserError):
        return None  # it has only just started
    return engine if engine.alive else None  # an engine that has ended left this behind


def engine_usable() -> bool:
    """Whether runs can be handed to an engine of the same version of the program."""
    try:
        engine = running_engine()
    except (UserError, OSError):
        return False
    return engine is not None and engine.version == __version__


def submit(folder: Path) -> None:
    """Hand a run folder to the engine; raises UserError if it has just ended."""
    hand_in(QUEUE_FOLDER, {"folder": str(folder.resolve())})


def hand_in(subfolder: str, values: dict[str, Any]) -> Path:
    """Write a file for the engine to find, and return it; raises UserError if it has just ended."""
    engine_folder = make_private_folder()
    with exclusive(engine_folder / SUBMIT_LOCK):  # which the engine takes before it ends
        # its last deed is to remove its state, some time before the system drops its lock
        there = processes.is_locked(engine_folder) and (engine_folder / STATE_FILE).exists()
        if not there:
            raise UserError("The engine has ended; start it with `workbench engine start`.")
        file = engine_folder / subfolder / f"{time.time_ns():020}-{os.getpid()}.json"
        run_folder.write_json(file, values)
        return file


def handed_in(subfolder: str) -> list[Path]:
    """The files for the engine to find, the first one first.

    The engine looks for some twenty times a second, so whose the folder is is asked only if there
    are any. Raises what `make_private_folder` raises.
    """
    try:
        names = os.listdir(folder_path() / subfolder)  # noqa: PTH208 - a tenth of the time of Path
    except FileNotFoundError:
        return []
    if not names:
        return []
    folder = make_private_folder() / subfolder
    return sorted(folder / n for n in names if n[0] in string.digits and n.endswith(".json"))


def waiting_runs() -> list[QueueEntry]:
    """The runs that wait, the first one first."""
    found = []
    for entry in handed_in(QUEUE_FOLDER):
        try:
            folder = schema.read_object(entry).get("folder")
        except UserError:
            folder = None
        if isinstance(folder, str) and Path(folder).is_absolute():
            found.append(QueueEntry(entry, Path(folder)))
        else:
            entry.unlink(missing_ok=True)  # nobody but us writes here, and this is no entry
    return found


def withdraw(folder: Path) -> bool:
    """Take a run out of the queue; whether it was there."""
    entries = [entry for entry in waiting_runs() if entry.run == folder.resolve()]
    for entry in entries:
        entry.file.unlink(missing_ok=True)
    return bool(entries)


def write_engine_state(folder: Path, engine: EngineState) -> None:
    """Replace state.json of the engine in one step."""
    run_folder.write_json(folder / STATE_FILE, asdict(engine))
