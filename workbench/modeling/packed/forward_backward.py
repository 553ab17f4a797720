"""The forward and backward pass of a batch: eager, compiled, or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.base.compiling import (
    compile_layers,
    eager_layers,
    first_line,
    uncompile_layers,
)
from workbench.modeling.base.forward import last_hidden_states, lm_head_logits, model_inputs
from workbench.modeling.base.model import Model
from workbench.modeling.base.out_of_memory import is_out_of_memory
from workbench.modeling.data.batches import Batch
from workbench.modeling.packed.cuda_graphs import (
    MOST_GRAPHS,
    CapturedGraph,
    host_sync_forbidden,
    side_stream,
    stream_and_random_numbers_kept,
)
from workbench.modeling.packed.loss_scale import LossScale
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.planning.kernel_cache import FIRST_COMPILATION, kernels_kept

LOSS_TOLERANCE = 0.25
"""How far the losses of compiled layers may be from those of eager ones, in nats, in the mean."""
NOISE_FACTOR = 2.0
"""How many times as far as other dropout moves the losses they may be off beside that."""
GRADIENT_TOLERANCE = 0.05
"""How far a replayed gradient may be from a computed one, relative to the norm of that."""


class ForwardBackward:
    """Runs batches forward and backward, and adds their gradients to the master weights'.

    `label_tokens` are the columns of the label tree, or None for targets of the whole vocabulary.
    """

    def __init__(
        self,
        model: Model,
        masters: MasterWeights,
        capabilities: ModelCapabilities,
        label_tokens: torch.Tensor | None,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.model = model
        self.masters = masters
        linear = isinstance(model.get_output_embeddings(), nn.Linear)  # and has no adapter
        linear_lm_head = capabilities.linear_lm_head and linear
        self.capabilities = replace(capabilities, linear_lm_head=linear_lm_head)
        self.label_tokens = label_tokens
        self.note = note
        half = model.dtype == torch.float16
        self.loss_scale = LossScale(model.device) if half else None
        self.layers_checked = False
        self.tried: set[tuple[int, ...]] = set()
        """The shapes of batches for which there was memory without graphs."""
        self.use_graphs = False
        self.graphs: dict[tuple[int, ...], CapturedGraph] = {}
        self.graph_pool: Any = None

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The loss at each target of the batch, (targets,), before it is weighted."""
        if self.use_graphs and batch.shape not in self.graphs and len(self.graphs) < MOST_GRAPHS:
            self._capture(batch)
        captured = self.graphs.get(batch.shape)
        return self.run_without_graph(batch) if captured is None else captured.replay(batch)

    def run_without_graph(self, batch: Batch) -> torch.Tensor:
        """Run a batch forward and backward without a CUDA graph; returns its losses, (targets,)."""
        batch = batch.to(self.model.device)
        losses = target_losses(self.model, self.capabilities, self.label_tokens, batch)
        loss = (losses * batch.weights).sum()
        if self.loss_scale is not None:
            loss = loss * self.loss_scale.factor
        self.masters.accumulate_gradient(loss)
        return losses.detach()

    @property
    def warming_up(self) -> str:
        """What `warm_up` is about to do, as users read it."""
        if self.model.device.type != "cuda" or self.layers_checked:
            return "trying the longest batch"
        return "compiling and trying the longest batch" if kernels_kept() else FIRST_COMPILATION

    def warm_up(self, batches: Sequence[Batch], use_graphs: bool) -> None:
        """Compile and capture for batches of every shape to come, the largest first.

        The results are compared with those of eager layers. What does not work on this machine is
        left out with a note: that costs speed only. Raises torch.OutOfMemoryError when a batch
        does not fit.
        """
        if not self.layers_checked:
            self._compile(batches[0])
            self.layers_checked = True
        self.use_graphs = use_graphs
        for batch in batches[:MOST_GRAPHS]:
            if batch.shape not in self.graphs:
                self(batch)
        if self.use_graphs and len(batches) > MOST_GRAPHS:
            self.note(
                f"passes come in {len(batches)} sizes, of which the {MOST_GRAPHS} largest are "
                "replayed as CUDA graphs"
            )
        self.masters.gradient.zero_()

    def release_graphs(self) -> None:
        """Drop the CUDA graphs and the memory that they hold."""
        self.graphs.clear()
        self.graph_pool = None

    def _compile(self, largest: Batch) -> None:
        """Compile the layers, for rows of any length if that works, else for each length anew."""
        expected, noise = self._eager_losses(largest)
        for dynamic in (True, False):
            try:
                compile_layers(self.model, dynamic)
                distance = float((self.run_without_graph(largest) - expected).abs().mean())
                if not distance <= LOSS_TOLERANCE + NOISE_FACTOR * noise:
                    raise RuntimeError(f"losses are off by {distance:.3g}")
                return
            except Exception as error:  # whatever a compiler may raise; layers work without it
                if is_out_of_memory(error):
                    raise
                lengths = "any length" if dynamic else "one length at a time"
                self.note(f"compiling for rows of {lengths} failed: {first_line(error)}")
                uncompile_layers(self.model)

    @torch.no_grad()
    def _eager_losses(self, batch: Batch) -> tuple[torch.Tensor, float]:
        """The losses of eager layers, (targets,), and how far dropout alone moves them, in nats.

        Compiled layers draw other random numbers than eager ones with the same seed, so no two
        passes of theirs have the same dropout.
        """
        batch = batch.to(self.model.device)
        with eager_layers(self.model):
            first, second = (
                target_losses(self.model, self.capabilities, self.label_tokens, batch)
                for _ in range(2)
            )
        return first, float((first - second).abs().mean())

    def _capture(self, batch: Batch) -> None:
        """Capture a CUDA graph for the shape of a batch, unless its gradient comes out wrong."""
        before = self.masters.gradient.clone()
        try:
            with stream_and_random_numbers_kept(self.model.device):
                captured, distance = self._capture_graph(batch)
            if not distance <= GRADIENT_TOLERANCE:
                raise RuntimeError(f"replayed gradients are off by {distance:.3g}")
            self.graphs[batch.shape] = captured
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            self.note(f"passes are not replayed as CUDA graphs: {first_line(error)}")
            self.use_graphs = False
            self.release_graphs()
        self.masters.gradient.copy_(before)

    def _capture_graph(self, batch: Batch) -> tuple[CapturedGraph, float]:
        """A graph for the shape of a batch, and how far its gradient is from the computed one."""
        gradient = self.masters.gradient
        own = batch.to(self.model.device).map(torch.clone)
        side = side_stream(torch.cuda.current_device())
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # so that libraries set up what they need for a new shape
            self._run_seeded(own)
            if not self.graphs:
                with host_sync_forbidden():
                    self._run_seeded(own)
        torch.cuda.current_stream().wait_stream(side)
        expected = gradient.clone()
        graph = torch.cuda.CUDAGraph()
        torch.manual_seed(0)
        with torch.cuda.graph(graph, pool=self.graph_pool):
            losses = self.run_without_graph(own)
        self.graph_pool = self.graph_pool or graph.pool()
        captured = CapturedGraph(graph, own, losses)
        torch.manual_seed(0)
        gradient.zero_()
        captured.replay(batch)
        return captured, float((gradient - expected).norm() / expected.norm().clamp(min=1e-12))

    def _run_seeded(self, batch: Batch) -> None:
        """Put the gradient of a batch alone into the master weights, with a fixed dropout seed."""
        torch.manual_seed(0)
        self.masters.gradient.zero_()
        self.run_without_graph(batch)


def target_losses(
    model: Model,
    capabilities: ModelCapabilities,
    label_tokens: torch.Tensor | None,
    batch: Batch,
) -> torch.Tensor:
    """The cross-entropy at each target of a batch, (targets,), in nats and in float32.

    It is taken over the label tokens that can follow if they are given, else over the vocabulary.
    The output layer runs at the target positions only, where the model allows it.
    """
    if capabilities.linear_lm_head:
        hidden = last_hidden_states(model, batch).index_select(0, batch.target_positions)
        logits = lm_head_logits(model, hidden, label_tokens)
    else:
        logits = model(**model_inputs(model, batch), use_cache=False).logits.flatten(0, 1)
        logits = logits.index_select(0, batch.target_positions)
        logits = logits if label_tokens is None else logits[:, label_tokens]
    logits = logits.float()
    if batch.options is not None:
        logits = logits.masked_fill(~batch.options, -torch.inf)
    return functional.cross_entropy(logits, batch.targets, reduction="none")
