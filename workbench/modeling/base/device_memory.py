"""How much of a device a run uses: what `training.memory` means on the machine at hand."""

from __future__ import annotations

from dataclasses import replace

import bitsandbytes as bnb
import psutil
import torch

from workbench.estimating import Lengths, estimate
from workbench.modeling.base.loading import Model
from workbench.plans import NAMED, PLANS, Plan
from workbench.recipes import Recipe
from workbench.shapes import shape_of

GIB = 2**30


def plan(recipe: Recipe, model: Model, lengths: Lengths, processes: int = 1) -> Plan:
    """The plan that the recipe names, or with `auto` the fastest that fits into what is free."""
    training = recipe.training
    assert training is not None  # a recipe for a model has it  # noqa: S101
    chosen = NAMED.get(training.memory) or _fitting(recipe, model, lengths, processes)
    return replace(chosen, checkpointing=chosen.checkpointing or training.gradient_checkpointing)


def free_bytes(model: Model) -> int:
    """What the device of a model has left, with what this process has reserved and not used."""
    if model.device.type != "cuda":
        return psutil.virtual_memory().available
    free, _ = torch.cuda.mem_get_info(model.device)
    reserved, used = torch.cuda.memory_reserved(), torch.cuda.memory_allocated()
    return free + reserved - used


def _fitting(recipe: Recipe, model: Model, lengths: Lengths, processes: int) -> Plan:
    """The first plan whose estimate, less what is loaded already, is free."""
    try:
        shape = shape_of(model.config.get_text_config().to_dict())
    except (KeyError, ValueError):
        return PLANS["nf4"]  # a shape that is not known; what does not fit is divided later
    free = free_bytes(model)
    for candidate in PLANS.values():
        found = estimate(shape, recipe, lengths, candidate, model.device.type, processes)
        if found.needed - found.runtime - loaded_bytes(model) <= free:
            return candidate
    return PLANS["8gb"]


def loaded_bytes(model: Model) -> int:
    """What the weights of a model take; weights that are tied count once."""
    tensors = {tensor.data_ptr(): tensor for tensor in model.parameters()}
    scales = (
        layer.weight.quant_state.absmax
        for layer in model.modules()
        if isinstance(layer, bnb.nn.Linear4bit)
    )
    return sum(tensor.nbytes for tensor in [*tensors.values(), *scales])


def peak_gib() -> float:
    """The most memory this process has used so far in GiB: on the GPU, or resident on a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / GIB
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
