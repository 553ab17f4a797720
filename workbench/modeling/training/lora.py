"""LoRA adapters in training: layers that compute in 16 bits, weights that are kept in 32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bitsandbytes as bnb
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import nn
from torch.nn import functional

from workbench.modeling.base.loading import Model
from workbench.recipes import Lora


def lora_config(lora: Lora) -> LoraConfig:
    """The recipe's adapter in PEFT's terms."""
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias=lora.bias,
        task_type="CAUSAL_LM",
        target_modules=list(lora.targets) if isinstance(lora.targets, tuple) else lora.targets,
    )


def add_adapter(model: Model, lora: Lora, seed: int) -> Model:
    """The model with a new adapter around it, the same for the same seed."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    torch.manual_seed(seed)
    return get_peft_model(model, lora_config(lora))


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
    """X (…, columns) times a 4-bit weight of (rows, columns), dequantised on the way.

    The numbers are those of a plain linear layer with the dequantised weight, bit for bit. It is
    one operation to a compiler, which would otherwise keep the weight for the way back.
    """
    return functional.linear(x, _dequantised(packed, absmax, block, kind, rows, x.dtype))


@torch.library.custom_op(
    "workbench::linear_4bit_back",
    mutates_args=(),
    schema="(Tensor y, Tensor packed, Tensor absmax, int block, str kind, int rows) -> Tensor",
)
def linear_4bit_back(
    y: torch.Tensor, packed: torch.Tensor, absmax: torch.Tensor, block: int, kind: str, rows: int
) -> torch.Tensor:
    """The gradient of x from that of the product; the weight is dequantised once more."""
    return y @ _dequantised(packed, absmax, block, kind, rows, y.dtype)


@linear_4bit.register_fake
def _(x: Any, packed: Any, absmax: Any, block: int, kind: str, rows: int) -> Any:
    return x.new_empty((*x.shape[:-1], rows))


@linear_4bit_back.register_fake
def _(y: Any, packed: Any, absmax: Any, block: int, kind: str, rows: int) -> Any:
    columns = 2 * packed.numel() * packed.element_size() // rows
    return y.new_empty((*y.shape[:-1], columns))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, packed, absmax, *form = inputs
    ctx.save_for_backward(packed, absmax)
    ctx.form = tuple(form)


def _back(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
    packed, absmax = ctx.saved_tensors
    return linear_4bit_back(gradient, packed, absmax, *ctx.form), None, None, None, None, None


linear_4bit.register_autograd(_back, setup_context=_keep)


class Frozen(nn.Module):
    """A 4-bit linear layer as plain tensors, which a compiler sees through."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        state = layer.weight.quant_state
        self.register_buffer("packed", layer.weight.data, persistent=False)
        self.register_buffer("absmax", state.absmax, persistent=False)
        self.bias = layer.bias
        self.form = (state.blocksize, state.quant_type, state.shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out) in the dtype of x."""
        y: torch.Tensor = linear_4bit(x, self.packed, self.absmax, *self.form)
        return y if self.bias is None else y + self.bias


class Adapted(nn.Module):
    """A frozen linear layer with a LoRA adapter (Hu et al. 2021), all in the dtype of the input.

    Shares its weights with the PEFT layer that it stands in for; that one converts its input to
    the dtype of the adapter, which makes training in 16 bits with weights in 32 several times
    slower.
    """

    def __init__(self, layer: Any, adapter: str) -> None:
        super().__init__()
        self.base_layer = plain(layer.base_layer)
        self.down, self.up = layer.lora_A[adapter], layer.lora_B[adapter]
        self.scaling = float(layer.scaling[adapter])
        dropout = layer.lora_dropout[adapter]
        self.dropout = float(dropout.p) if isinstance(dropout, nn.Dropout) else 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out)."""
        seen = functional.dropout(x, self.dropout, self.training) if self.dropout else x
        low = functional.linear(seen, self.down.weight.to(x.dtype)) * self.scaling
        return self.base_layer(x) + functional.linear(low, self.up.weight.to(x.dtype))


def plain(layer: nn.Module) -> nn.Module:
    """A 4-bit layer in the form above, where it has one; other layers as they are."""
    state = layer.weight.quant_state if isinstance(layer, bnb.nn.Linear4bit) else None
    return layer if state is None or state.nested else Frozen(layer)


@contextmanager
def lean(model: Model) -> Iterator[None]:
    """Let the layers of a PEFT model compute as above meanwhile."""
    [adapter] = model.active_adapters
    replaced = [
        (parent, name, layer)
        for parent in list(model.modules())
        for name, layer in list(parent.named_children())
        if isinstance(layer, LoraLayer)
    ]
    for parent, name, layer in replaced:
        setattr(parent, name, Adapted(layer, adapter).train(layer.training))
    try:
        yield
    finally:
        for parent, name, layer in replaced:
            setattr(parent, name, layer)


class Masters:
    """The trainable weights of a model in float32, and a copy in its own dtype to compute with.

    At the usual learning rates most updates are smaller than bfloat16 can hold. All weights lie
    in one vector, so that an optimiser step is one kernel; the model's parameters are views.
    """

    def __init__(self, model: Model, dtype: torch.dtype) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        self.shapes = [parameter.shape for parameter in self.parameters]
        self.dtypes = [parameter.dtype for parameter in self.parameters]
        flat = torch.cat([parameter.detach().float().flatten() for parameter in self.parameters])
        self.weights = nn.Parameter(flat)
        self.gradient = torch.zeros_like(flat)
        self.weights.grad = self.gradient
        self.computing = flat if dtype == torch.float32 else flat.to(dtype)
        for parameter, view in zip(self.parameters, self.views(self.computing), strict=True):
            parameter.data = view

    def views(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """A vector as tensors in the shapes of the weights."""
        parts = flat.split([shape.numel() for shape in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def named(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """A vector as tensors by the names of the weights."""
        return dict(zip(self.names, self.views(flat), strict=True))

    def accumulate(self, loss: torch.Tensor) -> None:
        """Add the gradient of a loss."""
        torch._foreach_add_(self.views(self.gradient), torch.autograd.grad(loss, self.parameters))

    def publish(self) -> None:
        """Let the model compute with the weights as they are now."""
        if self.computing.dtype != torch.float32:
            self.computing.copy_(self.weights.detach())

    def release(self) -> None:
        """Give the model its weights in the dtypes that they came in, for saving and for scoring.

        That is float32 for an adapter; a bias of the base has to fit the weights beside it.
        """
        views = self.views(self.weights.detach())
        for parameter, view, dtype in zip(self.parameters, views, self.dtypes, strict=True):
            parameter.data = view.to(dtype, copy=True)
