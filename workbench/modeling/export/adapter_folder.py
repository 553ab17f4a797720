"""The folder of an adapter: PEFT's files, the tokenizer, a model card and workbench.json.

It loads without this package. The libraries of models are imported only where they are used, since
reading workbench.json takes none of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import UserError, on_one_line
from storage.text import readable_json
from workbench.modeling.export.model_card import base_hint, model_card
from workbench.recipes.recipes import Recipe, from_json
from workbench.rundir.folder import write_json

if TYPE_CHECKING:
    from workbench.modeling.base.model import Base, Model
    from workbench.modeling.data.prompts import Prompter
    from workbench.modeling.data.tokenizing import Tokenizer

DETAILS_FILE = "workbench.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
UNREADABLE = (OSError, LookupError, TypeError, AttributeError, ValueError, RecursionError)
"""The errors of reading a file that is not what it should be."""


def save_adapter(model: Model, tokenizer: Tokenizer, folder: Path, details: dict[str, Any]) -> None:
    """Write an adapter, its tokenizer and its description into a folder; see `adapter_details`."""
    from workbench.modeling.base.loading import auto_class

    model.save_pretrained(folder, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)
    _name_base(folder, details["base"])
    kind = {"model_type": model.config.model_type, "auto_class": auto_class(model.config)}
    write_description(folder, details | kind, merged=False)


def _name_base(folder: Path, base: str) -> None:
    """Let PEFT's own file name the base as it is found on other machines."""
    path = folder / "adapter_config.json"
    if path.is_file():
        values = json.loads(path.read_text("utf-8")) | {"base_model_name_or_path": base_hint(base)}
        path.write_text(json.dumps(values, ensure_ascii=False, indent=2), "utf-8")


def adapter_details(
    recipe: Recipe, base: str, prompter: Prompter, words: tuple[str, ...], **more: Any
) -> dict[str, Any]:
    """The content of workbench.json: what scoring needs beside the weights, and `more` values."""
    return {
        "base": base,
        "recipe": recipe.as_json(),
        "labels": list(prompter.labels),
        "words": list(words),
        "label_token_ids": [list(token_ids) for token_ids in prompter.label_token_ids],
        "end_token_id": prompter.end_token_id,
        "template": prompter.template,
        "max_length": prompter.max_length,
        **more,
    }


def read_adapter_details(adapter: Path) -> dict[str, Any]:
    """Read the workbench.json of an adapter; raises UserError if it is missing or damaged."""
    path = adapter / DETAILS_FILE
    try:
        values = json.loads(path.read_text("utf-8"))
        recipe = from_json(values["recipe"])
        texts = [values["base"], values["template"], *values["labels"], *values["words"]]
        numbers = [values["max_length"], *(n for row in values["label_token_ids"] for n in row)]
        valid = len(values["labels"]) == len(values["words"]) == len(values["label_token_ids"]) > 1
        valid &= all(isinstance(text, str) for text in texts) and recipe.quantization is not None
        valid &= all(type(number) is int for number in numbers)
        valid &= type(values.get("end_token_id", 0)) is int  # earlier versions named none
    except (*UNREADABLE, UserError) as error:
        raise UserError(f"{path} cannot be used ({on_one_line(error, 160)}).") from None
    if not valid:
        raise UserError(f"{path} cannot be used (a value is missing or of another type).")
    found: dict[str, Any] = values
    return found


def save_temperature(adapter: Path, value: float, split: str, n: int) -> None:
    """Note in workbench.json the temperature that calibrates an adapter, and what it rests on.

    Raises UserError if the file is missing or damaged.
    """
    details = read_adapter_details(adapter)
    details["temperature"] = {"value": value, "split": split, "n": n}
    write_json(adapter / DETAILS_FILE, details)


def load_adapter(base: Base, adapter: Path) -> Model:
    """Put a saved adapter on a loaded base, for scoring.

    Raises UserError if it is missing, damaged, or does not fit the base.
    """
    if not (adapter / ADAPTER_WEIGHTS).is_file():
        raise UserError(f"{adapter} holds no adapter (no {ADAPTER_WEIGHTS} in it).")
    from peft import PeftModel
    from safetensors import SafetensorError

    try:
        model = PeftModel.from_pretrained(base.model, str(adapter), use_safetensors=True)
    except SafetensorError as error:
        raise UserError(f"{adapter / ADAPTER_WEIGHTS} is damaged ({on_one_line(error)}).") from None
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"The adapter {adapter} does not fit its base ({on_one_line(error)}); use the base "
            "that it was trained on."
        ) from None
    return model.eval()


def write_portable(folder: Path, details: dict[str, Any], merged: bool) -> None:
    """Describe an export, whose base is named as it is found on other machines."""
    _name_base(folder, details["base"])
    write_description(folder, details | {"base": base_hint(details["base"])}, merged)


def write_description(folder: Path, details: dict[str, Any], merged: bool) -> None:
    """Write workbench.json and the model card of an adapter or of a merged model."""
    (folder / DETAILS_FILE).write_text(readable_json(details, indented=True), "utf-8")
    (folder / "README.md").write_text(model_card(details, merged), "utf-8")
