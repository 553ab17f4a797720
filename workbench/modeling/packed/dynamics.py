"""Recording training dynamics: how probable each given label was, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from workbench.modeling.data.batches import TokenizedExample
from workbench.modeling.training.process_group import ProcessGroup
from workbench.modeling.training.result import TrainingDynamics

COLUMNS = ("number", "epoch", "probability")
"""The names of the columns in a checkpoint: index of the example, epoch, probability."""


@dataclass(frozen=True)
class _StepLosses:
    """The losses of the examples of a pass, which stay on the device for now."""

    indices: list[int]
    target_counts: list[int]
    """Targets of each example, whose losses sum to that of the example."""
    epoch: int
    losses: torch.Tensor


def least_sure(columns: Mapping[str, torch.Tensor], most: int) -> list[tuple[int, float]]:
    """The examples whose given label has the lowest mean probability so far, lowest first."""
    if "number" not in columns:
        return []
    numbers, at = columns["number"].unique(return_inverse=True)
    means = columns["probability"].new_zeros(len(numbers)).index_add_(
        0, at, columns["probability"]
    ) / at.bincount(minlength=len(numbers))
    lowest = means.topk(min(most, len(numbers)), largest=False)
    return [
        (int(numbers[place]), float(mean))
        for mean, place in zip(lowest.values, lowest.indices, strict=True)
        if math.isfinite(mean)
    ]


class DynamicsRecorder:
    """Records the probability of the given label of each example at each step that takes it.

    Each process records its own shard.
    """

    def __init__(self, processes: ProcessGroup) -> None:
        self.processes = processes
        self.on_device: list[_StepLosses] = []
        self.columns: dict[str, list[torch.Tensor]] = {name: [] for name in COLUMNS}

    def record(
        self, examples: Sequence[TokenizedExample], epoch: int, losses: torch.Tensor
    ) -> None:
        """Record the losses at the targets of examples, and perhaps of fillers after them."""
        indices = [example.index for example in examples]
        counts = [len(example.targets) for example in examples]
        self.on_device.append(_StepLosses(indices, counts, epoch, losses[: sum(counts)]))

    def copy_to_host(self) -> None:
        """Fetch the losses of the last steps from the device."""
        for step in self.on_device:
            self.columns["number"].append(torch.tensor(step.indices))
            self.columns["epoch"].append(torch.full((len(step.indices),), step.epoch))
            sums = [part.sum() for part in step.losses.cpu().split(step.target_counts)]
            self.columns["probability"].append(torch.stack(sums).neg().exp())
        self.on_device = []

    def restore(self, columns: dict[str, torch.Tensor]) -> None:
        """Go on from the columns of a checkpoint; of several processes the main one has them."""
        for name, tensor in columns.items() if self.processes.is_main else ():
            self.columns[name].append(tensor)

    def all_columns(self) -> dict[str, torch.Tensor]:
        """The columns of all processes, by name; no column if nothing was recorded."""
        self.copy_to_host()
        parts = [torch.cat(own) if own else None for own in self.columns.values()]
        by_process = self.processes.all_gather([parts])
        whole: dict[str, torch.Tensor] = {}
        for name, pieces in zip(self.columns, zip(*by_process, strict=True), strict=True):
            if present := [piece for piece in pieces if piece is not None]:
                whole[name] = torch.cat(present)
        return whole

    def result(self) -> TrainingDynamics:
        """What all processes have recorded."""
        whole = self.all_columns()
        return TrainingDynamics(
            *(whole[name].tolist() if name in whole else [] for name in COLUMNS)
        )
