"""What launchers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench.rundir.folder import State
from workbench.rundir.launch import Launch


@dataclass(frozen=True)
class LaunchedRun:
    """How a run was started, and how far it is."""

    launch: Launch
    state: State


class Launcher(Protocol):
    """A way to have a worker do a run; it holds no state of its own."""

    remote: bool
    """Whether the worker runs on a machine of which nothing is known here."""

    def start(self, folder: Path, launch: Launch, lock: int) -> None:
        """Start the worker of a run, or put the run into the queue, and write launch.json.

        `lock` is the descriptor of the lock of the folder. Raises UserError if it cannot be done.
        """

    def stop(self, folder: Path, run: LaunchedRun) -> bool:
        """Ask for a run to save and stop; True if it only waited and is out of the queue now."""

    def queue(self, runs: Mapping[Path, LaunchedRun]) -> dict[Path, str]:
        """What the queue says of runs that are in it, such as `job 17 PENDING (Resources)`.

        A run that has lost its place there before its worker began is marked as failed.
        """

    def waiting_job(self, launch: Launch) -> str | None:
        """The number of the job in which a run still waits or works; None if there is none."""
