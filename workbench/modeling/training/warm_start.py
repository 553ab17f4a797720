"""Starting from the adapter of an earlier run instead of a new one: a warm start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from storage.errors import UserError
from workbench.modeling.base.model import Model
from workbench.modeling.training.checkpoints import DamagedCheckpoint, load_tensors


@dataclass(frozen=True)
class WarmStart:
    """The weights of an adapter, and how much of them is kept."""

    weights: dict[str, torch.Tensor]
    """By the names that PEFT saves them under."""
    shrink: float
    """The share of the earlier weights; the rest is that of a new adapter.

    Shrinking and perturbing (Ash and Adams 2020, arXiv:1910.08475): 1 is a plain warm start, 0 none
    at all.
    """

    def apply(self, model: Model) -> None:
        """Move the new adapter of a model to this one; raises UserError if they do not fit."""
        [adapter] = model.active_adapters
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        for name, parameter in named:
            earlier = self.weights.get(name.replace(f".{adapter}.", "."))
            if earlier is None or earlier.shape != parameter.shape:
                raise UserError(
                    "The adapter that the run was to begin with is of another shape than its "
                    "own; take the settings lora.r and lora.targets of that run."
                )
            with torch.no_grad():
                parameter.lerp_(earlier.to(parameter), self.shrink)


def read_warm_start(path: Path, shrink: float) -> WarmStart | None:
    """The start in a file; None if there is none. Raises UserError if it is damaged."""
    if not path.exists():
        return None
    try:
        return WarmStart(load_tensors(path), shrink)
    except DamagedCheckpoint as error:
        raise UserError(f"{path} is damaged ({error}); start another run.") from None
