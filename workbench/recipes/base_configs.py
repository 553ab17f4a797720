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
POSITIONS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "n_ctx",
)
"""What the number of positions is called in the config.json of different architectures."""
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


def positions(config: Mapping[str, Any]) -> int | None:
    """The most tokens that a base was made to read at a time; None if its config names none.

    Rotary positions that are scaled reach further than the number says, by a factor.
    """
    text = text_config(config)
    known = (text[name] for name in POSITIONS if isinstance(text.get(name), int))
    most = next((number for number in known if number > 0), None)
    scaling = text.get("rope_parameters") or text.get("rope_scaling")
    factor = scaling.get("factor") if isinstance(scaling, Mapping) else None
    if most is None or not isinstance(factor, int | float):
        return most
    return int(most * max(1, factor))


def require_positions(config: Mapping[str, Any], name: str, max_length: int) -> None:
    """Raise UserError if a run may give a base more tokens at a time than it can read."""
    most = positions(config)
    if most is not None and most < max_length:
        raise UserError(
            f"{name} reads at most {most:,} tokens at a time, and training.max_length is "
            f"{max_length:,}; set --set training.max_length={most}."
        )


def attention_window(config: Mapping[str, Any]) -> int | None:
    """How many tokens back the layers look that do not see all; None if all layers see all."""
    text = text_config(config)
    kinds = text.get("layer_types")
    if isinstance(kinds, list) and not {*kinds} & {"sliding_attention", "chunked_attention"}:
        return None
    if text.get("use_sliding_window") is False:
        return None
    sizes = (text.get(name) for name in ("sliding_window", "attention_chunk_size"))
    return min((size for size in sizes if isinstance(size, int) and size > 0), default=None)


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part about the decoder, in bases that also see images."""
    found = config.get("text_config")
    return found if isinstance(found, Mapping) else config


def _quantisation(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = config.get("quantization_config") or config.get("compression_config")
    if not found:
        return None
    return found if isinstance(found, Mapping) else {}
