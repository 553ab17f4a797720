"""Which layers of a base carry an adapter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from torch import nn

from storage.errors import UserError
from workbench.modeling.base.model import Model
from workbench.modeling.base.text_part import linear_layers, text_part

ALL_LINEAR = "all-linear"
Targets = str | tuple[str, ...]


def target_modules(model: Model, targets: Targets) -> list[str] | str:
    """The layers that a recipe names, in PEFT's terms, as far as they can carry an adapter.

    Raises UserError if there is none.
    """
    leaves = [name for name, module in model.named_modules() if not any(module.children())]
    if targets == ALL_LINEAR:
        chosen = [*_allowed(model, [name for name, _ in linear_layers(model)])]
        last = sorted({name.rpartition(".")[2] for name in chosen})
        return last if _matching(leaves, tuple(last)) == chosen else chosen
    matched = _matching(leaves, targets)
    chosen = [*_allowed(model, matched)]
    if not chosen:
        named = targets if isinstance(targets, str) else ", ".join(targets)
        known = {name.rpartition(".")[2] for name in _allowed(model, leaves)}
        own = sorted(known & {name.rpartition(".")[2] for name, _ in linear_layers(model)})
        raise UserError(
            f"lora.targets={named} names no layer of this base that can carry an adapter; it has "
            f"{', '.join(own)}."
        )
    if chosen != matched:
        return chosen
    return targets if isinstance(targets, str) else [*targets]


def _matching(names: Sequence[str], targets: Targets) -> list[str]:
    """The names that PEFT takes the targets for: ends of names, or a regular expression."""
    if isinstance(targets, str):
        try:
            return [name for name in names if re.fullmatch(targets, name)]
        except re.error:
            return []
    ends = tuple(f".{target}" for target in targets)
    return [name for name in names if name in targets or name.endswith(ends)]


def _allowed(model: Model, names: Sequence[str]) -> Iterator[str]:
    """Those in the text part, but of a state-space mixer only the first layer.

    Such mixers (of Mamba and its kin, Falcon's among them) compute with their other weights past
    the layers that hold them, and so past an adapter.
    """
    modules = dict(model.named_modules())
    part = {*text_part(model).modules(), model.get_output_embeddings()}
    mixers = tuple(
        f"{name}."
        for name, module in modules.items()
        if isinstance(getattr(module, "conv1d", None), nn.Conv1d)
    )
    for name in names:
        if modules[name] in part and (not name.startswith(mixers) or name.endswith(".in_proj")):
            yield name
