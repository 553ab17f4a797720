"""Checks of a base after loading: whole, in 4-bit where the recipe says so, and causal."""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import nn

from storage.errors import UserError
from workbench.modeling.base.model import Model
from workbench.modeling.base.text_part import linear_layers, share_in_4_bit

NOT_IN_4_BIT = {"mamba": ("dt_proj",)}
"""Linear layers that stay as they are, since a model computes with their weights directly."""
LEAST_SHARE_IN_4_BIT = 0.85
"""Of the weights of the decoder layers, the least that counts as a base in 4-bit."""
PROBE_TOKENS, CHANGED_TOKENS = 12, 4
LOOK_AHEAD_TOLERANCE_32_BIT, LOOK_AHEAD_TOLERANCE_16_BIT = 1e-4, 1e-3
"""How far logits may move with the tokens after them, in standard deviations of the logits.

Those of an encoder that was never trained move by 0.0015 and more.
"""


LAYER_NUMBER = re.compile(r"(.*\.)(\d+)\..*")


def require_all_layers(model: Model, unused: Iterable[str], name: str) -> None:
    """Raise UserError if weights of decoder layers are not used, since config.json has too few.

    `unused` are the names of weights that were found and have no place in the model.
    """
    stems = {match[1] for key, _ in model.named_parameters() if (match := LAYER_NUMBER.match(key))}
    for key in sorted(unused):
        if (match := LAYER_NUMBER.match(key)) and match[1] in stems:
            raise UserError(
                f"{name} holds weights that its config.json leaves out (such as {key}), so it "
                "would answer without some of its layers; copy its config.json from the model "
                "again."
            )


def require_declared_sizes(model: Model, name: str) -> None:
    """Raise UserError if weights are of other sizes than config.json says.

    transformers takes them as they are where it loads a model in 4-bit.
    """
    for path, module in model.named_modules():
        if isinstance(module, nn.Embedding):
            declared = (module.num_embeddings, module.embedding_dim)
        elif isinstance(module, nn.Linear):
            declared = (module.out_features, module.in_features)
        else:
            continue
        weight = module.weight
        held = tuple(getattr(getattr(weight, "quant_state", None), "shape", weight.shape))
        if held != declared:
            raise UserError(
                f"The config.json of {name} says {declared[0]:,} × {declared[1]:,} for {path}, and "
                f"its weights are {' × '.join(f'{size:,}' for size in held)}; copy both from the "
                "same model."
            )


def count_linear_layers(model: Model) -> tuple[int, int]:
    """How many linear layers of the text part are in 4-bit, and how many could be."""
    import bitsandbytes as bnb

    kept = tuple(f".{name}" for name in NOT_IN_4_BIT.get(model.config.model_type, ()))
    layers = [layer for name, layer in linear_layers(model) if not name.endswith(kept)]
    return sum(isinstance(layer, bnb.nn.Linear4bit) for layer in layers), len(layers)


def require_4_bit(model: Model, name: str) -> None:
    """Raise UserError if a linear layer, or most of the weights, are not in 4-bit."""
    in_4bit, total = count_linear_layers(model)
    if in_4bit != total:
        raise UserError(
            f"Only {in_4bit} of {total} linear layers of {name} became 4-bit with these versions "
            "of transformers and bitsandbytes; the recipe wants all of them."
        )
    if (share := share_in_4_bit(model)) < LEAST_SHARE_IN_4_BIT:
        raise UserError(
            f"Only {share:.0%} of the weights of {name} became 4-bit, since its experts are not "
            "made of linear layers; train it in 16 bits with --set quantization.bits=16, or give "
            "another base with --base."
        )


@torch.no_grad()
def require_causal(model: Model, name: str) -> None:
    """Raise UserError if the logits of a model at a position depend on the tokens after it."""
    vocabulary = model.get_input_embeddings().num_embeddings
    tokens = torch.arange(7, 7 + PROBE_TOKENS, device=model.device) % vocabulary
    others = tokens.clone()
    others[-CHANGED_TOKENS:] = (others[-CHANGED_TOKENS:] + 1) % vocabulary
    before, after = (
        model(input_ids=ids[None], use_cache=False).logits[0, :-CHANGED_TOKENS].float()
        for ids in (tokens, others)
    )
    is_32_bit = model.dtype == torch.float32
    tolerance = LOOK_AHEAD_TOLERANCE_32_BIT if is_32_bit else LOOK_AHEAD_TOLERANCE_16_BIT
    if (after - before).abs().mean() > tolerance * before.std():
        raise UserError(
            f"{name} reads what comes after a word, too, as encoders such as BERT do, and so "
            "cannot say a label after a prompt; give a causal language model with --base."
        )
