"""Runs in one process on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from storage import interpreter
from workbench.planning.devices import has_gpu
from workbench.rundir import folder as run_folder
from workbench.rundir import processes
from workbench.rundir.launch import Launch
from workbench.runs.launchers.launcher import LaunchedRun
from workbench.runs.login_sessions import logout_effect

WORKER = "workbench.worker"


class LocalLauncher:
    """Starts a worker that outlives this process."""

    remote = False

    def start(self, folder: Path, launch: Launch, lock: int) -> None:
        """Start a detached worker, which takes over the lock of the folder."""
        launch.save(folder)
        start_detached(folder, worker_command(folder), lock)

    def stop(self, folder: Path, run: LaunchedRun) -> bool:
        """Ask the worker to save and stop; it is never in a queue."""
        ask_worker_to_stop(folder, run)
        return False

    def queue(self, runs: Mapping[Path, LaunchedRun]) -> dict[Path, str]:
        """Nothing, since a worker here starts at once."""
        return {}

    def waiting_job(self, launch: Launch) -> str | None:
        """None, since a worker here is no job."""
        return None


def worker_command(folder: Path) -> list[str]:
    """The command line of the worker of a run folder."""
    return interpreter.command(WORKER, str(folder.absolute()))


def start_detached(folder: Path, command: Sequence[str], lock: int) -> int:
    """Start the worker of a run with a command and return its process number.

    It has a session of its own and no terminal, so closing this one does not end it. The lock of
    the folder goes over to it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    log = os.open(folder / run_folder.WORKER_LOG, flags, 0o600)
    try:
        process = interpreter.start(
            [*logout_effect().prefix, *command],
            {processes.LOCK_FD: str(lock)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
        )
    finally:
        os.close(log)
    if not has_gpu():
        interpreter.give_way(process.pid)
    return process.pid


def ask_worker_to_stop(folder: Path, run: LaunchedRun) -> None:
    """Ask by the file `stop`, and by a signal if the worker is on this machine."""
    write_stop_file(folder)
    state = run.state
    if not state.elsewhere:
        processes.send_signal(signal.SIGTERM, state.pid, state.pid_started, state.boot)


def write_stop_file(folder: Path) -> None:
    """Make the file `stop`, which a worker sees that is still starting, or far away."""
    (folder / run_folder.STOP).touch(0o600)
