"""Loading a base to see whether a run could use it, and how."""

from __future__ import annotations

from workbench.modeling.base.capabilities import PROBE_TEXTS, probe_capabilities
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.loading import load_base
from workbench.modeling.base.lora import add_adapter
from workbench.modeling.data.prompts import Prompter
from workbench.recipes.recipes import Recipe

TEMPLATE, WORDS = "{text}\nLabel:", ("Positive", "Negative")


def try_base(name: str, recipe: Recipe) -> dict[str, str]:
    """What turns out of a base when it is loaded and tried, by the names of the facts.

    Raises UserError if a run would refuse it.
    """
    assert recipe.training is not None and recipe.quantization is not None  # noqa: S101
    assert recipe.lora is not None  # noqa: S101 - a recipe for a model has all three
    base = load_base(name, recipe.quantization)
    fuse_attention(base.model)
    length = recipe.training.max_length
    prompter = Prompter(base.tokenizer, TEMPLATE, WORDS, ((0,), (1,)), length)
    [longest] = prompter.encode([" ".join(PROBE_TEXTS) * length])
    capabilities = probe_capabilities(base.model, prompter, len(longest))
    adapted = add_adapter(base.model, recipe.lora, recipe.training.seed)
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    return {
        "causal": "no word looks at what comes after it",
        "4-bit": f"{base.linear4bit} of {base.linear_total} linear layers",
        "packing": capabilities.describe(),
        "adapter": f"{trained:,} weights to train",
    }
