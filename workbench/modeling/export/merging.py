"""An adapter merged into its base, as a model of the base's own kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from workbench.modeling.base.linear_4bit import SOURCE_CLASS, dequantise
from workbench.modeling.base.model import Base, Model
from workbench.modeling.export.adapter_folder import load_adapter


def merge_adapter(base: Base, adapter: Path) -> Model:
    """Merge a saved adapter into the weights that 4-bit training computed with."""
    dtype = getattr(torch, base.quantization.compute_dtype)
    plain = replace(base, model=dequantise(base.model, dtype), linear4bit=0)
    merged = load_adapter(plain, adapter).merge_and_unload()
    _restore_conv1d(merged)
    merged.config.use_cache = True
    return merged


def _restore_conv1d(model: Model) -> None:
    """Turn linear layers back into the transposed ones of GPT-2 that they were quantised from."""
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if not issubclass(getattr(layer, SOURCE_CLASS, nn.Linear), Conv1D):
                continue
            with torch.device("meta"):
                transposed = Conv1D(layer.out_features, layer.in_features)
            transposed.weight = nn.Parameter(layer.weight.data.T.contiguous(), requires_grad=False)
            transposed.bias = layer.bias
            setattr(parent, name, transposed)
