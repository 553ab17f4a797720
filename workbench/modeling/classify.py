"""Classifying a few texts with a saved adapter, on a base that is loaded for them or held."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.modeling.base.cache import BaseModelCache
from workbench.modeling.data.prompts import saved_prompter
from workbench.modeling.export.adapter_folder import (
    ADAPTER_WEIGHTS,
    load_adapter,
    read_adapter_details,
)
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.recipes.recipes import from_json


def classify_texts(
    adapter: Path,
    texts: Sequence[str],
    base: str | None = None,
    trust_remote_code: bool = False,
    cache: BaseModelCache | None = None,
) -> list[list[float]]:
    """The probability of each label for each text, in the order of the labels in workbench.json.

    `base` is where its base is, if not where it was; `cache` may hold it, and keeps it. Raises
    UserError if the adapter or its base cannot be used.
    """
    details = read_adapter_details(adapter)
    quantization = from_json(details["recipe"]).quantization
    assert quantization is not None  # noqa: S101 - every adapter comes from such a recipe
    cache, version = cache or BaseModelCache(), _version(adapter)
    name = base or details["base"]
    held = cache.get_or_load(name, quantization, None, trust_remote_code, adapter=version)
    model = cache.take_again() or load_adapter(held, adapter)
    try:
        return score_texts(model, saved_prompter(held.tokenizer, details), texts)
    finally:
        cache.give_back(model, adapter=version)


def _version(adapter: Path) -> tuple[str, int] | None:
    """By what the weights of a saved adapter are known again; None where there are none."""
    try:
        return str(adapter), (adapter / ADAPTER_WEIGHTS).stat().st_mtime_ns
    except OSError:
        return None
