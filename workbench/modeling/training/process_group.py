"""Several processes on one run: who this one is, and what they tell one another.

torchrun sets RANK, WORLD_SIZE and LOCAL_RANK. What is told are small Python objects and, while
training, the gradient of the adapter: over gloo between CPUs, over NCCL between GPUs.
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

PATIENCE = timedelta(hours=6)
"""How long one process waits for the slowest of the others."""


@dataclass(frozen=True)
class Place:
    """One of `size` processes; number 0 alone writes into the run folder."""

    rank: int = 0
    size: int = 1
    group: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """The items that are this process's, every `size`-th one."""
        return items[self.rank :: self.size]

    def shares(self, items: Sequence[T]) -> list[Sequence[T]]:
        """The shares of all processes."""
        return [items[rank :: self.size] for rank in range(self.size)]

    def gather(self, own: Sequence[T]) -> list[T]:
        """What all processes made of their shares, in the order of the items; for each of them."""
        if self.size == 1:
            return list(own)
        parts: list[Any] = [None] * self.size
        distributed.all_gather_object(parts, list(own), group=self.group)
        whole: list[Any] = [None] * sum(map(len, parts))
        for rank, part in enumerate(parts):
            whole[rank :: self.size] = part
        return whole

    def add_up(self, tensor: torch.Tensor) -> None:
        """Replace a tensor by the sum of those of all processes."""
        if self.size > 1:
            distributed.all_reduce(tensor, group=self.group)

    def any(self, wish: bool) -> bool:
        """Whether any of the processes wishes something, such as to stop at this step."""
        return wish if self.size == 1 else any(self.gather([wish]))


ALONE = Place()


def join() -> Place:
    """Join the other processes of a run; alone if torchrun has started only this one.

    Raises UserError, in all of them, if some have a GPU and others none: those would wait for one
    another, each kind over its own network.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ALONE
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
    place = Place(rank, size, distributed.group.WORLD)
    with_gpu = sum(place.gather([torch.cuda.is_available()]))
    if with_gpu not in (0, size):
        raise UserError(
            f"Only {with_gpu} of the {size} processes of this run have a GPU; start it with as "
            "many --gpus as each machine has."
        )
    return place


def leave(place: Place) -> None:
    """Wait for the others and part from them."""
    if place.size > 1:
        distributed.barrier(group=place.group)
        distributed.destroy_process_group()
