"""launch.json: how the worker of a run was started, and is started again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import folder as run_folder
from workbench.rundir import schema

LOCAL, TORCHRUN, SLURM, ENGINE = NAMES = ("local", "torchrun", "slurm", "engine")

ANEW = "remove that file, and the run is started as one process on this machine"


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
        """How many share the work."""
        return self.nodes * self.gpus

    def save(self, folder: Path) -> None:
        """Write launch.json."""
        run_folder.write_json(folder / run_folder.LAUNCH, asdict(self))


def read_launch(folder: Path) -> Launch:
    """How a run was started; one without launch.json was started here. Raises UserError."""
    if not schema.there(folder / run_folder.LAUNCH):
        return Launch()
    try:
        launch = schema.build(Launch, schema.read_object(folder / run_folder.LAUNCH, ANEW))
        check_launch(launch)
    except ValueError as error:
        raise UserError(f"{folder / run_folder.LAUNCH} is not valid ({error}); {ANEW}.") from None
    return launch


def check_launch(launch: Launch) -> None:
    """Raise ValueError for what cannot be started."""
    if launch.launcher not in NAMES:
        raise ValueError(f"the launcher is none of {', '.join(NAMES)}")
    if not (1 <= launch.nodes <= 10_000 and 1 <= launch.gpus <= 64):
        raise ValueError("--nodes is from 1 to 10,000 and --gpus from 1 to 64")
    if launch.launcher in (LOCAL, ENGINE) and (launch.nodes, launch.gpus) != (1, 1):
        raise ValueError("more than one GPU or node needs --launcher torchrun or slurm")
    if launch.launcher == TORCHRUN and launch.nodes != 1:
        raise ValueError("several nodes need --launcher slurm")
    if launch.job is not None and not launch.job.isdecimal():
        raise ValueError("its job is no number")
