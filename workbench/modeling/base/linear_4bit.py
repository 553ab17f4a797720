"""4-bit linear layers as plain tensors and one custom operation, which torch.compile can trace."""

from __future__ import annotations

from typing import Any

import bitsandbytes as bnb
import torch
from torch import nn
from torch.nn import functional
from transformers.integrations.bitsandbytes import Bnb4bitDeserialize

from workbench.modeling.base.model import Model

SOURCE_CLASS = "source_cls"
"""The attribute of a layer with the class of the one that transformers has made 4-bit."""


def _dequantised(
    packed: torch.Tensor, absmax: torch.Tensor, block: int, kind: str, rows: int, dtype: torch.dtype
) -> torch.Tensor:
    columns = 2 * packed.numel() * packed.element_size() // rows
    weight: torch.Tensor = torch.ops.bitsandbytes.dequantize_4bit.default(
        packed, absmax, block, kind, [rows, columns], dtype
    )
    return weight


@torch.library.custom_op(
    "workbench::linear_4bit",
    mutates_args=(),
    schema="(Tensor x, Tensor packed, Tensor absmax, int block, str kind, int rows) -> Tensor",
)
def linear_4bit(
    x: torch.Tensor, packed: torch.Tensor, absmax: torch.Tensor, block: int, kind: str, rows: int
) -> torch.Tensor:
    """Multiply x, (…, columns), by a 4-bit weight of (rows, columns); gives (…, rows).

    `packed` holds two weights a byte and `absmax` one float32 scale per `block` weights; `kind` is
    nf4 or fp4. The numbers are those of a plain linear layer with the dequantised weight, bit for
    bit. A compiler sees one operation; of several it would keep the weight for the backward pass.
    """
    return functional.linear(x, _dequantised(packed, absmax, block, kind, rows, x.dtype))


@torch.library.custom_op(
    "workbench::linear_4bit_backward",
    mutates_args=(),
    schema="(Tensor y, Tensor packed, Tensor absmax, int block, str kind, int rows) -> Tensor",
)
def linear_4bit_backward(
    y: torch.Tensor, packed: torch.Tensor, absmax: torch.Tensor, block: int, kind: str, rows: int
) -> torch.Tensor:
    """The gradient of x, (…, columns), from that of the product, (…, rows).

    The weight is dequantised once more and not kept since the forward pass.
    """
    return y @ _dequantised(packed, absmax, block, kind, rows, y.dtype)


@linear_4bit.register_fake
def _(x: Any, packed: Any, absmax: Any, block: int, kind: str, rows: int) -> Any:
    return x.new_empty((*x.shape[:-1], rows))


@linear_4bit_backward.register_fake
def _(y: Any, packed: Any, absmax: Any, block: int, kind: str, rows: int) -> Any:
    columns = 2 * packed.numel() * packed.element_size() // rows
    return y.new_empty((*y.shape[:-1], columns))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, packed, absmax, *form = inputs
    ctx.save_for_backward(packed, absmax)
    ctx.form = tuple(form)


def _backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
    packed, absmax = ctx.saved_tensors
    return linear_4bit_backward(gradient, packed, absmax, *ctx.form), None, None, None, None, None


linear_4bit.register_autograd(_backward, setup_context=_setup_context)


class CompilableLinear4bit(nn.Module):
    """A 4-bit linear layer of bitsandbytes as plain tensors; its weights are not trained."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        state = layer.weight.quant_state
        self.register_buffer("packed", layer.weight.data, persistent=False)
        self.register_buffer("absmax", state.absmax, persistent=False)
        self.bias = layer.bias
        self.form = (state.blocksize, state.quant_type, state.shape[0])

    @property
    def weight(self) -> torch.Tensor:
        """The packed weight, as in a layer of bitsandbytes."""
        own: Any = self
        packed: torch.Tensor = own.packed
        return packed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out) in the dtype of x."""
        y: torch.Tensor = linear_4bit(x, self.packed, self.absmax, *self.form)
        return y if self.bias is None else y + self.bias


def compilable(layer: nn.Module) -> nn.Module:
    """A 4-bit layer as a CompilableLinear4bit; one with quantised scales, and others, unchanged."""
    state = layer.weight.quant_state if isinstance(layer, bnb.nn.Linear4bit) else None
    return layer if state is None or state.nested else CompilableLinear4bit(layer)


def dequantise(model: Model, dtype: torch.dtype) -> Model:
    """Replace each 4-bit layer by a plain one with the weights that it computes with."""
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if not isinstance(layer, bnb.nn.Linear4bit):
                continue
            weight = bnb.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
            plain = nn.Linear(
                layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta"
            )
            plain.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
            if layer.bias is not None:
                plain.bias = nn.Parameter(layer.bias.data.to(dtype), requires_grad=False)
            if (made_from := getattr(layer, SOURCE_CLASS, None)) is not None:
                setattr(plain, SOURCE_CLASS, made_from)
            setattr(parent, name, plain)
    model.is_loaded_in_4bit = model.is_quantized = False
    model.hf_quantizer = model.quantization_method = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    if hasattr(model, "_weight_conversions"):  # of weights that were saved in 4-bit
        model._weight_conversions = [
            conversion
            for conversion in model._weight_conversions
            if not any(
                isinstance(operation, Bnb4bitDeserialize)
                for operation in getattr(conversion, "operations", ())
            )
        ]
    return model
