"""What `training.memory` means: in which form a base is held, and how many tokens a pass has."""

from __future__ import annotations

from dataclasses import dataclass


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
SHARDED = Plan("sharded", dequantised=False, tokens=1024, checkpointing=True)
"""For a base that is shared out over several GPUs, which is never chosen by itself."""
UNSHARED = (
    "training.memory=sharded shares nothing out in one process, which holds the whole base; "
    "--gpus 2 or more shares it"
)
NAMED = PLANS | {SHARDED.name: SHARDED}
"""All that a recipe can name; `auto` is none of them."""
