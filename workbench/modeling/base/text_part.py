"""The part of a base that reads text, which is all of it but in bases that also see images."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from workbench.modeling.base.model import Model


def text_part(model: Model) -> nn.Module:
    """The decoder of a model: from the embeddings of words up to the output layer."""
    decoder: nn.Module = model.get_decoder()
    return decoder


def linear_layers(model: Model) -> Iterator[tuple[str, nn.Module]]:
    """(name, layer) for each linear layer of the text part but the output layer and adapters."""
    from transformers.pytorch_utils import Conv1D

    head, part = model.get_output_embeddings(), set(text_part(model).modules())
    for name, module in model.named_modules():
        linear = isinstance(module, nn.Linear | Conv1D) and "lora_" not in name
        if linear and module in part and module is not head:
            yield name, module


def share_in_4_bit(model: Model) -> float:
    """The share of the weights of the decoder layers, by number, that are in 4-bit.

    Layers are not enough to count: experts may be one tensor that belongs to no linear layer.
    """
    import bitsandbytes as bnb

    in_4bit = others = 0
    for module in text_part(model).modules():
        if isinstance(module, bnb.nn.Linear4bit):
            in_4bit += module.in_features * module.out_features
        elif not isinstance(module, nn.Embedding):
            own = (p for p in module.parameters(recurse=False) if p.dim() > 1)
            others += sum(parameter.numel() for parameter in own)
    return in_4bit / max(1, in_4bit + others)
