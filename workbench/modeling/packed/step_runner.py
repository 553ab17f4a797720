"""The forward and backward pass of a batch: as written, compiled, or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from workbench.modeling.base.capabilities import Ways, backbone, inputs
from workbench.modeling.base.loading import Model
from workbench.modeling.data.batches import Batch
from workbench.modeling.packed.compiling import (
    as_written,
    compile_layers,
    first_line,
    uncompile_layers,
)
from workbench.modeling.training.lora import Masters
from workbench.modeling.training.out_of_memory import ran_out

LOSS_NOISE = 0.25
"""How far the mean loss of compiled layers may be from that of layers as written, in nats."""
GRADIENT_NOISE = 0.05
"""How far a replayed gradient may be from one that was computed, relative to its length."""


@dataclass
class Captured:
    """A CUDA graph of a pass, and the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    losses: torch.Tensor

    def replay(self, batch: Batch) -> torch.Tensor:
        """Run it on another batch of the same shape."""
        for field in fields(Batch):
            kept, given = getattr(self.batch, field.name), getattr(batch, field.name)
            if kept is not None:
                kept.copy_(given, non_blocking=True)
        self.graph.replay()
        return self.losses.clone()


class Passes:
    """Adds the gradients of batches to `masters`.

    `labels` are the tokens of the label words where one position decides, else None.
    """

    def __init__(
        self,
        model: Model,
        masters: Masters,
        ways: Ways,
        labels: torch.Tensor | None,
        note: Callable[[str], None],
    ) -> None:
        self.model = model
        self.masters = masters
        plain = isinstance(model.get_output_embeddings(), nn.Linear)  # and not adapted
        self.ways = replace(ways, plain_head=ways.plain_head and plain)
        self.labels = labels
        self.note = note
        self.capturing = False
        self.graphs: dict[tuple[int, ...], Captured] = {}
        self.pool: Any = None

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The loss at each place of the batch, (places,), before it is weighted."""
        if self.capturing and batch.shape not in self.graphs:
            self._capture(batch)
        captured = self.graphs.get(batch.shape)
        return self.compute(batch) if captured is None else captured.replay(batch)

    def compute(self, batch: Batch) -> torch.Tensor:
        """The same without a CUDA graph."""
        batch = batch.to(self.model.device)
        losses = place_losses(self.model, self.ways, self.labels, batch)
        self.masters.accumulate((losses * batch.weights).sum())
        return losses.detach()

    def prepare(self, batches: Sequence[Batch], capturing: bool) -> None:
        """Compile for batches of every shape to come, the largest first, and check the result.

        What does not work here is left out with a note: that costs speed only. Raises
        torch.OutOfMemoryError when a batch does not fit.
        """
        largest = batches[0]
        with torch.no_grad(), as_written(self.model):
            batch = largest.to(self.model.device)
            expected = place_losses(self.model, self.ways, self.labels, batch)
        for dynamic in (True, False):
            try:
                compile_layers(self.model, dynamic)
                distance = float((self.compute(largest) - expected).abs().mean())
                if not distance <= LOSS_NOISE:
                    raise RuntimeError(f"losses are off by {distance:.3g}")
                break
            except Exception as error:  # whatever a compiler may raise; layers work without it
                if ran_out(error):
                    raise
                lengths = "any length" if dynamic else "one length at a time"
                self.note(f"compiling for rows of {lengths} failed: {first_line(error)}")
                uncompile_layers(self.model)
        self.capturing = capturing
        for batch in batches:
            self(batch)
        self.masters.gradient.zero_()

    def forget(self) -> None:
        """Let go of the graphs and of the memory that they hold."""
        self.graphs.clear()
        self.pool = None

    def _capture(self, batch: Batch) -> None:
        """Capture a CUDA graph for the shape of a batch, and compare what it gives."""
        before = self.masters.gradient.clone()
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        drawing = generator.clone_state()
        try:
            with torch.cuda.stream(torch.cuda.current_stream()):
                captured, distance = self._captured(batch)
            if not distance <= GRADIENT_NOISE:
                raise RuntimeError(f"replayed gradients are off by {distance:.3g}")
            self.graphs[batch.shape] = captured
        except RuntimeError as error:
            # a capture that breaks off leaves a generator that cannot be used outside of one
            generator.graphsafe_set_state(drawing)
            if ran_out(error):
                raise
            self.note(f"passes are not replayed as CUDA graphs: {first_line(error)}")
            self.capturing = False
            self.forget()
        self.masters.gradient.copy_(before)

    def _captured(self, batch: Batch) -> tuple[Captured, float]:
        gradient = self.masters.gradient
        own = batch.to(self.model.device).each(torch.clone)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # also what a library sets up when it sees a new shape
            self._afresh(own)
            if not self.graphs:
                with _never_waiting():
                    self._afresh(own)
        torch.cuda.current_stream().wait_stream(side)
        expected = gradient.clone()
        graph = torch.cuda.CUDAGraph()
        torch.manual_seed(0)
        with torch.cuda.graph(graph, pool=self.pool):
            losses = self.compute(own)
        self.pool = self.pool or graph.pool()
        captured = Captured(graph, own, losses)
        torch.manual_seed(0)
        gradient.zero_()
        captured.replay(batch)
        return captured, float((gradient - expected).norm() / expected.norm().clamp(min=1e-12))

    def _afresh(self, batch: Batch) -> None:
        torch.manual_seed(0)
        self.masters.gradient.zero_()
        self.compute(batch)


@contextmanager
def _never_waiting() -> Iterator[None]:
    """Raise RuntimeError where the host waits for the device, which no CUDA graph can hold."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def place_losses(
    model: Model, ways: Ways, labels: torch.Tensor | None, batch: Batch
) -> torch.Tensor:
    """The cross-entropy at each place of a batch, in float32: over the labels, or the vocabulary.

    The output layer runs on those places only, where the model lets it.
    """
    if ways.plain_head:
        chosen = backbone(model, batch).index_select(0, batch.where)
        head = model.get_output_embeddings()
        if labels is None:
            logits = head(chosen)
        else:
            bias = None if head.bias is None else head.bias[labels]
            logits = functional.linear(chosen, head.weight[labels], bias)
    else:
        whole = model(**inputs(model, batch), use_cache=False).logits.flatten(0, 1)
        whole = whole.index_select(0, batch.where)
        logits = whole if labels is None else whole[:, labels]
    return functional.cross_entropy(logits.float(), batch.targets, reduction="none")
