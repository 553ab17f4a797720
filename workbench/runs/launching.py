"""Starting workers that outlive the terminal, and stopping them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from storage.errors import UserError
from workbench.runs import folder as run_folder
from workbench.runs.folder import WORKER_LOG


def launch(folder: Path) -> int:
    """Start a detached worker on a run folder and return its process number.

    It has a session of its own and no terminal, so closing this one does not end it.
    """
    log = os.open(folder / WORKER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.runs.worker", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder,
        )
    finally:
        os.close(log)
    return process.pid


def stop(folder: Path) -> None:
    """Ask the worker of a run to save and stop; raises UserError if none is at work."""
    run_folder.require(folder)
    state = run_folder.read_state(folder)
    if state.pid is None or not run_folder.alive(state):
        raise UserError(f"Run {folder.name} is not running (it is {state.state}).")
    os.kill(state.pid, signal.SIGTERM)


def resume(folder: Path) -> int:
    """Go on with a stopped or failed run from its newest checkpoint."""
    run_folder.require(folder)
    state = run_folder.read_state(folder)
    if state.state in run_folder.LIVE and run_folder.alive(state):
        raise UserError(f"Run {folder.name} is running already.")
    if state.state == run_folder.DONE:
        raise UserError(f"Run {folder.name} is done; there is nothing to resume.")
    run_folder.write_state(folder, state, state=run_folder.QUEUED, reason=None, pid=None)
    return launch(folder)
