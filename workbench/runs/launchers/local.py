"""A worker on this machine, in one process or in several under torchrun."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from workbench.runs import folder as run_folder
from workbench.runs import processes
from workbench.runs.launchers import Launch
from workbench.runs.sessions import at_logout

WORKER = ("-m", "workbench.runs.worker")
TORCHRUN = ("-m", "torch.distributed.run")


def start(folder: Path, launch: Launch, lock: int) -> int:
    """Start a detached worker and return its process number.

    It has a session of its own and no terminal, so closing this one does not end it. The lock of
    the folder goes over to it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    log = os.open(folder / run_folder.WORKER_LOG, flags, 0o600)
    try:
        process = subprocess.Popen(
            [*at_logout().prefix, *command(folder, launch)],
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


def command(folder: Path, launch: Launch) -> list[str]:
    """What to run: the worker, or torchrun with as many workers as there shall be GPUs."""
    if launch.gpus == 1:
        return [sys.executable, *WORKER, str(folder)]
    several = ("--standalone", "--nnodes", "1", "--nproc-per-node", str(launch.gpus))
    return [sys.executable, *TORCHRUN, *several, *WORKER, str(folder)]
