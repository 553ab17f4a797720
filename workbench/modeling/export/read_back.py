"""Writing an export, reading it back, and comparing what it says with what the run's model says.

There is one model in memory at a time: the one that was trained is gone before the one that was
written is loaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from storage.errors import UserError
from storage.safety.os_errors import translate_os_errors
from workbench.modeling.base.capabilities import PROBE_TEXTS
from workbench.modeling.base.loading import load_base
from workbench.modeling.base.model import Base
from workbench.modeling.base.out_of_memory import release_memory
from workbench.modeling.data.prompts import saved_prompter
from workbench.modeling.export.adapter_folder import load_adapter, write_portable
from workbench.modeling.export.merging import merge_adapter
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.recipes.recipes import from_json

Rows = list[list[float]]
IN_PLACE = "nf4"
"""The memory setting with which scoring makes no copy of the weights."""
SAME_32_BIT, SAME_16_BIT = 1e-4, 0.02
"""How far a probability may be from that of the same weights before they were written."""
MERGED_32_BIT, MERGED_16_BIT = 1e-3, 0.15
"""How far it may be from that of the adapter, whose sum with the base is rounded once more."""


def write_adapter(
    details: dict[str, Any], adapter: Path, to: Path, trust_remote_code: bool, texts: Sequence[str]
) -> None:
    """Copy an adapter into a folder; raises UserError if the copy answers otherwise."""
    with translate_os_errors(to):
        shutil.copytree(adapter, to, dirs_exist_ok=True)
        write_portable(to, details, merged=False)
    base = _load_base(details, trust_remote_code)
    expected, found = (_score(base, folder, details, texts) for folder in (adapter, to))
    _require_same(expected, found, base.model.dtype, (SAME_32_BIT, SAME_16_BIT))


def write_merged(
    details: dict[str, Any], adapter: Path, to: Path, trust_remote_code: bool, texts: Sequence[str]
) -> None:
    """Merge an adapter into its base and write that; raises UserError if it answers otherwise."""
    base = _load_base(details, trust_remote_code)
    prompter = saved_prompter(base.tokenizer, details)
    of_adapter = _score(base, adapter, details, texts)
    merged = merge_adapter(base, adapter)
    dtype, plain = merged.dtype, replace(base.quantization, bits=16)
    expected = score_texts(merged, prompter, texts or PROBE_TEXTS, memory=IN_PLACE)
    _require_same(of_adapter, expected, dtype, (MERGED_32_BIT, MERGED_16_BIT))
    with translate_os_errors(to):
        merged.save_pretrained(to)
        base.tokenizer.save_pretrained(to)
        write_portable(to, details, merged=True)
    del base, merged
    release_memory()
    written = load_base(str(to), plain, trust_remote_code)
    prompter = saved_prompter(written.tokenizer, details)
    found = score_texts(written.model, prompter, texts or PROBE_TEXTS, memory=IN_PLACE)
    _require_same(expected, found, dtype, (SAME_32_BIT, SAME_16_BIT))


def _load_base(details: dict[str, Any], trust_remote_code: bool) -> Base:
    recipe = from_json(details["recipe"])
    assert recipe.quantization is not None  # noqa: S101 - every adapter comes from such a recipe
    return load_base(details["base"], recipe.quantization, trust_remote_code)


def _score(base: Base, adapter: Path, details: dict[str, Any], texts: Sequence[str]) -> Rows:
    """What a base with an adapter says of texts; the base is bare again afterwards."""
    model = load_adapter(base, adapter)
    try:
        prompter = saved_prompter(base.tokenizer, details)
        return score_texts(model, prompter, texts or PROBE_TEXTS, memory=IN_PLACE)
    finally:
        model.unload()


def _require_same(
    expected: Rows, found: Rows, dtype: torch.dtype, tolerances: tuple[float, float]
) -> None:
    tolerance = tolerances[0 if dtype == torch.float32 else 1]
    distance = (torch.tensor(found) - torch.tensor(expected)).abs().max()
    if not distance <= tolerance:
        raise UserError(
            f"The model that was written answers otherwise than that of the run (a probability is "
            f"off by {float(distance):.2g}), so it was removed; try it again, and if that ends "
            "alike, use the run's adapter where it is."
        )
