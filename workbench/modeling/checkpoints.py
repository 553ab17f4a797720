"""Checkpoints of the packed loop: safetensors and JSON, marked when they are whole."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from workbench.modeling.adapting import Masters

COMPLETE = "COMPLETE"
"""Marks a checkpoint whose files are all on the disk."""
COURSE = "course.json"
WEIGHTS = "adapter.safetensors"
STATE = "state.safetensors"
KEPT = 2
"""Newest checkpoints that are kept, beside the best."""


@dataclass(frozen=True)
class Course:
    """How far a run has come.

    The random numbers of a step are a function of the seed and the step, as is the order of the
    tweets, so nothing else is needed to go on exactly as if it had never stopped.
    """

    step: int
    seed: int
    best_step: int = 0
    best_accuracy: float = -1.0


def save(
    folder: Path,
    course: Course,
    masters: Masters,
    optimizer: torch.optim.Optimizer,
    record: dict[str, torch.Tensor],
) -> None:
    """Write checkpoint-STEP: weights, optimiser state, course and a record of what was seen."""
    target = folder / f"checkpoint-{course.step}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    moments = optimizer.state[masters.weights]
    state = {
        f"{moment}.{name}": tensor
        for moment in ("exp_avg", "exp_avg_sq")
        for name, tensor in masters.named(moments[moment]).items()
    }
    save_file(_plain(masters.named(masters.weights.detach())), target / WEIGHTS)
    save_file(_plain(state | {f"seen.{name}": t for name, t in record.items()}), target / STATE)
    (target / COURSE).write_text(json.dumps(asdict(course)), "utf-8")
    seal(target)
    _prune(folder, course)


def seal(checkpoint: Path) -> None:
    """Mark a checkpoint as complete once its files are on the disk."""
    for path in checkpoint.iterdir():
        _sync(path)
    (checkpoint / COMPLETE).touch()
    _sync(checkpoint)
    _sync(checkpoint.parent)


def newest(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end."""
    return max(_complete(folder), key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint was written after."""
    return int(checkpoint.name.rpartition("-")[2])


def read_course(checkpoint: Path) -> Course | None:
    """The course of a checkpoint; None for one of another loop."""
    if not (checkpoint / COURSE).is_file():
        return None
    return Course(**json.loads((checkpoint / COURSE).read_text("utf-8")))


def restore(
    checkpoint: Path, course: Course, masters: Masters, optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """Put weights and optimiser state back, and return the record of what was seen."""
    where = masters.weights.device
    weights = load_file(checkpoint / WEIGHTS)
    state = load_file(checkpoint / STATE)
    with torch.no_grad():
        masters.weights.copy_(_flat(weights, masters.names))
    moments: dict[str, Any] = {
        moment: _flat(state, [f"{moment}.{name}" for name in masters.names]).to(where)
        for moment in ("exp_avg", "exp_avg_sq")
    }
    moments["step"] = torch.tensor(float(course.step))
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": {0: moments}, "param_groups": groups})
    masters.publish()
    return {
        name.removeprefix("seen."): tensor
        for name, tensor in state.items()
        if name.startswith("seen.")
    }


def remove(folder: Path) -> None:
    """Free the disk after a run that came to its end."""
    shutil.rmtree(folder, ignore_errors=True)


def _flat(tensors: dict[str, torch.Tensor], names: list[str]) -> torch.Tensor:
    return torch.cat([tensors[name].flatten() for name in names])


def _plain(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies on the CPU, since safetensors takes no views of one vector."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def _complete(folder: Path) -> list[Path]:
    return [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]


def _prune(folder: Path, course: Course) -> None:
    """Keep the newest two and the best on dev."""
    known = sorted(_complete(folder), key=step_of)
    for checkpoint in known[:-KEPT]:
        if step_of(checkpoint) != course.best_step:
            (checkpoint / COMPLETE).unlink()
            shutil.rmtree(checkpoint)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
