"""A causal language model on a device, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.modeling.data.tokenizing import Tokenizer
from workbench.recipes.recipes import Quantization

Model = Any
"""A transformers causal language model, perhaps with a PEFT adapter around it."""


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
