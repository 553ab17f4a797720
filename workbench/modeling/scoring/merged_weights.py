"""Merging the adapter into dequantised weights while a model scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bitsandbytes as bnb
import torch
from peft.tuners.lora import LoraLayer
from torch import nn

from workbench.modeling.base.device_memory import free_bytes
from workbench.modeling.base.model import Model
from workbench.modeling.base.sharding import ShardedLinear4bit
from workbench.planning.memory_estimate import GIB

HEADROOM = 1.1
"""How many times the size of the merged weights has to be free, beside 2 GiB."""


@contextmanager
def merged_weights(model: Model) -> Iterator[bool]:
    """Replace 4-bit and LoRA layers by plain ones with the same weights while the block runs.

    Gives true, or false and changes nothing where the device has no room for a copy of the
    weights. Merged weights are rounded to the dtype of the model once more, as in a merged model
    that is exported: in bfloat16 a probability may differ in the second digit, in float32 in the
    sixth.
    """
    layers = _mergeable_layers(model)
    fits = _room_for(layers, model)
    try:
        if fits:
            for parent, name, layer in layers:
                setattr(parent, name, _merged_linear(layer, model.dtype))
        yield fits
    finally:
        if fits:
            for parent, name, layer in layers:
                setattr(parent, name, layer)


def merging_fits(model: Model) -> bool:
    """Whether a model has layers to merge, and its device room for a copy of their weights."""
    return _room_for(_mergeable_layers(model), model)


def _room_for(layers: list[tuple[nn.Module, str, Any]], model: Model) -> bool:
    size = torch.empty(0, dtype=model.dtype).element_size()
    needed = sum(layer.in_features * layer.out_features * size for *_, layer in layers)
    return bool(layers) and needed * HEADROOM + 2 * GIB <= free_bytes(model)


def _mergeable_layers(model: Model) -> list[tuple[nn.Module, str, Any]]:
    return [
        (parent, name, layer)
        for parent in list(model.modules())
        for name, layer in list(parent.named_children())
        if _mergeable(layer) and not isinstance(parent, LoraLayer)
    ]


def _mergeable(layer: nn.Module) -> bool:
    if isinstance(layer, LoraLayer):
        base = layer.get_base_layer()
        if isinstance(base, ShardedLinear4bit):
            return False
        adapters = [name for name in layer.active_adapters if name in layer.lora_A]
        return isinstance(base, nn.Linear) and len(adapters) <= 1 and not layer.lora_variant
    return isinstance(layer, bnb.nn.Linear4bit) and not isinstance(layer, ShardedLinear4bit)


@torch.no_grad()
def _merged_linear(layer: Any, dtype: torch.dtype) -> nn.Linear:
    """A plain layer with the dequantised weight of a layer and the adapter's product added."""
    base = layer.get_base_layer() if isinstance(layer, LoraLayer) else layer
    weight = base.weight.data
    if isinstance(base, bnb.nn.Linear4bit):
        weight = bnb.functional.dequantize_4bit(weight, base.weight.quant_state)
    if isinstance(layer, LoraLayer):
        for adapter in layer.active_adapters:
            if adapter in layer.lora_A:
                weight = weight.float() + layer.get_delta_weight(adapter).float()
    plain = nn.Linear(base.in_features, base.out_features, bias=False, device="meta")
    plain.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
    plain.bias = base.bias
    return plain.eval()
