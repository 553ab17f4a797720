"""Starting workers that outlive the terminal, and stopping them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from storage.errors import UserError
from workbench.runs import folder as run_folder
from workbench.runs import processes
from workbench.runs.folder import LIVE, WORKER_LOG
from workbench.runs.sessions import at_logout


def launch(folder: Path) -> int:
    """Start a detached worker on a run folder and return its process number.

    It has a session of its own and no terminal, so closing this one does not end it. Raises
    UserError if another worker has the folder.
    """
    with processes.claimed(folder) as lock:
        return _start(folder, lock)


def _start(folder: Path, lock: int) -> int:
    (folder / run_folder.STOP).unlink(missing_ok=True)
    log = os.open(folder / WORKER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [*at_logout().prefix, sys.executable, "-m", "workbench.runs.worker", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder,
            pass_fds=[lock],
            env=os.environ | {processes.LOCK_FD: str(lock)},
        )
    finally:
        os.close(log)
    return process.pid


def stop(folder: Path) -> None:
    """Ask the worker of a run to save and stop; raises UserError if none is at work."""
    run_folder.require(folder)
    state = run_folder.read_state(folder)
    if state.state not in LIVE or not (state.elsewhere or run_folder.alive(folder, state)):
        raise UserError(f"Run {folder.name} is not running (it is {state.state}).")
    (folder / run_folder.STOP).touch(0o600)  # seen by a worker that is still starting, or far away
    if not state.elsewhere and processes.same(state.pid, state.pid_started, state.boot):
        os.kill(state.pid or 0, signal.SIGTERM)


def resume(folder: Path) -> int:
    """Go on with a stopped or failed run from its newest checkpoint."""
    run_folder.require(folder)
    state = run_folder.read_state(folder)
    if run_folder.alive(folder, state):
        raise UserError(f"Run {folder.name} is running already.")
    if state.elsewhere and state.recent:
        raise UserError(
            f"Run {folder.name} is running on {state.host}; stop it there before it goes on here."
        )
    if state.state == run_folder.DONE:
        raise UserError(f"Run {folder.name} is done; there is nothing to resume.")
    with processes.claimed(folder) as lock:
        run_folder.write_state(
            folder, state, state=run_folder.QUEUED, reason=None, pid=None, host=None
        )
        return _start(folder, lock)
