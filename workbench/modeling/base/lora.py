"""LoRA adapters around a base model, with layers that compute in the dtype of the base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import nn
from torch.nn import functional

from workbench.modeling.base.linear_4bit import compilable
from workbench.modeling.base.model import Model
from workbench.modeling.base.targets import target_modules
from workbench.recipes.recipes import Lora


def lora_config(model: Model, lora: Lora) -> LoraConfig:
    """The adapter of a recipe in PEFT's terms; raises UserError if no layer can carry it."""
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias=lora.bias,
        task_type="CAUSAL_LM",
        target_modules=target_modules(model, lora.targets),
    )


def add_adapter(model: Model, lora: Lora, seed: int) -> Model:
    """A PEFT model around a base: its adapter is new, and the same for the same seed."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    torch.manual_seed(seed)
    return get_peft_model(model, lora_config(model, lora))


class LoraLinear(nn.Module):
    """A linear layer with a LoRA adapter (Hu et al. 2021, arXiv:2106.09685), in the input's dtype.

    It shares its weights with the PEFT layer that it stands in for. That one converts its input to
    the dtype of the adapter, which makes training in 16 bits with weights in 32 several times
    slower.
    """

    def __init__(self, layer: Any, adapter: str) -> None:
        super().__init__()
        self.base_layer = compilable(layer.base_layer)
        self.lora_A, self.lora_B = layer.lora_A[adapter], layer.lora_B[adapter]
        self.scaling = float(layer.scaling[adapter])
        dropout = layer.lora_dropout[adapter]
        self.dropout = float(dropout.p) if isinstance(dropout, nn.Dropout) else 0.0

    @property
    def weight(self) -> torch.Tensor:
        """The weight of the base, which some models look at, as PEFT's layers have it."""
        base: Any = self.base_layer
        weight: torch.Tensor = base.weight
        return weight

    @property
    def bias(self) -> torch.Tensor | None:
        """The bias of the base."""
        base: Any = self.base_layer
        bias: torch.Tensor | None = base.bias
        return bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out)."""
        dropped = functional.dropout(x, self.dropout, self.training) if self.dropout else x
        low = functional.linear(dropped, self.lora_A.weight.to(x.dtype)) * self.scaling
        return self.base_layer(x) + functional.linear(low, self.lora_B.weight.to(x.dtype))


@dataclass(frozen=True)
class AdapterLayer:
    """A layer of a model that carries an adapter, and where it belongs."""

    parent: nn.Module
    name: str
    layer: Any
    """The layer of PEFT."""

    def place(self, layer: nn.Module) -> None:
        """Put a layer in its place."""
        setattr(self.parent, self.name, layer)


def adapter_layers(model: Model) -> list[AdapterLayer]:
    """The layers of a PEFT model that carry an adapter."""
    return [
        AdapterLayer(parent, name, layer)
        for parent in list(model.modules())
        for name, layer in list(parent.named_children())
        if isinstance(layer, LoraLayer)
    ]


@contextmanager
def fast_lora_layers(model: Model) -> Iterator[None]:
    """Replace the LoRA layers of a PEFT model by LoraLinear ones while the block runs."""
    [adapter] = model.active_adapters
    replaced = adapter_layers(model)
    for place in replaced:
        place.place(LoraLinear(place.layer, adapter).train(place.layer.training))
    try:
        yield
    finally:
        for place in replaced:
            place.place(place.layer)
