"""Passes captured as CUDA graphs, and what a capture must leave as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import cache

import torch

from workbench.modeling.data.batches import Batch

MOST_GRAPHS = 64
"""Graphs that are kept at a time; each takes memory of the device and of the host for good."""


@dataclass
class CapturedGraph:
    """A CUDA graph of a pass, and the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    losses: torch.Tensor

    def replay(self, batch: Batch) -> torch.Tensor:
        """Run the graph on another batch of the same shape; the loss at each target, (targets,)."""
        for field in fields(Batch):
            own, given = getattr(self.batch, field.name), getattr(batch, field.name)
            if own is not None:
                own.copy_(given, non_blocking=True)
        self.graph.replay()
        return self.losses.clone()


@cache
def side_stream(device: int) -> torch.cuda.Stream:
    """The stream on which each shape is tried before it is captured.

    It is one for all shapes, since cuBLAS keeps a workspace of its own for every stream.
    """
    return torch.cuda.Stream(device)


@contextmanager
def stream_and_random_numbers_kept(device: torch.device) -> Iterator[None]:
    """Leave the stream and the random numbers of a device and of the host as they were.

    A run draws the same dropout whether a graph was captured in one of its steps, or before.
    """
    if device.type != "cuda":
        with torch.random.fork_rng(devices=[]):
            yield
        return
    number = torch.cuda.current_device()
    generator = torch.cuda.default_generators[number]
    before = generator.clone_state()
    with ExitStack() as stack:
        # puts numbers back into the state that graphs refer to, where another one would leave them
        # with the dropout of their capture
        stack.enter_context(torch.random.fork_rng(devices=[number]))
        stack.enter_context(torch.cuda.stream(torch.cuda.current_stream()))
        try:
            yield
        except RuntimeError:
            # a capture that breaks off leaves a generator that cannot be used outside of one
            generator.graphsafe_set_state(before)
            raise


@contextmanager
def host_sync_forbidden() -> Iterator[None]:
    """Raise RuntimeError where the host waits for the device, which no CUDA graph can hold."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)
