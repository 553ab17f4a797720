"""Asking a saved adapter about a few texts, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.modeling.base.loading import load_base
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.export.exporting import load_adapter, read_details
from workbench.modeling.scoring.scoring import score
from workbench.recipes import from_json


def answer(
    adapter: Path, texts: Sequence[str], trust_remote_code: bool = False
) -> list[list[float]]:
    """The probability of each label, in the order of workbench.json, for each text."""
    details = read_details(adapter)
    recipe = from_json(details["recipe"])
    assert recipe.quantization is not None  # noqa: S101 - every adapter comes from such a recipe
    base = load_base(details["base"], recipe.quantization, trust_remote_code)
    model = load_adapter(base, adapter)
    prompter = make_prompter(
        base.tokenizer, details["template"], details["labels"], details["words"],
        details["max_length"],
    )  # fmt: skip
    return score(model, prompter, texts)
