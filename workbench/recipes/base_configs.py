"""What the config.json of a base says of it before it is loaded: whether it can be used here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storage.errors import UserError
from workbench.recipes.recipes import Quantization

OTHER_BASE_ADVICE = "give another base with --base"
OTHER_HEADS = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForSequenceRegression",
    "ForRewardModel",
)
"""How the classes of models end that give no next token."""
BITSANDBYTES = ("bitsandbytes", "bitsandbytes_4bit")


def require_supported(config: Mapping[str, Any], name: str) -> None:
    """Raise UserError for a base that is no causal language model, or is quantised otherwise."""
    kind = config.get("model_type") or "unknown kind"
    if config.get("is_encoder_decoder"):
        raise UserError(
            f"{name} is an encoder-decoder ({kind}), and here a label is the next word after a "
            f"prompt; {OTHER_BASE_ADVICE}, a causal language model."
        )
    named = config.get("architectures")
    architecture = str(named[0]) if isinstance(named, list) and named else ""
    if architecture.endswith(OTHER_HEADS):
        raise UserError(
            f"{name} has a head of its own in place of the output over words ({architecture}); "
            "give the language model that it was made from with --base."
        )
    if (quantised := _quantisation(config)) is None:
        return
    method = str(quantised.get("quant_method", "an unknown method"))
    if method not in BITSANDBYTES or not quantised.get("load_in_4bit"):
        method = "8 bits" if quantised.get("load_in_8bit") else method
        raise UserError(
            f"The weights of {name} are quantised already ({method}), which cannot be trained on "
            "here; give the model that they were made from with --base. It becomes 4-bit on "
            "loading."
        )


def held_quantization(config: Mapping[str, Any], wanted: Quantization) -> Quantization:
    """How the weights of a base are held: as the recipe wants, or as they were saved in 4-bit."""
    if (saved := _quantisation(config)) is None:
        return wanted
    return replace(
        wanted,
        bits=4,
        type=str(saved.get("bnb_4bit_quant_type", "fp4")),
        double=bool(saved.get("bnb_4bit_use_double_quant", False)),
    )


def is_quantised(config: Mapping[str, Any]) -> bool:
    """Whether the weights were saved quantised."""
    return _quantisation(config) is not None


def _quantisation(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = config.get("quantization_config") or config.get("compression_config")
    return found if isinstance(found, Mapping) else None
