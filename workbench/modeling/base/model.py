"""A causal language model on a device, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.modeling.data.tokenizing import Tokenizer
from workbench.recipes.recipes import Quantization

Model = Any
"""A transformers causal language model, perhaps with a PEFT adapter around it."""


class KeptAdapter(Protocol):
    """An adapter that is off the base, with what was prepared to train it."""

    adapted: Model
    """The PEFT model around the base."""

    def take_off(self) -> None:
        """Leave the base as it was without the adapter."""

    def release(self) -> None:
        """Free the memory of what was prepared."""


@dataclass
class Keeping:
    """What a run leaves on a base for the next one like it."""

    adapter: KeptAdapter | None = None


@dataclass(frozen=True)
class Base:
    """A loaded base model and its tokenizer."""

    model: Model
    tokenizer: Tokenizer
    linear4bit: int
    """Linear layers that are in 4-bit."""
    linear_total: int
    """Linear layers except the output head, which stays as it is."""
    quantization: Quantization
    """How the weights are held, whatever the recipe left open."""
    keeping: Keeping = field(default_factory=Keeping, compare=False)
