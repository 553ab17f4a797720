"""A base that is shared out over the GPUs of a run: FSDP-QLoRA for what does not fit one of them.

Each process keeps its share of every decoder layer; a layer is put together when it computes, and
let go again (PyTorch's FSDP2, with the settings of accelerate in fsdp.yaml). The adapter, the
embeddings and the output layer are whole everywhere.

FSDP makes plain tensors of the parameters that it shares out, and a 4-bit weight of bitsandbytes
without its scales is worthless (accelerate leaves such weights whole instead, and warns). Here the
packed weights and their scales are plain tensors from the start, so both are shared out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from storage.errors import UserError
from workbench.modeling.base.loading import Model
from workbench.modeling.packed.compiling import decoder_layers
from workbench.modeling.training.lora import linear_4bit
from workbench.recipes import Quantization

CONFIG = Path(__file__).with_name("fsdp.yaml")
BLOCK = 64
"""Weights that share a scale, as in bitsandbytes."""


class Sharded4bit(bnb.nn.Linear4bit):
    """A 4-bit linear layer whose packed weights and scales are parameters that FSDP shares out.

    To PEFT it is a layer of bitsandbytes; `weight` is empty and only tells it the device.
    """

    def __init__(self, layer: nn.Linear, quantization: Quantization, device: torch.device) -> None:
        super().__init__(
            layer.in_features, layer.out_features, bias=False,
            compute_dtype=getattr(torch, quantization.compute_dtype),
            compress_statistics=quantization.double, quant_type=quantization.type, device="meta",
        )  # fmt: skip
        self.weight = bnb.nn.Params4bit(
            torch.empty(0, dtype=torch.uint8, device=device), requires_grad=False,
            compress_statistics=quantization.double, quant_type=quantization.type,
            bnb_quantized=True,
        )  # fmt: skip
        packed, state = bnb.functional.quantize_4bit(
            layer.weight.data.to(device), blocksize=BLOCK,
            compress_statistics=quantization.double, quant_type=quantization.type,
        )  # fmt: skip
        absmax = state.absmax
        if state.nested:
            absmax = bnb.functional.dequantize_blockwise(absmax, state.state2) + state.offset
        # as float32, since FSDP takes the parameters that it makes for trainable ones at first
        self.packed = nn.Parameter(packed.flatten().view(torch.float32), requires_grad=False)
        self.absmax = nn.Parameter(absmax.float(), requires_grad=False)
        self.bias = layer.bias
        self.form = (BLOCK, quantization.type, layer.out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out) in the dtype of x."""
        y: torch.Tensor = linear_4bit(x, self.packed.view(torch.uint8), self.absmax, *self.form)
        return y if self.bias is None else y + self.bias


def share_out(model: Model, quantization: Quantization, device: torch.device) -> None:
    """Quantise a model that lies in the memory of the machine and keep this process's share.

    It is done layer by layer, so that the device holds no more than its share and one layer.
    Raises UserError for a model without decoder layers.
    """
    layers = decoder_layers(model)
    if not layers:
        raise UserError(
            "This base has no decoder layers that could be shared out; leave out "
            "training.memory=sharded."
        )
    settings = plugin()
    if device.type == "cuda":
        torch.cuda.init()  # or a mesh takes GPU number LOCAL_RANK, and each process sees one only
    wishes: dict[str, Any] = {
        "mesh": init_device_mesh(device.type, (distributed.get_world_size(),)),
        "reshard_after_forward": settings.reshard_after_forward,
        "offload_policy": settings.cpu_offload,
    }
    model.requires_grad_(False)
    for layer in layers:
        if quantization.bits == 4:
            _quantise(layer, quantization, device)
        layer.to(device)
        empty = {part.weight for part in layer.modules() if isinstance(part, Sharded4bit)}
        fully_shard(layer, ignored_params=empty, **wishes)
    shared = {parameter for layer in layers for parameter in layer.parameters()}
    if quantization.bits == 4:
        _quantise(model, quantization, device, model.get_output_embeddings())
        model.is_loaded_in_4bit = True
    for owner, name, tensor in list(_whole(model, shared)):
        if isinstance(tensor, nn.Parameter):
            tensor.data = tensor.data.to(device)
        else:
            owner._buffers[name] = tensor.to(device)
    # the root, which lets a layer be fetched while the one before it computes; it owns nothing
    core = getattr(model, model.base_model_prefix)
    fully_shard(core, ignored_params=set(core.parameters()) - shared, **wishes)


def plugin() -> Any:
    """The settings of accelerate: of the config that `accelerate launch` was given, or ours."""
    from accelerate import FullyShardedDataParallelPlugin
    from accelerate.commands.config.config_args import load_config_from_file

    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        return FullyShardedDataParallelPlugin()
    wishes = load_config_from_file(str(CONFIG)).fsdp_config
    return FullyShardedDataParallelPlugin(
        fsdp_version=wishes["fsdp_version"],
        reshard_after_forward=wishes["fsdp_reshard_after_forward"],
        cpu_offload=wishes["fsdp_offload_params"],
    )


def is_sharded(model: nn.Module) -> bool:
    """Whether other processes hold parts of a model, and have to compute whenever this one does."""
    return any(isinstance(module, FSDPModule) for module in model.modules())


def told(model: nn.Module) -> str:
    """One line for the log of the run: how much of the base this process holds."""
    held = whole = 0
    for parameter in model.parameters():
        own = parameter.to_local() if isinstance(parameter, DTensor) else parameter
        held += own.numel() * own.element_size()
        whole += parameter.numel() * parameter.element_size()
    processes = distributed.get_world_size()
    return (
        f"the base is shared out over {processes} processes, "
        f"{held / 2**20:,.1f} of its {whole / 2**20:,.1f} MiB in each"
    )


def missing(model: nn.Module, passes: int) -> int:
    """How many passes another process does beyond this one's, which then has to join in."""
    if not is_sharded(model):
        return 0
    most = torch.tensor(passes)
    distributed.all_reduce(most, distributed.ReduceOp.MAX)
    return int(most) - passes


def _quantise(
    module: nn.Module, quantization: Quantization, device: torch.device, but: object = None
) -> None:
    for parent in list(module.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear and layer is not but:
                setattr(parent, name, Sharded4bit(layer, quantization, device))


def _whole(model: nn.Module, shared: set[Any]) -> Iterator[tuple[nn.Module, str, torch.Tensor]]:
    """The parameters and buffers that every process keeps, each with its owner and name."""
    for module in model.modules():
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None and tensor not in shared:
                yield module, name, tensor
