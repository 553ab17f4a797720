"""Memory modes, the values of `training.memory`: the form of the base, and the size of a pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryMode:
    """In which form the base is held, and how many tokens a pass has."""

    name: str
    dequantised: bool
    """Hold the 4-bit weights dequantised: faster, and with equal results."""
    tokens: int
    """Most tokens of a forward and backward pass; a step of more is divided."""
    checkpointing: bool
    """Gradient checkpointing: keep only the inputs of the layers for the backward pass."""

    def describe(self) -> str:
        """One line for the log of the run."""
        held = "dequantised to 16 bits once" if self.dequantised else "kept in 4 bits"
        again = ", activations computed twice" if self.checkpointing else ""
        return f"memory {self.name}: base {held}, up to {self.tokens:,} tokens a pass{again}"


MEMORY_MODES = {
    mode.name: mode
    for mode in (
        MemoryMode("16-bit", dequantised=True, tokens=2048, checkpointing=False),
        MemoryMode("nf4", dequantised=False, tokens=1152, checkpointing=False),
        MemoryMode("24gb", dequantised=False, tokens=704, checkpointing=False),
        MemoryMode("8gb", dequantised=False, tokens=1024, checkpointing=True),
    )
}
"""The modes that `auto` chooses from, the fastest first and the smallest last."""
SHARDED = MemoryMode("sharded", dequantised=False, tokens=1024, checkpointing=True)
"""For a base that is sharded over several GPUs; `auto` never chooses it."""
NOT_SHARDED = (
    "training.memory=sharded shares nothing out in one process, which holds the whole base; "
    "--gpus 2 or more shares it"
)
NAMED_MODES = MEMORY_MODES | {SHARDED.name: SHARDED}
"""The modes that a recipe can name; `auto` is none of them."""
