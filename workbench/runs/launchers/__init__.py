"""The launchers: classes that start the worker of a run here, with torchrun, or in a queue.

`workbench.runs.launching` alone asks them; each is in a module of its own and knows no other but
`local`, which stands in for an engine that is not there.
"""

from __future__ import annotations

from workbench.rundir import engine_queue
from workbench.rundir.launch import ENGINE, LOCAL, SLURM, TORCHRUN, Launch
from workbench.runs.launchers.engine import EngineLauncher
from workbench.runs.launchers.launcher import Launcher
from workbench.runs.launchers.local import LocalLauncher
from workbench.runs.launchers.slurm import SlurmLauncher
from workbench.runs.launchers.torchrun import TorchrunLauncher

LAUNCHERS: dict[str, Launcher] = {
    LOCAL: LocalLauncher(),
    TORCHRUN: TorchrunLauncher(),
    SLURM: SlurmLauncher(),
    ENGINE: EngineLauncher(),
}


def launcher_of(launch: Launch) -> Launcher:
    """The launcher that a run was started with, or shall be."""
    return LAUNCHERS[launch.launcher]


def default_launcher(nodes: int, gpus: int, needs_base: bool) -> str:
    """The launcher of a run for which the user names none.

    That is the engine, if it is running and the run needs a base model, or else this machine.
    """
    if (nodes, gpus) == (1, 1) and needs_base and engine_queue.engine_usable():
        return ENGINE
    return TORCHRUN if gpus > 1 and nodes == 1 else LOCAL
