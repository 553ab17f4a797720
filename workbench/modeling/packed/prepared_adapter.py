"""An adapter on a base with all that was prepared to train it, kept for the next run like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.base.compiling import compiled_layers, uncompile_layers
from workbench.modeling.base.lora import adapter_layers, fast_lora_layers
from workbench.modeling.base.model import Base, Model
from workbench.modeling.packed.checkpoint_io import copy_to_cpu
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.scoring.merged_weights import merging_fits
from workbench.modeling.training.warm_start import WarmStart
from workbench.recipes.memory_modes import MemoryMode
from workbench.recipes.recipes import Lora


@dataclass(frozen=True)
class PreparationKey:
    """What runs have in common that can share an adapter and its passes."""

    lora: Lora
    seed: int
    loss: str | None
    memory: str
    template: str
    label_columns: tuple[int, ...]


class PreparedAdapter:
    """An adapter on a base, the vectors of its weights, compiled layers and CUDA graphs.

    Each training with it begins with the same weights and gives the same ones as with a new
    adapter. In between it can be taken off the base, with its tensors where the graphs know them.
    """

    def __init__(
        self,
        key: PreparationKey,
        longest: int,
        capabilities: ModelCapabilities,
        mode: MemoryMode,
        adapted: Model,
        passes: ForwardBackward,
    ) -> None:
        self.key, self.longest = key, longest
        self.capabilities, self.mode = capabilities, mode
        self.adapted, self.passes, self.masters = adapted, passes, passes.masters
        self.masters.detach()
        self.places = adapter_layers(adapted)
        self.beginning = copy_to_cpu(self.masters.weights.detach())
        self.compiled = compiled_layers(adapted)

    def serves(self, key: PreparationKey, longest: int) -> bool:
        """Whether a run of this key and length can train with it."""
        return self.key == key and longest <= self.longest

    @contextmanager
    def training(self, start: WarmStart | None, note: Callable[[str], None]) -> Iterator[None]:
        """Train with it while the block runs; afterwards it can be saved, and score."""
        for place in self.places:
            place.place(place.layer)
        with torch.no_grad():
            self.masters.weights.copy_(self.beginning)
        self.masters.detach()
        if start is not None:
            start.apply(self.adapted)
        self.masters.attach()
        self.passes.note = note
        embeddings = self.adapted.get_base_model().get_input_embeddings()
        hook = embeddings.register_forward_hook(_require_gradient)
        with fast_lora_layers(self.adapted):
            for layer, compiled in self.compiled:
                layer._compiled_call_impl = compiled
            yield
        hook.remove()
        self.compiled = compiled_layers(self.adapted)
        uncompile_layers(self.adapted)
        self.masters.detach()
        if not merging_fits(self.adapted):
            self.passes.release_graphs()  # whose memory would be missing while the run scores

    def take_off(self) -> None:
        """Leave the base as it was without the adapter, of which PEFT leaves it a note, too."""
        self.adapted.get_base_model().__dict__.pop("peft_config", None)
        for place in self.places:
            place.place(place.layer.get_base_layer())

    def release(self) -> None:
        """Free the memory of the graphs."""
        self.passes.release_graphs()


def take_kept(base: Base, key: PreparationKey, longest: int) -> PreparedAdapter | None:
    """The adapter that is kept for such runs; one that is kept for others is released."""
    kept, base.keeping.adapter = base.keeping.adapter, None
    if isinstance(kept, PreparedAdapter) and kept.serves(key, longest):
        return kept
    if kept is not None:
        kept.release()
    return None


def _require_gradient(
    layer: torch.nn.Module, given: object, embedded: torch.Tensor
) -> torch.Tensor:
    """Let the embeddings require a gradient, so that all layers look alike to a compiler."""
    return embedded.requires_grad_(torch.is_grad_enabled())
