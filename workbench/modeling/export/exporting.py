"""Adapters and merged models that load without this package.

To copy an adapter takes no library of models, so they are imported only where they are used.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.access import writing
from storage.errors import UserError, on_one_line
from workbench.modeling.export.model_card import card
from workbench.recipes import Recipe, from_json

if TYPE_CHECKING:
    from workbench.modeling.base.loading import Base, Model
    from workbench.modeling.data.prompts import Prompter, Tokenizer

DETAILS = "workbench.json"
WEIGHTS = "adapter_model.safetensors"
UNREADABLE = (OSError, LookupError, TypeError, AttributeError, ValueError, RecursionError)
"""What comes of reading a file that is not what it should be."""


def save_adapter(model: Model, tokenizer: Tokenizer, folder: Path, details: dict[str, Any]) -> None:
    """Write a standard PEFT folder with the tokenizer, a model card and workbench.json."""
    model.save_pretrained(folder, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)
    _describe(folder, details | {"model_type": model.config.model_type}, merged=False)


def details_of(
    recipe: Recipe, base: str, prompter: Prompter, words: tuple[str, ...], **more: Any
) -> dict[str, Any]:
    """What workbench.json says: enough to ask the model the way it was taught."""
    return {
        "base": base,
        "recipe": recipe.as_json(),
        "labels": list(prompter.labels),
        "words": list(words),
        "label_token_ids": [list(answer) for answer in prompter.answers],
        "template": prompter.template,
        "max_length": prompter.max_length,
        **more,
    }


def read_details(adapter: Path) -> dict[str, Any]:
    """What workbench.json of an adapter says; raises UserError if it is missing or damaged."""
    path = adapter / DETAILS
    try:
        values = json.loads(path.read_text("utf-8"))
        recipe = from_json(values["recipe"])
        texts = [values["base"], values["template"], *values["labels"], *values["words"]]
        numbers = [values["max_length"], *(n for row in values["label_token_ids"] for n in row)]
        right = len(values["labels"]) == len(values["words"]) == len(values["label_token_ids"]) > 1
        right &= all(isinstance(text, str) for text in texts) and recipe.quantization is not None
        right &= all(type(number) is int for number in numbers)
    except (*UNREADABLE, UserError) as error:
        raise UserError(f"{path} cannot be used ({on_one_line(error)[:160]}).") from None
    if not right:
        raise UserError(f"{path} cannot be used (a value is missing or of another type).")
    found: dict[str, Any] = values
    return found


def load_adapter(base: Base, adapter: Path) -> Model:
    """Put an adapter on a loaded base, for scoring; raises UserError if it does not fit."""
    if not (adapter / WEIGHTS).is_file():
        raise UserError(f"{adapter} holds no adapter (no {WEIGHTS} in it).")
    from peft import PeftModel
    from safetensors import SafetensorError

    try:
        model = PeftModel.from_pretrained(base.model, str(adapter), use_safetensors=True)
    except SafetensorError as error:
        raise UserError(f"{adapter / WEIGHTS} is damaged ({on_one_line(error)}).") from None
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"The adapter {adapter} does not fit its base ({on_one_line(error)}); use the base "
            "that it was trained on."
        ) from None
    return model.eval()


def export(adapter: Path, to: Path, merge: bool, trust_remote_code: bool = False) -> None:
    """Copy an adapter, or merge it into its base, as a folder for plain transformers.

    A merged model has the weights that 4-bit training computed with (the base dequantised),
    so that it predicts what the run predicted.
    """
    details = read_details(adapter)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} is not an empty folder; give a new one.")
    with writing(to):
        to.mkdir(parents=True, exist_ok=True)
    if not merge:
        with writing(to):
            shutil.copytree(adapter, to, dirs_exist_ok=True)
            _describe(to, details, merged=False)
        return
    from workbench.modeling.base.library_imports import import_libraries

    import_libraries()
    import torch

    from workbench.modeling.base.loading import Base, dequantise, load_base

    recipe = from_json(details["recipe"])
    assert recipe.quantization is not None  # noqa: S101 - every adapter comes from such a recipe
    base = load_base(details["base"], recipe.quantization, trust_remote_code)
    dtype = getattr(torch, recipe.quantization.compute_dtype)
    plain = Base(dequantise(base.model, dtype), base.tokenizer, 0, base.linear_total)
    merged = load_adapter(plain, adapter).merge_and_unload()
    merged.config.use_cache = True
    with writing(to):
        merged.save_pretrained(to)
        base.tokenizer.save_pretrained(to)
        _describe(to, details, merged=True)


def _describe(folder: Path, details: dict[str, Any], merged: bool) -> None:
    """Write workbench.json and the README."""
    (folder / DETAILS).write_text(json.dumps(details, ensure_ascii=False, indent=1), "utf-8")
    (folder / "README.md").write_text(card(details, merged), "utf-8")
