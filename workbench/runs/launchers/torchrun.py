"""Runs in several processes on this machine, one for each GPU, under torchrun."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from storage import interpreter
from workbench.rundir.launch import Launch
from workbench.runs.launchers.launcher import LaunchedRun
from workbench.runs.launchers.local import WORKER, ask_worker_to_stop, start_detached

TORCHRUN_MODULE = "torch.distributed.run"


class TorchrunLauncher:
    """Starts torchrun, which outlives this process and starts the workers."""

    remote = False

    def start(self, folder: Path, launch: Launch, lock: int) -> None:
        """Start a detached torchrun, which takes over the lock of the folder."""
        launch.save(folder)
        start_detached(folder, torchrun_command(folder, launch.gpus), lock)

    def stop(self, folder: Path, run: LaunchedRun) -> bool:
        """Ask the workers to save and stop; they are never in a queue."""
        ask_worker_to_stop(folder, run)
        return False

    def queue(self, runs: Mapping[Path, LaunchedRun]) -> dict[Path, str]:
        """Nothing, since workers here start at once."""
        return {}

    def waiting_job(self, launch: Launch) -> str | None:
        """None, since workers here are no job."""
        return None


def torchrun_command(folder: Path, processes: int) -> list[str]:
    """The command line of torchrun with so many workers on one run folder."""
    several = ("--standalone", "--nnodes", "1", "--nproc-per-node", str(processes))
    return interpreter.command(TORCHRUN_MODULE, *several, "-m", WORKER, str(folder.absolute()))
