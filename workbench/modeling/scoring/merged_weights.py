"""Plain weights for scoring: 4-bit layers dequantised, adapters merged in, for the time being."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bitsandbytes as bnb
import torch
from peft.tuners.lora import LoraLayer
from torch import nn

from workbench.modeling.base.device_memory import GIB, free_bytes
from workbench.modeling.base.loading import Model
from workbench.modeling.base.sharding import Sharded4bit

ROOM = 1.1
"""How many times the size of the merged weights has to be free."""


@contextmanager
def merged(model: Model) -> Iterator[bool]:
    """Let a model compute with plain layers meanwhile, if there is room for them; true if it does.

    Merged weights are rounded to the dtype of the model once more, as in an exported merged
    model: in bfloat16 a probability may differ in the second digit, in float32 in the sixth.
    """
    layers = [
        (parent, name, layer)
        for parent in list(model.modules())
        for name, layer in list(parent.named_children())
        if _mergeable(layer) and not isinstance(parent, LoraLayer)
    ]
    size = torch.empty(0, dtype=model.dtype).element_size()
    needed = sum(layer.in_features * layer.out_features * size for *_, layer in layers)
    room = bool(layers) and needed * ROOM + 2 * GIB <= free_bytes(model)
    try:
        if room:
            for parent, name, layer in layers:
                setattr(parent, name, _plain(layer, model.dtype))
        yield room
    finally:
        if room:
            for parent, name, layer in layers:
                setattr(parent, name, layer)


def _mergeable(layer: nn.Module) -> bool:
    if isinstance(layer, LoraLayer):
        base = layer.get_base_layer()
        if isinstance(base, Sharded4bit):
            return False
        adapters = [name for name in layer.active_adapters if name in layer.lora_A]
        return isinstance(base, nn.Linear) and len(adapters) <= 1 and not layer.lora_variant
    return isinstance(layer, bnb.nn.Linear4bit) and not isinstance(layer, Sharded4bit)


@torch.no_grad()
def _plain(layer: Any, dtype: torch.dtype) -> nn.Linear:
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
