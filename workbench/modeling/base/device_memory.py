"""How much memory a device has, a model takes and a run has used."""

from __future__ import annotations

from dataclasses import replace

import bitsandbytes as bnb
import psutil
import torch

from workbench.modeling.base.model import Model
from workbench.planning.memory_estimate import GIB, TokenLengths, estimate_memory
from workbench.planning.model_architecture import architecture_of
from workbench.recipes.memory_modes import MEMORY_MODES, NAMED_MODES, MemoryMode
from workbench.recipes.recipes import Recipe


def choose_memory_mode(
    recipe: Recipe, model: Model, lengths: TokenLengths, processes: int = 1
) -> MemoryMode:
    """The memory mode that a recipe names; for `auto`, the fastest that fits into free memory."""
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a language model has it
    mode = NAMED_MODES.get(training.memory) or _fastest_that_fits(recipe, model, lengths, processes)
    return replace(mode, checkpointing=mode.checkpointing or training.gradient_checkpointing)


def free_bytes(model: Model) -> int:
    """The free memory of a model's device, with what this process has reserved and not used."""
    if model.device.type != "cuda":
        return psutil.virtual_memory().available
    free, _ = torch.cuda.mem_get_info(model.device)
    reserved, used = torch.cuda.memory_reserved(), torch.cuda.memory_allocated()
    return free + reserved - used


def model_bytes(model: Model) -> int:
    """The memory that the weights of a model take; weights that are tied count once."""
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


def _fastest_that_fits(
    recipe: Recipe, model: Model, lengths: TokenLengths, processes: int
) -> MemoryMode:
    """The first mode whose estimate, less the weights that are loaded already, is free."""
    try:
        architecture = architecture_of(model.config.get_text_config().to_dict())
    except (KeyError, ValueError):
        return MEMORY_MODES["nf4"]  # of unknown architecture; a pass that does not fit is divided
    free = free_bytes(model)
    for mode in MEMORY_MODES.values():
        memory = estimate_memory(architecture, recipe, lengths, mode, model.device.type, processes)
        if memory.needed - memory.runtime - model_bytes(model) <= free:
            return mode
    return MEMORY_MODES["8gb"]
