"""Several processes on one run: who this one is, and what they tell one another.

torchrun sets RANK, WORLD_SIZE and LOCAL_RANK. What is told are small Python objects over gloo, so
it works the same on CPUs, on GPUs and across machines.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from torch import distributed

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

    def any(self, wish: bool) -> bool:
        """Whether any of the processes wishes something, such as to stop at this step."""
        return wish if self.size == 1 else any(self.gather([wish]))


def join() -> Place:
    """Join the other processes of a run; alone if torchrun has started only this one."""
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Place()
    if not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=PATIENCE)
    return Place(rank, size, distributed.group.WORLD)


def leave(place: Place) -> None:
    """Wait for the others and part from them."""
    if place.size > 1:
        distributed.barrier(group=place.group)
        distributed.destroy_process_group()
