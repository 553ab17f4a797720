"""Whether a worker is at work on a run folder, and the state of a run whose worker is gone."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import processes, rank_failures
from workbench.rundir.folder import FAILED, LIVE, QUEUED, State, read_state, write_state
from workbench.rundir.launch import read_launch

MAX_START_S = 30.0
"""How long a run may be queued before something is there that works on it."""


def worker_alive(folder: Path, state: State) -> bool:
    """Whether a worker is at work on a folder on this machine.

    Neither its heartbeat nor any other time of day is asked: clocks are set.
    """
    if processes.is_locked(folder):
        return True
    return not state.elsewhere and processes.is_running(state.pid, state.pid_started, state.boot)


def reconcile_state(folder: Path) -> State:
    """The state of a run; one whose worker is gone is marked as failed.

    Of a run on another machine only its folder is known, and what that says is believed.
    """
    state = read_state(folder)
    if state.state not in LIVE or worker_alive(folder, state):
        return state
    if (ended := read_state(folder)) != state:  # it wrote its final state in between
        return ended
    if state.elsewhere or (state.state == QUEUED and _in_queue(folder)):
        return state
    age = time.time() - (state.heartbeat or folder.stat().st_mtime)
    if state.state == QUEUED and state.pid is None and age < MAX_START_S:
        return state
    reason = rank_failures.read_failure(folder) or (
        "The worker ended without a word (killed, or the machine went down); see worker.log, and "
        f"go on with `workbench resume {folder.name}`."
    )
    failed = replace(state, state=FAILED, reason=reason, finished=state.heartbeat)
    try:
        written = write_state(folder, failed)
        rank_failures.remove_failures(folder)
        return written
    except OSError:
        return failed  # the folder is somebody else's, or the disk is full


def _in_queue(folder: Path) -> bool:
    """Whether a run is in the queue of its launcher, which knows what becomes of it."""
    try:
        return read_launch(folder).in_queue
    except UserError:
        return False
