"""Checkpoints: written whole or not at all, and read without trusting them.

Those of the packed loop are safetensors and JSON. A checkpoint counts once it is marked as
complete; one that is not, or that cannot be read, is told of and passed over.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from workbench.modeling.training.dynamics import NAMES
from workbench.modeling.training.lora import Masters

T = TypeVar("T")

COMPLETE = "COMPLETE"
"""Marks a checkpoint whose files are all on the disk."""
COURSE = "course.json"
WEIGHTS = "adapter.safetensors"
STATE = "state.safetensors"
KEPT = 2
"""Newest checkpoints that are kept, beside the best on dev."""
NAME = re.compile(r"checkpoint-([1-9][0-9]{0,14})")
MOMENTS = ("exp_avg", "exp_avg_sq")
SEEN = "seen."

Note = Callable[[str], None]
"""Takes a sentence for the log of a run."""


class Damaged(Exception):
    """A checkpoint that is marked as complete and is not what it should be."""


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
    best_loss: float | None = None
    """Of the dev evaluation after `best_step`; none before the first."""


@dataclass(frozen=True)
class Checkpoint:
    """What is in a checkpoint of the packed loop."""

    course: Course
    weights: dict[str, torch.Tensor]
    state: dict[str, torch.Tensor]

    @property
    def seen(self) -> dict[str, torch.Tensor]:
        """What was seen up to then."""
        return {
            name.removeprefix(SEEN): tensor
            for name, tensor in self.state.items()
            if name.startswith(SEEN)
        }


class Writer:
    """Writes checkpoints in a thread: training goes on while they come onto the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pool = ThreadPoolExecutor(1)
        self.writing: Future[None] | None = None

    def save(
        self, course: Course, masters: Masters, optimizer: torch.optim.Optimizer,
        seen: dict[str, torch.Tensor],
    ) -> None:  # fmt: skip
        """Copy weights, optimiser state and the record of what was seen, and begin to write them.

        Raises what went wrong with the one before.
        """
        self.wait()
        moments = optimizer.state[masters.weights]
        state = {
            f"{moment}.{name}": tensor
            for moment in MOMENTS
            for name, tensor in masters.named(_on_cpu(moments[moment])).items()
        }
        weights = masters.named(_on_cpu(masters.weights.detach()))
        state |= {f"{SEEN}{name}": tensor for name, tensor in seen.items()}
        self.writing = self.pool.submit(_write, self.folder, Checkpoint(course, weights, state))

    def wait(self) -> None:
        """Return when all is on the disk; raises what went wrong."""
        if self.writing is not None:
            self.writing.result()


@contextmanager
def writer(folder: Path) -> Iterator[Writer]:
    """A writer whose checkpoints are on the disk in the end."""
    made = Writer(folder)
    try:
        yield made
        made.wait()
    finally:
        made.pool.shutdown()


def seal(checkpoint: Path) -> None:
    """Mark a checkpoint as complete once its files are on the disk."""
    for path in checkpoint.iterdir():
        _sync(path)
    (checkpoint / COMPLETE).touch()
    _sync(checkpoint)
    _sync(checkpoint.parent)


def newest(folder: Path, read: Callable[[Path], T], note: Note) -> tuple[Path, T] | None:
    """The newest checkpoint that is whole, and what `read` finds in it.

    `read` raises Damaged. A damaged checkpoint loses its mark and is left where it is.
    """
    for checkpoint in sorted(_every(folder), key=step_of, reverse=True):
        if not (checkpoint / COMPLETE).is_file():
            note(f"{checkpoint.name} was not written to its end and is passed over")
            continue
        try:
            return checkpoint, read(checkpoint)
        except Damaged as error:
            (checkpoint / COMPLETE).unlink(missing_ok=True)
            note(f"{checkpoint.name} is damaged ({error}) and is passed over")
    return None


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint was written after."""
    return int(checkpoint.name.rpartition("-")[2])


def going_on(checkpoint: Path) -> str:
    """What the log of a run says when it goes on from a checkpoint."""
    return f"going on after step {step_of(checkpoint)}, from {checkpoint.name}"


def read(checkpoint: Path, masters: Masters) -> Checkpoint:
    """A checkpoint of the packed loop that fits the weights; raises Damaged."""
    weights, state = read_weights(checkpoint, masters), tensors(checkpoint / STATE)
    found = Checkpoint(read_course(checkpoint), weights, state)
    for moment in MOMENTS:
        _require_shapes(STATE, state, masters, f"{moment}.")
    if not found.seen.keys() <= set(NAMES) or len({len(t) for t in found.seen.values()}) > 1:
        raise Damaged(f"{STATE} holds a record of something else")
    return found


def read_weights(checkpoint: Path, masters: Masters) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint; raises Damaged."""
    weights = tensors(checkpoint / WEIGHTS)
    _require_shapes(WEIGHTS, weights, masters, "")
    return weights


def _require_shapes(
    file: str, found: dict[str, torch.Tensor], masters: Masters, prefix: str
) -> None:
    for name, shape in zip(masters.names, masters.shapes, strict=True):
        tensor = found.get(f"{prefix}{name}")
        if tensor is None or tensor.shape != shape or tensor.dtype != torch.float32:
            raise Damaged(f"{file} is of another adapter")


def read_course(checkpoint: Path) -> Course:
    """The course of a checkpoint; raises Damaged."""
    try:
        course = Course(**json.loads((checkpoint / COURSE).read_text("utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise Damaged(f"{COURSE}: {_brief(error)}") from None
    whole = (course.step, course.seed, course.best_step)
    figures = (course.best_accuracy, 0.0 if course.best_loss is None else course.best_loss)
    if not all(type(number) is int for number in whole) or not (
        all(type(figure) in (int, float) and math.isfinite(figure) for figure in figures)
        and 0 <= course.best_step <= course.step == step_of(checkpoint)
    ):
        raise Damaged(f"{COURSE} does not belong to it")
    return course


def tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file; raises Damaged."""
    try:
        return load_file(path)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise Damaged(f"{path.name}: {_brief(error)}") from None


def restore(found: Checkpoint, masters: Masters, optimizer: torch.optim.Optimizer) -> None:
    """Put weights and optimiser state back."""
    where = masters.weights.device
    put_weights(found.weights, masters)
    moments = {
        moment: _flat(found.state, [f"{moment}.{name}" for name in masters.names]).to(where)
        for moment in MOMENTS
    }
    moments["step"] = torch.tensor(float(found.course.step))
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": {0: moments}, "param_groups": groups})


def put_weights(weights: dict[str, torch.Tensor], masters: Masters) -> None:
    """Put weights back."""
    with torch.no_grad():
        masters.weights.copy_(_flat(weights, masters.names))
    masters.publish()


def remove(folder: Path) -> None:
    """Free the disk after a run that came to its end."""
    shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    target = folder / f"checkpoint-{checkpoint.course.step}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    # safetensors takes no views of one vector
    save_file({n: t.clone() for n, t in checkpoint.weights.items()}, target / WEIGHTS)
    save_file({n: t.clone() for n, t in checkpoint.state.items()}, target / STATE)
    (target / COURSE).write_text(json.dumps(asdict(checkpoint.course)), "utf-8")
    seal(target)
    _prune(folder)


def _flat(found: dict[str, torch.Tensor], names: list[str]) -> torch.Tensor:
    return torch.cat([found[name].flatten() for name in names])


def _on_cpu(flat: torch.Tensor) -> torch.Tensor:
    return flat.to("cpu", copy=True)


def _every(folder: Path) -> list[Path]:
    """All checkpoints, complete or not."""
    if not folder.is_dir():
        return []
    return [
        path
        for path in folder.iterdir()
        if NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]


def _prune(folder: Path) -> None:
    """Keep the newest two and, of each, the one that was the best on dev by then."""
    known = [path for path in _every(folder) if (path / COMPLETE).is_file()]
    known.sort(key=step_of)
    best = {_best_step(checkpoint) for checkpoint in known[-KEPT:]}
    for checkpoint in known[:-KEPT]:
        if step_of(checkpoint) not in best:
            (checkpoint / COMPLETE).unlink()
            shutil.rmtree(checkpoint)


def _best_step(checkpoint: Path) -> int:
    try:
        return read_course(checkpoint).best_step
    except Damaged:
        return 0  # it will be passed over when it is needed


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
