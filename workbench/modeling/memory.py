"""How much of a device a run uses: what `training.memory` means on the machine at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import bitsandbytes as bnb
import psutil
import torch

from workbench.modeling.loading import Model

GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """The form of the base and the size of a pass."""

    name: str
    dequantised: bool
    """Hold the 4-bit weights dequantised: the same numbers, faster."""
    tokens: int
    """Most tokens of a forward and backward pass; a step of more is divided."""
    checkpointing: bool
    """Keep only the inputs of the layers, and compute them again on the way back."""

    def told(self) -> str:
        """One line for the log of the run."""
        held = "dequantised to 16 bits once" if self.dequantised else "kept in 4 bits"
        again = ", activations computed twice" if self.checkpointing else ""
        return f"memory {self.name}: base {held}, up to {self.tokens:,} tokens a pass{again}"


PLANS = {
    plan.name: plan
    for plan in (
        Plan("16-bit", dequantised=True, tokens=2048, checkpointing=False),
        Plan("nf4", dequantised=False, tokens=1152, checkpointing=False),
        Plan("24gb", dequantised=False, tokens=704, checkpointing=False),
        Plan("8gb", dequantised=False, tokens=1024, checkpointing=True),
    )
}
"""From the fastest to the most modest."""
TOKENS_ON_CPU = 384
"""Most tokens of a pass on a CPU, which attention in a packed row keeps busy with masked places."""
SHARDED = Plan("sharded", dequantised=False, tokens=1024, checkpointing=True)
"""For a base that is shared out over several GPUs, which is never chosen by itself."""


def plan(setting: str, checkpointing: bool, model: Model, tokens: int) -> Plan:
    """The plan of that name, or with `auto` the fastest that fits into what is free.

    `tokens` is how many a step has; `checkpointing` is what the recipe asks for.
    """
    chosen = (PLANS | {SHARDED.name: SHARDED}).get(setting) or _fitting(model, tokens)
    if model.device.type == "cpu" and chosen is not SHARDED:  # whose passes are equal in number
        chosen = replace(chosen, tokens=min(chosen.tokens, TOKENS_ON_CPU))
    return replace(chosen, checkpointing=chosen.checkpointing or checkpointing)


def free_bytes(model: Model) -> int:
    """What the device of a model has left, with what this process has reserved and not used."""
    if model.device.type != "cuda":
        return psutil.virtual_memory().available
    free, _ = torch.cuda.mem_get_info(model.device)
    reserved, used = torch.cuda.memory_reserved(), torch.cuda.memory_allocated()
    return free + reserved - used


def dequantised_bytes(model: Model) -> int:
    """What the 4-bit layers take when they are held in the dtype of the model."""
    layers = (layer for layer in model.modules() if isinstance(layer, bnb.nn.Linear4bit))
    size = torch.empty(0, dtype=model.dtype).element_size()
    return sum(layer.in_features * layer.out_features * size for layer in layers)


def _fitting(model: Model, tokens: int) -> Plan:
    free = free_bytes(model)
    config = model.config.get_text_config()
    # inputs of the linear layers and of what lies between them; measured on Falcon-7B
    per_token = 24 * config.hidden_size * config.num_hidden_layers * 2
    for candidate in PLANS.values():
        held = dequantised_bytes(model) * 1.1 if candidate.dequantised else 0
        passing = min(tokens, candidate.tokens) * (0 if candidate.checkpointing else per_token)
        if held + passing + GIB <= free:
            return candidate
    return PLANS["8gb"]


def peak_gib() -> float:
    """The most memory this process has used so far in GiB: on the GPU, or resident on a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / GIB
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
