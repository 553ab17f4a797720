"""A worker on this machine, in one process or in several under torchrun."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from storage import interpreter
from workbench.rundir import folder as run_folder
from workbench.rundir import processes
from workbench.rundir.launch import Launch
from workbench.runs.login_sessions import at_logout

WORKER = "workbench.worker"
TORCHRUN = "torch.distributed.run"


def start(folder: Path, launch: Launch, lock: int) -> int:
    """Start a detached worker and return its process number.

    It has a session of its own and no terminal, so closing this one does not end it. The lock of
    the folder goes over to it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    log = os.open(folder / run_folder.WORKER_LOG, flags, 0o600)
    try:
        process = interpreter.start(
            [*at_logout().prefix, *command(folder, launch)],
            {processes.LOCK_FD: str(lock)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
        )
    finally:
        os.close(log)
    return process.pid


def command(folder: Path, launch: Launch) -> list[str]:
    """What to run: the worker, or torchrun with as many workers as there shall be GPUs."""
    place = str(folder.absolute())
    if launch.gpus == 1:
        return interpreter.command(WORKER, place)
    several = ("--standalone", "--nnodes", "1", "--nproc-per-node", str(launch.gpus))
    return interpreter.command(TORCHRUN, *several, "-m", WORKER, place)
