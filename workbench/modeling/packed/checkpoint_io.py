"""Reading and writing the checkpoints of the packed trainer: safetensors and JSON, no pickles."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from storage.errors import on_one_line
from storage.records import build_record
from workbench.modeling.packed.dynamics import COLUMNS
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.modeling.training.checkpoints import (
    DamagedCheckpoint,
    all_checkpoints,
    load_tensors,
    mark_complete,
    step_of,
)
from workbench.rundir.folder import COMPLETE

STATE_FILE = "course.json"
WEIGHTS_FILE = "adapter.safetensors"
TENSORS_FILE = "state.safetensors"
KEEP_LAST = 2
"""How many of the newest checkpoints are kept, beside the best on dev."""
ADAM_MOMENTS = ("exp_avg", "exp_avg_sq")
DYNAMICS_PREFIX = "seen."
"""Before the names of the columns of training dynamics in the tensors of a checkpoint."""
DROPPED_FIELDS = ("best_accuracy",)
"""Of `course.json`; earlier versions of the program wrote them."""


@dataclass(frozen=True)
class TrainingState:
    """How far a run has come.

    The random numbers of a step are a function of the seed and the step, as is the order of the
    tweets, so nothing else is needed to go on exactly as if it had never stopped.
    """

    step: int
    seed: int
    best_step: int = 0
    """The step with the lowest loss on dev so far; 0 before the first evaluation."""
    best_loss: float | None = None
    """That loss; none before the first evaluation."""
    skipped_steps: int = 0
    """Steps whose gradient overflowed in float16, which changed nothing."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint."""

    training_state: TrainingState
    weights: dict[str, torch.Tensor]
    """The trained weights by their names in the model, in float32."""
    tensors: dict[str, torch.Tensor]
    """Moments of the optimiser, `exp_avg.NAME`, and columns of training dynamics, `seen.COLUMN`."""

    @property
    def dynamics(self) -> dict[str, torch.Tensor]:
        """The columns of the training dynamics that were recorded before this checkpoint."""
        return {
            name.removeprefix(DYNAMICS_PREFIX): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(DYNAMICS_PREFIX)
        }


class CheckpointWriter:
    """Writes checkpoints in a thread: training goes on while they come onto the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pool = ThreadPoolExecutor(1)
        self.writing: Future[None] | None = None

    def save(
        self,
        state: TrainingState,
        masters: MasterWeights,
        optimizer: torch.optim.Optimizer,
        dynamics: dict[str, torch.Tensor],
    ) -> None:
        """Copy weights, optimiser state and training dynamics, and begin to write them.

        Raises what went wrong with the checkpoint before.
        """
        self.wait()
        moments, none = optimizer.state[masters.weights], torch.zeros_like(masters.weights)
        tensors = {
            f"{moment}.{name}": tensor
            for moment in ADAM_MOMENTS  # which there are none of before the first update
            for name, tensor in masters.named_views(
                copy_to_cpu(moments.get(moment, none).detach())
            ).items()
        }
        weights = masters.named_views(copy_to_cpu(masters.weights.detach()))
        tensors |= {f"{DYNAMICS_PREFIX}{name}": tensor for name, tensor in dynamics.items()}
        self.writing = self.pool.submit(_write, self.folder, Checkpoint(state, weights, tensors))

    def wait(self) -> None:
        """Return when all is on the disk; raises what went wrong."""
        if self.writing is not None:
            self.writing.result()


@contextmanager
def checkpoint_writer(folder: Path) -> Iterator[CheckpointWriter]:
    """A writer whose checkpoints are on the disk when the block ends."""
    writer = CheckpointWriter(folder)
    try:
        yield writer
        writer.wait()
    finally:
        writer.pool.shutdown()


def read_checkpoint(checkpoint: Path, masters: MasterWeights) -> Checkpoint:
    """Read a checkpoint that fits the weights; raises DamagedCheckpoint."""
    weights, tensors = read_weights(checkpoint, masters), load_tensors(checkpoint / TENSORS_FILE)
    found = Checkpoint(read_training_state(checkpoint), weights, tensors)
    for moment in ADAM_MOMENTS:
        _require_shapes(TENSORS_FILE, tensors, masters, f"{moment}.")
    dynamics = found.dynamics
    if not dynamics.keys() <= set(COLUMNS) or len({len(t) for t in dynamics.values()}) > 1:
        raise DamagedCheckpoint(f"{TENSORS_FILE} holds a record of something else")
    return found


def read_weights(checkpoint: Path, masters: MasterWeights) -> dict[str, torch.Tensor]:
    """Read the weights of a checkpoint by their names; raises DamagedCheckpoint."""
    weights = load_tensors(checkpoint / WEIGHTS_FILE)
    _require_shapes(WEIGHTS_FILE, weights, masters, "")
    return weights


def read_training_state(checkpoint: Path) -> TrainingState:
    """Read how far a run had come at a checkpoint; raises DamagedCheckpoint."""
    try:
        values = json.loads((checkpoint / STATE_FILE).read_text("utf-8"))
        known = {name: v for name, v in values.items() if name not in DROPPED_FIELDS}
        state = build_record(TrainingState, known)
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise DamagedCheckpoint(f"{STATE_FILE}: {on_one_line(error, 160)}") from None
    if not (
        math.isfinite(state.best_loss or 0.0)
        and 0 <= state.best_step <= state.step == step_of(checkpoint)
        and 0 <= state.skipped_steps <= state.step
    ):
        raise DamagedCheckpoint(f"{STATE_FILE} does not belong to it")
    return state


def restore_checkpoint(
    found: Checkpoint, masters: MasterWeights, optimizer: torch.optim.Optimizer
) -> None:
    """Put the weights and the optimiser state of a checkpoint back."""
    device = masters.weights.device
    restore_weights(found.weights, masters)
    moments = {
        moment: _flatten(found.tensors, [f"{moment}.{name}" for name in masters.names]).to(device)
        for moment in ADAM_MOMENTS
    }
    state = found.training_state
    moments["step"] = torch.tensor(float(state.step - state.skipped_steps))
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": {0: moments}, "param_groups": groups})


def restore_weights(weights: dict[str, torch.Tensor], masters: MasterWeights) -> None:
    """Put the weights of a checkpoint back."""
    with torch.no_grad():
        masters.weights.copy_(_flatten(weights, masters.names))
    masters.update_compute_copy()


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    target = folder / f"checkpoint-{checkpoint.training_state.step}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    # safetensors takes no views of one vector
    save_file({n: t.clone() for n, t in checkpoint.weights.items()}, target / WEIGHTS_FILE)
    save_file({n: t.clone() for n, t in checkpoint.tensors.items()}, target / TENSORS_FILE)
    state = json.dumps(asdict(checkpoint.training_state))
    (target / STATE_FILE).write_text(state, "utf-8")
    mark_complete(target)
    _prune(folder)


def _prune(folder: Path) -> None:
    """Keep the newest checkpoints and, for each of them, the one that was the best on dev then."""
    complete = [path for path in all_checkpoints(folder) if (path / COMPLETE).is_file()]
    complete.sort(key=step_of)
    best = {_best_step(checkpoint) for checkpoint in complete[-KEEP_LAST:]}
    for checkpoint in complete[:-KEEP_LAST]:
        if step_of(checkpoint) not in best:
            (checkpoint / COMPLETE).unlink()
            shutil.rmtree(checkpoint)


def _best_step(checkpoint: Path) -> int:
    try:
        return read_training_state(checkpoint).best_step
    except DamagedCheckpoint:
        return 0  # it will be skipped when a run resumes


def _require_shapes(
    file: str, tensors: dict[str, torch.Tensor], masters: MasterWeights, prefix: str
) -> None:
    """Raise DamagedCheckpoint unless there is a float32 tensor for each weight."""
    for name, shape in zip(masters.names, masters.shapes, strict=True):
        tensor = tensors.get(f"{prefix}{name}")
        if tensor is None or tensor.shape != shape or tensor.dtype != torch.float32:
            raise DamagedCheckpoint(f"{file} is of another adapter")


def _flatten(tensors: dict[str, torch.Tensor], names: list[str]) -> torch.Tensor:
    return torch.cat([tensors[name].flatten() for name in names])


def copy_to_cpu(flat: torch.Tensor) -> torch.Tensor:
    """A copy in memory that a GPU writes to directly, ten times as fast as to other memory.

    PyTorch keeps such memory for the next checkpoint when this one is written.
    """
    pinned = flat.device.type == "cuda"
    return torch.empty_like(flat, device="cpu", pin_memory=pinned).copy_(flat)
