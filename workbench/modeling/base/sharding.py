"""A base that is sharded over the GPUs of a run: FSDP-QLoRA for a model that does not fit on one.

Each process keeps its shard of every decoder layer; a layer is gathered when it computes, and freed
again (PyTorch's FSDP2, with the settings of accelerate in fsdp.yaml). The adapter, the embeddings
and the output layer are whole in every process.

FSDP makes plain tensors of the parameters that it shards, and a 4-bit weight of bitsandbytes is
worthless without its scales (accelerate leaves such weights whole instead, and warns). Here the
packed weights and their scales are plain tensors from the start, so both are sharded.
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
from workbench.modeling.base.compiling import decoder_layers
from workbench.modeling.base.linear_4bit import linear_4bit
from workbench.modeling.base.model import Model
from workbench.recipes.recipes import Quantization

FSDP_CONFIG = Path(__file__).with_name("fsdp.yaml")
BLOCK_SIZE = 64
"""Weights that share a scale; the default of bitsandbytes."""


class ShardedLinear4bit(bnb.nn.Linear4bit):
    """A 4-bit linear layer whose packed weights and scales are parameters that FSDP can shard.

    To PEFT it is a layer of bitsandbytes; `weight` is empty and only says on which device it is.
    """

    def __init__(self, layer: nn.Linear, quantization: Quantization, device: torch.device) -> None:
        form: dict[str, Any] = {
            "compress_statistics": quantization.double,
            "quant_type": quantization.type,
        }
        super().__init__(
            layer.in_features,
            layer.out_features,
            bias=False,
            compute_dtype=getattr(torch, quantization.compute_dtype),
            device="meta",
            **form,
        )
        empty = torch.empty(0, dtype=torch.uint8, device=device)
        self.weight = bnb.nn.Params4bit(empty, requires_grad=False, bnb_quantized=True, **form)
        weight = layer.weight.data.to(device)
        packed, state = bnb.functional.quantize_4bit(weight, blocksize=BLOCK_SIZE, **form)
        absmax = state.absmax
        if state.nested:
            absmax = bnb.functional.dequantize_blockwise(absmax, state.state2) + state.offset
        # viewed as float32, since FSDP at first makes parameters trainable, which bytes cannot be
        self.packed = nn.Parameter(packed.flatten().view(torch.float32), requires_grad=False)
        self.absmax = nn.Parameter(absmax.float(), requires_grad=False)
        self.bias = layer.bias
        self.form = (BLOCK_SIZE, quantization.type, layer.out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out) in the dtype of x."""
        y: torch.Tensor = linear_4bit(x, self.packed.view(torch.uint8), self.absmax, *self.form)
        return y if self.bias is None else y + self.bias


def shard_model(model: Model, quantization: Quantization, device: torch.device) -> None:
    """Quantise a model that is in the memory of the machine, and keep this process's shard of it.

    It is done layer by layer, so that the device holds no more than its shard and one layer.
    Raises UserError for a model without decoder layers.
    """
    layers = decoder_layers(model)
    if not layers:
        raise UserError(
            "This base has no decoder layers that could be shared out; leave out "
            "training.memory=sharded."
        )
    settings = fsdp_settings()
    if device.type == "cuda":
        torch.cuda.init()  # or a mesh takes GPU number LOCAL_RANK, and each process sees one only
    options: dict[str, Any] = {
        "mesh": init_device_mesh(device.type, (distributed.get_world_size(),)),
        "reshard_after_forward": settings.reshard_after_forward,
        "offload_policy": settings.cpu_offload,
    }
    model.requires_grad_(False)
    for layer in layers:
        if quantization.bits == 4:
            _quantise_layers(layer, quantization, device)
        layer.to(device)
        empty = {part.weight for part in layer.modules() if isinstance(part, ShardedLinear4bit)}
        fully_shard(layer, ignored_params=empty, **options)
    sharded = {parameter for layer in layers for parameter in layer.parameters()}
    if quantization.bits == 4:
        _quantise_layers(model, quantization, device, model.get_output_embeddings())
        model.is_loaded_in_4bit = True
    for owner, name, tensor in list(_unsharded_tensors(model, sharded)):
        if isinstance(tensor, nn.Parameter):
            tensor.data = tensor.data.to(device)
        else:
            owner._buffers[name] = tensor.to(device)
    # the root module, so that a layer is gathered while the one before it computes; it owns nothing
    core = getattr(model, model.base_model_prefix)
    fully_shard(core, ignored_params=set(core.parameters()) - sharded, **options)


def fsdp_settings() -> Any:
    """A FullyShardedDataParallelPlugin: of the config of `accelerate launch`, or of fsdp.yaml."""
    from accelerate import FullyShardedDataParallelPlugin
    from accelerate.commands.config.config_args import load_config_from_file

    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        return FullyShardedDataParallelPlugin()
    config = load_config_from_file(str(FSDP_CONFIG)).fsdp_config
    return FullyShardedDataParallelPlugin(
        fsdp_version=config["fsdp_version"],
        reshard_after_forward=config["fsdp_reshard_after_forward"],
        cpu_offload=config["fsdp_offload_params"],
    )


def is_sharded(model: nn.Module) -> bool:
    """Whether the layers of a model are gathered from all processes, which compute together."""
    return any(isinstance(module, FSDPModule) for module in model.modules())


def describe_shards(model: nn.Module) -> str:
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


def passes_to_add(model: nn.Module, passes: int) -> int:
    """How many more forward passes than its own this process must take part in.

    A layer of a sharded model is gathered from all processes, so all do as many passes as the one
    that does the most.
    """
    if not is_sharded(model):
        return 0
    most = torch.tensor(passes)
    distributed.all_reduce(most, distributed.ReduceOp.MAX)
    return int(most) - passes


def _quantise_layers(
    module: nn.Module, quantization: Quantization, device: torch.device, skip: object = None
) -> None:
    """Replace the plain linear layers within a module, except one, by 4-bit ones."""
    for parent in list(module.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear and layer is not skip:
                setattr(parent, name, ShardedLinear4bit(layer, quantization, device))


def _unsharded_tensors(
    model: nn.Module, sharded: set[Any]
) -> Iterator[tuple[nn.Module, str, torch.Tensor]]:
    """(module, name, tensor) for the parameters and buffers that are whole in every process."""
    for module in model.modules():
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None and tensor not in sharded:
                yield module, name, tensor
