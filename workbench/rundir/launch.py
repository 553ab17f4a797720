"""launch.json: how the worker of a run was started, and is started again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import folder as run_folder
from workbench.rundir import schema

LOCAL, TORCHRUN, SLURM, ENGINE = LAUNCHER_NAMES = ("local", "torchrun", "slurm", "engine")
"""The launchers as launch.json names them; `workbench.runs.launchers` has a class for each."""
MOST_NODES, MOST_GPUS = 10_000, 64
LIMITS = {
    LOCAL: (1, 1),
    TORCHRUN: (1, MOST_GPUS),
    SLURM: (MOST_NODES, MOST_GPUS),
    ENGINE: (1, 1),
}
"""The most nodes, and GPUs on each, that a launcher can start a run on."""
LAUNCH_ADVICE = "remove that file, and the run is started as one process on this machine"


@dataclass(frozen=True)
class Launch:
    """How a run was started: by which launcher, and on how much of a machine or cluster."""

    launcher: str = LOCAL
    nodes: int = 1
    gpus: int = 1
    """On each node, and as many processes; on a machine without GPUs that many processes."""
    job: str | None = None
    """The number that the queue of the launcher gave it."""

    @property
    def processes(self) -> int:
        """How many processes share the work."""
        return self.nodes * self.gpus

    @property
    def in_queue(self) -> bool:
        """Whether a run that has not begun has its place in the queue of the launcher."""
        return self.job is not None or self.launcher == ENGINE

    def save(self, folder: Path) -> None:
        """Write launch.json."""
        run_folder.write_json(folder / run_folder.LAUNCH, asdict(self))


def read_launch(folder: Path) -> Launch:
    """How a run was started; one without launch.json was started here. Raises UserError."""
    if not schema.exists(folder / run_folder.LAUNCH):
        return Launch()
    try:
        launch = schema.build_checked(
            Launch, schema.read_object(folder / run_folder.LAUNCH, LAUNCH_ADVICE)
        )
        check_launch(launch)
    except ValueError as error:
        raise UserError(
            f"{folder / run_folder.LAUNCH} is not valid ({error}); {LAUNCH_ADVICE}."
        ) from None
    return launch


def check_launch(launch: Launch) -> None:
    """Raise ValueError for what cannot be started."""
    if launch.launcher not in LAUNCHER_NAMES:
        raise ValueError(f"the launcher is none of {', '.join(LAUNCHER_NAMES)}")
    if not (1 <= launch.nodes <= MOST_NODES and 1 <= launch.gpus <= MOST_GPUS):
        raise ValueError("--nodes is from 1 to 10,000 and --gpus from 1 to 64")
    nodes, gpus = LIMITS[launch.launcher]
    if launch.gpus > gpus or (gpus == 1 and launch.nodes > nodes):
        raise ValueError("more than one GPU or node needs --launcher torchrun or slurm")
    if launch.nodes > nodes:
        raise ValueError("several nodes need --launcher slurm")
    if launch.job is not None and not launch.job.isdecimal():
        raise ValueError("its job is no number")
