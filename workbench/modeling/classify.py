"""Classifying a few texts with a saved adapter, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.modeling.base.loading import load_base
from workbench.modeling.data.prompts import saved_prompter
from workbench.modeling.export.adapter_folder import load_adapter, read_adapter_details
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.recipes.recipes import from_json


def classify_texts(
    adapter: Path, texts: Sequence[str], base: str | None = None, trust_remote_code: bool = False
) -> list[list[float]]:
    """The probability of each label for each text, in the order of the labels in workbench.json.

    `base` is where its base is, if not where it was. Raises UserError if the adapter or its base
    cannot be used.
    """
    details = read_adapter_details(adapter)
    recipe = from_json(details["recipe"])
    assert recipe.quantization is not None  # noqa: S101 - every adapter comes from such a recipe
    loaded = load_base(base or details["base"], recipe.quantization, trust_remote_code)
    model = load_adapter(loaded, adapter)
    return score_texts(model, saved_prompter(loaded.tokenizer, details), texts)
