"""The engine from outside: starting and stopping it, and whether the user wants it.

The queue of runs that wait for it is `workbench.rundir.engine_queue`; what it does with them is
`workbench.worker.engine`.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from pathlib import Path

from storage import interpreter
from storage.errors import UserError
from workbench.planning.devices import has_gpu
from workbench.rundir import folder as run_folder
from workbench.rundir import processes, schema
from workbench.rundir.engine_queue import (
    LOG_FILE,
    EngineState,
    engine_program,
    folder_path,
    make_private_folder,
    running_engine,
)
from workbench.runs.login_sessions import logout_effect

PREFERENCE_FILE = "wish.json"
ENGINE_OFF = "engine off"
START_S = 60.0
IDLE_MINUTES = 15.0


def status_text(runs: Path) -> str:
    """The text of a status line about the engine, such as `engine idle, 12 min left`.

    `runs` is where the runs of the workspace are. Empty for a user who has never used an engine.
    """
    try:
        engine = running_engine()
        used = engine is not None or keep_base_preference() is True
    except (UserError, OSError):
        return ""
    if engine is None:
        return ENGINE_OFF if used else ""
    if engine.run is None:
        left = engine.idle_minutes - (time.time() - engine.since) / 60
        return f"engine idle, {math.ceil(min(max(left, 0), engine.idle_minutes))} min left"
    run = Path(engine.run)
    mine = run.parent == runs.resolve()
    return f"engine busy with run {run.name}" if mine else "engine busy elsewhere"


def keep_base_preference() -> bool | None:
    """Whether runs of the screen keep their base loaded; None if the user has not chosen yet."""
    try:
        kept = schema.read_object(folder_path() / PREFERENCE_FILE).get("keep")
    except UserError:
        return None
    return kept if isinstance(kept, bool) else None


def save_keep_base_preference(keep: bool) -> None:
    """Save that choice for all workspaces on this machine."""
    run_folder.write_json(make_private_folder() / PREFERENCE_FILE, {"keep": keep})


def start_engine(idle_minutes: float = IDLE_MINUTES, base: str | None = None) -> EngineState:
    """Start the engine, or return the one that is running; raises UserError if it does not come.

    It gets ready for a run on `base`, which need not come.
    """
    folder = make_private_folder()
    if (engine := running_engine()) is not None:
        return engine
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    log = os.open(folder / LOG_FILE, flags, 0o600)
    try:
        program = engine_program(folder.absolute(), idle_minutes, base)
        process = interpreter.start(
            [*logout_effect().prefix, *program],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    if not has_gpu():
        interpreter.give_way(process.pid)
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        if (engine := running_engine()) is not None:
            return engine
        time.sleep(0.1)
    raise UserError(f"The engine did not start; {folder / LOG_FILE} says why.")


def stop_engine() -> bool:
    """Ask the engine to save what it does and to end; whether there was one."""
    engine = running_engine()
    if engine is None:
        return False
    return processes.send_signal(signal.SIGTERM, engine.pid, engine.pid_started, engine.boot)
