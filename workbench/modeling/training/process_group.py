"""The processes that work on one run together, and their collective operations.

torchrun sets RANK, WORLD_SIZE and LOCAL_RANK. Small Python objects are gathered and, while
training, the gradient of the adapter is summed: over gloo between CPUs, over NCCL between GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from storage.errors import UserError

T = TypeVar("T")

TIMEOUT = timedelta(hours=6)
"""How long one process waits for the slowest of the others."""


@dataclass(frozen=True)
class ProcessGroup:
    """A process of a run among `world_size` ones; the main one alone writes into the run folder."""

    rank: int = 0
    world_size: int = 1
    group: Any = None
    """The group of torch.distributed."""

    @property
    def is_main(self) -> bool:
        """Whether this is the main process, which has rank 0."""
        return self.rank == 0

    def shard(self, items: Sequence[T]) -> Sequence[T]:
        """The items that are this process's, every `world_size`-th one from its rank on."""
        return items[self.rank :: self.world_size]

    def shards(self, items: Sequence[T]) -> list[Sequence[T]]:
        """The shards of all processes, by rank."""
        return [items[rank :: self.world_size] for rank in range(self.world_size)]

    def all_gather(self, own: Sequence[T]) -> list[T]:
        """The results of all processes for their shards, in the order of the whole sequence."""
        if self.world_size == 1:
            return list(own)
        parts: list[Any] = [None] * self.world_size
        distributed.all_gather_object(parts, list(own), group=self.group)
        whole: list[Any] = [None] * sum(map(len, parts))
        for rank, part in enumerate(parts):
            whole[rank :: self.world_size] = part
        return whole

    def all_reduce_sum(self, tensor: torch.Tensor) -> None:
        """Replace a tensor by the sum of those of all processes."""
        if self.world_size > 1:
            distributed.all_reduce(tensor, group=self.group)

    def any(self, own: bool) -> bool:
        """Whether something is true in any of the processes, such as that it was asked to stop."""
        return own if self.world_size == 1 else any(self.all_gather([own]))


SINGLE_PROCESS = ProcessGroup()


def init_process_group() -> ProcessGroup:
    """Join the other processes that torchrun has started; SINGLE_PROCESS if there are none.

    Raises UserError, in all of them, if some have a GPU and others none: those would wait for one
    another, each kind over its own network.
    """
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        return SINGLE_PROCESS
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=TIMEOUT)
    processes = ProcessGroup(rank, world_size, distributed.group.WORLD)
    with_gpu = sum(processes.all_gather([torch.cuda.is_available()]))
    if with_gpu not in (0, world_size):
        raise UserError(
            f"Only {with_gpu} of the {world_size} processes of this run have a GPU; start it with "
            "as many --gpus as each machine has."
        )
    return processes


def destroy_process_group(processes: ProcessGroup) -> None:
    """Wait for the other processes and leave the group."""
    if processes.world_size > 1:
        distributed.barrier(group=processes.group)
        distributed.destroy_process_group()
